"""A real AdsServer whose resources a test sets, and a client of either variant that says what a test tells it to."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import grpc
import grpc.aio
from envoy.service.discovery.v3 import discovery_pb2

from tests.protocol.client import NODE, Body, resource
from translators.model.world import World
from translators.resources import SECRET, SHORT, TYPES, Resource, ResourceSet, TypeSet
from xds_server.metrics import Metrics
from xds_server.protocol.xlog_records import Request
from xds_server.push import Debounce, Push
from xds_server.transport.server import AdsServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from translators.model.proxy import ProxyView
    from xds_server.protocol import Conversation
    from xds_server.protocol.xlog_records import Record

DEADLINE = 10.0
QUIET = 0.1
"""Seconds without a message after which nothing more is expected; on loopback an answer takes about one millisecond."""

FENCES = tuple(f"fence-{n}" for n in range(9))


@dataclass
class Settable:
    """Stands for the Translator: serves what it is told to, to everybody."""

    resources: dict[tuple[str, str], Resource] = field(default_factory=dict)

    def selector_keys(self, _world: World) -> frozenset[str]:
        return frozenset()

    def translate(self, _world: World, view: ProxyView, previous: ResourceSet | None = None) -> ResourceSet:
        served = list(self.resources.values())
        types = {
            t: TypeSet.of(t, [r for r in served if r.type_url == t], previous[t] if previous else None) for t in TYPES
        }
        return ResourceSet(view=view, types=types)


@dataclass
class Server:
    push: Push
    ads: AdsServer
    served: Settable

    async def put(self, *resources: Resource) -> None:
        """Add resources, or change those of the same name."""
        await self._serve({**self.served.resources, **{(r.type_url, r.name): r for r in resources}})

    async def remove(self, type_url: str, *names: str) -> None:
        gone = {(type_url, name) for name in names}
        await self._serve({key: value for key, value in self.served.resources.items() if key not in gone})

    async def _serve(self, resources: dict[tuple[str, str], Resource]) -> None:
        self.served.resources = resources
        pushed = self.push.pushes + 1
        world = World()
        self.push.publish(lambda: world)
        await until(lambda: self.push.pushes >= pushed)

    async def unsubscribed(self, times: int = 1) -> None:
        """Wait until so many requests that drop a name were taken in; none is answered."""
        await until(lambda: sum(_drops(r) for talk in self.conversations() for r in talk.records) >= times)

    def conversations(self) -> list[Conversation]:
        return self.ads.xlog.conversations(asyncio.get_running_loop().time())


@asynccontextmanager
async def serving(*resources: Resource) -> AsyncIterator[Server]:
    served = Settable()
    push = Push(served, debounce=Debounce(quiet=0.0, maximum=0.0))
    ads = AdsServer(push, Metrics(), identifier="test")
    push.after_push = ads.pushed
    await ads.start("127.0.0.1:0")
    tasks = [asyncio.create_task(push.run()), asyncio.create_task(ads.run())]
    server = Server(push, ads, served)
    try:
        await server.put(*resources, *(resource(SECRET, name) for name in FENCES))
        yield server
    finally:
        await ads.stop(0.5)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not condition():  # noqa: ASYNC110 - the conditions are many, and of others
            await asyncio.sleep(0.001)


def _drops(record: Record) -> bool:
    return isinstance(record, Request) and record.unsubscribed.count > 0


class Said(NamedTuple):
    """A response, as much of it as tests look at: `Said("CDS", "a=1 b=1")`, with removed names in the third."""

    type: str
    resources: str = ""
    removed: str = ""
    nonce: str = ""

    def content(self) -> Said:
        return self._replace(nonce="")


class Client:
    """One stream of one method. Names are subscribed to as the variant does it."""

    def __init__(self, server: Server, method: str, *options: tuple[str, int], delta: bool) -> None:
        self.delta = delta
        self.method = method
        self.channel = grpc.aio.insecure_channel(
            f"127.0.0.1:{server.ads.port}", options=[("grpc.use_local_subchannel_pool", 1), *options]
        )
        self.request: Any = discovery_pb2.DeltaDiscoveryRequest if delta else discovery_pb2.DiscoveryRequest
        self.open()
        self.wanted: dict[str, list[str]] = {}
        self.nonces: dict[str, str] = {}
        self.versions: dict[str, str] = {}
        self.said: list[Said] = []
        """All responses so far."""

    def open(self, metadata: tuple[tuple[str, str], ...] = ()) -> None:
        """Begin the stream; it was begun already, without metadata."""
        response: Any = discovery_pb2.DeltaDiscoveryResponse if self.delta else discovery_pb2.DiscoveryResponse
        self.call: Any = self.channel.stream_stream(
            self.method, request_serializer=self.request.SerializeToString, response_deserializer=response.FromString
        )(metadata=metadata)

    async def want(self, type_url: str, *names: str, answering: str = "") -> None:
        """Have exactly these names subscribed to."""
        before = self.wanted.get(type_url, [])
        self.wanted[type_url] = list(names)
        request = self.request(type_url=type_url, response_nonce=answering)
        if not self.said and not self.nonces:
            request.node.CopyFrom(NODE)
        if self.delta:
            request.resource_names_subscribe.extend(n for n in names if n not in before)
            request.resource_names_unsubscribe.extend(n for n in before if n not in names)
        else:
            request.resource_names.extend(names)
            request.response_nonce = answering or self.nonces.get(type_url, "")
            request.version_info = self.versions.get(type_url, "")
        await self.call.write(request)

    async def ack(self, type_url: str) -> None:
        await self.want(type_url, *self.wanted.get(type_url, ()), answering=self.nonces[type_url])

    async def nack(self, type_url: str, message: str) -> None:
        request = self.request(type_url=type_url, response_nonce=self.nonces[type_url])
        request.error_detail.code, request.error_detail.message = 13, message
        if not self.delta:
            request.resource_names.extend(self.wanted.get(type_url, ()))
        await self.call.write(request)

    async def read(self, *, ack: bool = True) -> Said:
        """Read the next response, and accept it."""
        async with asyncio.timeout(DEADLINE):
            return await self._take(await self.call.read(), ack=ack)

    async def _take(self, response: Any, *, ack: bool) -> Said:
        values = [(r.resource if self.delta else r).value for r in response.resources]
        removed: Sequence[str] = response.removed_resources if self.delta else ()
        bodies = sorted(f"{body.name}={body.content}" for body in map(Body.of, values))
        said = Said(SHORT[response.type_url], " ".join(bodies), " ".join(removed), response.nonce)
        self.said.append(said)
        self.nonces[response.type_url] = response.nonce
        self.versions[response.type_url] = response.system_version_info if self.delta else response.version_info
        if ack:
            await self.ack(response.type_url)
        return said

    async def quiet(self) -> bool:
        """Whether nothing more comes. On a stream for all types a secret that is asked for now tells: its answer must
        be the next response. On others time does.
        """
        if "Aggregated" in self.method:
            asked = [*self.wanted.get(SECRET, ()), FENCES[len(self.wanted.get(SECRET, ()))]]
            await self.want(SECRET, *asked)
            return (await self.read()).content() == Said("SDS", f"{asked[-1]}=1")
        try:
            async with asyncio.timeout(QUIET):
                await self.call.read()
        except TimeoutError:
            return True  # the call is cancelled with the read
        return False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.call.cancel()
        await self.channel.close()
