"""The gRPC adapter with real grpc.aio clients, on both variants."""

from __future__ import annotations

import asyncio
import contextlib
import math
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import grpc
import grpc.aio
import pytest
from envoy.config.cluster.v3 import cluster_pb2
from envoy.service.discovery.v3 import discovery_pb2

from translators.model.world import World
from translators.resources import CLUSTER, ROUTE, Resource, ResourceSet, TypeSet
from xds_server.metrics import Metrics
from xds_server.push import Debounce, Push
from xds_server.transport.server import SERVICE, AdsServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from translators.model.proxy import ProxyView

DEADLINE = 10.0
NODE = "router~127.0.0.1~gw.istio-system~istio-system.svc.cluster.local"

VARIANTS = pytest.mark.parametrize("variant", ["sotw", "delta"])


class OneCluster:
    """Serves one cluster of `size` bytes, told by the World's domain."""

    def __init__(self, size: int = 0) -> None:
        self.size = size

    def selector_keys(self, _world: World) -> frozenset[str]:
        return frozenset()

    def translate(self, world: World, view: ProxyView, previous: ResourceSet | None = None) -> ResourceSet:
        body = cluster_pb2.Cluster(name="one", alt_stat_name=world.cluster_domain.ljust(self.size, "."))
        one = Resource(CLUSTER, "one", body.SerializeToString(), ())
        return ResourceSet(
            view=view, types={CLUSTER: TypeSet.of(CLUSTER, [one], previous[CLUSTER] if previous else None)}
        )


@dataclass
class Server:
    push: Push
    ads: AdsServer
    metrics: Metrics
    answers: list[None] = field(default_factory=list)

    def change(self, domain: str) -> None:
        world = World(cluster_domain=domain)
        self.push.publish(lambda: world)

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.ads.port}"


@asynccontextmanager
async def serving(*, ready: bool = True, size: int = 0, write_deadline: float = 60.0) -> AsyncIterator[Server]:
    metrics = Metrics()
    push = Push(OneCluster(size), debounce=Debounce(quiet=0.001, maximum=0.05), metrics=metrics)
    ads = AdsServer(push, metrics, write_deadline=write_deadline)
    server = Server(push, ads, metrics)
    push.after_push = ads.pushed
    ads.answered = lambda: server.answers.append(None)
    await ads.start("127.0.0.1:0")
    tasks = [asyncio.create_task(push.run()), asyncio.create_task(ads.run())]
    if ready:
        server.change("first")
        await until(lambda: push.ready)
    try:
        yield server
    finally:
        await ads.stop(0.5)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not condition():  # noqa: ASYNC110 - the conditions are many, and of others
            await asyncio.sleep(0.002)


class Client:
    """A scripted proxy of either variant."""

    def __init__(self, server: Server, variant: str, *options: tuple[str, int]) -> None:
        self.delta = variant == "delta"
        self.channel = grpc.aio.insecure_channel(
            server.target,
            options=[
                ("grpc.use_local_subchannel_pool", 1),
                ("grpc.max_receive_message_length", -1),
                # A window that does not grow, so that a proxy that does not read is one after 64 KiB.
                ("grpc.http2.bdp_probe", 0),
                *options,
            ],
        )
        method = "DeltaAggregatedResources" if self.delta else "StreamAggregatedResources"
        request = discovery_pb2.DeltaDiscoveryRequest if self.delta else discovery_pb2.DiscoveryRequest
        response = discovery_pb2.DeltaDiscoveryResponse if self.delta else discovery_pb2.DiscoveryResponse
        self.request: Any = request
        self.call: Any = self.channel.stream_stream(
            f"/{SERVICE}/{method}",
            request_serializer=request.SerializeToString,
            response_deserializer=response.FromString,
        )()

    async def subscribe(self, type_url: str = CLUSTER, node: str = NODE) -> None:
        request = self.request(type_url=type_url)
        if node:
            request.node.id = node
        await self.call.write(request)

    async def read(self) -> Any:
        async with asyncio.timeout(DEADLINE):
            return await self.call.read()

    async def domain(self) -> str:
        """Read one response, ACK it, and return what is told by its cluster."""
        response = await self.read()
        await self.answer(response)
        return self.told(response)

    def told(self, response: Any) -> str:
        (item,) = response.resources
        cluster = cluster_pb2.Cluster()
        (item.resource if self.delta else item).Unpack(cluster)
        return cluster.alt_stat_name.rstrip(".")

    async def answer(self, response: Any, error: str = "") -> None:
        request = self.request(type_url=response.type_url, response_nonce=response.nonce)
        if error:
            request.error_detail.code = 13
            request.error_detail.message = error
        elif not self.delta:
            request.version_info = response.version_info
        await self.call.write(request)

    async def ended(self) -> grpc.StatusCode:
        async with asyncio.timeout(DEADLINE):
            code: grpc.StatusCode = await self.call.code()
            return code

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.call.cancel()
        await self.channel.close()


@VARIANTS
async def test_serves_changes_and_notes_the_acks(variant: str) -> None:
    async with serving() as server, Client(server, variant) as client:
        await client.subscribe()
        assert await client.domain() == "first"
        server.change("second")
        assert await client.domain() == "second"
        (stream,) = server.ads.streams
        await until(lambda: stream.acks == 2)

        assert stream.status()[CLUSTER].status == "SYNCED"
        assert (stream.proxy.name, stream.proxy.namespace, stream.delta) == ("gw", "istio-system", variant == "delta")
        assert server.metrics.push_time.counts()["cds"] == 2


@VARIANTS
async def test_refuses_streams_until_ready(variant: str) -> None:
    async with serving(ready=False) as server, Client(server, variant) as client:
        with contextlib.suppress(grpc.aio.AioRpcError):  # the answer may come first
            await client.subscribe()

        assert await client.ended() is grpc.StatusCode.UNAVAILABLE
        assert not server.ads.streams


@VARIANTS
async def test_a_nack_is_counted_and_not_answered(variant: str) -> None:
    async with serving() as server, Client(server, variant) as client:
        await client.subscribe()
        await client.answer(await client.read(), error="no such thing")
        await until(lambda: bool(server.answers))
        (stream,) = server.ads.streams
        state = stream.status()[CLUSTER]
        server.change("second")

        assert (state.status, state.error) == ("ERROR", "no such thing")
        assert server.metrics.rejects.get("cds") == 1
        assert await client.domain() == "second"
        await until(lambda: len(server.answers) == 2)
        assert stream.status()[CLUSTER].status == "SYNCED"


@VARIANTS
async def test_one_change_reaches_every_stream(variant: str) -> None:
    async with serving() as server:
        clients = [Client(server, variant) for _ in range(20)]
        for client in clients:
            await client.subscribe()
        assert [await c.domain() for c in clients] == ["first"] * 20
        server.change("second")
        assert [await c.domain() for c in clients] == ["second"] * 20
        for client in clients:
            await client.__aexit__()

        await until(lambda: not server.ads.streams)
        assert not server.push.served


@VARIANTS
async def test_a_first_message_without_node_is_refused(variant: str) -> None:
    async with serving() as server, Client(server, variant) as client:
        await client.subscribe(node="")

        assert await client.ended() is grpc.StatusCode.INVALID_ARGUMENT


@VARIANTS
async def test_a_slow_reader_costs_one_response_and_gets_the_newest(variant: str) -> None:
    pushes = 30
    async with serving(size=1 << 20) as server, Client(server, variant) as client:
        await client.subscribe()
        await until(lambda: bool(server.ads.streams))
        (stream,) = server.ads.streams
        most = 0
        for number in range(pushes):
            pushed = server.push.pushes + 1
            server.change(str(number))
            await until(lambda pushed=pushed: server.push.pushes == pushed)  # type: ignore[misc] # the default's type
            most = max(most, len(stream._outgoing))
        told: list[str] = []
        while not told or told[-1] != str(pushes - 1):
            told.append(await client.domain())

        assert most <= 1
        assert len(told) <= 5


async def test_a_proxy_that_never_reads_is_cut_off() -> None:
    async with serving(size=4 << 20, write_deadline=0.3) as server, Client(server, "delta") as client:
        await client.subscribe()
        await until(lambda: bool(server.ads.streams))
        server.change("second")
        await until(lambda: not server.ads.streams)

        assert server.metrics.write_timeouts.get() == 1
        assert not server.push.served
        assert client.told(await client.read()) == "first"  # all that was ever kept for it
        assert await client.ended() is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_a_proxy_that_asks_and_never_reads_is_not_listened_to_for_ever() -> None:
    async with serving(size=1 << 20) as server, Client(server, "delta") as client:
        await client.subscribe()
        await until(lambda: bool(server.ads.streams))
        (stream,) = server.ads.streams
        again = client.request(type_url=CLUSTER, resource_names_subscribe=["one"])
        asking = asyncio.create_task(_repeat(client, again, 300))
        await until(lambda: stream._room is not None)
        most = len(stream._outgoing)
        while not asking.done():
            await client.read()
        await asking

        assert most <= 17


async def _repeat(client: Client, request: Any, times: int) -> None:
    for _ in range(times):
        await client.call.write(request)


@VARIANTS
async def test_stop_sends_proxies_elsewhere(variant: str) -> None:
    async with serving() as server, Client(server, variant) as client:
        await client.subscribe()
        assert await client.domain() == "first"
        loop = asyncio.get_running_loop()
        began = loop.time()
        await server.ads.stop(5.0)
        took = loop.time() - began

        assert await client.ended() is grpc.StatusCode.UNAVAILABLE
        assert took < 2.0
        assert not server.ads.streams


@VARIANTS
@pytest.mark.parametrize("writing", [False, True])
async def test_a_defect_ends_one_stream_and_not_the_others(
    variant: str,
    writing: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serving(size=1 << 20) as server, Client(server, variant) as broken, Client(server, variant) as other:
        for client in (broken, other):
            await client.subscribe()
            assert await client.domain() == "first"
        first, _ = server.ads.streams

        def explode(*_: object) -> None:
            raise ZeroDivisionError

        if writing:  # the write of "second" does not end before it is read
            server.change("second")
            await until(lambda: first.stuck_since() < math.inf)
        monkeypatch.setattr(type(first._core), "offer", _only(first._core, explode))
        server.change("third")
        if writing:
            assert broken.told(await broken.read()) == "second"  # no ACK: the stream may have ended by now
        assert await broken.ended() is grpc.StatusCode.INTERNAL
        while await other.domain() != "third":
            pass
        assert len(server.ads.streams) == 1
        assert server.metrics.internal_errors.get() == 1


def _only(core: Any, replacement: Callable[..., Any]) -> Callable[..., Any]:
    """Replace a method for one object; the class has slots, so it is done there."""
    original = type(core).offer

    def offer(self: Any, *arguments: Any) -> Any:
        return (replacement if self is core else original)(self, *arguments)

    return offer


async def test_a_proxy_that_goes_while_it_is_written_to_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(size=4 << 20) as server:
        async with Client(server, "delta") as client:
            await client.subscribe()
            await until(lambda: bool(server.ads.streams))
            (stream,) = server.ads.streams
            await until(lambda: stream.stuck_since() < math.inf)
        await until(lambda: not server.ads.streams and stream._writer is None)

    assert [r for r in caplog.records if r.levelname in ("WARNING", "ERROR")] == []


async def test_stop_does_not_wait_for_a_proxy_that_does_not_read(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(size=4 << 20) as server, Client(server, "delta") as client:
        await client.subscribe()
        await until(lambda: any(s.stuck_since() < math.inf for s in server.ads.streams))
        loop = asyncio.get_running_loop()
        began = loop.time()
        await server.ads.stop(2.0)

        assert loop.time() - began < 4.0
    assert [r for r in caplog.records if r.levelname in ("WARNING", "ERROR")] == []


async def test_one_port_belongs_to_one_server() -> None:
    async with serving() as server:
        other = AdsServer(server.push, Metrics())
        with pytest.raises(OSError, match="cannot listen"):
            await other.start(server.target)


async def test_frequent_pings_do_not_end_the_stream() -> None:
    options = (("grpc.keepalive_time_ms", 200), ("grpc.http2.max_pings_without_data", 0))
    async with serving() as server, Client(server, "delta", *options) as client:
        await client.subscribe()
        assert await client.domain() == "first"
        ended = asyncio.create_task(client.call.code())
        done, _ = await asyncio.wait({ended}, timeout=2.5)  # grpc's default allows two strikes: 0.6 s
        ended.cancel()

        assert not done


async def test_types_that_nobody_serves_do_not_end_the_stream() -> None:
    async with serving() as server, Client(server, "delta") as client:
        await client.subscribe("type.googleapis.com/foo.Bar")
        await client.subscribe(ROUTE, node="")
        await client.subscribe(CLUSTER, node="")

        assert await client.domain() == "first"
