"""The xlog: what it keeps of a conversation, how it is bounded, and what became of each response."""

from __future__ import annotations

import json

import pytest
from envoy.service.discovery.v3.discovery_pb2 import DeltaDiscoveryRequest, DiscoveryRequest

from tests.protocol.client import resource
from tests.protocol.snapshots import snapshot
from translators.model.meta import ObjectKey
from translators.resources import CLUSTER, ENDPOINT, LISTENER, ROUTE, SECRET, SHORT, Resource
from xds_server.protocol import Conversation, DeltaStream, Encoder, SotwStream, Step, Why, Xlog
from xds_server.protocol.xlog import CLOSED, CLOSED_SECONDS, PER_STREAM
from xds_server.protocol.xlog_json import as_json, overview
from xds_server.protocol.xlog_records import (
    NO_NAMES,
    REQUESTED,
    Ack,
    Closed,
    Names,
    Opened,
    Record,
    Request,
    Response,
    because_of,
    fates,
)

both = pytest.mark.parametrize("variant", ["sotw", "delta"])
PUSHED = because_of([ObjectKey("VirtualService", "default", "reviews")])


class Told:
    """A stream of either variant whose steps are noted, as the transport does it."""

    def __init__(self, variant: str, xlog: Xlog | None = None) -> None:
        self.xlog = xlog or Xlog(1000.0)
        self.delta = variant == "delta"
        self.stream: DeltaStream | SotwStream = (DeltaStream if self.delta else SotwStream)(Encoder("test"))
        self.talk: Conversation = self.xlog.open("gw", "peer", variant, "1.40.0", 0.0)
        self.now = 1.0

    def ask(self, type_url: str, *names: str, nonce: str = "", error: str = "") -> Step:
        self.now += 1.0
        request: DeltaDiscoveryRequest | DiscoveryRequest
        if isinstance(self.stream, DeltaStream):
            request = DeltaDiscoveryRequest(
                type_url=type_url, resource_names_subscribe=names, response_nonce=nonce, node={"id": "gw"}
            )
        else:
            request = DiscoveryRequest(type_url=type_url, resource_names=names, response_nonce=nonce, node={"id": "gw"})
        if error:
            request.error_detail.message, request.error_detail.code = error, 13
        step = self.stream.receive(request, self.now)  # type: ignore[arg-type] # it fits the variant
        self.talk.received(request, step.events, self.now)
        if step.responses:
            self.talk.sent(step.responses, REQUESTED, self.now)
        return step

    def offer(self, *resources: Resource, why: Why = PUSHED) -> Step:
        self.now += 1.0
        step = self.stream.offer(snapshot(*resources), self.now, "push")
        if step.responses:
            self.talk.sent(step.responses, why, self.now)
        return step

    def wake_at(self, now: float) -> None:
        self.now = now
        step = self.stream.wake(now)
        self.talk.sent(step.responses, Why(step.reason), now)

    def told(self) -> list[dict[str, object]]:
        return [as_json(self.talk, record, self.xlog.epoch) for record in self.talk.records]

    def fates(self) -> list[str]:
        return list(self.talk.fates().values())


def _brief(record: dict[str, object], *keys: str) -> dict[str, object]:
    return {key: record[key] for key in ("event", "type", *keys)}


@both
def test_a_conversation_as_it_is_printed(variant: str) -> None:
    told = Told(variant)
    told.offer(resource(ROUTE, "a"))
    step = told.ask(ROUTE, "a")
    nonce = step.responses[0].nonce
    names = () if told.delta else ("a",)
    told.ask(ROUTE, *names, nonce=nonce)
    told.offer(resource(ROUTE, "a", "2"))
    told.ask(ROUTE, *names, nonce=step.responses[0].nonce, error="stale")
    told.talk.close("the proxy left", 9.0)

    opened, asked, answer, ack, push, ignored, closed = told.told()
    assert opened == {
        "seq": 1,
        "time": "1970-01-01T00:16:40.000Z",
        "stream": told.talk.id,
        "proxy": "gw",
        "event": "opened",
        "peer": "peer",
        "variant": variant,
        "service": "ADS",
        "envoy_version": "1.40.0",
    }
    assert _brief(asked, "subscribed", "subscribed_count", "nonce", "wildcard") == {
        "event": "request",
        "type": "RDS",
        "subscribed": ["a"],
        "subscribed_count": 1,
        "nonce": "",
        "wildcard": None,
    }
    assert _brief(answer, "nonce", "version", "resources", "resources_count", "bytes", "why") == {
        "event": "response",
        "type": "RDS",
        "nonce": nonce,
        "version": step.responses[0].version,
        "resources": ["a"],
        "resources_count": 1,
        "bytes": len(step.responses[0].payload),
        "why": "request",
    }
    assert _brief(ack, "nonce", "seconds") == {"event": "ack", "type": "RDS", "nonce": nonce, "seconds": 1.0}
    assert _brief(push, "why", "objects", "objects_count") == {
        "event": "response",
        "type": "RDS",
        "why": "push",
        "objects": ["VirtualService default/reviews"],
        "objects_count": 1,
    }
    assert (ignored["event"], ignored["type"]) == ("ignored", "RDS")
    assert (closed["event"], closed["reason"], closed["time"]) == (
        "closed",
        "the proxy left",
        "1970-01-01T00:16:49.000Z",
    )
    assert [record["seq"] for record in told.told()] == list(range(1, 8))
    assert told.fates() == ["acked", "ended"]
    assert json.loads(json.dumps(told.told())) == told.told()


@both
def test_a_nack_tells_what_and_how_long_it_took(variant: str) -> None:
    told = Told(variant)
    told.offer(resource(CLUSTER, "a"))
    nonce = told.ask(CLUSTER).responses[0].nonce
    told.ask(CLUSTER, nonce=nonce, error="a: no such thing")

    nack, quarantined = told.told()[3:5]
    assert _brief(nack, "nonce", "code", "message", "in_doubt", "seconds") == {
        "event": "nack",
        "type": "CDS",
        "nonce": nonce,
        "code": 13,
        "message": "a: no such thing",
        "in_doubt": ["a"],
        "seconds": 1.0,
    }
    assert _brief(quarantined, "resource", "rejections", "message", "retry_seconds") == {
        "event": "quarantined",
        "type": "CDS",
        "resource": "a",
        "rejections": 1,
        "message": "a: no such thing",
        "retry_seconds": 60.0,
    }
    assert told.fates()[0] == "nacked"


@both
def test_what_is_accepted_after_all_is_told(variant: str) -> None:
    told = Told(variant)
    told.offer(resource(CLUSTER, "a"))
    told.ask(CLUSTER, nonce=told.ask(CLUSTER).responses[0].nonce, error="a: no such thing")
    told.wake_at(100.0)
    retried = told.told()[-1]
    told.ask(CLUSTER, nonce=str(retried["nonce"]))

    assert _brief(retried, "resources", "why") == {
        "event": "response",
        "type": "CDS",
        "resources": ["a"],
        "why": "retry",
    }
    assert [record["event"] for record in told.told()[-2:]] == ["ack", "healed"]
    assert told.told()[-1]["resource"] == "a"


@both
def test_an_ack_that_asks_for_more_is_two_records(variant: str) -> None:
    told = Told(variant)
    told.offer(resource(ROUTE, "a"), resource(ROUTE, "b"))
    nonce = told.ask(ROUTE, "a").responses[0].nonce
    told.ask(ROUTE, *(("b",) if told.delta else ("a", "b")), nonce=nonce)

    assert [record["event"] for record in told.told()] == [
        "opened",
        "request",
        "response",
        "ack",
        "request",
        "response",
    ]
    assert told.told()[4]["subscribed"] == ["b"]


def test_what_a_delta_client_kept_is_counted() -> None:
    told = Told("delta")
    request = DeltaDiscoveryRequest(type_url=CLUSTER, initial_resource_versions={"a": "1", "b": "2"}, node={"id": "gw"})
    told.talk.received(request, told.stream.receive(request, 0.0).events, 0.0)  # type: ignore[arg-type]

    assert (told.told()[-1]["held"], told.told()[-1]["wildcard"]) == (2, True)


def test_a_name_that_goes_is_told() -> None:
    told = Told("sotw")
    told.offer(resource(ROUTE, "a"))
    told.ask(ROUTE, "a", "b")
    told.ask(ROUTE, "a")

    assert (told.told()[-1]["unsubscribed"], told.told()[-1]["subscribed_count"]) == (["b"], 0)


@both
def test_endpoints_and_secrets_say_that_they_go_with_their_parent(variant: str) -> None:
    told = Told(variant)
    listener = resource(LISTENER, "l", secrets=["s"])
    told.offer(
        resource(CLUSTER, "c"), resource(ENDPOINT, "c"), resource(ENDPOINT, "d"), resource(SECRET, "s"), listener
    )
    for type_url in (CLUSTER, LISTENER):
        told.ask(type_url)
    told.ask(ENDPOINT, "c", "d")
    told.ask(SECRET, "s")
    rest = (resource(SECRET, "s"), resource(ENDPOINT, "d", "2"))
    seen = len(told.talk.records)
    told.offer(resource(CLUSTER, "c"), resource(ENDPOINT, "c"), listener, *rest)
    told.offer(resource(CLUSTER, "c", "2"), resource(ENDPOINT, "c"), listener, *rest)
    told.offer(resource(CLUSTER, "c", "2"), resource(ENDPOINT, "c"), resource(LISTENER, "l", "2", secrets=["s"]), *rest)

    assert [(r["type"], r["parent"]) for r in told.told()[seen:]] == [
        ("EDS", ""),
        ("CDS", ""),
        ("EDS", "CDS"),
        ("LDS", ""),
        ("SDS", "LDS"),
    ]


@both
def test_every_response_has_one_fate(variant: str) -> None:
    told = Told(variant)
    names = ("a",)
    told.offer(resource(ROUTE, "a"))
    told.ask(ROUTE, *names)
    nonces = [told.offer(resource(ROUTE, "a", str(n))).responses[0].nonce for n in range(2, 6)]
    again = () if told.delta else names
    told.ask(ROUTE, *again, nonce=nonces[1])
    told.ask(ROUTE, *again, nonce=nonces[2], error="no")
    assert told.fates() == ["superseded", "superseded", "acked", "nacked", "waiting"]
    told.talk.close("bye", 99.0)
    assert told.fates() == ["superseded", "superseded", "acked", "nacked", "ended"]
    assert overview(told.talk, 0.0)["responses"] == {
        "acked": 1,
        "nacked": 1,
        "superseded": 2,
        "ended": 1,
        "waiting": 0,
    }


def test_an_answer_whose_response_is_no_longer_kept_is_no_ones_fate() -> None:
    records: list[Record] = [Ack(7, 1.0, ROUTE, "gone", "v", 0.1), Closed(8, 2.0, "bye")]
    assert fates(records) == {}


def test_the_records_of_a_stream_are_bounded() -> None:
    xlog = Xlog()
    talk = xlog.open("gw", "peer", "delta", "", 0.0)
    for number in range(3 * PER_STREAM):
        talk.received(DeltaDiscoveryRequest(type_url=ROUTE), (), float(number))

    assert len(talk.records) == PER_STREAM
    assert talk.records[-1].seq == xlog.seq == 3 * PER_STREAM + 1


def test_the_records_of_all_streams_are_bounded() -> None:
    xlog = Xlog(total=1000)
    talks = []
    for number in range(100):
        talks.append(xlog.open(f"gw-{number}", "peer", "delta", "", 0.0))
        for talk in talks:
            for _ in range(20):
                talk.received(DeltaDiscoveryRequest(type_url=ROUTE), (), 0.0)
        assert sum(len(talk.records) for talk in talks) <= 1000

    assert min(len(talk.records) for talk in talks) == 1000 // 128
    for talk in talks[1:]:
        talk.close("bye", 0.0)
    xlog.open("last", "peer", "delta", "", CLOSED_SECONDS + 1)
    for _ in range(600):
        talks[0].received(DeltaDiscoveryRequest(type_url=ROUTE), (), 0.0)
    assert len(talks[0].records) == 500


def test_streams_that_ended_are_kept_for_a_while() -> None:
    xlog = Xlog()
    for number in range(CLOSED + 10):
        xlog.open(f"gw-{number}", "peer", "delta", "", 0.0).close("bye", float(number))
    xlog.open("stays", "peer", "delta", "", 0.0)

    kept = [talk.proxy for talk in xlog.conversations(300.0)]
    assert len(kept) == CLOSED + 1
    assert (kept[0], kept[-1]) == ("gw-10", "stays")
    assert [talk.proxy for talk in xlog.conversations(CLOSED_SECONDS + 1000.0)] == ["stays"]


def test_what_is_new_since_a_number() -> None:
    xlog = Xlog()
    one, two = (xlog.open(name, "peer", "delta", "", 0.0) for name in ("one", "two"))
    for talk in (one, two, one):
        talk.received(DeltaDiscoveryRequest(type_url=ROUTE), (), 1.0)

    assert [(talk.proxy, record.seq) for talk, record in xlog.since(2, 1.0)] == [("one", 3), ("two", 4), ("one", 5)]
    assert [record.seq for _, record in xlog.since(0, 1.0, wanted=lambda talk: talk is two)] == [2, 4]
    assert xlog.since(5, 1.0) == []


def test_a_client_cannot_fill_the_memory() -> None:
    told = Told("sotw")
    told.ask(ROUTE, *(f"{n:05}" + "x" * 1000 for n in range(500)))
    told.ask("y" * 100_000, nonce="z" * 100_000)

    asked = told.told()[1]
    assert asked["subscribed_count"] == 500
    assert len(json.dumps(told.told())) < 5000


def test_bodies_and_keys_stay_out() -> None:
    told = Told("delta")
    told.offer(Resource(SECRET, "kubernetes://tls", b"-----BEGIN PRIVATE KEY----- hunter2", ()))
    nonce = told.ask(SECRET, "kubernetes://tls").responses[0].nonce
    told.ask(SECRET, nonce=nonce, error='invalid: tls_certificate { private_key { inline_string: "hunter2" } }')

    answer, nack = told.told()[2:4]
    assert answer["resources"] == ["kubernetes://tls"]
    assert str(nack["message"]).startswith("invalid: tls_certificate { ")
    assert "hunter2" not in json.dumps(told.told())
    assert "hunter2" not in repr(list(told.talk.records))


def test_streams_share_what_is_said_of_a_response() -> None:
    encoder, xlog = Encoder("test"), Xlog()
    held = snapshot(resource(ROUTE, "a"))
    kept = []
    for name in ("one", "two"):
        stream, talk = DeltaStream(encoder), xlog.open(name, "peer", "delta", "", 0.0)
        stream.offer(held, 0.0)
        request = DeltaDiscoveryRequest(type_url=ROUTE, resource_names_subscribe=["a"], node={"id": name})
        talk.sent(stream.receive(request, 0.0).responses, REQUESTED, 0.0)
        kept.append(talk.records[-1])

    one, two = kept
    assert isinstance(one, Response)
    assert isinstance(two, Response)
    assert one.sent is two.sent


def test_why_a_push_happened() -> None:
    keys = [ObjectKey("Service", "ns", f"s{n:02}") for n in range(30)]
    assert because_of(None) == Why("settings")
    assert because_of(reversed_ := list(reversed(keys))) == because_of(keys)
    assert len(reversed_) == 30
    why = because_of(keys)
    assert (why.kind, why.objects.count, len(why.objects.first)) == ("push", 30, 16)
    assert why.objects.first[0] == "Service ns/s00"


def test_two_pushes_that_a_slow_client_gets_as_one() -> None:
    a, b = because_of([ObjectKey("Service", "ns", "a")]), because_of([ObjectKey("Service", "ns", "b")])
    assert (REQUESTED | a) == a
    assert (a | b) == Why("push", Names(("Service ns/a", "Service ns/b"), 2))


def test_the_sink_is_given_everything() -> None:
    xlog = Xlog()
    taken: list[tuple[str, str]] = []
    xlog.sink = lambda talk, record: taken.append((talk.proxy, type(record).__name__))
    told = Told("delta", xlog)
    told.offer(resource(ROUTE, "a"))
    nonce = told.ask(ROUTE, "a").responses[0].nonce
    told.ask(ROUTE, nonce=nonce)
    told.talk.close("bye", 9.0)

    assert taken == [("gw", name) for name in ("Opened", "Request", "Response", "Ack", "Closed")]


def test_every_kind_of_record_can_be_printed() -> None:
    talk = Xlog().open("gw", "peer", "delta", "", 0.0)
    kinds = Record.__subclasses__()
    assert {Opened, Closed, Request, Response, Ack} < set(kinds)
    made = [
        Opened(1, 0.0),
        Closed(2, 0.0, "bye"),
        Request(3, 0.0, "other/type", "n", "v", NO_NAMES, NO_NAMES, None, 0),
    ]
    assert [as_json(talk, record, 0.0)["event"] for record in made] == ["opened", "closed", "request"]
    assert SHORT.get("other/type") is None
    assert as_json(talk, made[-1], 0.0)["type"] == "other/type"
    with pytest.raises(TypeError, match="nobody prints"):
        as_json(talk, Record(4, 0.0), 0.0)
