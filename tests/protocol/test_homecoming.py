"""Make before break for a client that comes back: what it has is from another stream, or from another server."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.protocol.client import resource
from tests.protocol.snapshots import snapshot
from tests.protocol.test_passage import to, types_of
from tests.protocol.wire import DeltaWire, Reply, SotwWire
from translators.resources import CLUSTER, ENDPOINT, LISTENER, ROUTE, Resource
from xds_server.protocol import Encoder
from xds_server.protocol.passage import CLUSTER_PATIENCE, HOME_PATIENCE

Home = Callable[..., tuple[SotwWire | DeltaWire, list[Reply]]]


def delta_home(*resources: Resource, before: list[Resource], names: tuple[str, ...]) -> tuple[DeltaWire, list[Reply]]:
    """Return a client that had `before`, asks for clusters and for endpoints of `names`, and what it was answered."""
    wire = DeltaWire()
    wire.holding(*resources)
    held = {one.name: one.version for one in before if one.type_url == CLUSTER}
    answer = wire.ask(CLUSTER, held=held)
    return wire, answer + wire.ask(ENDPOINT, *names)


def sotw_home(*resources: Resource, before: list[Resource], names: tuple[str, ...]) -> tuple[SotwWire, list[Reply]]:
    earlier = SotwWire()
    earlier.holding(*before)
    earlier.ask(CLUSTER)
    wire = SotwWire(encoder=earlier.encoder)
    wire.holding(*resources)
    answer = wire.ask(CLUSTER, version=earlier.versions[-1])
    return wire, answer + wire.ask(ENDPOINT, *names, version="e")


both = pytest.mark.parametrize("home", [sotw_home, delta_home], ids=["sotw", "delta"])


def ask_for_routes(wire: SotwWire | DeltaWire) -> list[Reply]:
    return [*wire.ask(LISTENER), *wire.ask(ROUTE, "r")]


def later(wire: SotwWire | DeltaWire, patience: float) -> list[Reply]:
    deadline = wire.stream.deadline
    assert deadline is not None
    assert deadline <= wire.now + patience
    assert wire.stream.wake(deadline - 0.001).responses == ()
    return wire._replies(wire.stream.wake(deadline))


@both
def test_rule_62_a_cluster_that_is_gone_stays_until_the_routes_are_accepted(home: Home) -> None:
    wire, answers = home(*to("y"), before=to("x"), names=("x", "y"))
    clusters = wire.nonces[0]
    assert types_of(answers) == ["CDS", "EDS"]
    assert answers[0] == (Reply("CDS", "y=1") if isinstance(wire, DeltaWire) else Reply("CDS", "x=1 y=1"))
    assert "x=" not in answers[1].resources, "its endpoints are those that the client has"
    assert ask_for_routes(wire) == [], "they wait for the new cluster"
    assert types_of(wire.ack(CLUSTER, clusters)) == ["LDS", "RDS"]
    listeners, routes = wire.nonces[-2:]
    assert wire.ack(LISTENER, listeners) == []
    gone = wire.ack(ROUTE, routes)
    assert gone == ([Reply("CDS", "", "x")] if isinstance(wire, DeltaWire) else [Reply("CDS", "y=1")])
    assert wire.stream.deadline is None


@both
def test_rule_63_a_route_waits_for_its_new_cluster_but_not_for_long(home: Home) -> None:
    wire, _ = home(*to("x", "y"), before=to("x"), names=("x", "y"))
    assert ask_for_routes(wire) == []
    assert types_of(later(wire, CLUSTER_PATIENCE)) == ["LDS", "RDS"]
    assert wire.stream.deadline is None


@both
def test_a_client_without_routes_keeps_what_is_gone_for_a_moment(home: Home) -> None:
    wire, _ = home(*to("x"), before=to("x", "y"), names=("x",))
    wire.ack(CLUSTER, wire.nonces[0])
    (gone,) = later(wire, HOME_PATIENCE)
    assert gone == (Reply("CDS", "", "y") if isinstance(wire, DeltaWire) else Reply("CDS", "x=1"))


@both
def test_nobody_waits_if_no_cluster_comes_or_goes(home: Home) -> None:
    before = [resource(CLUSTER, "x", "old"), *to("x")[1:]]
    wire, _ = home(*to("x"), before=before, names=("x",))
    assert types_of(ask_for_routes(wire)) == ["LDS", "RDS"]
    assert wire.stream.deadline is None


@both
def test_what_is_offered_meanwhile_comes_afterwards(home: Home) -> None:
    wire, _ = home(*to("y"), before=to("x"), names=("x", "y"))
    clusters = wire.nonces[0]
    assert wire.offer(*to("z")) == []
    ask_for_routes(wire)
    wire.ack(CLUSTER, clusters)
    listeners, routes = wire.nonces[-2:]
    wire.ack(LISTENER, listeners)
    first = wire.ack(ROUTE, routes)
    assert types_of(first)[0] == "CDS"
    assert "z=1" in first[0].resources
    assert first[0].removed == ""


@both
def test_the_first_snapshot_may_come_after_the_requests(home: Home) -> None:
    wire, _ = home(*to("y"), before=to("x"), names=("x", "y"))
    late = type(wire)(encoder=wire.encoder)
    if isinstance(late, DeltaWire):
        late.ask(CLUSTER, held={"x": resource(CLUSTER, "x").version})
    else:
        late.ask(CLUSTER, version=snapshot(*to("x"))[CLUSTER].version)
    assert ask_for_routes(late) == []
    assert types_of(late.offer(*to("y"))) == ["CDS"]
    assert types_of(late.ack(CLUSTER)) == ["LDS", "RDS"]


@pytest.mark.parametrize("kind", [SotwWire, DeltaWire])
@pytest.mark.parametrize("late", [False, True], ids=["", "before the first snapshot"])
@pytest.mark.parametrize("before", ["x", "y"])
def test_rule_62_routes_wait_for_a_client_that_asks_for_clusters_last(
    kind: type[SotwWire | DeltaWire], before: str, *, late: bool
) -> None:
    """So does an Envoy that comes back while one of its clusters is warming."""
    earlier = kind()
    earlier.holding(*to(before))
    earlier.ask(CLUSTER)
    wire = kind(encoder=earlier.encoder)
    if not late:
        wire.holding(*to("y"))
    asked = [*wire.ask(ENDPOINT, "x", "y"), *come_back(wire, LISTENER), *come_back(wire, ROUTE, "r")]
    if late:
        asked += wire.offer(*to("y"))
    assert types_of(asked) == ["EDS"]
    answers = come_back(wire, CLUSTER, **brought(earlier, before))
    clusters = wire.nonces[-len(answers)]
    assert types_of(answers)[0] == "CDS"
    assert types_of(wire.ack(CLUSTER, clusters)) == ["LDS", "RDS"]
    listeners, routes = wire.nonces[-2:]
    assert wire.ack(LISTENER, listeners) == []
    gone = wire.ack(ROUTE, routes)
    assert (gone == []) == (before == "y")
    assert wire.stream.deadline is None


def test_rule_54_what_is_gone_keeps_its_endpoints_until_its_routes_are_gone() -> None:
    """Of the clusters that such an Envoy asks for one is warming, and the others are in use."""
    earlier = SotwWire()
    earlier.holding(*to("x"))
    earlier.ask(CLUSTER)
    wire = SotwWire(encoder=earlier.encoder)
    wire.holding(*to("y"))
    (answer,) = wire.ask(ENDPOINT, "x", "y", "never")
    assert answer == Reply("EDS", "never= x=1 y=1")


@pytest.mark.parametrize("kind", [SotwWire, DeltaWire])
def test_rule_62_but_not_for_long(kind: type[SotwWire | DeltaWire]) -> None:
    wire = kind()
    wire.holding(*to("x"))
    wire.ask(ENDPOINT, "x")
    assert come_back(wire, LISTENER) == come_back(wire, ROUTE, "r") == []
    assert types_of(later(wire, CLUSTER_PATIENCE)) == ["LDS", "RDS"]
    assert types_of(come_back(wire, CLUSTER, **brought(wire, "x")))[0] == "CDS"


def come_back(wire: SotwWire | DeltaWire, type_url: str, *names: str, version: str = "v", **held: str) -> list[Reply]:
    if isinstance(wire, DeltaWire):
        return wire.ask(type_url, *names, held=held or dict.fromkeys(names, "v") or {"any": "v"})
    return wire.ask(type_url, *names, version=version)


def brought(wire: SotwWire | DeltaWire, name: str) -> dict[str, str]:
    if isinstance(wire, DeltaWire):
        return {name: resource(CLUSTER, name).version}
    return {"version": wire.versions[-1]}


def test_in_sotw_another_server_knows_nothing_of_what_is_gone_and_holds_nothing_back() -> None:
    wire = SotwWire(encoder=Encoder("another"))
    wire.holding(*to("y"))
    assert wire.ask(CLUSTER, version="of the server that is gone") == [Reply("CDS", "y=1")]
    assert types_of(ask_for_routes(wire)) == ["LDS", "RDS"]
