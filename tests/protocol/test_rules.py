"""The conformance checklist, where both variants obey the same rule. Test ids carry the rule's number."""

from __future__ import annotations

import pytest
from envoy.config.core.v3.base_pb2 import Node
from envoy.service.discovery.v3.discovery_pb2 import DeltaDiscoveryRequest, DiscoveryRequest

from tests.protocol.client import NODE, resource
from tests.protocol.snapshots import snapshot
from tests.protocol.wire import DeltaWire, Reply, SotwWire, Wire
from translators.resources import CLUSTER, ENDPOINT, EXTENSION, LISTENER, ROUTE, SECRET, SHORT, TYPES
from xds_server.protocol import (
    Acked,
    Confined,
    Connected,
    Encoder,
    Ignored,
    Limits,
    Nacked,
    Rejected,
    Subscribed,
    Unsubscribed,
)

WHOLE = (CLUSTER, LISTENER)
NAMED = (ENDPOINT, ROUTE, SECRET, EXTENSION)

both = pytest.mark.parametrize("variant", [SotwWire, DeltaWire], ids=["sotw", "delta"])
each_type = pytest.mark.parametrize("type_url", TYPES, ids=list(SHORT.values()))
named_types = pytest.mark.parametrize("type_url", NAMED, ids=[SHORT[t] for t in NAMED])
Variant = type[SotwWire] | type[DeltaWire]


@both
@each_type
def test_rule_1_the_first_request_of_a_type_is_answered(variant: Variant, type_url: str) -> None:
    wire = variant()
    wire.holding(resource(type_url, "a"), resource(type_url, "b"))
    assert wire.want(type_url, "a", "b") == [Reply(SHORT[type_url], "a=1 b=1")]


@both
@each_type
def test_rule_1_requests_before_the_first_snapshot_wait_for_it(variant: Variant, type_url: str) -> None:
    wire = variant()
    assert wire.want(type_url, "a") == []
    assert wire.want(type_url, "a", "b") == []
    assert wire.offer(resource(type_url, "a"), resource(type_url, "b")) == [Reply(SHORT[type_url], "a=1 b=1")]


@both
@each_type
def test_rule_2_nonces_never_come_twice_on_a_stream(variant: Variant, type_url: str) -> None:
    encoder = Encoder("test")
    wires = [variant(encoder=encoder), variant(encoder=encoder)]
    for wire in wires:
        wire.want(type_url, "a")
    for content in "123123":  # content comes back, so bytes are remembered
        for wire in wires:
            wire.offer(resource(type_url, "a", content))
    for wire in wires:
        assert len(wire.nonces) == 6
        assert len(set(wire.nonces)) == 6
        assert all(wire.nonces)


@both
@each_type
def test_rule_3_the_version_changes_with_the_content_and_only_with_it(variant: Variant, type_url: str) -> None:
    wire = variant()
    wire.want(type_url, "a")
    for content in "121":
        wire.offer(resource(type_url, "a", content))
    one, two, again = wire.versions
    assert one
    assert one != two
    assert again == one


@both
@each_type
def test_rule_5_an_ack_is_not_answered(variant: Variant, type_url: str) -> None:
    wire = variant()
    wire.holding(resource(type_url, "a"))
    wire.want(type_url, "a")
    wire.now = 3.5
    assert wire.ack(type_url) == []
    assert wire.events[-1] == Acked(type_url=type_url, nonce=wire.nonce, version=wire.versions[-1], seconds=2.5)
    assert wire.stream.status()[type_url].status == "SYNCED"


@both
@each_type
def test_rule_6_and_37_a_nack_is_quiet_until_the_content_changes(variant: Variant, type_url: str) -> None:
    wire = variant()
    bad, other = resource(type_url, "a", "bad"), resource(type_url, "b")
    wire.holding(other)
    wire.want(type_url, "a", "b")
    wire.ack(type_url)
    wire.offer(bad, other)
    assert wire.nack(type_url, message="a is bad") == []
    assert wire.events[-2:] == [
        Nacked(
            type_url=type_url, nonce=wire.nonce, version=wire.versions[-1], code=13, message="a is bad", names=("a",)
        ),
        Confined(
            resource=wire.current[type_url].resources["a"], error="a is bad", retry_at=wire.now + 59, rejections=1
        ),
    ]
    status = wire.stream.status()[type_url]
    assert (status.status, status.error, status.rejected, status.nacks) == ("ERROR", "a is bad", ("a",), 1)
    assert wire.offer(bad, other) == []
    replies = wire.offer(resource(type_url, "a", "good"), other)
    assert replies[0].resources.startswith("a=good")
    for nonce in wire.nonces[1:]:
        wire.ack(type_url, nonce)
    status = wire.stream.status()[type_url]
    assert (status.status, status.error, status.rejected) == ("SYNCED", "", ())


@both
@named_types
def test_rule_37_what_was_rejected_does_not_come_with_what_changed_beside_it(variant: Variant, type_url: str) -> None:
    wire = variant()
    bad = resource(type_url, "a", "bad")
    wire.holding(bad)
    wire.want(type_url, "a")
    wire.nack(type_url)
    wire.want(type_url, "a", "b") if variant is SotwWire else wire.want(type_url, "b")
    assert wire.offer(bad, resource(type_url, "b")) == [Reply(SHORT[type_url], "b=1")]
    wire.ack(type_url)
    assert wire.stream.status()[type_url].status == "ERROR"


@both
@each_type
def test_rule_74_what_newer_responses_carry_is_decided_by_their_answer(variant: Variant, type_url: str) -> None:
    wire = variant()
    a, b = resource(type_url, "a"), resource(type_url, "b")
    wire.holding(a, b)
    wire.want(type_url, "a", "b")
    for content in "23":
        wire.offer(resource(type_url, "a", content), b)
    wire.offer(resource(type_url, "a", "2"), b)
    wire.nack(type_url, wire.nonces[1])  # an older response with the current content of a
    event = wire.events[-1]
    assert isinstance(event, Nacked)
    assert event.names == ()
    wire.ack(type_url)
    assert wire.stream.status()[type_url].status == "SYNCED"


@both
@each_type
def test_rule_20_a_nack_of_what_is_not_wanted_any_more_is_no_error(variant: Variant, type_url: str) -> None:
    wire = variant()
    wire.holding(resource(type_url, "a"))
    wire.want(type_url, "a")
    assert (wire.want(type_url) if isinstance(wire, SotwWire) else wire.ask(type_url, off=["a"])) == []
    wire.nack(type_url)
    assert wire.stream.status()[type_url].status == "SYNCED"


@both
@each_type
def test_rule_7_a_nack_at_an_unchanged_version(variant: Variant, type_url: str) -> None:
    wire = variant()
    wire.holding(resource(type_url, "a"), resource(type_url, "b", "bad"))
    wire.want(type_url, "a")
    wire.ack(type_url)
    wire.want(type_url, "a", "b") if variant is SotwWire else wire.want(type_url, "b")
    assert wire.versions[0] == wire.versions[1]
    wire.nack(type_url, message="b is bad")
    assert wire.stream.status()[type_url].status == "ERROR"


@both
@each_type
def test_rule_8_and_35_a_stale_nonce_may_bring_a_subscription(variant: Variant, type_url: str) -> None:
    wire = variant()
    wire.holding(resource(type_url, "a"), resource(type_url, "b"))
    wire.want(type_url, "a")
    wire.ack(type_url)
    wire.offer(resource(type_url, "a", "2"), resource(type_url, "b"))
    wire.offer(resource(type_url, "a", "3"), resource(type_url, "b"))
    names = ("a", "b") if variant is SotwWire else ("b",)
    replies = wire.ask(type_url, *names, nonce=wire.nonces[0])
    expected = "a=3 b=1" if variant is SotwWire and type_url in WHOLE else "b=1"
    assert replies == [Reply(SHORT[type_url], expected)]
    assert wire.stream.status()[type_url].nonce_acked == wire.nonces[0]


@both
@each_type
def test_rule_8_a_nonce_that_was_never_sent_is_noted(variant: Variant, type_url: str) -> None:
    wire = variant()
    wire.holding(resource(type_url, "a"))
    wire.want(type_url, "a")
    assert wire.ack(type_url, "other") == []
    assert wire.events[-1] == Ignored(type_url=type_url, reason="stale nonce 'other'")
    assert wire.nack(type_url, "other", "no") == []
    assert wire.events[-1] == Ignored(
        type_url=type_url, reason="error for nonce 'other', which waits for no answer: no"
    )
    assert wire.stream.status()[type_url].status == "STALE"


@both
@each_type
def test_rule_9_two_requests_before_any_response(variant: Variant, type_url: str) -> None:
    wire = variant()
    wire.holding(resource(type_url, "a"), resource(type_url, "b"))
    wire.ask(type_url, "a")
    names = ("a", "b") if variant is SotwWire else ("b",)
    (reply,) = wire.ask(type_url, *names)
    assert "b=1" in reply.resources


@both
@each_type
def test_rule_10_a_nonce_from_an_earlier_stream(variant: Variant, type_url: str) -> None:
    wire = variant()
    wire.holding(resource(type_url, "a"))
    assert wire.ask(type_url, "a", nonce="7") == [Reply(SHORT[type_url], "a=1")]
    assert not any(isinstance(event, Acked | Ignored) for event in wire.events)


@both
@each_type
def test_rule_11_a_burst_of_growing_requests(variant: Variant, type_url: str) -> None:
    wire = variant()
    names = [f"n{index:02}" for index in range(50)]
    wire.holding(*(resource(type_url, name) for name in names))
    replies = []
    for count in range(1, 51):
        replies += wire.ask(type_url, *(names[:count] if variant is SotwWire else names[count - 1 : count]))
    assert len(replies) <= 50
    assert {name for reply in replies for name in reply.resources.replace("=1", "").split()} == set(names)


@both
@each_type
def test_rule_12_and_20_and_41_dropping_a_name_is_quiet_and_lasts(variant: Variant, type_url: str) -> None:
    wire = variant()
    wire.holding(resource(type_url, "a"), resource(type_url, "b"))
    wire.want(type_url, "a", "b")
    assert (wire.want(type_url, "a") if isinstance(wire, SotwWire) else wire.ask(type_url, off=["b"])) == []
    assert wire.events[-1] == Unsubscribed(type_url=type_url, names=("b",), wildcard=False)
    assert wire.offer(resource(type_url, "a"), resource(type_url, "b", "2")) == []
    assert wire.offer(resource(type_url, "a")) == []
    assert wire.offer(resource(type_url, "a", "2")) == [Reply(SHORT[type_url], "a=2")]


@both
@pytest.mark.parametrize("successor", [True, False])
def test_rule_13_no_change_no_push(variant: Variant, successor: bool) -> None:
    wire = variant()
    everything = [resource(type_url, "a") for type_url in TYPES]
    wire.holding(*everything)
    for type_url in TYPES:
        wire.want(type_url, "a")
    assert wire.offer(*everything, successor=successor) == []
    assert wire.offer_set(wire.current) == []
    assert wire.offer(*everything, resource(ROUTE, "unrelated"), successor=successor) == []


@both
@each_type
def test_rule_18_only_what_was_asked_for(variant: Variant, type_url: str) -> None:
    wire = variant()
    wire.holding(resource(type_url, "a"), resource(type_url, "b"))
    assert wire.want(type_url, "a") == [Reply(SHORT[type_url], "a=1")]
    assert wire.offer(resource(type_url, "a"), resource(type_url, "b", "2"), resource(type_url, "c")) == []


@both
@each_type
def test_rule_19_and_39_subscribing_again_brings_it_again(variant: Variant, type_url: str) -> None:
    wire = variant()
    wire.holding(resource(type_url, "a"), resource(type_url, "b"))
    wire.want(type_url, "a", "b")
    wire.ack(type_url)
    if isinstance(wire, SotwWire):
        wire.want(type_url, "b")
        (reply,) = wire.want(type_url, "a", "b")
    else:
        (reply,) = wire.want(type_url, "a")  # though it is subscribed to
    assert reply.resources == ("a=1 b=1" if variant is SotwWire and type_url in WHOLE else "a=1")
    assert wire.events[-1] == Subscribed(type_url=type_url, names=("a",), wildcard=False)


@both
@each_type
def test_rule_21_unsubscribing_from_the_last_name_is_not_the_wildcard(variant: Variant, type_url: str) -> None:
    wire = variant()
    wire.holding(resource(type_url, "a"))
    wire.want(type_url, "a")
    assert (wire.want(type_url) if isinstance(wire, SotwWire) else wire.ask(type_url, off=["a"])) == []
    assert wire.offer(resource(type_url, "a", "2"), resource(type_url, "b")) == []
    assert wire.ask(type_url, nonce=wire.nonce) == []


@both
@pytest.mark.parametrize("type_url", WHOLE, ids=["CDS", "LDS"])
@pytest.mark.parametrize("names", [(), ("*",), ("*", "a")], ids=["legacy", "explicit", "explicit and named"])
def test_rule_22_23_43_44_the_wildcard(variant: Variant, type_url: str, names: tuple[str, ...]) -> None:
    wire = variant()
    wire.holding(resource(type_url, "a"), resource(type_url, "b"))
    assert wire.ask(type_url, *names) == [Reply(SHORT[type_url], "a=1 b=1")]
    (reply,) = wire.offer(resource(type_url, "a"), resource(type_url, "b"), resource(type_url, "c"))
    assert reply.resources.endswith("c=1")


@both
@named_types
def test_rule_21_no_names_mean_nothing_for_named_types(variant: Variant, type_url: str) -> None:
    wire = variant()
    wire.holding(resource(type_url, "a"))
    assert wire.ask(type_url) == []
    assert wire.offer(resource(type_url, "a", "2")) == []
    assert wire.want(type_url, "a") == [Reply(SHORT[type_url], "a=2")]


@both
@each_type
def test_rule_26_what_is_missing_is_sent_when_it_comes_into_being(variant: Variant, type_url: str) -> None:
    wire = variant()
    wire.holding()
    wire.want(type_url, "z")
    assert wire.offer(resource(type_url, "z")) == [Reply(SHORT[type_url], "z=1")]
    wire.offer()
    assert wire.offer(resource(type_url, "z", "2")) == [Reply(SHORT[type_url], "z=2")]


@both
@pytest.mark.parametrize("type_url", WHOLE, ids=["CDS", "LDS"])
def test_rule_28_and_52_an_empty_wildcard_is_answered(variant: Variant, type_url: str) -> None:
    wire = variant()
    wire.holding()
    assert wire.ask(type_url) == [Reply(SHORT[type_url])]
    assert wire.versions[-1]
    assert wire.ack(type_url) == []


@both
@pytest.mark.parametrize("type_url", ["", "type.googleapis.com/foo.Bar"])
def test_rule_29_and_30_an_unknown_type_does_not_end_the_stream(variant: Variant, type_url: str) -> None:
    wire = variant()
    wire.holding(resource(CLUSTER, "a"))
    assert wire.ask(type_url, "x", nonce="1") == []
    assert wire.events[-1] == Ignored(type_url=type_url, reason="unknown type URL" if type_url else "no type URL")
    assert wire.ask(CLUSTER) == [Reply("CDS", "a=1")]
    assert list(wire.stream.status()) == [CLUSTER]


@both
@each_type
def test_rule_67_nothing_goes_to_a_type_without_subscription(variant: Variant, type_url: str) -> None:
    wire = variant()
    wire.holding(resource(CLUSTER, "x"))
    other = LISTENER if type_url != LISTENER else ROUTE
    wire.want(other, "x")
    assert wire.offer(resource(CLUSTER, "x"), resource(type_url, "a")) == []
    assert type_url not in wire.stream.status()


@both
@each_type
def test_rule_74_an_ack_covers_the_responses_before_it(variant: Variant, type_url: str) -> None:
    wire = variant()
    wire.holding(resource(type_url, "a"))
    wire.want(type_url, "a")
    wire.offer(resource(type_url, "a", "2"))
    assert wire.stream.status()[type_url].status == "STALE"
    wire.ack(type_url, wire.nonces[1])
    status = wire.stream.status()[type_url]
    assert (status.status, status.nonce_acked, status.version_acked) == ("SYNCED", wire.nonces[1], wire.versions[1])
    wire.ack(type_url, wire.nonces[0])
    assert wire.events[-1] == Ignored(type_url=type_url, reason=f"stale nonce '{wire.nonces[0]}'")


@both
def test_rule_75_streams_are_independent(variant: Variant) -> None:
    encoder = Encoder("test")
    one, two = variant(encoder=encoder), variant(encoder=encoder)
    for wire in (one, two):
        wire.holding(resource(ROUTE, "a"))
        wire.want(ROUTE, "a")
    one.want(ROUTE) if isinstance(one, SotwWire) else one.ask(ROUTE, off=["a"])
    assert one.offer(resource(ROUTE, "a", "2")) == []
    assert two.offer(resource(ROUTE, "a", "2")) == [Reply("RDS", "a=2")]


@both
def test_rule_76_types_are_independent(variant: Variant) -> None:
    wire = variant()
    wire.holding(resource(CLUSTER, "a"), resource(ROUTE, "a"))
    wire.want(CLUSTER, "a")
    wire.want(ROUTE, "a")
    wire.nack(ROUTE, wire.nonces[1])
    wire.ack(CLUSTER, wire.nonces[0])
    assert {SHORT[t]: s.status for t, s in wire.stream.status().items()} == {"CDS": "SYNCED", "RDS": "ERROR"}


@both
def test_rule_78_the_node_comes_in_the_first_message_only(variant: Variant) -> None:
    wire = variant()
    wire.holding()
    wire.ask(CLUSTER)
    wire.ask(LISTENER)
    assert wire.events[0] == Connected(node=NODE)
    assert not any(isinstance(event, Connected) for event in wire.events[1:])


@both
@pytest.mark.parametrize(
    ("node", "reason"),
    [
        (None, "there is no node in the stream's first message"),
        (Node(cluster="c"), "node.id is empty in the stream's first message"),
    ],
    ids=["no node", "no id"],
)
def test_rule_78_a_first_message_without_a_node_ends_the_stream(variant: Variant, node: Node, reason: str) -> None:
    wire = variant()
    wire.holding(resource(CLUSTER, "a"))
    if isinstance(wire, SotwWire):
        assert wire.send_raw(DiscoveryRequest(type_url=CLUSTER, node=node)) == []
    else:
        assert wire.send_raw(DeltaDiscoveryRequest(type_url=CLUSTER, node=node)) == []
    assert wire.events == [Rejected(status="INVALID_ARGUMENT", reason=reason)]
    assert wire.ask(CLUSTER) == []
    assert wire.offer(resource(CLUSTER, "b")) == []


@both
def test_rule_79_another_node_later_changes_nothing(variant: Variant) -> None:
    wire = variant()
    wire.holding(resource(CLUSTER, "a"), resource(LISTENER, "l"))
    wire.ask(CLUSTER)
    if isinstance(wire, SotwWire):
        replies = wire.send_raw(DiscoveryRequest(type_url=LISTENER, node=Node(id="other")))
    else:
        replies = wire.send_raw(DeltaDiscoveryRequest(type_url=LISTENER, node=Node(id="other")))
    assert replies == [Reply("LDS", "l=1")]
    assert [e.node.id for e in wire.events if isinstance(e, Connected)] == [NODE.id]


@both
@each_type
def test_rule_72_answers_that_never_come_are_given_up(variant: Variant, type_url: str) -> None:
    wire = variant()
    wire.want(type_url, "a")
    for content in range(200):
        wire.offer(resource(type_url, "a", str(content)))
    assert wire.ack(type_url, wire.nonces[0]) == []
    assert isinstance(wire.events[-1], Ignored)
    wire.ack(type_url)
    assert wire.stream.status()[type_url].status == "SYNCED"


@both
@each_type
def test_rule_109_a_huge_message_is_cut(variant: Variant, type_url: str) -> None:
    wire = variant()
    wire.holding(resource(type_url, "a"))
    wire.want(type_url, "a")
    wire.nack(type_url, message="x" * 100_000)
    (event,) = (event for event in wire.events if isinstance(event, Nacked))
    assert event.message == "x" * 1000
    assert wire.stream.status()[type_url].error == "x" * 1000


@both
@each_type
@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a", "b", "c"], None),
        (
            ["a", "b", "c", "d"],
            Rejected(status="RESOURCE_EXHAUSTED", reason="more than 3 subscriptions to one resource type"),
        ),
        (["x" * 10], None),
        (["x" * 11], Rejected(status="INVALID_ARGUMENT", reason="a resource name has more than 10 characters")),
    ],
    ids=["as many as allowed", "one more", "as long as allowed", "longer"],
)
def test_limits(variant: Variant, type_url: str, names: list[str], expected: Rejected | None) -> None:
    wire: Wire = variant(limits=Limits(subscriptions=3, name_length=10))
    wire.holding(*(resource(type_url, name) for name in names))
    assert bool(wire.want(type_url, *names)) is (expected is None)
    assert next((event for event in wire.events if isinstance(event, Rejected)), None) == expected
    if expected is not None:
        assert wire.offer(resource(type_url, "a", "2")) == []


def test_limits_of_delta_count_what_is_subscribed_to() -> None:
    wire = DeltaWire(limits=Limits(subscriptions=2))
    wire.holding()
    wire.want(ROUTE, "a", "b")
    wire.want(ROUTE, "b", "a")
    wire.ask(ROUTE, off=["a"])
    wire.want(ROUTE, "c")
    assert not any(isinstance(event, Rejected) for event in wire.events)
    wire.want(ROUTE, "d")
    assert isinstance(wire.events[-1], Rejected)


@both
def test_status_of_each_type(variant: Variant) -> None:
    wire = variant()
    assert wire.stream.status() == {}
    wire.want(ROUTE, "a")
    wire.want(CLUSTER)
    assert [SHORT[t] for t in wire.stream.status()] == ["CDS", "RDS"]
    assert wire.stream.status()[CLUSTER].status == "NOT SENT"
    wire.offer(resource(CLUSTER, "a"), resource(CLUSTER, "b"), resource(ROUTE, "a"), resource(ROUTE, "b"))
    clusters, routes = wire.stream.status().values()
    assert (clusters.status, clusters.resources, clusters.version_sent) == ("STALE", 2, wire.versions[0])
    assert (clusters.nonce_sent, clusters.nonce_acked, clusters.version_acked) == (wire.nonces[0], "", "")
    assert (routes.status, routes.resources) == ("STALE", 1)
    wire.ack(CLUSTER, wire.nonces[0])
    clusters = wire.stream.status()[CLUSTER]
    assert (clusters.status, clusters.acks, clusters.nacks) == ("SYNCED", 1, 0)
    assert clusters.version_acked == clusters.version_sent


@both
def test_a_skipped_snapshot_is_made_up_for(variant: Variant) -> None:
    wire = variant()
    first = snapshot(resource(ROUTE, "a"), resource(ROUTE, "b"), resource(ROUTE, "c"))
    wire.offer_set(first)
    wire.want(ROUTE, "a", "b", "c")
    skipped = snapshot(resource(ROUTE, "a", "2"), resource(ROUTE, "b"), resource(ROUTE, "c"), previous=first)
    third = snapshot(resource(ROUTE, "a", "2"), resource(ROUTE, "b"), resource(ROUTE, "c", "3"), previous=skipped)
    assert wire.offer_set(third) == [Reply("RDS", "a=2 c=3")]


@both
def test_a_step_says_why(variant: Variant) -> None:
    wire = variant()
    wire.want(ROUTE, "a")
    assert wire.stream.offer(snapshot(resource(ROUTE, "a")), 0.0, "a file changed").reason == "a file changed"
