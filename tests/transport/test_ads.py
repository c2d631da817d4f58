"""The gRPC adapter with real grpc.aio clients, on both variants."""

from __future__ import annotations

import asyncio
import gc
import math
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import pytest
from envoy.config.core.v3 import base_pb2
from envoy.service.discovery.v3 import discovery_pb2

from tests.transport.scripted import VARIANTS, Client, serving, until
from translators.resources import CLUSTER, ROUTE
from xds_server.metrics import Metrics
from xds_server.transport import server as transport
from xds_server.transport.ending import Ending
from xds_server.transport.limits import StreamLimits
from xds_server.transport.server import AdsServer
from xds_server.transport.services import ADS
from xds_server.transport.stream import AdsStream

if TYPE_CHECKING:
    from collections.abc import Callable


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
        with suppress(grpc.aio.AioRpcError):  # it may be refused before it has said anything
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
    limits = StreamLimits(write_deadline=0.3)
    async with serving(size=4 << 20, limits=limits) as server, Client(server, "delta") as client:
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
            assert broken.told(await broken.read()) == "second"  # and no ACK: the stream ends with it
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


@pytest.mark.parametrize("how", ["left", "rejected", "ended", "garbage"])
async def test_what_a_stream_held_goes_with_it(how: str) -> None:
    """And not only when the collector comes by: `context.abort` would leave a cycle with all of it."""
    gc.collect()
    gc.disable()
    try:
        async with serving() as server, Client(server, "delta") as client:
            await client.subscribe()
            assert await client.domain() == "first"
            if how == "rejected":
                await client.call.write(client.request(type_url=CLUSTER, resource_names_subscribe=["x" * 5000]))
                assert await client.ended() is grpc.StatusCode.INVALID_ARGUMENT
            elif how == "ended":
                next(iter(server.ads.streams)).end(Ending(grpc.StatusCode.UNAVAILABLE, "for the test"))
                assert await client.ended() is grpc.StatusCode.UNAVAILABLE
            elif how == "garbage":
                call: Any = client.channel.stream_stream(f"/{ADS.name}/{ADS.delta}")()
                await call.write(b"\xff")
                client.call.cancel()
                assert await call.code() is grpc.StatusCode.INVALID_ARGUMENT
            else:
                client.call.cancel()
            await until(lambda: not server.ads.opened)
            await until(lambda: not any(isinstance(one, AdsStream) for one in gc.get_objects()))
    finally:
        gc.enable()


async def test_a_client_that_is_frozen_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its machine still acknowledges bytes; pings go unanswered. Twenty times faster than the server does it."""
    faster = [(k, v // 20 if "keepalive_t" in k or "ping_timeout" in k else v) for k, v in transport.OPTIONS]
    monkeypatch.setattr(transport, "OPTIONS", faster)
    async with serving() as server:
        command = [sys.executable, "-m", "tests.transport.attacks", "stay", server.target, "0", "1"]
        client = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        try:
            assert client.stdout is not None
            assert await client.stdout.readline() == b"there\n"
            assert server.ads.opened == 10
            client.send_signal(signal.SIGSTOP)
            await until(lambda: server.ads.opened == 0)
        finally:
            client.kill()
            await client.wait()


async def test_an_idle_stream_keeps_nothing_of_a_big_node() -> None:
    """Many Envoys send their node, 61 KB of it, with every ACK; the last request must not stay while none comes."""
    count = 200
    node = base_pb2.Node(id="big")
    for number in range(600):
        node.extensions.add(
            name=f"envoy.filters.http.number_{number}", category="envoy.filters.http", type_descriptor="x" * 50
        )
    async with serving() as server, Client(server, "delta") as client:
        method = client.channel.stream_stream(
            f"/{ADS.name}/{ADS.delta}",
            request_serializer=client.request.SerializeToString,
            response_deserializer=discovery_pb2.DeltaDiscoveryResponse.FromString,
        )
        gc.collect()
        before = _resident()
        calls = [method() for _ in range(count)]
        for call in calls:
            await call.write(client.request(type_url=CLUSTER, node=node))
            response: Any = await call.read()
            await call.write(client.request(type_url=CLUSTER, node=node, response_nonce=response.nonce))
        await until(lambda: sum(stream.acks for stream in server.ads.streams) == count)
        gc.collect()
        kib = (_resident() - before) / 1024 / count
        for call in calls:
            call.cancel()

    assert node.ByteSize() > 60_000
    assert kib < 130  # 60 of our own and of gRPC's, on both sides; 230 with the last request


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
