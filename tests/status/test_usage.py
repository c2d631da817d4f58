"""Who uses an object, and how far they are with it."""

from __future__ import annotations

from translators.model.meta import ObjectKey
from translators.model.proxy import ProxyView
from translators.resources import CLUSTER, LISTENER, ROUTE, Resource, ResourceSet, TypeSet
from xds_server.status.usage import Origins, Sight, Use, usage

GATEWAY = ObjectKey("Gateway", "default", "gateway")
RULE = ObjectKey("DestinationRule", "default", "echo")
ROUTES = ObjectKey("VirtualService", "default", "echo")
SERVICE = ObjectKey("Service", "default", "echo")


def served(**changes: str) -> ResourceSet:
    origins = {LISTENER: (GATEWAY,), ROUTE: (GATEWAY, ROUTES), CLUSTER: (SERVICE, RULE)}
    types = {t: TypeSet.of(t, [Resource(t, "one", changes.get("body", "1").encode(), o)]) for t, o in origins.items()}
    return ResourceSet(view=ProxyView(type="router", namespace="istio-system"), types=types)


ALL = served()
NOTHING = {type_url: frozenset[str]() for type_url in (LISTENER, ROUTE, CLUSTER)}
ONE = frozenset({"one"})


def test_each_proxy_that_was_sent_something_of_it() -> None:
    found = usage([Sight("a", ALL, NOTHING), Sight("b", ALL, {**NOTHING, ROUTE: ONE}), Sight("c", ALL, {})], Origins())
    assert found == {GATEWAY: Use(2, 1), ROUTES: Use(2, 1), RULE: Use(2, 2)}, "only of Istio's kinds"


def test_a_proxy_with_a_stream_for_each_type_is_one() -> None:
    streams = [Sight("a", ALL, {type_url: frozenset()}) for type_url in NOTHING]
    assert usage(streams, Origins()) == {GATEWAY: Use(1, 1), ROUTES: Use(1, 1), RULE: Use(1, 1)}
    late = [*streams[:2], Sight("a", ALL, {CLUSTER: ONE})]
    assert usage(late, Origins())[RULE] == Use(1, 0)


def test_what_was_rejected() -> None:
    sights = [Sight(name, ALL, {**NOTHING, LISTENER: ONE}, (((GATEWAY,), f"bad {name}"),)) for name in ("b", "a")]
    found = usage([*sights, Sight("c", ALL, NOTHING)], Origins())
    assert found[GATEWAY] == Use(3, 1, 2, "a: bad a")
    assert found[ROUTES] == Use(3, 3)


def test_origins_are_worked_out_once() -> None:
    origins = Origins()
    first = origins.of(ALL[ROUTE])
    origins.turn()
    assert origins.of(ALL[ROUTE]) is first
    origins.turn()
    origins.turn()
    assert origins.of(ALL[ROUTE]) == first


def test_replicas_are_added_up() -> None:
    assert Use(1, 1, 0, "") + Use(2, 1, 1, "x") == Use(3, 2, 1, "x")
