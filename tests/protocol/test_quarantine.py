"""A bad resource is kept from the client that rejected it, and from no other (rules 6, 37, 110; pitfalls 8 and 9)."""

from __future__ import annotations

import pytest
from envoy.config.core.v3.base_pb2 import Node

from tests.protocol.client import NODE, resource
from tests.protocol.snapshots import snapshot
from tests.protocol.wire import DeltaWire, Reply, SotwWire
from translators.resources import CLUSTER, ENDPOINT, EXTENSION, LISTENER, ROUTE, SECRET, SHORT, TYPES, Resource
from xds_server.protocol import Confined, Encoder, Healed, Nacked, Quarantine
from xds_server.protocol.quarantine import CLIENTS, RETRY_FIRST, RETRY_MAX
from xds_server.protocol.trials import TRIAL_PATIENCE

Variant = type[SotwWire] | type[DeltaWire]
Connected = SotwWire | DeltaWire

WHOLE = (CLUSTER, LISTENER)
PARTS = (ENDPOINT, ROUTE, SECRET, EXTENSION)

both = pytest.mark.parametrize("variant", [SotwWire, DeltaWire], ids=["sotw", "delta"])
each_type = pytest.mark.parametrize("type_url", TYPES, ids=list(SHORT.values()))
whole_types = pytest.mark.parametrize("type_url", WHOLE, ids=[SHORT[t] for t in WHOLE])
part_types = pytest.mark.parametrize("type_url", PARTS, ids=[SHORT[t] for t in PARTS])


def holding(variant: Variant, type_url: str, *resources: Resource, quarantine: Quarantine | None = None) -> Connected:
    """A client that wants a to h of a type, and has accepted these."""
    wire = variant(quarantine=quarantine)
    wire.offer(*resources)
    if wire.want(type_url, *"abcdefgh"):
        wire.ack(type_url)
    return wire


def wake(wire: Connected) -> list[Reply]:
    """Let time pass until the stream wants to be woken."""
    assert wire.stream.deadline is not None
    assert wire.stream.wake(wire.stream.deadline - 0.001).responses == ()
    wire.now = wire.stream.deadline
    return wire._replies(wire.stream.wake(wire.now))


def rejected(wire: Connected) -> list[str]:
    return [case.resource.name for case in wire.stream.cases()]


def one(type_url: str, variant: Variant, changed: str, rest: str = "") -> list[Reply]:
    """What is sent for one change: in state of the world, clusters and listeners come whole."""
    whole = variant is SotwWire and type_url in WHOLE
    return [Reply(SHORT[type_url], " ".join(sorted([changed, *(rest.split() if whole else ())])))]


@both
@each_type
def test_a_single_bad_change_needs_no_trial(variant: Variant, type_url: str) -> None:
    a, b = resource(type_url, "a"), resource(type_url, "b")
    wire = holding(variant, type_url, a, b)
    assert wire.offer(resource(type_url, "a", "bad"), b) == one(type_url, variant, "a=bad", "b=1")
    assert wire.nack(type_url) == []
    assert rejected(wire) == ["a"]
    (case,) = wire.stream.cases()
    assert (case.standby, case.error) == (a, "rejected")


@both
@each_type
def test_good_siblings_and_later_edits_get_through_and_the_bad_one_stays_as_it_was(
    variant: Variant, type_url: str
) -> None:
    wire = holding(variant, type_url, resource(type_url, "a"), resource(type_url, "b"))
    wire.offer(resource(type_url, "a", "bad"), resource(type_url, "b"))
    wire.nack(type_url)
    for content in "23":
        replies = wire.offer(resource(type_url, "a", "bad"), resource(type_url, "b", content))
        assert replies == one(type_url, variant, f"b={content}", "a=1")  # the last accepted bytes in its place
        assert wire.ack(type_url) == []
    assert rejected(wire) == ["a"]
    healed = wire.offer(resource(type_url, "a", "good"), resource(type_url, "b", "3"))
    assert healed == one(type_url, variant, "a=good", "b=3")
    assert not rejected(wire)


@both
@each_type
def test_what_was_never_accepted_is_left_out(variant: Variant, type_url: str) -> None:
    wire = holding(variant, type_url, resource(type_url, "b"))
    wire.offer(resource(type_url, "a", "bad"), resource(type_url, "b"))
    assert wire.nack(type_url, message="Error adding/updating cluster(s) a: bad") == []
    assert wire.offer(resource(type_url, "a", "bad"), resource(type_url, "b", "2")) == one(type_url, variant, "b=2")


@both
@whole_types
def test_rule_6_culprits_that_are_named_are_found_at_once(variant: Variant, type_url: str) -> None:
    wire = holding(variant, type_url)
    wire.offer(*(resource(type_url, name) for name in "abcd"))
    said = "Error adding/updating cluster(s) b: no such filter in c, d: no"
    assert wire.nack(type_url, message=said) == []
    assert rejected(wire) == ["b", "d"]  # c is only what b's error is about


@both
@each_type
def test_a_culprit_that_nobody_names_is_found_by_halves(variant: Variant, type_url: str) -> None:
    wire = holding(variant, type_url)
    bad = {"c", "f"}
    wire.offer(*(resource(type_url, name, "bad" if name in bad else "1") for name in "abcdefgh"))
    before = len(wire.nonces)
    replies = wire.nack(type_url)
    while replies:
        replies = wire.nack(type_url) if "bad" in replies[0].resources else wire.ack(type_url)
        assert len(wire.nonces) - before <= 10
    assert rejected(wire) == sorted(bad)
    assert wire.stream.status()[type_url].status == "ERROR"
    assert [e.resource.name for e in wire.events if isinstance(e, Confined)] == sorted(bad)


@both
@part_types
def test_the_halves_go_one_at_a_time_and_silence_proves_nothing(variant: Variant, type_url: str) -> None:
    wire = holding(variant, type_url)
    wire.offer(resource(type_url, "a"), resource(type_url, "b"))
    kind = SHORT[type_url]
    assert wire.nack(type_url) == [Reply(kind, "a=1")]
    assert wire.stream.status()[type_url].rejected == ("b",)
    assert wire.stream.deadline == wire.now - 1 + TRIAL_PATIENCE
    assert wake(wire) == [Reply(kind, "b=1")]
    assert wake(wire) == []
    assert (wire.stream.wake(wire.now + 1000).responses, rejected(wire)) == ((), [])
    wire.ack(type_url)
    assert wire.stream.status()[type_url].status == "SYNCED"


@both
@part_types
def test_a_late_answer_to_a_trial_counts(variant: Variant, type_url: str) -> None:
    wire = holding(variant, type_url)
    wire.offer(resource(type_url, "a"), resource(type_url, "b"))
    wire.nack(type_url)
    wake(wire)
    wire.nack(type_url, wire.nonces[-2])
    assert rejected(wire) == ["a"]


@both
@part_types
def test_edits_go_out_while_a_trial_waits(variant: Variant, type_url: str) -> None:
    wire = holding(variant, type_url)
    wire.offer(resource(type_url, "a"), resource(type_url, "b"))
    kind = SHORT[type_url]
    assert wire.nack(type_url) == [Reply(kind, "a=1")]
    assert wire.offer(resource(type_url, "a"), resource(type_url, "b"), resource(type_url, "c")) == [Reply(kind, "c=1")]
    assert wire.offer(resource(type_url, "a"), resource(type_url, "b", "2"), resource(type_url, "c")) == [
        Reply(kind, "b=2")
    ]
    assert wire.ack(type_url) == []  # what waited for its trial has changed: there is nothing left to try


@both
@each_type
def test_it_is_tried_again_after_a_minute_then_two_and_so_on(variant: Variant, type_url: str) -> None:
    wire = holding(variant, type_url, resource(type_url, "a"), resource(type_url, "b"))
    wire.offer(resource(type_url, "a", "bad"), resource(type_url, "b"))
    wait, since = RETRY_FIRST, wire.now
    for _ in range(8):
        assert wire.nack(type_url, message="Error adding/updating cluster(s) a: bad") == []
        assert wire.stream.deadline == pytest.approx(wire.now - 1 + wait)
        assert wake(wire) == one(type_url, variant, "a=bad", "b=1")
        wait = min(2 * wait, RETRY_MAX)
    assert wait == RETRY_MAX
    (case,) = wire.stream.cases()
    assert case.since == since
    assert wire.ack(type_url) == []
    assert rejected(wire) == []
    assert isinstance(wire.events[-1], Healed)
    assert wire.stream.status()[type_url].status == "SYNCED"
    assert wire.stream.deadline is None


@both
@each_type
def test_or_at_once_by_command(variant: Variant, type_url: str) -> None:
    wire = holding(variant, type_url, resource(type_url, "a"), resource(type_url, "b"))
    wire.offer(resource(type_url, "a", "bad"), resource(type_url, "b"))
    wire.nack(type_url)
    assert wire._replies(wire.stream.retry(wire.now)) == one(type_url, variant, "a=bad", "b=1")
    assert wire._replies(wire.stream.retry(wire.now)) == []  # it is under way
    wire.nack(type_url)
    assert wire.stream.deadline == wire.now - 1 + RETRY_FIRST


@both
@each_type
def test_a_case_outlives_the_stream_but_is_its_clients_own(variant: Variant, type_url: str) -> None:
    quarantine = Quarantine()
    good, bad, b = resource(type_url, "a"), resource(type_url, "a", "bad"), resource(type_url, "b")
    wire = holding(variant, type_url, good, b, quarantine=quarantine)
    wire.offer(bad, b)
    wire.nack(type_url)
    again = variant(quarantine=quarantine)
    again.offer(bad, b)
    (reply,) = again.want(type_url, "a", "b")
    # The next who has this node id may be somebody else, and is sent no secret that he is not meant to have.
    assert reply.resources == ("b=1" if type_url == SECRET else "a=1 b=1")
    assert rejected(again) == ["a"]
    other_build = Node()
    other_build.CopyFrom(NODE)
    other_build.user_agent_version = "newer"
    upgraded = variant(quarantine=quarantine, node=other_build)
    other_peer = variant(quarantine=quarantine, peer="spiffe://x")
    for wire in (upgraded, other_peer):
        wire.offer(bad, b)
        (reply,) = wire.want(type_url, "a", "b")
        assert reply.resources == "a=bad b=1"
        assert rejected(wire) == []


@both
def test_a_secret_is_kept_for_a_client_that_has_proved_who_it_is(variant: Variant) -> None:
    quarantine = Quarantine()
    listener = Resource(LISTENER, "l", resource(LISTENER, "l").body, (), refs=((SECRET, "a"),))
    first, second = (variant(quarantine=quarantine, peer="spiffe://x") for _ in range(2))
    first.offer(resource(SECRET, "a"), listener)
    first.want(SECRET, "a")
    first.ack(SECRET)
    first.offer(resource(SECRET, "a", "bad"), listener)
    first.nack(SECRET)
    second.offer(resource(SECRET, "a", "bad"), listener)
    assert second.ask(LISTENER) == [Reply("LDS", "l=1")]
    assert second.want(SECRET, "a") == [Reply("SDS", "a=1")]


@both
@whole_types
def test_what_is_applied_of_a_rejected_response_is_what_the_client_holds(variant: Variant, type_url: str) -> None:
    a, b = resource(type_url, "a", "1"), resource(type_url, "b", "1")
    wire = holding(variant, type_url, a, b)
    said = "Error adding/updating cluster(s) b: bad"
    wire.offer(resource(type_url, "a", "2"), resource(type_url, "b", "bad"))
    assert wire.nack(type_url, message=said) == []
    wire.offer(resource(type_url, "a", "3"), resource(type_url, "b", "bad"))
    assert wire.nack(type_url, message="Error adding/updating cluster(s) a: bad") == []
    standbys = [case.standby for case in wire.stream.cases()]
    assert [standby.body for standby in standbys if standby] == [resource(type_url, "a", "2").body, b.body]


@both
@whole_types
def test_one_that_is_not_valid_spoils_the_whole_response_so_the_rest_comes_again(
    variant: Variant, type_url: str
) -> None:
    """Envoy prints what it cannot validate, and looks at nothing else in the response."""
    wire = holding(variant, type_url, resource(type_url, "a"), resource(type_url, "c"))
    wire.offer(*(resource(type_url, name, "2") for name in "ab"), resource(type_url, "c"))
    said = 'goo.gle/debugonly\nname: "b"\n: Proto constraint validation failed'
    assert wire.nack(type_url, message=said) == one(type_url, variant, "a=2", "c=1")
    assert rejected(wire) == ["b"]
    wire.ack(type_url)
    assert wire.stream.status()[type_url].rejected == ("b",)


@each_type
def test_delta_a_client_that_comes_back_with_the_last_accepted_version_is_sent_nothing(type_url: str) -> None:
    quarantine = Quarantine()
    good, bad = resource(type_url, "a"), resource(type_url, "a", "bad")
    wire = holding(DeltaWire, type_url, good, quarantine=quarantine)
    wire.offer(bad)
    wire.nack(type_url)
    again = DeltaWire(quarantine=quarantine)
    again.offer(bad)
    replies = again.ask(type_url, "a", held={"a": good.version})
    if type_url in (CLUSTER, LISTENER, ROUTE):
        assert replies == [Reply(SHORT[type_url])]
    else:
        assert all(reply.removed == "" for reply in replies)


@whole_types
def test_delta_what_the_client_holds_in_a_version_that_nobody_knows_stays_until_it_goes(type_url: str) -> None:
    wire = DeltaWire()
    wire.offer(resource(type_url, "a", "bad"))
    assert wire.ask(type_url, held={"a": "from-before"}) == [Reply(SHORT[type_url], "a=bad")]
    assert wire.nack(type_url) == []
    assert wire.offer(resource(type_url, "a", "bad"), resource(type_url, "b")) == [Reply(SHORT[type_url], "b=1")]
    assert wire.offer(resource(type_url, "b")) == [Reply(SHORT[type_url], "", "a")]


@whole_types
def test_rule_14_sotw_what_the_client_held_before_goes_when_the_bad_one_does(type_url: str) -> None:
    wire = SotwWire()
    wire.offer(resource(type_url, "a", "bad"))
    wire.ask(type_url)
    assert wire.nack(type_url) == []
    assert wire.offer() == [Reply(SHORT[type_url])]


@both
@part_types
def test_what_was_taken_for_accepted_and_then_rejected_alone_is_no_fallback(variant: Variant, type_url: str) -> None:
    """The answer to a response can get lost, so an ACK covers more than the client has looked at (rule 74)."""
    wire = holding(variant, type_url)
    wire.offer(resource(type_url, "a", "bad"))
    wire.offer(resource(type_url, "a", "bad"), resource(type_url, "b"))
    wire.ack(type_url)  # of b; a's NACK never came
    wire.offer(resource(type_url, "a", "worse"), resource(type_url, "b"))
    wire.nack(type_url)
    (case,) = wire.stream.cases()
    assert case.standby is not None
    again = wire.want(type_url) if isinstance(wire, SotwWire) else wire.ask(type_url, off=["a"])
    assert again == []
    assert wire.want(type_url, "a") == [Reply(SHORT[type_url], "a=bad")]
    wire.nack(type_url)
    assert wire.stream.cases()[0].standby is None


@both
def test_many_cases_of_one_client_are_bounded_and_never_loop(variant: Variant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xds_server.protocol.quarantine.CASES", 3)
    wire = holding(variant, ROUTE, *(resource(ROUTE, name) for name in "abcdefgh"))
    for count in range(1, 6):
        wire.offer(*(resource(ROUTE, name, "bad" if name in "abcdefgh"[:count] else "1") for name in "abcdefgh"))
        assert wire.nack(ROUTE) == []
    assert rejected(wire) == ["a", "b", "c"]
    assert wire.stream.status()[ROUTE].error == "rejected"
    assert wire.offer(*(resource(ROUTE, name, "bad") for name in "abcdefgh")) == [Reply("RDS", "f=bad g=bad h=bad")]
    assert wire.nack(ROUTE) == []
    assert rejected(wire) == ["a", "b", "c"]


def test_clients_are_bounded() -> None:
    quarantine = Quarantine()
    first = quarantine.ward(Node(id="first"))
    for index in range(CLIENTS - 1):
        quarantine.ward(Node(id=str(index)))
    assert quarantine.ward(Node(id="first")) is first
    quarantine.ward(Node(id="one more"))
    assert quarantine.ward(Node(id="first")) is first
    assert len(quarantine._clients) == CLIENTS


@both
@each_type
def test_rule_74_a_newer_response_with_the_bad_one_decides(variant: Variant, type_url: str) -> None:
    wire = holding(variant, type_url, resource(type_url, "b"))
    wire.offer(resource(type_url, "a", "bad"), resource(type_url, "b"))
    wire.offer(resource(type_url, "a", "bad"), resource(type_url, "b", "2"))
    first, second = wire.nonces[-2:]
    assert wire.nack(type_url, first, "Error adding/updating cluster(s) a: bad") == []
    carried = variant is SotwWire and type_url in WHOLE
    assert rejected(wire) == ([] if carried else ["a"])
    if carried:
        assert wire.nack(type_url, second, "Error adding/updating cluster(s) a: bad") == []
        assert rejected(wire) == ["a"]
    else:
        wire.ack(type_url, second)
    assert wire.offer(resource(type_url, "a", "bad"), resource(type_url, "b", "3")) == one(type_url, variant, "b=3")


@both
@whole_types
def test_the_rest_of_a_spoilt_response_comes_again_even_if_the_culprit_has_changed_since(
    variant: Variant, type_url: str
) -> None:
    wire = holding(variant, type_url, resource(type_url, "c"))
    wire.offer(resource(type_url, "a"), resource(type_url, "b", "bad"), resource(type_url, "c"))
    first = wire.nonce
    wire.offer(resource(type_url, "a"), resource(type_url, "b", "good"), resource(type_url, "c"))
    again = wire.nack(type_url, first, 'goo.gle/debugonly name: "b"')
    assert again == ([] if variant is SotwWire else [Reply(SHORT[type_url], "a=1")])  # the newer one has it already
    assert rejected(wire) == []


@both
@part_types
def test_one_of_two_in_a_response_is_not_to_blame_because_the_other_has_changed_since(
    variant: Variant, type_url: str
) -> None:
    wire = holding(variant, type_url)
    wire.offer(resource(type_url, "a"), resource(type_url, "b", "bad"))
    first = wire.nonce
    wire.offer(resource(type_url, "a"), resource(type_url, "b", "good"))
    wire.nack(type_url, first)
    assert rejected(wire) == []


def test_clients_that_rejected_the_same_share_their_bytes() -> None:
    encoder = Encoder("test")
    wires = [DeltaWire(encoder=encoder, quarantine=Quarantine()) for _ in range(3)]
    good = snapshot(resource(CLUSTER, "a"), resource(CLUSTER, "b"))
    bad = snapshot(resource(CLUSTER, "a", "bad"), resource(CLUSTER, "b"), previous=good)
    after = snapshot(resource(CLUSTER, "a", "bad"), resource(CLUSTER, "b", "2"), previous=bad)
    for wire in wires:
        wire.offer_set(good)
        wire.ask(CLUSTER)
        wire.ack(CLUSTER)
        wire.offer_set(bad)
        wire.nack(CLUSTER)
        wire.offer_set(after)
    assert len({id(wire.stream._snapshot) for wire in wires}) == 1
    assert len({wire.payloads[-1] for wire in wires}) == 1


def test_the_order_of_events() -> None:
    wire = holding(DeltaWire, CLUSTER)
    wire.offer(resource(CLUSTER, "a", "bad"))
    wire.nack(CLUSTER, message="a: no")
    assert [type(event) for event in wire.events[-2:]] == [Nacked, Confined]


@both
def test_what_a_client_says_about_a_secret_does_not_tell_the_secret(variant: Variant) -> None:
    wire = holding(variant, SECRET)
    wire.offer(resource(SECRET, "a"))
    wire.nack(SECRET, message='validation failed: tls_certificate { private_key { inline_bytes: "-----BEGIN X" } }')
    (case,) = wire.stream.cases()
    assert case.error == "validation failed: tls_certificate { private_key { "
    assert all("BEGIN" not in str(event) for event in wire.events)


@both
def test_a_secret_of_paths_is_only_said_to_be_rejected(variant: Variant) -> None:
    """The client watches the files: what refers to the Secret stays, and so does the Secret (ADR 0006)."""
    name = "file-cert:/a.crt~/a.key"
    secrets = resource(SECRET, name), resource(SECRET, "b")
    listener = Resource(LISTENER, "l", resource(LISTENER, "l").body, (), refs=((SECRET, name), (SECRET, "b")))
    quarantine = Quarantine()
    wire = variant(quarantine=quarantine)
    wire.offer(*secrets, listener)
    wire.want(LISTENER)
    wire.ack(LISTENER)
    assert wire.want(SECRET, name, "b") == [Reply("SDS", f"b=1 {name}=1")]
    # Envoy rejects both, since it stops at the first: they are tried one by one.
    replies = wire.nack(SECRET)
    sent: list[Reply] = []
    while replies:
        sent += replies
        replies = wire.nack(SECRET) if name in replies[0].resources else wire.ack(SECRET)
    assert sent == [Reply("SDS", "b=1"), Reply("SDS", f"{name}=1")]
    assert rejected(wire) == [name]
    assert wire.stream.status()[SECRET].status == "ERROR"
    assert wire.offer(*secrets, listener, resource(LISTENER, "m")) != []  # other things go on
    wire.ack(LISTENER)
    # It is asked again, and then has the files.
    assert wake(wire) == [Reply("SDS", f"{name}=1")]
    assert wire.nack(SECRET) == []
    assert rejected(wire) == [name]
    assert wake(wire) == [Reply("SDS", f"{name}=1")]
    assert wire.ack(SECRET) == []
    assert rejected(wire) == []
    assert [e.resource.name for e in wire.events if isinstance(e, Healed)] == [name]


@both
def test_a_secret_of_paths_is_sent_again_on_another_stream(variant: Variant) -> None:
    """A listener would warm for ever if nothing came; that it is rejected is enough."""
    name = "file-root:/ca.crt"
    quarantine = Quarantine()
    listener = Resource(LISTENER, "l", resource(LISTENER, "l").body, (), refs=((SECRET, name),))
    first, second = variant(quarantine=quarantine), variant(quarantine=quarantine)
    for wire in (first, second):
        wire.offer(resource(SECRET, name), listener)
        assert wire.want(LISTENER) == [Reply("LDS", "l=1")]
        wire.ack(LISTENER)
        assert wire.want(SECRET, name) == [Reply("SDS", f"{name}=1")]
        assert wire.nack(SECRET) == []
        assert rejected(wire) == [name]
