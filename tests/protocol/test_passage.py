"""Make before break (rules 61 to 63): new clusters before the routes that name them, old ones until no route does."""

from __future__ import annotations

import pytest

from tests.protocol.client import resource
from tests.protocol.wire import DeltaWire, Reply, SotwWire
from translators.resources import CLUSTER, ENDPOINT, EXTENSION, LISTENER, ROUTE, SECRET, SHORT, TYPES, Resource
from xds_server.protocol.passage import AWAY_PATIENCE, CLUSTER_PATIENCE, REMOVAL_PATIENCE

both = pytest.mark.parametrize("variant", [SotwWire, DeltaWire], ids=["sotw", "delta"])
Variant = type[SotwWire] | type[DeltaWire]
Connected = SotwWire | DeltaWire


def to(*clusters: str) -> list[Resource]:
    """Clusters with their endpoints, and one route that names them all."""
    body = f"r;{'+'.join(clusters)};;;".encode()
    route = Resource(ROUTE, "r", body, (), refs=tuple((CLUSTER, name) for name in clusters))
    parts = (resource(type_url, name) for name in clusters for type_url in (CLUSTER, ENDPOINT))
    return [*parts, resource(LISTENER, "l"), route]


def connected(variant: Variant, *resources: Resource) -> Connected:
    wire = variant().holding(*resources)
    assert isinstance(wire, SotwWire | DeltaWire)
    for type_url in TYPES:
        if type_url in (CLUSTER, LISTENER):
            wire.ask(type_url)
        else:
            wire.want(type_url, "x", "y", "z", "r")
        wire.ack(type_url)
    return wire


def types_of(replies: list[Reply]) -> list[str]:
    return [reply.type for reply in replies]


def nonce_of(wire: Connected, replies: list[Reply], short: str) -> str:
    """The nonce of the response of a type among the newest replies."""
    return wire.nonces[-len(replies) :][types_of(replies).index(short)]


def wake(wire: Connected, after: float) -> list[Reply]:
    assert wire.stream.deadline is not None
    assert wire.stream.wake(wire.stream.deadline - 0.001).responses == ()
    assert wire.stream.deadline <= wire.now - 1.0 + after
    return wire._replies(wire.stream.wake(wire.stream.deadline))


@both
def test_rule_63_a_route_waits_for_the_ack_of_its_new_cluster(variant: Variant) -> None:
    wire = connected(variant, *to("x"))
    replies = wire.offer(*to("x", "y"))
    assert types_of(replies) == ["CDS", "EDS"]
    assert wire.ack(ENDPOINT, nonce_of(wire, replies, "EDS")) == []
    assert wire.ack(CLUSTER, nonce_of(wire, replies, "CDS")) == [Reply("RDS", "r=x+y")]
    assert wire.stream.deadline is None


@both
def test_rule_63_not_for_longer_than_two_seconds(variant: Variant) -> None:
    wire = connected(variant, *to("x"))
    replies = wire.offer(*to("x", "y"))
    wire.ack(ENDPOINT, nonce_of(wire, replies, "EDS"))
    assert wake(wire, CLUSTER_PATIENCE) == [Reply("RDS", "r=x+y")]
    assert wire.stream.deadline is None


@both
def test_a_client_that_says_nothing_has_not_read_the_cluster_and_is_not_sent_its_routes(variant: Variant) -> None:
    """It is frozen, or nothing gets through: Envoy asks for the endpoints of a new cluster when it reads of it."""
    wire = connected(variant, *to("x"))
    replies = wire.offer(*to("x", "y"))
    assert wake(wire, CLUSTER_PATIENCE) == []
    assert wake(wire, 2 * CLUSTER_PATIENCE) == []
    assert wire.ack(ENDPOINT, nonce_of(wire, replies, "EDS")) == []
    assert wake(wire, 3 * CLUSTER_PATIENCE) == [Reply("RDS", "r=x+y")]


@both
def test_a_client_that_never_says_anything_is_sent_them_in_the_end(variant: Variant) -> None:
    wire = connected(variant, *to("x"))
    began = wire.now
    wire.offer(*to("x", "y"))
    last = 0.0
    while (deadline := wire.stream.deadline) is not None:
        last = deadline
        assert last <= began + AWAY_PATIENCE + CLUSTER_PATIENCE
        replies = wire._replies(wire.stream.wake(last))
        assert replies == ([] if wire.stream.deadline is not None else [Reply("RDS", "r=x+y")])
    assert last >= began + AWAY_PATIENCE


@both
def test_rule_63_a_rejected_cluster_does_not_hold_routes_hostage(variant: Variant) -> None:
    """Nor does what could do without it: the route that names it stays as it was, and any other goes out."""
    wire = connected(variant, *to("x"))
    other = resource(ROUTE, "z")
    replies = wire.offer(*to("x", "y"), other)
    assert types_of(replies) == ["CDS", "EDS"]
    assert wire.nack(CLUSTER, nonce_of(wire, replies, "CDS"), "y is bad") == [Reply("RDS", "z=1")]
    assert wire.stream.deadline is not None
    assert wire.offer(*to("x", "y"), resource(ROUTE, "z", "2")) == [Reply("RDS", "z=2")]


@both
def test_rule_62_a_cluster_stays_until_the_route_without_it_is_accepted(variant: Variant) -> None:
    wire = connected(variant, *to("x", "y"))
    replies = wire.offer(*to("x"))
    assert types_of(replies) == ["RDS"]
    gone = wire.ack(ROUTE, nonce_of(wire, replies, "RDS"))
    assert gone[0] == (Reply("CDS", "", "y") if variant is DeltaWire else Reply("CDS", "x=1"))


@both
def test_rule_62_a_client_that_never_answers_does_not_keep_it_for_ever(variant: Variant) -> None:
    wire = connected(variant, *to("x", "y"))
    wire.offer(*to("x"))
    assert types_of(wake(wire, REMOVAL_PATIENCE))[0] == "CDS"


@both
def test_rule_62_a_newer_snapshot_does_not_cut_the_wait_short(variant: Variant) -> None:
    wire = connected(variant, *to("x", "y"))
    replies = wire.offer(*to("x"))
    awaited, deadline = nonce_of(wire, replies, "RDS"), wire.stream.deadline
    others = [resource(ENDPOINT, "x", "moved") if r.name == "x" and r.type_url == ENDPOINT else r for r in to("x")]
    assert types_of(wire.offer(*others)) == ["EDS"]
    assert wire.stream.deadline == deadline
    assert types_of(wire.ack(ROUTE, awaited))[0] == "CDS"


@both
def test_rule_62_one_cluster_takes_the_place_of_another(variant: Variant) -> None:
    wire = connected(variant, *to("x"))
    first = wire.offer(*to("y"))
    assert types_of(first) == ["CDS", "EDS"]
    assert "y=1" in first[0].resources
    assert first[0].removed == ""
    second = wire.ack(CLUSTER, nonce_of(wire, first, "CDS"))
    assert second == [Reply("RDS", "r=y")]
    third = wire.ack(ROUTE, nonce_of(wire, second, "RDS"))
    assert types_of(third)[0] == "CDS"
    assert "x" not in third[0].resources


@both
def test_a_newer_snapshot_does_not_begin_the_wait_anew(variant: Variant) -> None:
    wire = connected(variant, *to("x"))
    replies = wire.offer(*to("x", "y"))
    deadline = wire.stream.deadline
    assert wire.offer(*to("y", "x")) == []
    assert wire.stream.deadline == deadline
    wire.ack(ENDPOINT, nonce_of(wire, replies, "EDS"))
    assert wake(wire, CLUSTER_PATIENCE) == [Reply("RDS", "r=y+x")]


@both
def test_what_names_no_new_cluster_does_not_wait(variant: Variant) -> None:
    wire = connected(variant, *to("x", "y"))
    assert wire.offer(*to("y", "x")) == [Reply("RDS", "r=y+x")]
    assert wire.stream.deadline is None


def referring(type_url: str, name: str, content: str, *refs: tuple[str, str]) -> Resource:
    return Resource(type_url, name, resource(type_url, name, content).body, (), refs=refs)


@both
def test_rule_63_a_tcp_listener_waits_for_its_new_cluster(variant: Variant) -> None:
    """Nor does it take a client that asks for routes."""
    wire = variant()
    wire.holding(resource(CLUSTER, "x"), referring(LISTENER, "l", "to x", (CLUSTER, "x")))
    for type_url in (CLUSTER, LISTENER):
        wire.ask(type_url)
        wire.ack(type_url)
    (first,) = wire.offer(resource(CLUSTER, "y"), referring(LISTENER, "l", "to y", (CLUSTER, "y")))
    assert first == Reply("CDS", "x=1 y=1" if variant is SotwWire else "y=1")
    assert wire.ack(CLUSTER) == [Reply("LDS", "l=to y")]
    assert types_of(wire.ack(LISTENER)) == ["CDS"]


@both
def test_rule_62_a_cluster_stays_until_the_tcp_listener_is_gone(variant: Variant) -> None:
    wire = connected(variant, resource(CLUSTER, "x"), referring(LISTENER, "l", "to x", (CLUSTER, "x")))
    assert types_of(wire.offer()) == ["LDS"]
    assert types_of(wire.ack(LISTENER)) == ["CDS"]


@both
@pytest.mark.parametrize("parent", [LISTENER, CLUSTER], ids=["LDS", "CDS"])
def test_a_secret_stays_until_nothing_refers_to_it(variant: Variant, parent: str) -> None:
    old = [referring(parent, "p", "needs x", (SECRET, "x")), resource(SECRET, "x"), resource(SECRET, "y")]
    wire = connected(variant, *old)
    replies = wire.offer(referring(parent, "p", "needs y", (SECRET, "y")), resource(SECRET, "y"))
    assert all(reply.removed == "" for reply in replies)
    assert wire.stream.deadline is not None
    after = wire.ack(parent, nonce_of(wire, replies, SHORT[parent]))
    assert after == ([] if variant is SotwWire else [Reply("SDS", "", "x")])  # SotW has no word for it
    assert wire.stream.deadline is None


def test_a_route_configuration_stays_until_its_listener_has_moved() -> None:
    wire = connected(DeltaWire, referring(LISTENER, "l", "to x", (ROUTE, "x")), resource(ROUTE, "x"))
    replies = wire.offer(referring(LISTENER, "l", "to y", (ROUTE, "y")), resource(ROUTE, "y"))
    assert replies == [Reply("LDS", "l=to y"), Reply("RDS", "y=1")]
    assert wire.ack(LISTENER, wire.nonces[-2]) == [Reply("RDS", "", "x")]


def test_a_listener_goes_with_its_routes_before_their_cluster() -> None:
    resources = [*to("x")[:2], referring(LISTENER, "l", "1", (ROUTE, "r")), to("x")[-1]]
    wire = connected(DeltaWire, *resources)
    assert wire.offer() == [Reply("LDS", "", "l")]
    assert wire.ack(LISTENER) == [Reply("RDS", "", "r"), Reply("CDS", "", "x"), Reply("EDS", "", "x")]


@both
def test_a_filter_by_ecds_is_still_served_while_its_listener_may_ask_for_it(variant: Variant) -> None:
    wire = connected(variant, referring(LISTENER, "l", "1", (EXTENSION, "x")), resource(EXTENSION, "x"))
    assert types_of(wire.offer(resource(LISTENER, "l", "2"))) == ["LDS"]
    wire.want(EXTENSION) if isinstance(wire, SotwWire) else wire.ask(EXTENSION, off=["x"])
    assert wire.want(EXTENSION, "x") == [Reply("ECDS", "x=1")]
    assert wire.ack(LISTENER, wire.nonces[-2]) == []
    wire.want(EXTENSION) if isinstance(wire, SotwWire) else wire.ask(EXTENSION, off=["x"])
    assert wire.want(EXTENSION, "x") == []


@both
def test_rule_63_routes_wait_for_the_trials_of_their_clusters(variant: Variant) -> None:
    """A NACK that names nobody says nothing about the new cluster: a half at a time is tried, and the route waits."""
    wire = connected(variant, *to("x"))
    replies = wire.offer(*to("x", "y", "z"))
    trial = wire.nack(CLUSTER, nonce_of(wire, replies, "CDS"), "who knows")
    assert types_of(trial) == ["CDS", "EDS"]
    trial = wire.ack(CLUSTER, wire.nonces[-2])
    assert types_of(trial) == ["CDS", "EDS"]
    assert types_of(wire.ack(CLUSTER, wire.nonces[-2])) == ["RDS"]


def by_name(*resources: Resource) -> SotwWire:
    """A gRPC client: it asks for clusters by name, those of its routes."""
    wire = SotwWire()
    wire.holding(*resources)
    for type_url, names in ((LISTENER, "l"), (ROUTE, "r"), (CLUSTER, "x"), (ENDPOINT, "x")):
        wire.ask(type_url, names)
        wire.ack(type_url)
    return wire


def test_a_cluster_stays_for_as_long_as_a_client_asks_for_it_by_name() -> None:
    """An RPC that began with the old routes may still go there, and would fail if the cluster were said to be gone."""
    wire = by_name(*to("x"))
    assert wire.offer(*to("y")) == [Reply("RDS", "r=y")]
    assert wire.ack(ROUTE) == []
    assert wire.want(CLUSTER, "x", "y") == [Reply("CDS", "x=1 y=1")]
    assert wire.ack(CLUSTER) == []
    assert wire.want(CLUSTER, "y") == []
    assert wire.stream.deadline is None
    assert wire.want(CLUSTER, "x", "y") == [Reply("CDS", "y=1")]


def test_a_cluster_that_a_client_asks_for_by_name_does_not_stay_for_ever() -> None:
    wire = by_name(*to("x"))
    wire.offer(*to("y"))
    wire.ack(ROUTE)
    assert wake(wire, REMOVAL_PATIENCE) == [Reply("CDS", "")]
    assert wire.stream.deadline is None
