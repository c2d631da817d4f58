"""(c) Fan-out: one endpoint changes, and 1,000 delta streams get the assignment and ACK it. (d) What an idle one takes.

Subject: Push, protocol and transport as `pilotfish serve` runs them, from the World to the last ACK (a stand-in makes
the assignment: translation is measured elsewhere, and done once for all 1,000). Floor: a bare grpc.aio server that
writes the very same bytes, made beforehand, to 1,000 streams of which it knows nothing, and counts what comes back.
Each is a process of its own, each with a process of clients (a connection a stream); what counts is the processor time
of the server's process, per stream and push, and the memory that it has more of with the streams than without.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import subprocess
import sys
import time
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import grpc
import grpc.aio
import uvloop
from envoy.config.endpoint.v3 import endpoint_pb2
from envoy.service.discovery.v3 import discovery_pb2

from benchmarks.harness import Result, compare
from translators.model.world import World
from translators.resources import CLUSTER, ENDPOINT, Resource, ResourceSet, TypeSet
from xds_server.app import settle_collector
from xds_server.metrics import Metrics
from xds_server.protocol import Encoder
from xds_server.push import Debounce, Push
from xds_server.transport.limits import StreamLimits
from xds_server.transport.server import OPTIONS, AdsServer
from xds_server.transport.services import ADS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from translators.model.proxy import ProxyView

STREAMS: Final = 1000
PUSHES: Final = 8
"""In a round."""

METHOD: Final = f"/{ADS.name}/DeltaAggregatedResources"
NAME: Final = "outbound|80||echo.default.svc.cluster.local"
_POLL: Final = 0.01
_ACKS: Final[Callable[[Any], int]] = attrgetter("acks")


def run() -> Iterator[Result]:
    """Start both servers with their clients, and compare them in interleaved rounds."""
    with contextlib.ExitStack() as stack:
        subject, floor = (stack.enter_context(_Child(kind)) for kind in ("pilotfish", "bare"))
        yield Result(
            name=f"memory: an idle delta stream of {STREAMS}",
            subject=subject.kib_a_stream,
            floor=floor.kib_a_stream,
            target=1.5,
            unit="KiB",
        )
        yield compare(
            f"fanout: push and ACK, {STREAMS} delta streams",
            subject.round,
            floor.round,
            target=1.3,
            unit="us",
            rounds=15,
        )


class _Child:
    """A server process, and the process of its clients."""

    def __init__(self, kind: str) -> None:
        self._server = _spawn("serve", kind)
        self._clients = _spawn("clients", self._line())
        self.kib_a_stream = float(self._line())
        """Once all streams are subscribed and have ACKed what they were sent first."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in (self._clients, self._server):
            process.kill()
            process.communicate()

    def round(self) -> float:
        """Have one round done, and return microseconds of processor time per stream and push."""
        assert self._server.stdin is not None  # noqa: S101 - for mypy: opened as a pipe
        self._server.stdin.write("\n")
        self._server.stdin.flush()
        return float(self._line())

    def _line(self) -> str:
        assert self._server.stdout is not None  # noqa: S101 - for mypy: opened as a pipe
        line = self._server.stdout.readline()
        if not line:
            msg = "the server of the fan-out benchmark died"
            raise RuntimeError(msg)
        return str(json.loads(line))


def _spawn(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.fanout", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "GRPC_VERBOSITY": "NONE"},
    )


def _assignment(number: int) -> Resource:
    """Return an assignment of ten endpoints, one of which is told by `number`."""
    message = endpoint_pb2.ClusterLoadAssignment(cluster_name=NAME)
    locality = message.endpoints.add()
    for i in range(10):
        socket = locality.lb_endpoints.add().endpoint.address.socket_address
        socket.address = f"10.0.{number % 250 if i == 0 else 255}.{i}"
        socket.port_value = 8080
    return Resource(ENDPOINT, NAME, message.SerializeToString(deterministic=True), ())


class _Changing:
    """Stands for the Translator, whose own cost is measured elsewhere: the World's domain tells which assignment."""

    def selector_keys(self, _world: World) -> frozenset[str]:
        return frozenset()

    def translate(self, world: World, view: ProxyView, previous: ResourceSet | None = None) -> ResourceSet:
        number = int(world.cluster_domain)
        if previous is None:
            types = {CLUSTER: TypeSet.of(CLUSTER, ()), ENDPOINT: TypeSet.of(ENDPOINT, [_assignment(number)])}
        else:
            types = {CLUSTER: previous[CLUSTER], ENDPOINT: previous[ENDPOINT].replace({NAME: _assignment(number)})}
        return ResourceSet(view=view, types=types)


async def _serve(kind: str) -> None:
    port, count, push = await (_pilotfish() if kind == "pilotfish" else _bare())
    before = _resident()
    _say(f"127.0.0.1:{port}")
    # Each stream ACKs its (empty) clusters and its first assignment.
    await _until(lambda: count() >= 2 * STREAMS)
    settle_collector()  # as `pilotfish serve` does; both get it
    _say((_resident() - before) / STREAMS)
    number = 1
    while await asyncio.to_thread(sys.stdin.readline):
        start = time.process_time()
        for _ in range(PUSHES):
            target = count() + STREAMS
            await push(number)
            await _until(lambda target=target: count() >= target)  # type: ignore[misc] # the default is the value
            number += 1
        _say((time.process_time() - start) * 1e6 / PUSHES / STREAMS)


def _resident() -> float:
    """Return the KiB of this process in memory, without garbage."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1024


def _say(value: object) -> None:
    print(json.dumps(value), flush=True)


async def _until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - looked at in both servers alike
        await asyncio.sleep(_POLL)


async def _pilotfish() -> tuple[int, Callable[[], int], Callable[[int], Awaitable[None]]]:
    metrics = Metrics()
    push = Push(_Changing(), debounce=Debounce(quiet=0.0), metrics=metrics)
    ads = AdsServer(push, metrics, limits=StreamLimits(streams_per_second=0))
    push.after_push = ads.pushed
    push.publish(lambda: World(cluster_domain="0"))
    _KEPT.append(asyncio.create_task(push.run()))
    await _until(lambda: push.ready)

    async def change(number: int) -> None:
        push.publish(lambda: World(cluster_domain=str(number)))
        await asyncio.sleep(0)

    return await ads.start("127.0.0.1:0"), lambda: sum(map(_ACKS, ads.streams)), change


_KEPT: Final[list[object]] = []
"""What nothing else would hold until the process ends."""


async def _bare() -> tuple[int, Callable[[], int], Callable[[int], Awaitable[None]]]:
    contexts: list[grpc.aio.ServicerContext[discovery_pb2.DeltaDiscoveryRequest, bytes]] = []
    acks = 0
    encoder = Encoder("pilotfish", nonce_prefix=f"{time.time_ns() // 1_000_000:x}-")
    payloads = {n: _payload(encoder, TypeSet.of(ENDPOINT, [_assignment(n)])) for n in range(1000)}
    empty = _payload(encoder, TypeSet.of(CLUSTER, ()))

    async def handler(
        _requests: object, context: grpc.aio.ServicerContext[discovery_pb2.DeltaDiscoveryRequest, bytes]
    ) -> None:
        nonlocal acks
        contexts.append(context)
        while True:
            request: Any = await context.read()
            if request is grpc.aio.EOF:
                return
            if request.response_nonce:
                acks += 1
            else:
                await context.write(empty if request.type_url == CLUSTER else payloads[0])

    server = grpc.aio.server(options=OPTIONS)
    method: grpc.RpcMethodHandler[Any, Any] = grpc.stream_stream_rpc_method_handler(
        handler, discovery_pb2.DeltaDiscoveryRequest.FromString, None
    )
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(ADS.name, {"DeltaAggregatedResources": method}),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    _KEPT.append(server)

    async def change(number: int) -> None:
        payload = payloads[number]
        await asyncio.gather(*(context.write(payload) for context in contexts))

    return port, lambda: acks, change


def _payload(encoder: Encoder, types: TypeSet) -> bytes:
    return encoder.delta(types.type_url, types.version, tuple(types.resources.values()), (), 0)[0].payload


async def _clients(address: str) -> None:
    await asyncio.gather(*(_client(address, i) for i in range(STREAMS)))


async def _client(address: str, number: int) -> None:
    channel = grpc.aio.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)])
    call: Any = channel.stream_stream(
        METHOD,
        request_serializer=discovery_pb2.DeltaDiscoveryRequest.SerializeToString,
        response_deserializer=discovery_pb2.DeltaDiscoveryResponse.FromString,
    )()
    first = discovery_pb2.DeltaDiscoveryRequest(type_url=CLUSTER)
    first.node.id = f"router~127.0.0.1~gateway-{number}.istio-system~istio-system.svc.cluster.local"
    await call.write(first)
    await call.write(discovery_pb2.DeltaDiscoveryRequest(type_url=ENDPOINT, resource_names_subscribe=[NAME]))
    while (response := await call.read()) is not grpc.aio.EOF:
        ack = discovery_pb2.DeltaDiscoveryRequest(type_url=response.type_url, response_nonce=response.nonce)
        await call.write(ack)


if __name__ == "__main__":
    what, argument = sys.argv[1:]
    uvloop.run(_serve(argument) if what == "serve" else _clients(argument))
