"""What go-control-plane's tests show of its server, as tables of ours: subscriptions, stale nonces, wildcards, caches.

https://github.com/envoyproxy/go-control-plane, pkg/server/stream/v3/subscription_test.go, pkg/server/v3/*_test.go and
pkg/cache/v3/linear_test.go. Where that server departs from the specification, the row says what the specification
wants. What is about its own Go interfaces (callbacks, cancelling a watch, TTL) has no counterpart here.
"""

from __future__ import annotations

import pytest

from tests.protocol.client import resource
from tests.protocol.wire import DeltaWire, Reply, SotwWire
from translators.resources import CLUSTER, ENDPOINT, EXTENSION, LISTENER, ROUTE, SECRET, SHORT, TYPES, Resource
from xds_server.protocol import Acked, Ignored
from xds_server.protocol.subscription import NAMED_ONLY, Subscription

PART = (ENDPOINT, ROUTE, SECRET, EXTENSION)

both = pytest.mark.parametrize("variant", [SotwWire, DeltaWire], ids=["sotw", "delta"])
each_type = pytest.mark.parametrize("type_url", TYPES, ids=list(SHORT.values()))
whole_types = pytest.mark.parametrize("type_url", [CLUSTER, LISTENER], ids=["CDS", "LDS"])
part_types = pytest.mark.parametrize("type_url", PART, ids=[SHORT[t] for t in PART])
Variant = type[SotwWire] | type[DeltaWire]

LEGACY, NONE = True, False
"""Whether a first request without names means everything; go-control-plane has an option, here the type decides."""

SOTW_SUBSCRIPTIONS = {
    "legacy": (LEGACY, ["", "", "", "resource", ""], ["*", "*", "*", "resource", ""]),
    "wildcard from the start": (
        LEGACY,
        ["*", "*", "* resource", "* other", "other", "", "*"],
        ["*", "*", "* resource", "* other", "other", "", "*"],
    ),
    "no legacy": (NONE, ["", "", "*"], ["", "", "*"]),
}

DELTA_SUBSCRIPTIONS = {
    "legacy": (LEGACY, ["/", "/", "resource/", "/resource"], ["*", "*", "* resource", "*"]),
    "wildcard": (
        LEGACY,
        ["*/", "/", "resource/", "other/resource", "resource/*", "/resource other", "resource/*", "*/", "/other"],
        ["*", "*", "* resource", "* other", "other resource", "", "resource", "* resource", "* resource"],
    ),
    "no legacy": (NONE, ["/", "/", "*/"], ["", "", "*"]),
}


def _state(subscription: Subscription) -> str:
    return " ".join([*(["*"] if subscription.wildcard else []), *sorted(subscription.names)])


@pytest.mark.parametrize(("legacy", "requests", "states"), SOTW_SUBSCRIPTIONS.values(), ids=list(SOTW_SUBSCRIPTIONS))
def test_rule_22_23_24_sotw_subscriptions(legacy: bool, requests: list[str], states: list[str]) -> None:
    subscription = Subscription(legacy=legacy)
    seen = []
    for request in requests:
        subscription.replace(request.split())
        seen.append(_state(subscription))
    assert seen == states


@pytest.mark.parametrize(("legacy", "requests", "states"), DELTA_SUBSCRIPTIONS.values(), ids=list(DELTA_SUBSCRIPTIONS))
def test_rule_43_44_delta_subscriptions(legacy: bool, requests: list[str], states: list[str]) -> None:
    subscription = Subscription(legacy=legacy)
    seen = []
    for request in requests:
        subscribe, _, unsubscribe = request.partition("/")
        subscription.update(subscribe.split(), unsubscribe.split())
        seen.append(_state(subscription))
    assert seen == states


@both
@each_type
def test_rule_22_the_type_decides_whether_no_names_are_everything(variant: Variant, type_url: str) -> None:
    wire = variant()
    wire.holding(resource(type_url, "a"))
    assert bool(wire.ask(type_url)) == (type_url not in NAMED_ONLY)


@pytest.mark.parametrize("first", ["", "*"], ids=["legacy", "explicit"])
@whole_types
def test_rule_42_a_name_that_leaves_the_wildcard_is_owed_an_answer(type_url: str, first: str) -> None:
    wire = DeltaWire()
    wire.holding(resource(type_url, "resource"))
    held = {"resource": resource(type_url, "resource").version}
    assert wire.ask(type_url, *first.split(), held=held) == [Reply(SHORT[type_url])]
    wire.ask(type_url, "resource")
    assert wire.ask(type_url, off=["resource"]) == [Reply(SHORT[type_url], "resource=1")]


@both
@each_type
def test_rule_8_a_stale_nonce_then_the_right_one(variant: Variant, type_url: str) -> None:
    wire = variant()
    wire.holding(resource(type_url, "a"))
    wire.want(type_url, "a")
    assert wire.ack(type_url, "xyz") == []
    assert wire.ack(type_url) == []
    assert [type(event) for event in wire.events[-2:]] == [Ignored, Acked]


@both
def test_rule_1_every_type_on_one_stream_gets_its_response(variant: Variant) -> None:
    wire = variant()
    wire.holding(*(resource(type_url, "a") for type_url in TYPES))
    answered = [wire.ask(type_url, *(() if type_url in (CLUSTER, LISTENER) else ("a",))) for type_url in (
        LISTENER, CLUSTER, ENDPOINT, ROUTE, SECRET)]  # fmt: skip
    assert [[reply.type for reply in replies] for replies in answered] == [
        ["LDS"],
        ["CDS"],
        ["EDS"],
        ["RDS"],
        ["SDS"],
    ]


@both
@each_type
def test_rule_20_what_was_on_its_way_when_the_name_was_dropped_is_not_sent(variant: Variant, type_url: str) -> None:
    """Its name: drop a stale response after an unsubscribe. The change is offered after the name was dropped."""
    wire = variant()
    wire.holding(resource(type_url, "a"), resource(type_url, "b"))
    wire.want(type_url, "a", "b")
    if isinstance(wire, SotwWire):
        assert wire.want(type_url, "b") == []
    else:
        assert wire.ask(type_url, off=["a"]) == []
    assert wire.offer(resource(type_url, "a", "2"), resource(type_url, "b")) == []
    assert wire.offer(resource(type_url, "b")) == []


@both
def test_rule_29_ten_requests_for_two_types_that_nobody_serves(variant: Variant) -> None:
    wire = variant()
    wire.holding(resource(CLUSTER, "a"))
    for number in range(10):
        assert wire.ask(f"type.googleapis.com/opaque.Type{number % 2}", str(number)) == []
    assert wire.ask(CLUSTER) == [Reply("CDS", "a=1")]


def _port(type_url: str, port: str) -> list[Resource]:
    return [resource(type_url, f"e{number}", port) for number in range(4)]


def _all(port: str) -> str:
    return " ".join(f"e{number}={port}" for number in range(4))


@whole_types
def test_rule_43_wildcard_subscriptions_in_the_legacy_form(type_url: str) -> None:
    kind, wire = SHORT[type_url], DeltaWire()
    wire.holding(*_port(type_url, "1"))
    assert wire.ask(type_url) == [Reply(kind, _all("1"))]
    assert wire.offer(*_port(type_url, "2")) == [Reply(kind, _all("2"))]
    assert wire.ask(type_url, "e0") == [Reply(kind, "e0=2")]
    assert wire.ask(type_url, off=["*"]) == []
    assert wire.offer(*_port(type_url, "1")) == [Reply(kind, "e0=1")]


@each_type
def test_rule_44_wildcard_subscriptions_come_and_go(type_url: str) -> None:
    kind, wire = SHORT[type_url], DeltaWire()
    wire.holding(*_port(type_url, "1"))
    assert wire.ask(type_url, "e1") == [Reply(kind, "e1=1")]
    assert wire.offer(*_port(type_url, "2")) == [Reply(kind, "e1=2")]
    assert wire.ask(type_url, "*") == [Reply(kind, _all("2"))]
    assert wire.offer(*_port(type_url, "1")) == [Reply(kind, _all("1"))]
    assert wire.ask(type_url, "e2") == [Reply(kind, "e2=1")]
    assert wire.ask(type_url, off=["*"]) == []
    assert wire.offer(*_port(type_url, "2")) == [Reply(kind, "e1=2 e2=2")]


@each_type
def test_rule_42_names_under_the_wildcard_that_exist_or_not(type_url: str) -> None:
    kind, wire = SHORT[type_url], DeltaWire()
    wire.holding(*_port(type_url, "1"))
    assert wire.ask(type_url, "*") == [Reply(kind, _all("1"))]
    assert wire.offer(*_port(type_url, "2")) == [Reply(kind, _all("2"))]
    gone = "" if type_url == EXTENSION else "e4"  # a filter is never removed
    assert wire.ask(type_url, "e2", "e4") == [Reply(kind, "e2=2", gone)]
    assert wire.ask(type_url, off=["e2", "e4"]) == [Reply(kind, "e2=2", gone)]


@both
@whole_types
def test_rule_26_watches_before_there_is_anything(variant: Variant, type_url: str) -> None:
    """Its linear cache: one watch of a name, one of everything, and then the resource."""
    kind = SHORT[type_url]
    named, everything = variant(), variant()
    for wire, names in ((named, ("a",)), (everything, ())):
        wire.holding()
        wire.ask(type_url, *names)
    for wire in (named, everything):
        assert wire.offer(resource(type_url, "a")) == [Reply(kind, "a=1")]
    rest = [resource(type_url, "a", "2"), resource(type_url, "b")]
    assert named.offer(*rest) == [Reply(kind, "a=2")]
    assert everything.offer(*rest) == [Reply(kind, "a=2 b=1")]


@whole_types
def test_rule_16_deletion_of_a_whole_type(type_url: str) -> None:
    kind, wire = SHORT[type_url], SotwWire()
    wire.holding(resource(type_url, "a"), resource(type_url, "b"))
    wire.ask(type_url, "a")
    assert wire.offer(resource(type_url, "b")) == [Reply(kind, "")]
    assert wire.offer() == []


@both
@part_types
def test_rule_15_of_two_names_only_the_one_that_changed(variant: Variant, type_url: str) -> None:
    wire = variant()
    wire.holding(resource(type_url, "a"), resource(type_url, "b"))
    wire.want(type_url, "a", "b")
    assert wire.offer(resource(type_url, "a", "2"), resource(type_url, "b")) == [Reply(SHORT[type_url], "a=2")]


@each_type
def test_rule_50_initial_versions_save_what_is_still_the_same(type_url: str) -> None:
    """Its linear cache saves endpoints and secrets, too; rule 53 has the reason why we do not."""
    kind, wire = SHORT[type_url], DeltaWire()
    a, b = resource(type_url, "a"), resource(type_url, "b")
    wire.holding(a, b)
    replies = wire.ask(type_url, "a", "b", held={"a": a.version})
    assert replies == [Reply(kind, "a=1 b=1" if type_url in (ENDPOINT, SECRET, EXTENSION) else "b=1")]


@both
@each_type
def test_rule_19_a_name_that_is_new_comes_at_the_same_version(variant: Variant, type_url: str) -> None:
    """Its snapshot cache: a resource that was not requested before, at a version that the client has acknowledged."""
    wire = variant()
    wire.holding(resource(type_url, "a"), resource(type_url, "b"))
    wire.want(type_url, "a")
    wire.ack(type_url)
    (reply,) = wire.want(type_url, "a", "b") if variant is SotwWire else wire.want(type_url, "b")
    assert "b=1" in reply.resources
    assert wire.versions[0] == wire.versions[1]
