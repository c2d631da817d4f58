"""Three clients at once on one encoder, and what the xlog says of it: every response has exactly one fate.

One client of each variant, and a slow one of either: while it has not read what it was sent, the newest snapshot waits
in a slot, as in `transport.stream`. Edits, pushes, requests, answers, NACKs and reconnects come in any order between
them; in the end each holds what a fresh client gets (rule 60), and nothing more is said.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from envoy.service.discovery.v3.discovery_pb2 import DiscoveryRequest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from tests.protocol.client import DeltaClient, FakeEnvoy, SotwClient, resource
from tests.protocol.snapshots import snapshot
from tests.protocol.test_convergence import NAMES, Convergence
from translators.resources import CLUSTER, ENDPOINT, ROUTE, SECRET, TYPES
from xds_server.protocol import Acked, Encoder, Nacked, Why, Xlog
from xds_server.protocol.xlog_records import Ack, Nack, Response

if TYPE_CHECKING:
    from translators.resources import ResourceSet
    from xds_server.protocol import Conversation, Step


class Noted(FakeEnvoy[Any]):
    """A client whose stream is noted, as the transport does it."""

    talk: Conversation
    xlog: Xlog
    _taken: Any = None

    def connect(self) -> None:
        if hasattr(self, "talk"):
            self.talk.close("the proxy left", self.now)
        else:
            self.xlog = Xlog()
            self.streams: list[Conversation] = []
        self.talk = self.xlog.open("router", "peer", "?", "", self.now)
        self.streams.append(self.talk)
        super().connect()

    def answer_only_the_last(self) -> None:
        """Take back each ACK that a newer one of its type covers (rule 74), as far as the server has not read it."""
        kept: deque[Any] = deque()
        newer: dict[str, list[str]] = {}
        for request in reversed(self.to_server):
            wants = _wants(request)
            plain = request.response_nonce and not request.HasField("error_detail") and not request.HasField("node")
            if not (plain and newer.get(request.type_url) == wants):
                kept.appendleft(request)
            newer[request.type_url] = wants
        self.to_server = kept

    def server_reads(self) -> None:
        self._taken = self.to_server[0]
        super().server_reads()

    def _take(self, step: Step) -> None:
        if self._taken is not None:
            self.talk.received(self._taken, step.events, self.now)
            self._taken = None
        if step.responses:
            self.talk.sent(step.responses, Why(step.reason), self.now)
        super()._take(step)


def _wants(request: Any) -> list[str]:
    """What a request asks for: all of it in state of the world, what is new in delta."""
    if isinstance(request, DiscoveryRequest):
        return list(request.resource_names)
    return [*request.resource_names_subscribe, "-", *request.resource_names_unsubscribe]


class Slow(Noted):
    """A client to which nothing is offered before it has read what it was sent."""

    slot: ResourceSet | None = None

    def connect(self) -> None:
        self.slot = None
        super().connect()

    def offer(self, snapshot: ResourceSet) -> None:
        self.slot = snapshot
        self._empty_slot()

    def client_reads(self) -> None:
        super().client_reads()
        self._empty_slot()

    def _empty_slot(self) -> None:
        if self.slot is not None and not self.to_client:
            newest, self.slot = self.slot, None
            super().offer(newest)


class NotedSotw(Noted, SotwClient):
    pass


class NotedDelta(Noted, DeltaClient):
    pass


class SlowSotw(Slow, SotwClient):
    pass


class SlowDelta(Slow, DeltaClient):
    pass


class ThreeClients(Convergence):
    clients: tuple[Noted, ...]  # type: ignore[assignment] # they are the two of the base class, and one more

    @initialize(slow=st.sampled_from([SlowSotw, SlowDelta]))
    def start(self, slow: type[SlowSotw | SlowDelta]) -> None:
        self.encoder = Encoder("test")
        self.resources = {}
        self.current = snapshot()
        self.sotw, self.delta = NotedSotw(self.encoder), NotedDelta(self.encoder)
        self.slow = slow(self.encoder)
        self.clients = (self.sotw, self.delta, self.slow)

    @rule(successor=st.booleans(), turn=st.booleans())
    def push(self, *, successor: bool, turn: bool) -> None:
        """As the Push does it: one snapshot, offered to every stream."""
        self.current = self._snapshot(successor=successor)
        for client in self.clients:
            client.offer(self.current)
        if turn:
            self.encoder.turn()

    @precondition(lambda self: self.slow.to_server)
    @rule(count=st.integers(1, 4))
    def server_reads_from_the_slow_one(self, count: int) -> None:
        for _ in range(min(count, len(self.slow.to_server))):
            self.slow.server_reads()

    @precondition(lambda self: self.slow.to_client)
    @rule()
    def the_slow_one_reads(self) -> None:
        self.slow.client_reads()

    @rule(type_url=st.sampled_from([ENDPOINT, ROUTE, SECRET]), index=st.integers(0, 2))
    def the_slow_one_also_wants(self, type_url: str, index: int) -> None:
        self.slow.named.setdefault(type_url, set()).add(NAMES.get(type_url, NAMES[CLUSTER])[index])
        self.slow.refresh()

    @rule(which=st.sampled_from([0, 1, 2]))
    def reconnect(self, which: int) -> None:
        client = self.clients[which]
        client.connect()
        client.offer(self.current)

    @rule(which=st.sampled_from([0, 1, 2]))
    def answers_only_the_last(self, which: int) -> None:
        self.clients[which].answer_only_the_last()

    @invariant()
    def no_response_has_two_fates(self) -> None:
        for client in getattr(self, "clients", ()):
            _check(client)

    def teardown(self) -> None:
        if not hasattr(self, "clients"):
            return
        for client in self.clients:
            client.settle()
        for type_url, name in self.resources:  # heal what is bad, and change the rest
            was = self.resources[type_url, name]
            self.resources[type_url, name] = resource(
                type_url,
                name,
                "in the end",
                routes=sorted(n for t, n in was.refs if t == ROUTE),
                secrets=sorted(n for t, n in was.refs if t == SECRET),
                clusters=sorted(n for t, n in was.refs if t == CLUSTER),
            )
        self.current = self._snapshot(successor=True)
        for client in self.clients:
            client.offer(self.current)
            client.settle()
            if client.warming:  # see `Convergence.teardown`
                assert isinstance(client, SotwClient)
                client.warming.clear()
                client.warmed()
                client.settle()
            self._is_as_good_as_new(client)
            client.offer(snapshot(*self.resources.values()))
            assert client.settle() == 0, "the wire is not quiet"
            _check(client)
            assert "waiting" not in client.talk.fates().values()
            client.connect()
            _check(client)

    def _is_as_good_as_new(self, client: Noted) -> None:
        fresh_kind = SotwClient if isinstance(client, SotwClient) else DeltaClient
        fresh = fresh_kind(self.encoder, named={t: set(names) for t, names in client.named.items()})
        fresh.offer(self.current)
        fresh.settle()
        for type_url in TYPES:
            # State of the world has no word for the removal of a route or secret: the client keeps it (rule 16).
            held = {name: value for name, value in client.held[type_url].items() if self._known(type_url, name)}
            assert held == fresh.held[type_url], type_url


def _check(client: Noted) -> None:
    """What the xlog says is what the stream says: each answer belongs to a response that had none, and every response
    of a stream that has ended has a fate.
    """
    for talk in client.streams:
        unanswered: dict[str, list[str]] = {}
        for record in talk.records:
            if isinstance(record, Response):
                unanswered.setdefault(record.sent.type_url, []).append(record.sent.nonce)
            elif isinstance(record, Ack | Nack):
                nonces = unanswered[record.type_url]
                del nonces[: nonces.index(record.nonce) + 1]  # ValueError: it was answered before, or never sent
        fates = talk.fates()
        assert set(fates) == {record.seq for record in talk.records if isinstance(record, Response)}
        ends = {"waiting"} if talk is client.talk else {"ended"}
        assert set(fates.values()) <= {"acked", "nacked", "superseded"} | ends
        still = [seq for seq, fate in fates.items() if fate in ends]
        assert len(still) == sum(map(len, unanswered.values()))
    told = [record for talk in client.streams for record in talk.records]
    assert sum(isinstance(r, Ack) for r in told) == sum(isinstance(e, Acked) for e in client.events)
    assert sum(isinstance(r, Nack) for r in told) == sum(isinstance(e, Nacked) for e in client.events)


ThreeClients.TestCase.settings = Convergence.TestCase.settings
TestThreeClients = ThreeClients.TestCase
