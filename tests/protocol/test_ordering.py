"""The conformance checklist, section 1C: what follows what within a push. Test ids carry the rule's number."""

from __future__ import annotations

import pytest

from tests.protocol.client import resource
from tests.protocol.wire import DeltaWire, Reply, SotwWire
from translators.resources import CLUSTER, ENDPOINT, LISTENER, ROUTE, SECRET, TYPES, Resource

both = pytest.mark.parametrize("variant", [SotwWire, DeltaWire], ids=["sotw", "delta"])
Variant = type[SotwWire] | type[DeltaWire]


def _connected(variant: Variant, *resources: Resource) -> SotwWire | DeltaWire:
    """A client that wants everything there is, and has it."""
    wire = variant()
    wire.holding(*resources)
    for type_url in TYPES:
        if type_url in (CLUSTER, LISTENER):
            wire.ask(type_url)
        else:
            wire.want(type_url, *sorted({"x", "y", "a", "b", *(r.name for r in resources if r.type_url == type_url)}))
        wire.ack(type_url)
    return wire


@both
def test_rule_61_the_order_of_types(variant: Variant) -> None:
    wire = _connected(variant)
    replies = wire.offer(*(resource(type_url, "a") for type_url in reversed(TYPES)))
    assert [reply.type for reply in replies] == ["CDS", "EDS", "LDS", "RDS", "SDS", "ECDS"]


@both
def test_rule_61_the_order_of_first_answers(variant: Variant) -> None:
    wire = variant()
    for type_url in reversed(TYPES):
        wire.want(type_url, "a")
    replies = wire.offer(*(resource(type_url, "a") for type_url in TYPES))
    assert [reply.type for reply in replies] == ["CDS", "EDS", "LDS", "RDS", "SDS", "ECDS"]


def _named(name: str, route: str) -> list[Resource]:
    return [resource(CLUSTER, name), resource(ENDPOINT, name), resource(LISTENER, "l"), resource(ROUTE, "a", route)]


def test_rule_62_a_cluster_that_replaces_another_in_sotw() -> None:
    wire = _connected(SotwWire, *_named("x", "to x"))
    assert wire.offer(*_named("y", "to y")) == [
        Reply("CDS", "x=1 y=1"),
        Reply("EDS", "y=1"),
        Reply("RDS", "a=to y"),
        Reply("CDS", "y=1"),
    ]
    assert wire.versions[-4] != wire.versions[-1]


def test_rule_62_a_cluster_that_replaces_another_in_delta() -> None:
    wire = _connected(DeltaWire, *_named("x", "to x"))
    assert wire.offer(*_named("y", "to y")) == [
        Reply("CDS", "y=1"),
        Reply("EDS", "y=1"),
        Reply("RDS", "a=to y"),
        Reply("CDS", "", "x"),
        Reply("EDS", "", "x"),
    ]


def test_rule_61_removals_come_last_and_referrers_first() -> None:
    everything = [resource(type_url, "x") for type_url in TYPES]
    wire = _connected(DeltaWire, *everything)
    replies = wire.offer(resource(ROUTE, "a"))
    assert replies == [
        Reply("RDS", "a=1"),
        *(Reply(kind, "", "x") for kind in ("LDS", "RDS", "CDS", "EDS", "SDS")),
    ]
    wire_sotw = _connected(SotwWire, *everything)
    assert wire_sotw.offer(resource(ROUTE, "a")) == [Reply("RDS", "a=1"), Reply("LDS"), Reply("CDS")]


def test_rule_62_sotw_a_modified_cluster_beside_one_that_goes() -> None:
    wire = _connected(SotwWire, resource(CLUSTER, "x"), resource(CLUSTER, "y"))
    assert wire.offer(resource(CLUSTER, "x", "2")) == [Reply("CDS", "x=2 y=1"), Reply("EDS", "x="), Reply("CDS", "x=2")]


@both
def test_rule_70_a_new_listener_may_need_the_address_of_one_that_goes(variant: Variant) -> None:
    wire = _connected(variant, resource(LISTENER, "x"), resource(ROUTE, "a"))
    replies = wire.offer(resource(LISTENER, "y"), resource(ROUTE, "a", "2"))
    removed = "" if variant is SotwWire else "x"
    assert replies == [Reply("LDS", "y=1", removed), Reply("RDS", "a=2")]


@both
def test_rule_54_endpoints_are_answered_before_and_without_clusters(variant: Variant) -> None:
    wire = variant()
    wire.holding(resource(CLUSTER, "x"), resource(ENDPOINT, "x"))
    assert wire.want(ENDPOINT, "x") == [Reply("EDS", "x=1")]


@both
def test_rule_63_64_endpoints_do_not_wait_for_the_ack_of_clusters(variant: Variant) -> None:
    wire = variant()
    wire.holding(resource(CLUSTER, "x"), resource(ENDPOINT, "x"))
    assert wire.ask(CLUSTER) == [Reply("CDS", "x=1")]
    assert wire.want(ENDPOINT, "x") == [Reply("EDS", "x=1")]
    assert wire.ack(CLUSTER, wire.nonces[0]) == []


@both
def test_rule_55_endpoints_follow_their_modified_cluster(variant: Variant) -> None:
    x, y = resource(CLUSTER, "x"), resource(CLUSTER, "y")
    endpoints = [resource(ENDPOINT, "x"), resource(ENDPOINT, "y")]
    wire = _connected(variant, x, y, *endpoints)
    clusters, assignments = wire.offer(resource(CLUSTER, "x", "2"), y, *endpoints)
    assert clusters.resources == ("x=2 y=1" if variant is SotwWire else "x=2")
    assert assignments == Reply("EDS", "x=1")
    assert wire.ack(ENDPOINT) == []


def test_rule_47_and_55_endpoints_that_go_as_their_cluster_changes_are_removed_once() -> None:
    wire = _connected(DeltaWire, *_named("x", "r"), resource(ENDPOINT, "a"))
    rest = _named("x", "r")[2:]
    assert wire.offer(resource(CLUSTER, "x", "2"), *rest) == [
        Reply("CDS", "x=2"),
        Reply("EDS", "", "x"),  # at once: the cluster waits for it
        Reply("EDS", "", "a"),
    ]


@both
def test_rule_55_endpoints_and_cluster_change_together(variant: Variant) -> None:
    wire = _connected(variant, resource(CLUSTER, "x"), resource(ENDPOINT, "x"), resource(ENDPOINT, "y"))
    replies = wire.offer(resource(CLUSTER, "x", "2"), resource(ENDPOINT, "x", "2"), resource(ENDPOINT, "y", "2"))
    assert replies == [Reply("CDS", "x=2"), Reply("EDS", "x=2 y=2")]


@both
def test_rule_55_endpoints_of_another_name(variant: Variant) -> None:
    shared = resource(ENDPOINT, "a")
    x = Resource(CLUSTER, "x", resource(CLUSTER, "x").body, (), refs=((ENDPOINT, "a"),))
    wire = _connected(variant, shared)
    replies = wire.offer(x, shared)
    missing = {SotwWire: Reply("EDS", "a=1 x="), DeltaWire: Reply("EDS", "a=1", "x")}
    assert replies == [Reply("CDS", "x=1"), missing[variant]]


def test_rule_46_and_55_endpoints_that_are_missing_after_their_cluster_came() -> None:
    wire = _connected(DeltaWire)
    assert wire.offer(resource(CLUSTER, "x")) == [Reply("CDS", "x=1"), Reply("EDS", "", "x")]


@both
def test_rule_55_clusters_whose_endpoints_nobody_asked_for(variant: Variant) -> None:
    wire = variant()
    wire.holding()
    wire.ask(CLUSTER)
    assert wire.offer(resource(CLUSTER, "x"), resource(ENDPOINT, "x")) == [Reply("CDS", "x=1")]


@both
def test_rule_66_endpoints_that_came_before_their_cluster_come_again(variant: Variant) -> None:
    wire = variant()
    wire.holding(resource(CLUSTER, "x"), resource(ENDPOINT, "x"), resource(ENDPOINT, "z"))
    assert wire.want(ENDPOINT, "x", "z") == [Reply("EDS", "x=1 z=1")]
    assert wire.ask(CLUSTER) == [Reply("CDS", "x=1"), Reply("EDS", "x=1")]


def test_rule_66_but_not_if_the_clusters_were_resumed() -> None:
    x = resource(CLUSTER, "x")
    wire = DeltaWire()
    wire.holding(x, resource(ENDPOINT, "x"))
    assert wire.want(ENDPOINT, "x") == [Reply("EDS", "x=1")]
    assert wire.ask(CLUSTER, held={"x": x.version}) == [Reply("CDS")]


@both
def test_section_0_item_3_secrets_follow_the_listener_that_changed(variant: Variant) -> None:
    secrets = [resource(SECRET, "a"), resource(SECRET, "b")]
    wire = _connected(variant, resource(LISTENER, "l", secrets=["a"]), *secrets)
    replies = wire.offer(resource(LISTENER, "l", "2", secrets=["a"]), *secrets)
    assert replies == [Reply("LDS", "l=2"), Reply("SDS", "a=1")]


@both
def test_section_0_item_3_secrets_follow_the_cluster_that_changed(variant: Variant) -> None:
    secrets = [resource(SECRET, "a"), resource(SECRET, "b")]
    wire = _connected(variant, *secrets)
    replies = wire.offer(resource(CLUSTER, "q", secrets=["b"]), *secrets)
    assert [reply for reply in replies if reply.type == "SDS"] == [Reply("SDS", "b=1")]


@both
def test_routes_do_not_follow_their_listener(variant: Variant) -> None:
    wire = _connected(variant, resource(LISTENER, "l", routes=["a"]), resource(ROUTE, "a"))
    assert wire.offer(resource(LISTENER, "l", "2", routes=["a"]), resource(ROUTE, "a")) == [Reply("LDS", "l=2")]


@both
def test_rule_55_after_a_rejected_clusters_response_its_endpoints_come_again(variant: Variant) -> None:
    clusters = [resource(CLUSTER, "x"), resource(CLUSTER, "y")]
    endpoints = [resource(ENDPOINT, "x"), resource(ENDPOINT, "y")]
    wire = variant()
    wire.holding(*clusters, *endpoints)
    wire.ask(CLUSTER)
    wire.want(ENDPOINT, "x", "y")
    wire.ack(ENDPOINT)
    assert wire.nack(CLUSTER, wire.nonces[0], "not saying what") == [Reply("CDS", "x=1"), Reply("EDS", "x=1")]
    both_of_them = "x=1 y=1" if variant is SotwWire else "y=1"
    assert wire.ack(CLUSTER, wire.nonces[-2]) == [Reply("CDS", both_of_them), Reply("EDS", "y=1")]
