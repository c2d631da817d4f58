"""The conformance checklist: what only holds for state of the world. Test ids carry the rule's number."""

from __future__ import annotations

import pytest
from envoy.service.discovery.v3.discovery_pb2 import DiscoveryResponse

from tests.protocol.client import resource
from tests.protocol.wire import Reply, SotwWire
from translators.resources import CLUSTER, ENDPOINT, EXTENSION, LISTENER, ROUTE, SECRET, SHORT, TYPES, Resource
from xds_server.protocol import Ignored, Nacked

WHOLE = (CLUSTER, LISTENER)
whole_types = pytest.mark.parametrize("type_url", WHOLE, ids=[SHORT[t] for t in WHOLE])
part_types = pytest.mark.parametrize(
    "type_url", [ENDPOINT, ROUTE, SECRET, EXTENSION], ids=["EDS", "RDS", "SDS", "ECDS"]
)


@pytest.mark.parametrize("type_url", TYPES, ids=list(SHORT.values()))
def test_rule_4_a_version_from_an_earlier_stream_saves_no_answer(type_url: str) -> None:
    first = SotwWire()
    first.holding(resource(type_url, "a"))
    first.want(type_url, "a")
    again = SotwWire()
    again.holding(resource(type_url, "a"))
    assert again.ask(type_url, "a", version=first.versions[0]) == [Reply(SHORT[type_url], "a=1")]
    assert again.versions == first.versions


@whole_types
def test_rule_14_clusters_and_listeners_come_whole(type_url: str) -> None:
    wire = SotwWire()
    wire.holding(*(resource(type_url, name) for name in "abc"))
    wire.ask(type_url)
    changed = [resource(type_url, "a"), resource(type_url, "b", "2"), resource(type_url, "c")]
    assert wire.offer(*changed) == [Reply(SHORT[type_url], "a=1 b=2 c=1")]


@whole_types
def test_rule_14_a_named_subscription_gets_its_own_set_whole(type_url: str) -> None:
    wire = SotwWire()
    wire.holding(*(resource(type_url, name) for name in "abc"))
    assert wire.ask(type_url, "a", "b") == [Reply(SHORT[type_url], "a=1 b=1")]
    changed = [resource(type_url, "a"), resource(type_url, "b", "2"), resource(type_url, "c", "2")]
    assert wire.offer(*changed) == [Reply(SHORT[type_url], "a=1 b=2")]
    assert wire.offer(*changed[:2]) == []


@part_types
def test_rule_15_other_types_come_in_parts(type_url: str) -> None:
    wire = SotwWire()
    wire.holding(*(resource(type_url, name) for name in "abc"))
    wire.ask(type_url, "a", "b", "c")
    changed = [resource(type_url, "a"), resource(type_url, "b", "2"), resource(type_url, "c")]
    assert wire.offer(*changed) == [Reply(SHORT[type_url], "b=2")]


@whole_types
def test_rule_16_clusters_and_listeners_go_by_omission(type_url: str) -> None:
    wire = SotwWire()
    wire.holding(resource(type_url, "a"), resource(type_url, "b"))
    wire.ask(type_url)
    assert wire.offer(resource(type_url, "a")) == [Reply(SHORT[type_url], "a=1")]
    assert wire.offer() == [Reply(SHORT[type_url])]


@part_types
def test_rule_16_the_rest_goes_with_its_parent(type_url: str) -> None:
    wire = SotwWire()
    wire.holding(resource(type_url, "a"), resource(type_url, "b"))
    wire.ask(CLUSTER)
    wire.ask(type_url, "a", "b")
    assert wire.offer(resource(type_url, "a")) == []


@pytest.mark.parametrize("type_url", TYPES, ids=list(SHORT.values()))
def test_rule_17_two_resources_of_one_name_cannot_be_offered(type_url: str) -> None:
    with pytest.raises(ValueError, match="are named a"):
        SotwWire().offer(resource(type_url, "a"), resource(type_url, "a", "2"))


@whole_types
def test_rule_24_the_specs_example(type_url: str) -> None:
    kind = SHORT[type_url]
    wire = SotwWire()
    a, b = resource(type_url, "A"), resource(type_url, "B")
    wire.holding(a, b)
    assert wire.ask(type_url) == [Reply(kind, "A=1 B=1")]
    assert wire.want(type_url, "*", "A") == [Reply(kind, "A=1 B=1")]
    assert wire.want(type_url, "A") == []
    assert wire.offer(a, resource(type_url, "B", "2")) == []
    assert wire.want(type_url) == []
    assert wire.offer(resource(type_url, "A", "2"), b) == []


@whole_types
def test_rule_25_the_wildcard_and_an_unknown_name(type_url: str) -> None:
    wire = SotwWire()
    wire.holding(resource(type_url, "a"))
    assert wire.ask(type_url, "*", "z") == [Reply(SHORT[type_url], "a=1")]
    assert wire.offer(resource(type_url, "a"), resource(type_url, "z")) == [Reply(SHORT[type_url], "a=1 z=1")]


@part_types
def test_rule_27_there_is_no_negative_answer(type_url: str) -> None:
    wire = SotwWire()
    wire.holding(resource(type_url, "a"))
    wire.ask(CLUSTER)
    assert wire.ask(type_url, "z") == []
    assert wire.want(type_url, "z", "a") == [Reply(SHORT[type_url], "a=1")]


@whole_types
def test_rule_27_but_of_whole_types_the_missing_one_is_seen_to_be_missing(type_url: str) -> None:
    wire = SotwWire()
    wire.holding()
    assert wire.ask(type_url, "z") == [Reply(SHORT[type_url])]


def test_rule_27_a_cluster_without_endpoints_gets_an_empty_assignment() -> None:
    wire = SotwWire()
    wire.holding(resource(CLUSTER, "c"), resource(CLUSTER, "d"), resource(ENDPOINT, "d"))
    wire.ask(CLUSTER)
    assert wire.ask(ENDPOINT, "c", "d", "unknown") == [Reply("EDS", "c= d=1")]
    value = DiscoveryResponse.FromString(wire.payloads[-1]).resources[0].value
    assert value == b"\x0a\x01c"  # ClusterLoadAssignment{cluster_name: "c"}
    assert wire.ack(ENDPOINT) == []
    assert wire.offer(resource(CLUSTER, "c"), resource(ENDPOINT, "c"), *_cluster("d")) == [Reply("EDS", "c=1")]


def test_rule_54_and_pitfall_3_on_a_stream_without_clusters_any_name_gets_an_empty_assignment() -> None:
    """So speaks an Envoy that comes back while a cluster warms: it asks for no clusters until that is over."""
    wire = SotwWire()
    wire.holding(*_cluster("c"))
    assert wire.ask(ENDPOINT, "c", "gone") == [Reply("EDS", "c=1 gone=")]
    assert wire.ask(CLUSTER) == [Reply("CDS", "c=1"), Reply("EDS", "c=1")]
    assert wire.want(ENDPOINT, "c", "gone", "unknown") == []


def test_rule_27_endpoints_that_vanish_while_their_cluster_stays() -> None:
    wire = SotwWire()
    wire.holding(*_cluster("c"))
    wire.ask(ENDPOINT, "c")
    assert wire.offer(resource(CLUSTER, "c")) == [Reply("EDS", "c=")]
    assert wire.offer() == []


def test_rule_27_a_cluster_that_comes_later() -> None:
    wire = SotwWire()
    wire.holding()
    wire.ask(CLUSTER)
    assert wire.ask(ENDPOINT, "c") == []
    assert wire.offer(resource(CLUSTER, "c")) == [Reply("CDS", "c=1"), Reply("EDS", "c=")]


@pytest.mark.parametrize("type_url", TYPES, ids=list(SHORT.values()))
def test_rule_31_resources_are_not_wrapped(type_url: str) -> None:
    wire = SotwWire()
    wire.holding(resource(type_url, "a"))
    wire.ask(type_url, "a")
    response = DiscoveryResponse.FromString(wire.payloads[0])
    assert [any_.type_url for any_ in response.resources] == [type_url]
    assert response.type_url == type_url
    assert response.control_plane.identifier == "test"  # rule 58


def test_requests_that_repeat_themselves_are_quiet() -> None:
    wire = SotwWire()
    wire.holding(*_cluster("c"))
    assert wire.ask(ENDPOINT, "c") == [Reply("EDS", "c=1")]
    assert wire.ask(ENDPOINT, "c") == []
    assert wire.ask(ENDPOINT, "c", "c") == []
    assert wire.ack(ENDPOINT) == []
    assert wire.ack(ENDPOINT) == []
    assert not any(isinstance(event, Ignored) for event in wire.events)


def test_a_request_after_a_nack_with_its_nonce_is_no_ack() -> None:
    wire = SotwWire()
    wire.holding(resource(ROUTE, "r"), resource(ROUTE, "s"))
    wire.ask(ROUTE, "r")
    wire.nack(ROUTE)
    assert wire.want(ROUTE, "r", "s") == [Reply("RDS", "s=1")]
    assert wire.stream.status()[ROUTE].acks == 0


def test_a_rejected_route_that_is_deleted_is_no_error_any_more() -> None:
    wire = SotwWire()
    wire.holding(resource(ROUTE, "r", "bad"), resource(ROUTE, "s"))
    wire.ask(ROUTE, "r")
    wire.nack(ROUTE)
    assert wire.stream.status()[ROUTE].status == "ERROR"
    assert wire.offer(resource(ROUTE, "s")) == []
    assert wire.stream.status()[ROUTE].status == "SYNCED"


def test_a_rejected_cluster_that_a_newer_response_replaced_is_no_error() -> None:
    wire = SotwWire()
    wire.holding(resource(CLUSTER, "c", "bad"))
    wire.ask(CLUSTER)
    wire.offer(resource(CLUSTER, "c", "good"))
    wire.nack(CLUSTER, wire.nonces[0], "c is bad")
    event = wire.events[-1]
    assert isinstance(event, Nacked)
    assert event.names == ()
    assert wire.stream.status()[CLUSTER].status == "STALE"
    wire.ack(CLUSTER)
    assert wire.stream.status()[CLUSTER].status == "SYNCED"


def test_a_rejected_cluster_that_is_deleted_is_no_error_any_more() -> None:
    wire = SotwWire()
    wire.holding(resource(CLUSTER, "c", "bad"), resource(CLUSTER, "d"))
    wire.ask(CLUSTER)
    wire.nack(CLUSTER, message="c is bad")
    assert wire.offer(resource(CLUSTER, "d")) == [Reply("CDS", "d=1")]
    wire.ack(CLUSTER)
    assert wire.stream.status()[CLUSTER].status == "SYNCED"


def test_a_rejected_empty_assignment_comes_again_too() -> None:
    wire = SotwWire()
    wire.holding(resource(CLUSTER, "c"), resource(CLUSTER, "d"), resource(ENDPOINT, "d", "bad"))
    wire.ask(CLUSTER)
    assert wire.ask(ENDPOINT, "c", "d") == [Reply("EDS", "c= d=bad")]
    assert wire.nack(ENDPOINT) == [Reply("EDS", "c=")]
    assert wire.stream.status()[ENDPOINT].rejected == ("d",)
    assert wire.offer(resource(CLUSTER, "c"), *_cluster("d")) == [Reply("EDS", "d=1")]


def _cluster(name: str) -> list[Resource]:
    return [resource(CLUSTER, name), resource(ENDPOINT, name)]
