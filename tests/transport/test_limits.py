"""Who is let in, who is sent away, and how a server stops."""

from __future__ import annotations

import asyncio
import math
import random
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

import grpc
import grpc.aio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transport.attacks import Wire
from tests.transport.scripted import NODE, VARIANTS, Client, serving, until
from translators.resources import CLUSTER
from xds_server.transport.limits import BURST_SECONDS, Admission, StreamLimits
from xds_server.transport.node import NODE_ID_LIMIT, NODE_LIMIT
from xds_server.transport.stream import UNHURRIED

if TYPE_CHECKING:
    from tests.transport.scripted import Server


@given(
    rate=st.floats(0.5, 1000),
    patience=st.floats(0, 10),
    gaps=st.lists(st.floats(0, 2), min_size=1, max_size=300),
)
def test_nobody_comes_in_faster_than_the_rate_or_waits_longer_than_the_patience(
    rate: float, patience: float, gaps: list[float]
) -> None:
    admission = Admission(rate, patience)
    now, entries = 1000.0, []
    for gap in gaps:
        now += gap
        turn = admission.turn(now)
        if turn is not None:
            assert 0 <= turn <= patience + 1e-6
            entries.append(now + turn)
    assert entries == sorted(entries)
    for number, entry in enumerate(entries):
        # In any span of time, no more than its share and the burst.
        for later in range(number, len(entries)):
            assert later - number <= rate * (entries[later] - entry + BURST_SECONDS) + 1e-3


def test_a_herd_waits_its_turn_and_the_rest_is_refused() -> None:
    admission = Admission(rate=10, patience=2)
    turns = [admission.turn(5.0) for _ in range(40)]
    assert turns[:11] == [0.0] * 11
    assert turns[11:31] == [pytest.approx(0.1 * n) for n in range(1, 21)]
    assert turns[31:] == [None] * 9
    assert admission.turn(6.0) is not None


def test_without_a_rate_everybody_comes_in() -> None:
    admission = Admission(rate=0, patience=0)
    assert {admission.turn(1.0) for _ in range(10_000)} == {0.0}


async def test_streams_beyond_the_limit_are_refused_until_one_leaves() -> None:
    async with serving(limits=StreamLimits(streams=2)) as server:
        first, second = Client(server, "delta"), Client(server, "sotw")
        for client in (first, second):
            await client.subscribe()
            assert await client.domain() == "first"
        async with Client(server, "delta") as third:
            assert await third.ended() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert server.metrics.streams_refused.get("too many") == 1
        await first.__aexit__()
        await until(lambda: len(server.ads._open) == 1)
        async with Client(server, "delta") as fourth:
            await fourth.subscribe()
            assert await fourth.domain() == "first"
        await second.__aexit__()


async def test_streams_that_come_too_fast_wait_or_are_refused() -> None:
    async with serving(limits=StreamLimits(streams_per_second=4, patience=0.5)) as server:
        clients = [Client(server, "delta") for _ in range(12)]
        for client in clients:
            with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):  # refused before it has said anything
                await client.subscribe()
        # A second's worth at once, two more within the patience; one or two more for the time that it all takes.
        await until(lambda: len(server.ads.streams) + server.metrics.streams_refused.get("too fast") == len(clients))
        assert 7 <= len(server.ads.streams) <= 9
        for client in clients:
            await client.__aexit__()


async def test_a_stream_that_waits_is_refused_when_the_server_stops() -> None:
    limits = StreamLimits(streams_per_second=0.01, patience=1000.0)
    async with serving(limits=limits) as server, Client(server, "delta") as first:
        await first.subscribe()
        assert await first.domain() == "first"
        async with Client(server, "delta") as second:
            ended = asyncio.create_task(second.ended())
            await until(lambda: server.ads._admission._next > asyncio.get_running_loop().time() + 150)  # it waits
            server.ads.drain()

            assert await ended is grpc.StatusCode.UNAVAILABLE


@VARIANTS
async def test_a_stream_without_a_first_message_is_closed(variant: str) -> None:
    limits = StreamLimits(first_message=0.3)
    async with serving(limits=limits) as server, Client(server, variant) as silent, Client(server, variant) as other:
        await other.subscribe()
        assert await other.domain() == "first"
        await until(lambda: len(server.ads._open) == 2)

        assert await silent.ended() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert server.metrics.streams_ended.get("no first message") == 1
        server.change("second")
        assert await other.domain() == "second"


@VARIANTS
async def test_a_stream_of_age_ends_without_an_error(variant: str) -> None:
    limits = StreamLimits(connection_age=0.5)
    async with serving(limits=limits) as server, Client(server, variant) as client:
        await client.subscribe()
        assert await client.domain() == "first"

        assert await client.ended() is grpc.StatusCode.OK
        assert server.metrics.streams_ended.get("age") == 1
        await until(lambda: not server.ads._open)


async def test_what_never_reads_is_let_go_with_its_connection() -> None:
    """grpc.aio cannot reset a stream whose write is stuck, but the connection's age ends both."""
    limits = StreamLimits(write_deadline=0.2, connection_age=1.0)
    async with serving(limits=limits) as server:
        wire = await asyncio.to_thread(Wire, server.target, 0)
        await until(lambda: server.metrics.streams_ended.get("not reading") == 1)
        held = server.ads.opened
        await until(lambda: server.ads.opened == 0)
        wire.socket.close()

    assert held == 1


async def test_the_ages_of_streams_differ_by_a_tenth() -> None:
    async with serving(limits=StreamLimits(connection_age=1000.0)) as server:
        clients = [Client(server, "delta") for _ in range(20)]
        for client in clients:
            await client.subscribe()
        await until(lambda: len(server.ads.streams) == len(clients))
        ages = [stream.expires - stream.opened for stream in server.ads.streams]
        for client in clients:
            await client.__aexit__()

    assert all(900 <= age <= 1100.1 for age in ages)
    assert max(ages) - min(ages) > 50


async def test_a_stream_of_age_is_left_alone_while_it_is_busy() -> None:
    """Make before break: it does not end while a stage of a push waits for its answer, or while it is written to."""
    limits = StreamLimits(connection_age=1000.0)
    async with serving(size=4 << 20, limits=limits) as server, Client(server, "delta") as client:
        await client.subscribe()
        await until(lambda: any(s.stuck_since() < math.inf for s in server.ads.streams))
        (stream,) = server.ads.streams
        writing = stream.expired(stream.expires)
        await client.domain()
        await until(lambda: stream._writer is None)
        at_rest = stream.expired(stream.expires)
        young = stream.expired(stream.expires - 1)
        cast("Any", stream._core)._patience = stream.expires + 2.0
        waiting = stream.expired(stream.expires)
        overdue = stream.expired(stream.expires + UNHURRIED)

    assert (young, writing, waiting, at_rest, overdue) == (False, False, False, True, True)


@pytest.mark.parametrize(
    ("node_id", "metadata"),
    [("x" * (NODE_ID_LIMIT + 1), 0), (NODE, NODE_LIMIT)],
    ids=["id", "metadata"],
)
async def test_a_node_beyond_reason_is_refused(node_id: str, metadata: int) -> None:
    async with serving() as server, Client(server, "delta") as client:
        request = client.request(type_url=CLUSTER)
        request.node.id = node_id
        request.node.metadata["K"] = "x" * metadata
        await client.call.write(request)

        assert await client.ended() is grpc.StatusCode.INVALID_ARGUMENT
        assert not server.ads.streams


async def test_streams_end_spread_over_the_grace() -> None:
    """A server that stops sends its proxies on no faster than another lets them in."""
    count, rate = 20, 40.0
    async with serving(limits=StreamLimits(streams_per_second=rate)) as server:
        clients = [Client(server, "delta") for _ in range(count)]
        for client in clients:
            await client.subscribe()
            assert await client.domain() == "first"
        loop = asyncio.get_running_loop()
        began = loop.time()
        ended = [asyncio.create_task(_ended(client, began)) for client in clients]
        await server.ads.stop(4.0)
        took = loop.time() - began
        times = sorted([await task for task in ended])
        for client in clients:
            await client.__aexit__()

    assert took < 4.0
    assert times[-1] - times[0] >= 0.8 * count / rate
    assert times[count // 2] - times[0] >= 0.3 * count / rate


async def _ended(client: Client, began: float) -> float:
    assert await client.ended() is grpc.StatusCode.UNAVAILABLE
    return asyncio.get_running_loop().time() - began


async def test_a_drain_takes_no_new_streams_and_serves_the_old() -> None:
    async with serving() as server, Client(server, "delta") as old:
        await old.subscribe()
        assert await old.domain() == "first"
        server.ads.drain()
        server.change("second")

        assert await old.domain() == "second"
        await _refused(server)


async def _refused(server: Server) -> None:
    async with Client(server, random.choice(["sotw", "delta"])) as late:  # noqa: S311
        assert await late.ended() is grpc.StatusCode.UNAVAILABLE
    assert server.metrics.streams_refused.get("shutting down") == 1
