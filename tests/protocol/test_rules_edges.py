"""The conformance checklist: what clients may say besides, and what a server must not. Ids carry the rule's number."""

from __future__ import annotations

import pytest
from envoy.service.discovery.v3.discovery_pb2 import (
    DeltaDiscoveryRequest,
    DeltaDiscoveryResponse,
    DiscoveryRequest,
    DiscoveryResponse,
)

from tests.protocol.client import NODE, resource
from tests.protocol.wire import DeltaWire, Reply, SotwWire
from translators.resources import CLUSTER, ENDPOINT, EXTENSION, LISTENER, ROUTE, SECRET, SHORT, TYPES
from xds_server.protocol import Encoder, Ignored

WHOLE = (CLUSTER, LISTENER)
NAMED = (ENDPOINT, ROUTE, SECRET, EXTENSION)

both = pytest.mark.parametrize("variant", [SotwWire, DeltaWire], ids=["sotw", "delta"])
each_type = pytest.mark.parametrize("type_url", TYPES, ids=list(SHORT.values()))
named_types = pytest.mark.parametrize("type_url", NAMED, ids=[SHORT[t] for t in NAMED])
Variant = type[SotwWire] | type[DeltaWire]

OTHER_TYPES = {
    81: "type.googleapis.com/envoy.config.route.v3.VirtualHost",
    86: "type.googleapis.com/envoy.service.runtime.v3.Runtime",
    87: "type.googleapis.com/envoy.config.route.v3.ScopedRouteConfiguration",
}
"""Rule number to a type that is not served."""


@both
@each_type
def test_rule_3_and_34_and_111_versions_are_the_same_in_every_server(variant: Variant, type_url: str) -> None:
    """A proxy that comes to another replica, or back after a restart, finds the versions that it left with."""
    one, two = variant(encoder=Encoder("one", nonce_prefix="1-")), variant(encoder=Encoder("two", nonce_prefix="2-"))
    resources = [resource(type_url, name) for name in "abc"]
    one.holding(*resources)
    two.holding(*reversed(resources))
    for wire in (one, two):
        wire.want(type_url, "a", "b", "c")
    assert one.versions == two.versions
    assert one.nonces != two.nonces
    if isinstance(one, DeltaWire):
        of_resources = [
            [wrapped.version for wrapped in DeltaDiscoveryResponse.FromString(wire.payloads[0]).resources]
            for wire in (one, two)
        ]
        assert of_resources[0] == of_resources[1] == [r.version for r in resources]


@both
@each_type
def test_rule_17_and_48_what_is_due_for_several_reasons_comes_once(variant: Variant, type_url: str) -> None:
    """Changed, asked for again and rejected before: one response has it once."""
    wire = variant()
    wire.holding(resource(type_url, "a"), resource(type_url, "b"))
    wire.want(type_url, "a", "b")
    wire.nack(type_url, message="a is bad")
    names = ("b", "a") if variant is SotwWire else ("a", "b", "a")
    replies = wire.ask(type_url, *names, nonce=wire.nonce)
    replies += wire.offer(resource(type_url, "a", "2"), resource(type_url, "b", "2"))
    for reply in replies:
        assert len(set(reply.resources.split())) == len(reply.resources.split())
    assert replies[-1].resources == "a=2 b=2"


@both
@each_type
def test_rule_37_what_a_client_kept_when_it_rejected_another_version_need_not_come_again(
    variant: Variant, type_url: str
) -> None:
    """A resource that was rejected alone left the client with the one before, so the way back is quiet."""
    wire = variant()
    good = resource(type_url, "a", "good")
    wire.holding(good)
    wire.want(type_url, "a")
    wire.ack(type_url)
    wire.offer(resource(type_url, "a", "bad"))
    wire.nack(type_url, message="a is bad")
    assert wire.offer(good) == []
    assert wire.stream.status()[type_url].status == "SYNCED"


@both
def test_rule_49_what_refers_to_a_resource_goes_before_it(variant: Variant) -> None:
    """Envoy ignores the removal of routes and endpoints that are in use, and forgets their versions."""
    wire = variant()
    wire.holding(resource(LISTENER, "l", routes=["r"]), resource(ROUTE, "r", clusters=["c"]), resource(CLUSTER, "c"))
    wire.want(CLUSTER)
    wire.want(LISTENER)
    wire.want(ROUTE, "r")
    for type_url, nonce in zip((CLUSTER, LISTENER, ROUTE), wire.nonces, strict=True):
        wire.ack(type_url, nonce)
    replies = wire.offer()
    for nonce in wire.nonces[3:]:
        replies += wire.ack(LISTENER, nonce) + wire.ack(ROUTE, nonce)
    order = [reply.type for reply in replies]
    assert order == (["LDS", "CDS"] if variant is SotwWire else ["LDS", "RDS", "CDS"])


@both
def test_rule_69_routes_of_a_listener_that_drains_are_still_answered(variant: Variant) -> None:
    """Envoy keeps the subscription until the old listener has drained: ten minutes, by default."""
    listener, route = resource(LISTENER, "l", routes=["r"]), resource(ROUTE, "r")
    wire = variant()
    wire.holding(listener, route)
    wire.want(LISTENER)
    wire.want(ROUTE, "r")
    assert wire.offer(route)[0].type == "LDS"
    wire.ack(LISTENER)
    assert wire.offer(resource(ROUTE, "r", "2")) == [Reply("RDS", "r=2")]
    assert wire.ack(ROUTE) == []
    gone = wire.offer()
    assert gone == ([] if variant is SotwWire else [Reply("RDS", "", "r")])
    if gone:
        assert wire.ack(ROUTE) == []
    again = wire.want(ROUTE, "r")
    assert again == ([] if variant is SotwWire else [Reply("RDS", "", "r")])


@both
def test_rule_73_what_piled_up_comes_as_one(variant: Variant) -> None:
    """A stream that was not offered what came in between is sent the difference to what it holds, once."""
    wire = variant()
    wire.holding(resource(CLUSTER, "a"), resource(ENDPOINT, "a"))
    wire.ask(CLUSTER)
    wire.want(ENDPOINT, "a")
    skipped = SotwWire()
    for content in "23456":
        skipped.offer(resource(CLUSTER, "a", content), resource(ENDPOINT, "a", content))
    assert wire.offer_set(skipped.current) == [Reply("CDS", "a=6"), Reply("EDS", "a=6")]


@both
def test_rule_80_a_pseudo_type_before_everything_else(variant: Variant) -> None:
    """Istio's agent begins with the proxy's health; the message introduces the node all the same."""
    health = "type.googleapis.com/istio.v1.HealthInformation"
    wire = variant()
    wire.holding(resource(CLUSTER, "a"))
    assert wire.ask(health) == []
    assert wire.events[-1] == Ignored(type_url=health, reason="unknown type URL")
    request = (DiscoveryRequest if isinstance(wire, SotwWire) else DeltaDiscoveryRequest)(type_url=CLUSTER)
    assert wire.send_raw(request) == [Reply("CDS", "a=1")]  # type: ignore[arg-type] # it fits the variant


@both
@pytest.mark.parametrize("type_url", OTHER_TYPES.values(), ids=["VHDS", "RTDS", "SRDS"])
def test_rule_81_and_86_and_87_types_that_are_not_served(variant: Variant, type_url: str) -> None:
    wire = variant()
    wire.holding(resource(CLUSTER, "a"))
    assert wire.ask(type_url, "x") == []
    assert wire.ask(CLUSTER) == [Reply("CDS", "a=1")]
    assert wire.offer(resource(CLUSTER, "a", "2")) == [Reply("CDS", "a=2")]


@pytest.mark.parametrize("there", [True, False], ids=["exists", "missing"])
def test_rule_81_a_cluster_on_demand(there: bool) -> None:
    """Envoy asks for it by name on the stream of its wildcard, and fails the request at once if told that it is not."""
    wire = DeltaWire()
    wire.holding(resource(CLUSTER, "a"), *([resource(CLUSTER, "on-demand")] if there else []))
    wire.ask(CLUSTER)
    wire.ack(CLUSTER)
    assert wire.ask(CLUSTER, "on-demand") == [Reply("CDS", "on-demand=1") if there else Reply("CDS", "", "on-demand")]


@both
@each_type
def test_rule_82_there_is_no_time_to_live(variant: Variant, type_url: str) -> None:
    """Envoy 1.40 crashes when a SotW one expires; and a TTL without heartbeats takes configuration away."""
    wire = variant()
    wire.holding(resource(type_url, "a"))
    wire.want(type_url, "a")
    if isinstance(wire, DeltaWire):
        (wrapped,) = DeltaDiscoveryResponse.FromString(wire.payloads[0]).resources
        assert not wrapped.HasField("ttl")
        assert not wrapped.HasField("cache_control")
    else:
        (any_,) = DiscoveryResponse.FromString(wire.payloads[0]).resources
        assert any_.type_url == type_url  # and not a Resource, which could hold a TTL
    wire.ack(type_url)
    assert wire.stream.deadline is None  # nothing is sent again by itself


@both
@each_type
def test_rule_83_new_style_names_are_names_like_any_other(variant: Variant, type_url: str) -> None:
    name, glob = "xdstp://authority/envoy/a?a=1&b=2", "xdstp://authority/envoy/*"
    wire = variant()
    wire.holding(resource(type_url, name))
    (reply,) = wire.want(type_url, name, glob)
    if variant is SotwWire:
        # Endpoints that nobody knows are an empty assignment, where clusters come by another stream.
        assert reply.resources == (f"{glob}= {name}=1" if type_url == ENDPOINT else f"{name}=1")
    else:
        assert reply.removed == ("" if type_url == EXTENSION else glob)  # a filter is never removed
    assert wire.offer(resource(type_url, name, "2")) == [Reply(SHORT[type_url], f"{name}=2")]


@both
def test_rule_84_secrets_that_are_asked_for_one_after_the_other(variant: Variant) -> None:
    """Envoy names one more in each request, before it has seen any answer."""
    wire = variant()
    wire.holding(resource(SECRET, "default"), resource(SECRET, "ROOTCA"), resource(SECRET, "of somebody else"))
    assert wire.ask(SECRET, "default") == [Reply("SDS", "default=1")]
    names = ("ROOTCA", "default") if variant is SotwWire else ("ROOTCA",)
    assert wire.ask(SECRET, *names) == [Reply("SDS", "ROOTCA=1")]
    for nonce in wire.nonces:
        wire.ack(SECRET, nonce)
    assert wire.offer(resource(SECRET, "default"), resource(SECRET, "ROOTCA", "2")) == [Reply("SDS", "ROOTCA=2")]


@both
@each_type
def test_rule_90_errors_of_single_resources_are_not_used(variant: Variant, type_url: str) -> None:
    wire = variant()
    wire.holding(resource(type_url, "a"))
    wire.want(type_url, "a", "z")
    response = DiscoveryResponse if isinstance(wire, SotwWire) else DeltaDiscoveryResponse
    known = {field.name for field, _ in response.FromString(wire.payloads[0]).ListFields()}
    assert known <= {
        "version_info", "system_version_info", "type_url", "nonce", "control_plane", "resources", "removed_resources",
    }  # fmt: skip


@both
@each_type
def test_rule_91_fields_that_nobody_knows_change_nothing(variant: Variant, type_url: str) -> None:
    wire = variant()
    wire.holding(resource(type_url, "a"))
    unknown = b"\xfa\x3e\x03abc"  # field 1007, three bytes
    if isinstance(wire, SotwWire):
        request = DiscoveryRequest(node=NODE, type_url=type_url, resource_names=["a"])
        raw = request.SerializeToString() + unknown
        replies = wire.send_raw(DiscoveryRequest.FromString(raw))
    else:
        delta = DeltaDiscoveryRequest(node=NODE, type_url=type_url, resource_names_subscribe=["a"])
        raw = delta.SerializeToString() + unknown
        replies = wire.send_raw(DeltaDiscoveryRequest.FromString(raw))
    assert replies == [Reply(SHORT[type_url], "a=1")]


@both
@each_type
def test_rule_31_and_92_nothing_depends_on_client_features(variant: Variant, type_url: str) -> None:
    """gRPC says that it would take wrapped resources; it takes plain ones as well. Envoy says nothing."""
    node = type(NODE)()
    node.CopyFrom(NODE)
    node.client_features.extend(["xds.config.resource-in-sotw", "envoy.lb.does_not_support_overprovisioning"])
    encoder = Encoder("test")
    plain, with_features = variant(encoder=encoder), variant(encoder=encoder)
    for wire in (plain, with_features):
        wire.holding(resource(type_url, "a"))
    plain.want(type_url, "a")
    if isinstance(with_features, SotwWire):
        with_features.send_raw(DiscoveryRequest(node=node, type_url=type_url, resource_names=["a"]))
    else:
        with_features.send_raw(DeltaDiscoveryRequest(node=node, type_url=type_url, resource_names_subscribe=["a"]))
    assert with_features.payloads == plain.payloads
