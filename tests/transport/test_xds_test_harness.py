"""The 18 scenario outlines of ii/xds-test-harness (CNCF's conformance suite), over real gRPC to a real AdsServer.

https://github.com/ii/xds-test-harness. Each outline says which examples it has; `WAYS` says over which methods all of
them run. Those that the suite has for the state of the world run over delta, too, where only what changed is expected.
Where the suite leaves open whether a response may hold more than was asked for, we do not.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest

from tests.protocol.client import resource
from tests.transport.settable import Client, Said, Server, serving
from translators.resources import CLUSTER, ENDPOINT, LISTENER, ROUTE, SHORT, Resource
from xds_server.transport.services import ADS, SERVICES

TYPES = {SHORT[t]: t for t in (CLUSTER, LISTENER, ROUTE, ENDPOINT)}


class Way(NamedTuple):
    """One way to ask for a type: the variant, and whether over ADS or the type's own service."""

    delta: bool
    aggregated: bool

    def client(self, server: Server, short: str) -> Client:
        service = ADS if self.aggregated else next(s for s in SERVICES if s.type_url == TYPES[short])
        return Client(server, f"/{service.name}/{service.delta if self.delta else service.sotw}", delta=self.delta)

    def whole(self, short: str) -> bool:
        """Whether every response holds all that is subscribed to."""
        return not self.delta and short in ("CDS", "LDS")


WAYS = {
    "sotw-aggregated": Way(delta=False, aggregated=True),
    "delta-aggregated": Way(delta=True, aggregated=True),
    "sotw-by-type": Way(delta=False, aggregated=False),
    "delta-by-type": Way(delta=True, aggregated=False),
}


def _ways(*, delta: bool = False, aggregated: bool = False) -> pytest.MarkDecorator:
    """All ways, or only those of delta, or only ADS."""
    chosen = {i: w for i, w in WAYS.items() if (w.delta or not delta) and (w.aggregated or not aggregated)}
    return pytest.mark.parametrize("way", chosen.values(), ids=list(chosen))


ways = _ways()
deltas = _ways(delta=True)
aggregated = _ways(aggregated=True)


def examples(names: str, *rows: tuple[str, ...]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(names.split(), rows, ids=["-".join(row[:2]) for row in rows])


def _made(short: str, names: str, version: str = "1") -> list[Resource]:
    return [resource(TYPES[short], name, version) for name in names]


def _said(short: str, names: str, version: str = "1", *, new: str = "", removed: str = "") -> Said:
    """What a response says: these names, those of `new` in version 2."""
    bodies = (f"{name}={2 if name in new else version}" for name in sorted(names))
    return Said(short, " ".join(bodies), " ".join(removed))


@ways
@examples("short names", ("CDS", "ABC"), ("LDS", "DEF"))
async def test_a_wildcard_brings_everything(way: Way, short: str, names: str) -> None:
    async with serving(*_made(short, names)) as server, way.client(server, short) as client:
        await client.want(TYPES[short])
        assert (await client.read()).content() == _said(short, names)
        assert await client.quiet()


@ways
@examples("short names changed", ("CDS", "ABC", "A"), ("LDS", "DEF", "D"))
async def test_a_wildcard_brings_updates(way: Way, short: str, names: str, changed: str) -> None:
    async with serving(*_made(short, names)) as server, way.client(server, short) as client:
        await client.want(TYPES[short])
        await client.read()
        await server.put(*_made(short, changed, "2"))
        assert (await client.read()).content() == _said(short, names if way.whole(short) else changed, new=changed)
        assert await client.quiet()


@ways
@examples("short names added", ("CDS", "ABC", "D"), ("LDS", "DEF", "G"))
async def test_a_wildcard_brings_what_is_added(way: Way, short: str, names: str, added: str) -> None:
    async with serving(*_made(short, names)) as server, way.client(server, short) as client:
        await client.want(TYPES[short])
        await client.read()
        await server.put(*_made(short, added, "2"))
        assert (await client.read()).content() == _said(short, names + added if way.whole(short) else added, new=added)
        assert await client.quiet()


@ways
@examples("short names wanted", ("CDS", "ABCD", "BD"), ("LDS", "GBLD", "LG"), ("RDS", "AB", "AB"), ("EDS", "AB", "AB"))
async def test_named_resources_and_only_these(way: Way, short: str, names: str, wanted: str) -> None:
    async with serving(*_made(short, names)) as server, way.client(server, short) as client:
        await client.want(TYPES[short], *wanted)
        assert (await client.read()).content() == _said(short, wanted)
        assert await client.quiet()


@ways
@examples("short names wanted changed", ("CDS", "ABCD", "BD", "B"), ("LDS", "GBLD", "LG", "G"))
async def test_a_named_cluster_or_listener_changes(way: Way, short: str, names: str, wanted: str, changed: str) -> None:
    async with serving(*_made(short, names)) as server, way.client(server, short) as client:
        await client.want(TYPES[short], *wanted)
        assert (await client.read()).content() == _said(short, wanted)
        await server.put(*_made(short, changed, "2"))
        assert (await client.read()).content() == _said(short, wanted if way.whole(short) else changed, new=changed)
        assert await client.quiet()


@ways
@examples("short names wanted changed", ("RDS", "ABCD", "BD", "B"), ("EDS", "ABCD", "BD", "B"))
async def test_a_named_route_or_assignment_changes(way: Way, short: str, names: str, wanted: str, changed: str) -> None:
    async with serving(*_made(short, names)) as server, way.client(server, short) as client:
        await client.want(TYPES[short], *wanted)
        assert (await client.read()).content() == _said(short, wanted)
        await server.put(*_made(short, changed, "2"))
        assert (await client.read()).content() == _said(short, changed, "2")
        assert await client.quiet()


@ways
@examples("short names wanted missing", ("CDS", "ABCD", "AZ", "Z"), ("LDS", "GBLD", "BDX", "X"))
async def test_a_missing_cluster_or_listener_is_created(
    way: Way, short: str, names: str, wanted: str, missing: str
) -> None:
    there = wanted.replace(missing, "")
    async with serving(*_made(short, names)) as server, way.client(server, short) as client:
        await client.want(TYPES[short], *wanted)
        assert (await client.read()).content() == _said(short, there, removed=missing if way.delta else "")
        await server.put(*_made(short, missing, "2"))
        assert (await client.read()).content() == _said(short, wanted if way.whole(short) else missing, new=missing)
        assert await client.quiet()


@ways
@examples("short names wanted missing", ("RDS", "ABCD", "AZ", "Z"), ("EDS", "ABCD", "AZ", "Z"))
async def test_a_missing_route_or_assignment_is_created(
    way: Way, short: str, names: str, wanted: str, missing: str
) -> None:
    there = wanted.replace(missing, "")
    async with serving(*_made(short, names)) as server, way.client(server, short) as client:
        await client.want(TYPES[short], *wanted)
        first = (await client.read()).content()
        if short == "EDS" and not way.delta:
            # Endpoints that nobody knows are an empty assignment where clusters come by another stream: a cluster
            # that is waiting for them goes on (rule 54).
            assert first.resources == f"{there}=1 {missing}="
        else:
            assert first == _said(short, there, removed=missing if way.delta else "")
        await server.put(*_made(short, missing, "2"))
        assert (await client.read()).content() == _said(short, missing, "2")
        assert await client.quiet()


@aggregated
@examples("short other names wanted", ("CDS", "LDS", "ABC", "B"), ("RDS", "EDS", "ABC", "B"))
async def test_two_types_on_one_stream(way: Way, short: str, other: str, names: str, wanted: str) -> None:
    async with serving(*_made(short, names), *_made(other, names)) as server, way.client(server, short) as client:
        for kind in (short, other):
            await client.want(TYPES[kind], *wanted)
            assert (await client.read()).content() == _said(kind, wanted)
        await server.put(*_made(short, wanted, "2"))
        assert (await client.read()).content() == _said(short, wanted, "2")
        assert await client.quiet()


@ways
@examples("short names wanted kept", ("CDS", "FABCD", "CAB", "AC"), ("LDS", "GBLD", "BD", "B"))
async def test_unsubscribing_from_some_clusters_or_listeners(
    way: Way, short: str, names: str, wanted: str, kept: str
) -> None:
    async with serving(*_made(short, names)) as server, way.client(server, short) as client:
        await client.want(TYPES[short], *wanted)
        assert (await client.read()).content() == _said(short, wanted)
        await client.want(TYPES[short], *kept)
        await server.unsubscribed()
        await server.put(*_made(short, names, "2"))
        assert (await client.read()).content() == _said(short, kept, "2")
        assert await client.quiet()


@ways
@examples("short names wanted kept", ("RDS", "GBLD", "BD", "B"), ("EDS", "GBLD", "BD", "B"))
async def test_unsubscribing_from_some_routes_or_assignments(
    way: Way, short: str, names: str, wanted: str, kept: str
) -> None:
    async with serving(*_made(short, names)) as server, way.client(server, short) as client:
        await client.want(TYPES[short], *wanted)
        assert (await client.read()).content() == _said(short, wanted)
        await client.want(TYPES[short], *kept)
        await server.unsubscribed()
        await server.put(*_made(short, names, "2"))
        assert (await client.read()).content() == _said(short, kept, "2")
        assert await client.quiet()


@ways
@examples(
    "short names wanted", ("CDS", "ABCD", "AB"), ("LDS", "ABCD", "AB"), ("RDS", "ABCD", "AB"), ("EDS", "ABCD", "AB")
)
async def test_unsubscribing_from_everything(way: Way, short: str, names: str, wanted: str) -> None:
    async with serving(*_made(short, names)) as server, way.client(server, short) as client:
        await client.want(TYPES[short], *wanted)
        assert (await client.read()).content() == _said(short, wanted)
        await client.want(TYPES[short])
        await server.unsubscribed()
        await server.put(*_made(short, names, "2"))
        assert await client.quiet()


@aggregated
@examples("short other names wanted", ("CDS", "LDS", "ABC", "B"), ("RDS", "EDS", "ABC", "B"))
async def test_unsubscribing_from_one_of_two_types(way: Way, short: str, other: str, names: str, wanted: str) -> None:
    """The suite has the outline with two types in both of its features; here the second one lets go of a type."""
    async with serving(*_made(short, names), *_made(other, names)) as server, way.client(server, short) as client:
        for kind in (short, other):
            await client.want(TYPES[kind], *wanted)
            assert (await client.read()).content() == _said(kind, wanted)
        await client.want(TYPES[short])
        await server.unsubscribed()
        await server.put(*_made(short, wanted, "2"), *_made(other, wanted, "2"))
        assert (await client.read()).content() == _said(other, wanted, "2")
        assert await client.quiet()


@deltas
@examples(
    "short names first second",
    ("CDS", "ABC", "A", "B"),
    ("LDS", "DEF", "D", "E"),
    ("RDS", "DEF", "D", "E"),
    ("EDS", "DEF", "D", "E"),
)
async def test_one_name_after_the_other(way: Way, short: str, names: str, first: str, second: str) -> None:
    async with serving(*_made(short, names)) as server, way.client(server, short) as client:
        await client.want(TYPES[short], first)
        assert (await client.read()).content() == _said(short, first)
        await client.want(TYPES[short], first, second)
        assert (await client.read()).content() == _said(short, second)
        assert await client.quiet()


@deltas
@examples("short names changed", ("CDS", "ABC", "A"), ("LDS", "ABC", "A"), ("RDS", "ABC", "A"), ("EDS", "ABC", "A"))
async def test_an_update_brings_that_resource_alone(way: Way, short: str, names: str, changed: str) -> None:
    async with serving(*_made(short, names)) as server, way.client(server, short) as client:
        await client.want(TYPES[short], *names)
        first = await client.read()
        assert first.content() == _said(short, names)
        await server.put(*_made(short, changed, "2"))
        second = await client.read()
        assert second.content() == _said(short, changed, "2")
        assert second.nonce != first.nonce
        assert await client.quiet()


@deltas
@examples("short there missing", ("CDS", "A", "B"), ("LDS", "D", "E"), ("RDS", "D", "E"), ("EDS", "D", "E"))
async def test_what_is_missing_is_said_and_comes_when_it_is_created(
    way: Way, short: str, there: str, missing: str
) -> None:
    async with serving(*_made(short, there)) as server, way.client(server, short) as client:
        await client.want(TYPES[short], there, missing)
        first = await client.read()
        assert first.content() == _said(short, there, removed=missing)
        await server.put(*_made(short, missing))
        second = await client.read()
        assert second.content() == _said(short, missing)
        assert second.nonce != first.nonce
        assert await client.quiet()


@deltas
@examples("short names gone", ("CDS", "AB", "B"), ("LDS", "DE", "E"), ("RDS", "DE", "E"), ("EDS", "DE", "E"))
async def test_a_removal_is_said_and_the_return_too(way: Way, short: str, names: str, gone: str) -> None:
    async with serving(*_made(short, names)) as server, way.client(server, short) as client:
        await client.want(TYPES[short], *names)
        assert (await client.read()).content() == _said(short, names)
        await server.remove(TYPES[short], gone)
        assert (await client.read()).content() == _said(short, "", removed=gone)
        await server.put(*_made(short, gone, "2"))
        assert (await client.read()).content() == _said(short, gone, "2")
        assert await client.quiet()


@deltas
@examples(
    "short names first second",
    ("CDS", "AB", "B", "A"),
    ("LDS", "DE", "E", "D"),
    ("RDS", "DE", "E", "D"),
    ("EDS", "DE", "E", "D"),
)
async def test_unsubscribing_one_after_the_other(way: Way, short: str, names: str, first: str, second: str) -> None:
    async with serving(*_made(short, names)) as server, way.client(server, short) as client:
        await client.want(TYPES[short], *names)
        assert (await client.read()).content() == _said(short, names)
        await client.want(TYPES[short], second)
        await server.unsubscribed()
        await server.put(*_made(short, first, "2"))
        await client.want(TYPES[short])
        await server.unsubscribed(2)
        await server.put(*_made(short, second, "2"))
        assert await client.quiet()
