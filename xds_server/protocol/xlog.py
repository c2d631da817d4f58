"""The xlog: what was said on each stream, as a bounded structured trace, in the way of aioquic's qlog.

A response and its ACK are two small records of references to what is there anyway; they become JSON only when somebody
looks (`xlog_json`). Names are kept, a few of each list; bodies never are. Times are arguments: seconds of the clock
that the stream is driven with.
"""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Final

from envoy.service.discovery.v3.discovery_pb2 import DeltaDiscoveryRequest, DiscoveryRequest

from translators.resources import CLUSTER, ENDPOINT, LISTENER, SECRET, SHORT
from xds_server.protocol.events import Acked, Confined, Healed, Ignored, Nacked, Subscribed, Unsubscribed
from xds_server.protocol.xlog_records import (
    NAMES,
    NO_NAMES,
    Ack,
    Closed,
    Nack,
    Names,
    Opened,
    Quarantined,
    Record,
    Recovered,
    Request,
    Response,
    Summary,
    Unheeded,
    fates,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from xds_server.protocol.events import Event
    from xds_server.protocol.step import Outgoing
    from xds_server.protocol.xlog_records import Fate, Why

PER_STREAM: Final = 512
"""Records kept of one stream, at most."""

TOTAL: Final = 1 << 16
"""Records kept of all streams, at most: about 20 MB."""

CLOSED: Final = 256
"""Streams kept after their end, at most."""

CLOSED_SECONDS: Final = 600.0
"""How long a stream is kept after its end."""

_CHARACTERS: Final = 512
"""How many characters are kept of all names of a list, and of other texts: a client may say what it likes."""

_SUMMARIES: Final = 512

_PARENTS: Final = {ENDPOINT: (CLUSTER,), SECRET: (LISTENER, CLUSTER)}


class Conversation:
    """One stream's records, of which the newest are kept. It belongs to the thread of the stream."""

    __slots__ = ("_log", "closed_at", "envoy_version", "id", "peer", "proxy", "records", "service", "variant")

    def __init__(
        self, log: Xlog, number: int, proxy: str, peer: str, variant: str, envoy_version: str, service: str
    ) -> None:
        """Use `Xlog.open`."""
        self._log = log
        self.id = number
        self.proxy = proxy
        self.peer = peer
        self.variant = variant
        self.envoy_version = envoy_version
        self.service = service
        self.closed_at: float | None = None
        self.records: deque[Record] = deque()

    def sent(self, responses: Iterable[Outgoing], why: Why, now: float) -> None:
        """Note responses of one step, in their order."""
        log = self._log
        before: list[Outgoing] = []
        for message in responses:
            parent = ""
            if before and message.type_url in _PARENTS:
                parent = log.parent(message, before)
            before.append(message)
            log.seq = seq = log.seq + 1
            self._add(Response(seq, now, log.summary(message), why, parent))

    def received(
        self, request: DiscoveryRequest | DeltaDiscoveryRequest, events: tuple[Event, ...], now: float
    ) -> None:
        """Note a request, by what the stream made of it."""
        if len(events) == 1 and type(event := events[0]) is Acked:
            log = self._log
            log.seq = seq = log.seq + 1
            self._add(Ack(seq, now, event.type_url, event.nonce, event.version, event.seconds))
        else:
            for record in self._read(request, events, now):
                self._add(record)

    def _read(
        self, request: DiscoveryRequest | DeltaDiscoveryRequest, events: tuple[Event, ...], now: float
    ) -> Iterator[Record]:
        more: Names = NO_NAMES
        fewer: Names = NO_NAMES
        wildcard: bool | None = None
        answered = False
        for event in events:
            if isinstance(event, Subscribed):
                more = _some(event.names)
                wildcard = True if event.wildcard else wildcard
            elif isinstance(event, Unsubscribed):
                fewer = _some(event.names)
                wildcard = False if event.wildcard else wildcard
            elif isinstance(event, Acked | Nacked | Confined | Healed | Ignored):
                answered = True
                yield self._answer(event, now)
        if answered and not (more.count or fewer.count or wildcard is not None):
            return
        delta = isinstance(request, DeltaDiscoveryRequest)
        yield Request(
            self._log.next(),
            now,
            _cut(request.type_url),
            _cut(request.response_nonce),
            "" if delta else _cut(request.version_info),  # type: ignore[union-attr] # mypy does not see `delta`
            more,
            fewer,
            wildcard,
            len(request.initial_resource_versions) if delta else 0,  # type: ignore[union-attr]
        )

    def _answer(self, event: Acked | Nacked | Confined | Healed | Ignored, now: float) -> Record:
        seq = self._log.next()
        if isinstance(event, Confined):
            resource, error = event.resource, _without_keys(event.error)
            wait = max(event.retry_at - now, 0.0)
            return Quarantined(seq, now, resource.type_url, resource.name, error, wait, event.rejections)
        if isinstance(event, Healed):
            return Recovered(seq, now, event.resource.type_url, event.resource.name)
        if isinstance(event, Acked):
            return Ack(seq, now, event.type_url, event.nonce, event.version, event.seconds)
        if isinstance(event, Ignored):
            return Unheeded(seq, now, _cut(event.type_url), _cut(event.reason))
        return Nack(
            seq,
            now,
            event.type_url,
            event.nonce,
            event.version,
            next((now - record.at for record in reversed(self.records) if _is(record, event.nonce)), -1.0),
            event.code,
            _without_keys(event.message),
            _some(event.names),
        )

    def close(self, reason: str, now: float) -> None:
        """Note the end; nothing may follow."""
        self._add(Closed(self._log.next(), now, _cut(reason)))
        self.closed_at = now
        self._log.ended(self, now)

    def _add(self, record: Record) -> None:
        records, log = self.records, self._log
        records.append(record)
        if len(records) > log.share:
            records.popleft()
        if log.sink is not None:
            log.sink(self, record)

    def fates(self) -> dict[int, Fate]:
        """Return what became of each response, by the `seq` of its record."""
        return fates(self.records)


class Xlog:
    """The conversations of one server: those that go on, and for a while those that have ended.

    The records kept of one stream are at most `PER_STREAM` and at most its share of `TOTAL`.
    """

    __slots__ = ("_closed", "_conversations", "_parents", "_summaries", "_total", "epoch", "seq", "share", "sink")

    def __init__(self, epoch: float = 0.0, *, total: int = TOTAL) -> None:
        """`epoch`: what the clock of the streams must have added to give seconds since 1970."""
        self.epoch = epoch
        self.seq = 0
        """Of the newest record."""
        self.share = PER_STREAM
        self.sink: Callable[[Conversation, Record], None] | None = None
        """Is given every record as it is made; must be quick and must not raise."""
        self._total = total
        self._conversations: dict[int, Conversation] = {}
        self._closed: deque[Conversation] = deque()
        self._summaries: dict[str, Summary] = {}
        self._parents: dict[tuple[str, ...], str] = {}

    def open(
        self, proxy: str, peer: str, variant: str, envoy_version: str, now: float, *, service: str = "ADS"
    ) -> Conversation:
        """Begin a conversation; `proxy` is a node id, `variant` is `delta` or `sotw`, `service` a type or `ADS`."""
        self._forget_old(now)
        number = self.next()
        conversation = Conversation(self, number, _cut(proxy), peer, variant, _cut(envoy_version), service)
        self._conversations[number] = conversation
        self._divide()
        conversation._add(Opened(number, now))  # noqa: SLF001 - its own
        return conversation

    def ended(self, conversation: Conversation, now: float) -> None:
        """Keep a conversation that is over for a while."""
        self._closed.append(conversation)
        self._forget_old(now)

    def _forget_old(self, now: float) -> None:
        closed = self._closed
        while closed and (len(closed) > CLOSED or now - (closed[0].closed_at or 0.0) > CLOSED_SECONDS):
            del self._conversations[closed.popleft().id]
        self._divide()

    def _divide(self) -> None:
        """Set the share of a conversation. It changes only when their number has doubled or halved, so dividing anew
        costs next to nothing for each one opened.
        """
        count = len(self._conversations)
        share = max(1, min(PER_STREAM, self._total >> (max(count, 1) - 1).bit_length()))
        if share < self.share:
            for conversation in self._conversations.values():
                while len(conversation.records) > share:
                    conversation.records.popleft()
        self.share = share

    def next(self) -> int:
        """Return the number of the next record."""
        self.seq += 1
        return self.seq

    def summary(self, message: Outgoing) -> Summary:
        """Return what is kept of a response: the same object for all streams that it goes to."""
        known = self._summaries.get(message.nonce)
        if known is None:
            if len(self._summaries) >= _SUMMARIES:
                self._summaries.clear()
            names = Names(tuple(r.name for r in message.resources[:NAMES]), len(message.resources))
            removed = Names(message.removed[:NAMES], len(message.removed))
            known = Summary(message.type_url, message.nonce, message.version, names, removed, len(message.payload))
            self._summaries[message.nonce] = known
        return known

    def parent(self, message: Outgoing, before: list[Outgoing]) -> str:
        """Return the type of an earlier response of the same step whose resources need those of `message`; empty if
        there is none. Worked out once for all streams that are sent the same.
        """
        key = (message.nonce, *(earlier.nonce for earlier in before))
        known = self._parents.get(key)
        if known is None:
            if len(self._parents) >= _SUMMARIES:
                self._parents.clear()
            known = self._parents[key] = _parent(message, before)
        return known

    def conversations(self, now: float) -> list[Conversation]:
        """Return the conversations in the order in which they began."""
        self._forget_old(now)
        return list(self._conversations.values())

    def since(
        self, seq: int, now: float, *, wanted: Callable[[Conversation], bool] | None = None
    ) -> list[tuple[Conversation, Record]]:
        """Return the records after `seq`, in their order; `wanted` chooses conversations. The cost grows with what is
        returned, and with the number of conversations.
        """
        found: list[tuple[Conversation, Record]] = []
        for conversation in self.conversations(now):
            if wanted is not None and not wanted(conversation):
                continue
            for record in reversed(conversation.records):
                if record.seq <= seq:
                    break
                found.append((conversation, record))
        found.sort(key=lambda pair: pair[1].seq)
        return found


def _is(record: Record, nonce: str) -> bool:
    return isinstance(record, Response) and record.sent.nonce == nonce


def _parent(message: Outgoing, before: Iterable[Outgoing]) -> str:
    here = {resource.name for resource in message.resources}.union(message.removed)
    for earlier in before:
        if earlier.type_url not in _PARENTS[message.type_url]:
            continue
        for resource in earlier.resources:
            named_alike = message.type_url == ENDPOINT and resource.name in here  # a cluster's endpoints have its name
            if named_alike or any(t == message.type_url and name in here for t, name in resource.refs):
                return SHORT[earlier.type_url]
    return ""


def _some(names: Collection[str]) -> Names:
    """Keep the first names, as far as there is room."""
    if not names:
        return NO_NAMES
    kept: list[str] = []
    room = _CHARACTERS
    for name in islice(names, NAMES):
        if len(name) > room:
            kept.append(f"{name[:room]}…")
            break
        room -= len(name)
        kept.append(name)
    return Names(tuple(kept), len(names))


def _cut(text: str) -> str:
    return text if len(text) <= _CHARACTERS else f"{text[:_CHARACTERS]}…"


_KEY_MATERIAL: Final = ("-----BEGIN", "inline_bytes", "inline_string", "private_key {", "private_key:")


def _without_keys(message: str) -> str:
    """Cut a NACK's message where it begins to quote what may be a key: Envoy sometimes prints the whole resource."""
    ends = [at for sign in _KEY_MATERIAL if (at := message.find(sign)) >= 0]
    return f"{message[: min(ends)]}… (the rest may hold a key)" if ends else message
