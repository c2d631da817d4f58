"""The conformance checklist: what only holds for delta. Test ids carry the rule's number."""

from __future__ import annotations

import pytest
from envoy.service.discovery.v3.discovery_pb2 import DeltaDiscoveryResponse

from tests.protocol.client import resource
from tests.protocol.wire import DeltaWire, Reply
from translators.resources import CLUSTER, ENDPOINT, EXTENSION, LISTENER, ROUTE, SECRET, SHORT, TYPES
from xds_server.protocol import Acked, Encoder

WHOLE = (CLUSTER, LISTENER)
each_type = pytest.mark.parametrize("type_url", TYPES, ids=list(SHORT.values()))
removable = pytest.mark.parametrize("type_url", [t for t in TYPES if t != EXTENSION], ids=list(SHORT.values())[:-1])
whole_types = pytest.mark.parametrize("type_url", WHOLE, ids=["CDS", "LDS"])
resumable = pytest.mark.parametrize("type_url", [CLUSTER, LISTENER, ROUTE], ids=["CDS", "LDS", "RDS"])


@removable
def test_rule_32_33_34_58_what_a_response_holds(type_url: str) -> None:
    wire = DeltaWire()
    wire.holding(resource(type_url, "a"), resource(type_url, "b"))
    wire.want(type_url, "a", "b", "z")
    response = DeltaDiscoveryResponse.FromString(wire.payloads[0])
    assert response.type_url == type_url
    assert response.system_version_info
    assert response.control_plane.identifier == "test"
    assert [wrapped.name for wrapped in response.resources] == ["a", "b"]
    assert [wrapped.version for wrapped in response.resources] == [resource(type_url, n).version for n in "ab"]
    assert {wrapped.resource.type_url for wrapped in response.resources} == {type_url}
    assert list(response.removed_resources) == ["z"]


@each_type
def test_rule_36_an_ack_may_subscribe(type_url: str) -> None:
    wire = DeltaWire()
    wire.holding(resource(type_url, "a"), resource(type_url, "b"))
    wire.want(type_url, "a")
    assert wire.ask(type_url, "b", nonce=wire.nonce) == [Reply(SHORT[type_url], "b=1")]
    assert isinstance(wire.events[-2], Acked)


@each_type
def test_rule_36_a_nack_may_subscribe(type_url: str) -> None:
    wire = DeltaWire()
    wire.holding(resource(type_url, "a"), resource(type_url, "b"))
    wire.want(type_url, "a")
    assert wire.ask(type_url, "b", nonce=wire.nonce, error="a is bad") == [Reply(SHORT[type_url], "b=1")]
    assert wire.stream.status()[type_url].nacks == 1


@each_type
def test_rule_38_only_what_changed(type_url: str) -> None:
    wire = DeltaWire()
    names = [f"n{index:03}" for index in range(100)]
    wire.holding(*(resource(type_url, name) for name in names))
    wire.want(type_url, *names)
    changed = [resource(type_url, name, "2" if name == "n050" else "1") for name in names]
    assert wire.offer(*changed) == [Reply(SHORT[type_url], "n050=2")]


@each_type
def test_rule_40_unsubscribing_from_what_is_not_subscribed(type_url: str) -> None:
    wire = DeltaWire()
    wire.holding(resource(type_url, "a"))
    wire.want(type_url, "a")
    events = len(wire.events)
    assert wire.ask(type_url, off=["b"]) == []
    assert wire.events[events:] == []
    assert wire.offer(resource(type_url, "a", "2")) == [Reply(SHORT[type_url], "a=2")]


@whole_types
def test_rule_42_unsubscribing_from_a_name_under_the_wildcard(type_url: str) -> None:
    kind = SHORT[type_url]
    wire = DeltaWire()
    wire.holding(resource(type_url, "b"), resource(type_url, "c"))
    wire.ask(type_url, "*")
    assert wire.ask(type_url, "b", "z") == [Reply(kind, "b=1", "z")]
    assert wire.ask(type_url, off=["b"]) == [Reply(kind, "b=1")]
    assert wire.ask(type_url, off=["z"]) == [Reply(kind, "", "z")]
    assert wire.ask(type_url, off=["c"]) == []  # it was never named


@whole_types
def test_rule_43_the_specs_example(type_url: str) -> None:
    kind = SHORT[type_url]
    wire = DeltaWire()
    a, b = resource(type_url, "A"), resource(type_url, "B")
    wire.holding(a, b)
    assert wire.ask(type_url) == [Reply(kind, "A=1 B=1")]
    assert wire.ask(type_url, "A") == [Reply(kind, "A=1")]
    assert wire.ask(type_url, off=["*"]) == []
    assert wire.offer(a, resource(type_url, "B", "2")) == []  # rule 44
    assert wire.offer(resource(type_url, "A", "2"), b) == [Reply(kind, "A=2")]
    assert wire.ask(type_url, off=["A"]) == []
    assert wire.offer(a, b) == []


@whole_types
def test_rule_44_asking_for_everything_again_brings_everything_again(type_url: str) -> None:
    kind = SHORT[type_url]
    wire = DeltaWire()
    wire.holding(resource(type_url, "a"), resource(type_url, "b"))
    wire.ask(type_url, "*")
    assert wire.ask(type_url, off=["*"]) == []
    assert wire.ask(type_url, "*") == [Reply(kind, "a=1 b=1")]


@whole_types
def test_rule_45_a_name_under_the_legacy_wildcard(type_url: str) -> None:
    kind = SHORT[type_url]
    wire = DeltaWire()
    wire.holding(resource(type_url, "a"))
    wire.ask(type_url)
    assert wire.ask(type_url, "OD1") == [Reply(kind, "", "OD1")]
    assert wire.offer(resource(type_url, "a", "2"), resource(type_url, "OD1")) == [Reply(kind, "OD1=1 a=2")]


@removable
def test_rule_46_what_is_missing_is_said_at_once_and_stays_subscribed(type_url: str) -> None:
    kind = SHORT[type_url]
    wire = DeltaWire()
    wire.holding(resource(type_url, "a"))
    assert wire.want(type_url, "z") == [Reply(kind, "", "z")]
    assert wire.want(type_url, "y", "a") == [Reply(kind, "a=1", "y")]
    wire.ack(type_url)
    assert wire.offer(resource(type_url, "a"), resource(type_url, "y"), resource(type_url, "z")) == [
        Reply(kind, "y=1 z=1")
    ]


@removable
def test_rule_46_before_the_first_snapshot_too(type_url: str) -> None:
    wire = DeltaWire()
    wire.want(type_url, "z")
    assert wire.offer() == [Reply(SHORT[type_url], "", "z")]


@removable
def test_rule_47_removal(type_url: str) -> None:
    kind = SHORT[type_url]
    wire = DeltaWire()
    wire.holding(resource(type_url, "a"), resource(type_url, "b"), resource(type_url, "c"))
    wire.want(type_url, "a", "b")
    assert wire.offer(resource(type_url, "c")) == [Reply(kind, "", "a b")]
    assert wire.offer() == []


@each_type
def test_rule_48_coalesced_removal_and_return(type_url: str) -> None:
    wire = DeltaWire()
    wire.holding(resource(type_url, "a"))
    wire.want(type_url, "a")
    gone = wire.current
    wire.offer(resource(type_url, "a", "2"))
    wire.offer_set(gone)
    assert wire.offer(resource(type_url, "a", "3")) == [Reply(SHORT[type_url], "a=3")]


@resumable
def test_rule_50_resuming(type_url: str) -> None:
    a, b = resource(type_url, "A"), resource(type_url, "B", "new")
    held = {"A": a.version, "B": resource(type_url, "B", "old").version, "C": "gone"}
    wire = DeltaWire()
    wire.holding(a, b)
    names = () if type_url in WHOLE else ("A", "B", "C")
    if type_url == CLUSTER:  # routes may still name what is gone: see test_homecoming.py
        assert wire.ask(type_url, *names, held=held) == [Reply("CDS", "B=new")]
        assert wire.ack(type_url) == []
        assert wire.stream.deadline is not None
        assert wire._replies(wire.stream.wake(wire.stream.deadline)) == [Reply("CDS", "", "C")]
    else:
        assert wire.ask(type_url, *names, held=held) == [Reply(SHORT[type_url], "B=new", "C")]
    assert wire.offer(resource(type_url, "A", "2"), b) == [Reply(SHORT[type_url], "A=2")]


@whole_types
def test_rule_50_resuming_with_the_wildcard_and_names(type_url: str) -> None:
    a, od1 = resource(type_url, "A"), resource(type_url, "OD1")
    wire = DeltaWire()
    wire.holding(a, od1)
    assert wire.ask(type_url, "*", "OD1", "OD2", held={"A": a.version, "OD1": od1.version}) == [
        Reply(SHORT[type_url], "", "OD2")
    ]


@resumable
def test_rule_50_resuming_before_the_first_snapshot(type_url: str) -> None:
    a, b = resource(type_url, "A"), resource(type_url, "B")
    wire = DeltaWire()
    wire.ask(type_url, "A", held={"A": a.version, "B": "old"})
    wire.ask(type_url, "B")
    assert wire.offer(a, b) == [Reply(SHORT[type_url], "B=1")]


@resumable
def test_rule_51_versions_count_in_the_first_request_only(type_url: str) -> None:
    a, b = resource(type_url, "A"), resource(type_url, "B")
    wire = DeltaWire()
    wire.holding(a, b)
    wire.ask(type_url, "A")
    assert wire.ask(type_url, "B", held={"B": b.version, "C": "gone"}) == [Reply(SHORT[type_url], "B=1")]


@resumable
def test_rule_52_resuming_with_nothing_to_say_is_answered(type_url: str) -> None:
    a = resource(type_url, "A")
    wire = DeltaWire()
    wire.holding(a)
    names = () if type_url in WHOLE else ("A",)
    assert wire.ask(type_url, *names, held={"A": a.version}) == [Reply(SHORT[type_url])]


@pytest.mark.parametrize("type_url", [ENDPOINT, SECRET], ids=["EDS", "SDS"])
def test_rule_53_endpoints_and_secrets_are_always_sent_again(type_url: str) -> None:
    a = resource(type_url, "A")
    wire = DeltaWire()
    wire.holding(a)
    assert wire.ask(type_url, "A", held={"A": a.version, "B": "gone"}) == [Reply(SHORT[type_url], "A=1", "B")]


@removable
def test_rule_59_a_big_response_is_split(type_url: str) -> None:
    wire = DeltaWire(encoder=Encoder("test", message_size=1000))
    names = [f"n{index:02}" for index in range(20)]
    wire.holding(*(resource(type_url, name, "x" * 300) for name in names))
    replies = wire.want(type_url, *names, *(f"z{index:03}" for index in range(300)))
    assert [name for reply in replies for name in reply.resources.replace(f"={'x' * 300}", "").split()] == names
    assert [name for reply in replies for name in reply.removed.split()] == [f"z{index:03}" for index in range(300)]
    assert len(replies) > 8
    assert all(len(payload) < 1400 for payload in wire.payloads)
    assert len(set(wire.nonces)) == len(replies)
    wire.ack(type_url)
    assert wire.stream.status()[type_url].status == "SYNCED"


def test_rule_49_extensions_are_never_removed() -> None:
    """Envoy would take the filter out of listeners that it still holds."""
    wire = DeltaWire()
    wire.holding(resource(EXTENSION, "a"), resource(EXTENSION, "b"))
    wire.want(EXTENSION, "a", "b")
    assert wire.offer(resource(EXTENSION, "b")) == []
    assert wire.offer(resource(EXTENSION, "b", "2")) == [Reply("ECDS", "b=2")]
    assert wire.want(EXTENSION, "a") == []
    back = DeltaWire()
    back.holding(resource(EXTENSION, "b"))
    assert back.ask(EXTENSION, "a", "b", held={"a": "1", "b": "1"}) == [Reply("ECDS", "b=1")]


@each_type
def test_rule_59_one_resource_that_is_too_big_goes_alone(type_url: str) -> None:
    wire = DeltaWire(encoder=Encoder("test", message_size=100))
    wire.holding(resource(type_url, "a"), resource(type_url, "b", "x" * 300), resource(type_url, "c"))
    replies = wire.want(type_url, "a", "b", "c")
    assert [reply.resources[:1] for reply in replies] == ["a", "b", "c"]


@pytest.mark.parametrize("type_url", [ENDPOINT, ROUTE, SECRET], ids=["EDS", "RDS", "SDS"])
def test_a_rejected_removal_comes_again_without_the_rest(type_url: str) -> None:
    kind = SHORT[type_url]
    wire = DeltaWire()
    wire.holding(resource(type_url, "a"))
    assert wire.want(type_url, "a", "z") == [Reply(kind, "a=1", "z")]
    assert wire.nack(type_url) == [Reply(kind, "", "z")]
    assert wire.nack(type_url) == []  # and if that is what it does not like, so be it
    assert wire.stream.status()[type_url].rejected == ("a",)
    assert wire.offer(resource(type_url, "a", "2")) == [Reply(kind, "a=2")]


@each_type
def test_a_rejected_name_that_is_unsubscribed_from_is_no_error_any_more(type_url: str) -> None:
    wire = DeltaWire()
    wire.holding(resource(type_url, "a"))
    wire.want(type_url, "a")
    wire.nack(type_url)
    wire.ask(type_url, off=["a"])
    assert wire.stream.status()[type_url].status == "SYNCED"
