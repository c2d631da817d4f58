"""What refers to a resource that a client rejected stays in the version before it, with all that it needs."""

from __future__ import annotations

import pytest

from tests.protocol.client import resource
from tests.protocol.wire import DeltaWire, Reply, SotwWire
from translators.resources import CLUSTER, ENDPOINT, EXTENSION, LISTENER, ROUTE, SECRET, TYPES, Resource
from xds_server.protocol import Quarantine
from xds_server.protocol.quarantine import RETRY_FIRST

Variant = type[SotwWire] | type[DeltaWire]
Connected = SotwWire | DeltaWire

Y_IS_BAD = "Error adding/updating cluster(s) y: no such thing"

both = pytest.mark.parametrize("variant", [SotwWire, DeltaWire], ids=["sotw", "delta"])


def route(name: str, content: str, *clusters: str) -> Resource:
    return referring(ROUTE, name, content, *((CLUSTER, cluster) for cluster in clusters))


def referring(type_url: str, name: str, content: str, *refs: tuple[str, str]) -> Resource:
    return Resource(type_url, name, resource(type_url, name, content).body, (), refs=refs)


def cluster(name: str) -> list[Resource]:
    return [resource(CLUSTER, name), resource(ENDPOINT, name)]


def connected(variant: Variant, *resources: Resource, quarantine: Quarantine | None = None) -> Connected:
    """A client that takes everything, and has accepted these."""
    wire = variant(quarantine=quarantine)
    wire.offer(*resources)
    for type_url in TYPES:
        names = () if type_url in (CLUSTER, LISTENER) else ("x", "y", "r", "q", "s", "e")
        if wire.want(type_url, *names):
            wire.ack(type_url)
    return wire


def answer(wire: Connected, replies: list[Reply], **errors: str) -> list[Reply]:
    """ACK all the replies, but for the types in `errors`, which are rejected; return what that led to."""
    more: list[Reply] = []
    kinds = {"CDS": CLUSTER, "EDS": ENDPOINT, "LDS": LISTENER, "RDS": ROUTE, "SDS": SECRET, "ECDS": EXTENSION}
    for reply, nonce in zip(replies, wire.nonces[-len(replies) :], strict=True):
        if reply.type in errors:
            more += wire.nack(kinds[reply.type], nonce, errors[reply.type])
        else:
            more += wire.ack(kinds[reply.type], nonce)
    return more


def served(wire: Connected, type_url: str) -> dict[str, str]:
    """What the client is meant to have: name to content."""
    assert wire.stream._snapshot is not None
    return {name: r.body.decode().split(";")[1] for name, r in wire.stream._snapshot[type_url].resources.items()}


@both
def test_a_route_stays_while_the_cluster_that_it_newly_names_is_rejected(variant: Variant) -> None:
    wire = connected(variant, *cluster("x"), route("r", "to x", "x"), route("q", "1", "x"))
    new = [*cluster("y"), route("r", "to y", "y"), route("q", "2", "x")]
    replies = wire.offer(*cluster("x"), *new)
    assert answer(wire, replies, CDS=Y_IS_BAD) == [Reply("RDS", "q=2")]
    assert served(wire, ROUTE) == {"r": "to x", "q": "2"}
    healed = wire.offer(*cluster("x"), resource(CLUSTER, "y", "better"), *new[1:])
    assert [reply.type for reply in healed] == ["CDS", "EDS"]
    assert answer(wire, healed) == [Reply("RDS", "r=to y")]


@both
def test_and_so_does_the_cluster_that_it_named_before(variant: Variant) -> None:
    wire = connected(variant, *cluster("x"), route("r", "to x", "x"))
    answer(
        wire,
        wire.offer(*cluster("y"), route("r", "to y", "y")),
        CDS=Y_IS_BAD,
    )
    assert wire.stream.deadline == pytest.approx(wire.now, abs=RETRY_FIRST + 5)
    assert served(wire, CLUSTER) == {"x": "1"}
    assert served(wire, ENDPOINT).keys() >= {"x"}
    assert served(wire, ROUTE) == {"r": "to x"}
    replies = wire.offer(*cluster("y"), route("r", "to y", "y"), resource(LISTENER, "l"))
    assert replies == [Reply("LDS", "l=1")]


@both
def test_a_route_that_has_no_earlier_version_goes_out_all_the_same(variant: Variant) -> None:
    wire = connected(variant)
    replies = wire.offer(*cluster("y"), *cluster("x"), route("r", "to x and y", "x", "y"))
    assert answer(wire, replies, CDS=Y_IS_BAD) == [Reply("RDS", "r=to x and y")]


@both
@pytest.mark.parametrize("needed", [ROUTE, SECRET, EXTENSION], ids=["RDS", "SDS", "ECDS"])
def test_a_new_listener_whose_needs_can_never_come_is_left_out(variant: Variant, needed: str) -> None:
    wire = connected(variant, resource(LISTENER, "k"))
    new, bad = referring(LISTENER, "l", "1", (needed, "r")), resource(needed, "r", "bad")
    replies = wire.offer(resource(LISTENER, "k"), new, bad)
    (reply,) = wire.nack(needed, wire.nonces[-1]) or [Reply("")]
    assert len(replies) == 2
    assert reply == (Reply("LDS", "k=1") if variant is SotwWire else Reply("LDS", "", "l"))
    assert served(wire, LISTENER) == {"k": "1"}
    assert wire.stream.deadline is not None  # it is tried again


@both
@pytest.mark.parametrize("needed", [ROUTE, SECRET, EXTENSION], ids=["RDS", "SDS", "ECDS"])
def test_a_listener_that_works_stays_as_it_is_and_is_not_put_at_risk_by_a_retry(variant: Variant, needed: str) -> None:
    """Envoy accepts the new one before it asks for what it needs, and puts it in service when it rejects that."""
    old, x = referring(LISTENER, "l", "needs x", (needed, "x")), resource(needed, "x")
    wire = connected(variant, old, x)
    wire.offer(referring(LISTENER, "l", "needs y", (needed, "y")), resource(needed, "y", "bad"), x)
    assert wire.ack(LISTENER, wire.nonces[-2]) == []
    replies = wire.nack(needed)
    assert replies[0] == Reply("LDS", "l=needs x")
    assert served(wire, LISTENER) == {"l": "needs x"}
    assert "x" in served(wire, needed)
    assert wire.stream.deadline is None
    answer(wire, replies)
    assert Reply("LDS", "l=needs y") in wire._replies(wire.stream.retry(wire.now))  # but whoever says so shall have it


@both
def test_a_listener_stays_with_its_cluster_too(variant: Variant) -> None:
    """A TCP listener names its cluster itself."""
    wire = connected(variant, *cluster("x"), referring(LISTENER, "l", "to x", (CLUSTER, "x")), route("r", "1"))
    new = [*cluster("y"), referring(LISTENER, "l", "to y", (CLUSTER, "y")), route("r", "1")]
    replies = wire.offer(*new)
    answer(wire, replies, CDS=Y_IS_BAD)
    assert served(wire, LISTENER) == {"l": "to x"}
    assert served(wire, CLUSTER) == {"x": "1"}


@both
def test_a_cluster_that_needs_a_rejected_secret_stays_and_what_names_a_new_one_too(variant: Variant) -> None:
    wire = connected(
        variant, referring(CLUSTER, "x", "old", (SECRET, "s")), resource(SECRET, "s"), route("r", "to x", "x")
    )
    wire.offer(
        referring(CLUSTER, "x", "new", (SECRET, "e")),
        referring(CLUSTER, "y", "new", (SECRET, "e")),
        resource(SECRET, "s"),
        resource(SECRET, "e", "bad"),
        route("r", "to y", "y"),
    )
    wire.nack(SECRET)
    assert served(wire, CLUSTER) == {"x": "old"}
    assert served(wire, ROUTE) == {"r": "to x"}


@both
def test_what_is_held_back_survives_a_new_stream(variant: Variant) -> None:
    quarantine = Quarantine()
    wire = connected(variant, *cluster("x"), route("r", "to x", "x"), quarantine=quarantine)
    new = [*cluster("y"), route("r", "to y", "y")]
    answer(wire, wire.offer(*new), CDS=Y_IS_BAD)
    again = connected(variant, *new, quarantine=quarantine)
    assert (served(again, CLUSTER), served(again, ROUTE)) == ({"x": "1"}, {"r": "to x"})
