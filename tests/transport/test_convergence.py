"""Three Envoy-like clients at once over real gRPC, on one Push and one encoder: SotW, delta and a slow one.

The clients are those of `tests.protocol.client`, the wire between them and the server is a real one. A random walk of
edits (some of them rejected), new subscriptions and reconnects; in the end each client holds what a fresh one gets,
the wire is quiet, and the xlog has one fate for every response. `tests/protocol/test_three_clients.py` does the same
without a wire, for more histories.
"""

from __future__ import annotations

import asyncio
import os
import random
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import pytest
from envoy.service.discovery.v3 import discovery_pb2

from tests.protocol.client import Body, DeltaClient, FakeEnvoy, SotwClient, resource
from tests.transport.settable import QUIET, Server, serving, until
from translators.model.proxy import ProxyView
from translators.resources import CLUSTER, ENDPOINT, LISTENER, ROUTE, SECRET, TYPES, Resource
from xds_server.protocol import Encoder, Outgoing
from xds_server.protocol.xlog_records import Ack, Nack, Response

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xds_server.protocol import Conversation

STEPS = 150
PADDING = "." * 8000
"""So that the window of a client that does not read is soon full, and the server has to keep the newest for later."""

ADS = "/envoy.service.discovery.v3.AggregatedDiscoveryService/"
NAMES = {CLUSTER: "abcd", ENDPOINT: "abcd", LISTENER: "lm", ROUTE: "rst", SECRET: "xyz"}


class OnTheWire:
    """A client whose queues are a gRPC stream."""

    def __init__(self, server: Server, client: FakeEnvoy[Any], *, slow: bool = False) -> None:
        self.client = client
        self.delta = isinstance(client, DeltaClient)
        self.slow = slow
        self.messages = 0
        self._channel = grpc.aio.insecure_channel(
            f"127.0.0.1:{server.ads.port}", options=[("grpc.use_local_subchannel_pool", 1)]
        )
        self._tasks: list[asyncio.Task[None]] = []
        self._open()

    def _open(self) -> None:
        request: Any = discovery_pb2.DeltaDiscoveryRequest if self.delta else discovery_pb2.DiscoveryRequest
        self._call: Any = self._channel.stream_stream(
            f"{ADS}{'Delta' if self.delta else 'Stream'}AggregatedResources",
            request_serializer=request.SerializeToString,
        )()
        self._something = asyncio.Event()
        self._something.set()
        self._tasks = [asyncio.create_task(self._write()), asyncio.create_task(self._read())]

    def changed(self) -> None:
        """The client has something to say, perhaps."""
        self._something.set()

    async def _write(self) -> None:
        while True:
            await self._something.wait()
            self._something.clear()
            while self.client.to_server:
                await self._call.write(self.client.to_server.popleft())

    async def _read(self) -> None:
        nonces = set()
        while (payload := await self._call.read()) is not grpc.aio.EOF:
            message = self._message(payload)
            assert message.nonce not in nonces
            nonces.add(message.nonce)
            self.messages += 1
            if self.slow:
                await asyncio.sleep(0.02)
            self.client.to_client.append(message)
            self.client.client_reads()
            self.changed()

    def _message(self, payload: bytes) -> Outgoing:
        """Return a response as the client takes it: it looks at the names, and decodes the payload itself."""
        if self.delta:
            delta = discovery_pb2.DeltaDiscoveryResponse.FromString(payload)
            bodies, removed = [r.resource.value for r in delta.resources], tuple(delta.removed_resources)
            type_url, nonce, version = delta.type_url, delta.nonce, delta.system_version_info
        else:
            sotw = discovery_pb2.DiscoveryResponse.FromString(payload)
            bodies, removed = [r.value for r in sotw.resources], ()
            type_url, nonce, version = sotw.type_url, sotw.nonce, sotw.version_info
        resources = tuple(Resource(type_url, Body.of(body).name, body, ()) for body in bodies)
        return Outgoing(type_url, 0, nonce, version, resources, removed, payload)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._call.cancel()

    async def reconnect(self) -> None:
        await self.close()
        self.client.connect()
        self._open()

    async def end(self) -> None:
        failed = [t.exception() for t in self._tasks if t.done() and not t.cancelled()]
        await self.close()
        await self._channel.close()
        assert failed == []


def _any(chance: random.Random, type_url: str, content: str, *, bad: bool) -> Resource:
    def some(of: str) -> list[str]:
        return [name for name in NAMES[of] if chance.random() < 0.5]

    name = chance.choice(NAMES[type_url])
    if type_url == LISTENER:
        return resource(type_url, name, content, bad=bad, routes=some(ROUTE), secrets=some(SECRET))
    return resource(type_url, name, content, bad=bad, clusters=some(CLUSTER) if type_url == ROUTE else ())


def _healed(each: Resource) -> Resource:
    refs = {t: sorted(name for of, name in each.refs if of == t) for t in (ROUTE, SECRET, CLUSTER)}
    return resource(
        each.type_url, each.name, "in the end", routes=refs[ROUTE], secrets=refs[SECRET], clusters=refs[CLUSTER]
    )


@pytest.mark.parametrize("slow", [SotwClient, DeltaClient], ids=["slow-sotw", "slow-delta"])
async def test_rule_60_three_clients_on_real_streams_end_where_fresh_ones_begin(
    slow: type[SotwClient | DeltaClient],
) -> None:
    seed = int(os.environ.get("PILOTFISH_SEED") or random.SystemRandom().randrange(2**32))
    print(f"PILOTFISH_SEED={seed}")  # noqa: T201 - pytest shows it when the test fails
    chance = random.Random(seed)  # noqa: S311 - a test's
    unused = Encoder("test")  # that of the clients' own stream in memory
    async with serving() as server:
        clients = [
            OnTheWire(server, SotwClient(unused)),
            OnTheWire(server, DeltaClient(unused)),
            OnTheWire(server, slow(unused), slow=True),
        ]
        try:
            for step in range(STEPS):
                await _one_step(chance, server, clients, f"{step}{PADDING}")
            await server.put(*(_healed(each) for each in server.served.resources.values()))
            for each in clients:
                await _converged(server, each)
            await until(lambda: not any("waiting" in talk.fates().values() for talk in _open(server)))
            quiet_since = [each.messages for each in clients]
            await server.put()
            await asyncio.sleep(QUIET)
            assert [each.messages for each in clients] == quiet_since
        finally:
            for each in clients:
                await each.end()
        await until(lambda: all(talk.closed_at is not None for talk in server.conversations()))
        _every_response_has_one_fate(server)


async def _one_step(chance: random.Random, server: Server, clients: Sequence[OnTheWire], content: str) -> None:
    what = chance.random()
    if what < 0.75:
        edits = [
            _any(chance, chance.choice(tuple(NAMES)), content, bad=chance.random() < 0.1)
            for _ in range(chance.randint(1, 4))
        ]
        await server.put(*edits)
    elif what < 0.85:
        type_url = chance.choice(tuple(NAMES))
        await server.remove(type_url, chance.choice(NAMES[type_url]))
    elif what < 0.95:
        each = chance.choice(clients)
        type_url = chance.choice((ENDPOINT, ROUTE, SECRET))
        each.client.named.setdefault(type_url, set()).add(chance.choice(NAMES[type_url]))
        each.client.refresh()
        each.changed()
    else:
        await chance.choice(clients).reconnect()
    await asyncio.sleep(chance.choice((0, 0, 0.001, 0.005)))


async def _converged(server: Server, each: OnTheWire) -> None:
    """Wait until a client holds what a fresh one gets."""
    client = each.client
    served = server.served.translate(None, ProxyView(type="router", namespace="istio-system"))  # type: ignore[arg-type]
    fresh = type(client)(Encoder("test"), named={t: set(names) for t, names in client.named.items()})
    fresh.offer(served)
    fresh.settle()

    def here() -> dict[str, dict[str, bytes]]:
        if client.warming and all(name not in served[CLUSTER].resources for name in client.warming):
            client.warming.clear()  # see `Convergence.teardown`
            client.warmed()
            each.changed()
        # State of the world has no word for the removal of a route or secret: the client keeps it (rule 16).
        return {
            t: {n: v for n, v in client.held[t].items() if n in served[t].resources or n in fresh.held[t]}
            for t in TYPES
        }

    await until(lambda: here() == fresh.held)


def _open(server: Server) -> list[Conversation]:
    return [talk for talk in server.conversations() if talk.closed_at is None]


def _every_response_has_one_fate(server: Server) -> None:
    talks = server.conversations()
    assert len(talks) >= 3
    for talk in talks:
        sent = {r.seq for r in talk.records if isinstance(r, Response)}
        fates = talk.fates()
        assert set(fates) == sent
        assert "waiting" not in fates.values()
        answers = [(r.type_url, r.nonce) for r in talk.records if isinstance(r, Ack | Nack)]
        assert len(set(answers)) == len(answers)
