"""Who answered what: the responses of one type on one stream, in flight, accepted or rejected.

A nonce only tells which response an ACK or NACK is about; subscriptions are honoured whatever the nonce is
(xds-protocol rules 8 and 35).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from xds_server.protocol.events import Acked, Ignored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from translators.resources import Resource, TypeSet
    from xds_server.protocol.step import Outgoing

    Sent = tuple[Outgoing, float, TypeSet | None]
    """A response, when it was sent, and what the client holds once it has accepted it; None: more comes for that."""

State = Literal["SYNCED", "STALE", "NOT SENT", "ERROR"]

IN_FLIGHT_LIMIT: Final = 64
"""Responses whose answer is waited for. Not every response gets one (xds-protocol rule 72): the oldest is given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeStatus:
    """One type on one stream, as `proxy-status` shows it (the words are istioctl's)."""

    status: State
    version_sent: str
    version_acked: str
    nonce_sent: str
    nonce_acked: str
    error: str
    """Why something is rejected, or was, by the latest answer; else empty."""
    resources: int
    """How many resources the client should hold now."""
    acks: int
    nacks: int
    rejected: tuple[str, ...]
    """The names that are kept from the client in their current version: in quarantine, or on trial. Sorted."""


class Ledger:
    """The answers to one type's responses."""

    __slots__ = (
        "accepted", "acks", "error", "nacks", "nonce_acked", "nonce_nacked", "nonce_sent", "serial", "version_acked",
        "version_sent", "waiting",
    )  # fmt: skip

    def __init__(self) -> None:
        self.waiting: deque[Sent] = deque(maxlen=IN_FLIGHT_LIMIT)
        self.serial = 0
        """Of the newest nonce sent; the next must be greater, so that no nonce comes twice on a stream (rule 2)."""
        self.nonce_sent = self.nonce_acked = self.nonce_nacked = ""
        self.version_sent = self.version_acked = ""
        self.error = ""
        """Of a NACK that no resource can be blamed for, until the next ACK."""
        self.accepted: TypeSet | None = None
        """What the client was meant to hold when the response that it accepted last was sent."""
        self.acks = self.nacks = 0

    def sent(self, messages: tuple[Outgoing, ...], types: TypeSet, now: float) -> None:
        """Note responses that were handed out: together they bring the client to hold `types`."""
        last = messages[-1]
        for message in messages:
            self.waiting.append((message, now, types if message is last else None))
        self.serial = last.serial
        self.nonce_sent = last.nonce
        self.version_sent = last.version

    def acknowledge(self, type_url: str, nonce: str, now: float) -> Acked | Ignored | None:
        """Take in a request without error_detail. None if it answers nothing: no nonce, or one answered before."""
        if not nonce:
            return None  # spontaneous (rules 9 and 35)
        waiting = self.waiting
        if not (waiting and waiting[0][0].nonce == nonce) and not self._waits_for(nonce):
            return None if nonce in (self.nonce_acked, self.nonce_nacked) else _stale(type_url, nonce)
        while True:  # an ACK covers the responses before it (rule 74)
            message, sent_at, types = waiting.popleft()
            if types is not None:
                self.accepted = types
            if message.nonce == nonce:
                break
        self.acks += 1
        self.nonce_acked = nonce
        self.version_acked = message.version
        self.error = ""
        return Acked(type_url=type_url, nonce=nonce, version=message.version, seconds=max(now - sent_at, 0.0))

    def refuse(self, nonce: str) -> tuple[Outgoing, TypeSet | None] | None:
        """Take in a NACK, and return the response that it is about, with what the client was to hold after it; None if
        that waits for no answer.
        """
        if not nonce or not self._waits_for(nonce):
            return None
        while self.waiting[0][0].nonce != nonce:
            self.waiting.popleft()
        self.nacks += 1
        self.nonce_nacked = nonce
        response, _, types = self.waiting.popleft()
        return response, types

    def newer(self) -> set[str]:
        """Return the names in the responses that wait for their answer, which will decide about them."""
        return {name for message, _, _ in self.waiting for name in (*message.names, *message.removed)}

    def undecided(self) -> set[str]:
        """Return the names of all that the client may hold, by what it accepted and what waits for its answer."""
        accepted = self.accepted.resources if self.accepted is not None else ()
        return {*accepted, *self.newer()}

    def amend(self, rejected: Iterable[Resource], corrected: Callable[[TypeSet, Iterable[Resource]], TypeSet]) -> None:
        """Correct what the client will hold once it has accepted the responses that wait for their answer, of which
        none but those that name them brings it the rejected resources. `corrected` takes resources out of a set.
        """
        missing = {resource.name: resource for resource in rejected}
        if not missing:
            return
        amended: deque[Sent] = deque(maxlen=IN_FLIGHT_LIMIT)
        for message, at, types in self.waiting:
            for name in missing.keys() & {*message.names, *message.removed}:
                del missing[name]
            amended.append(
                (message, at, corrected(types, missing.values()) if types is not None and missing else types)
            )
        self.waiting = amended

    def _waits_for(self, nonce: str) -> bool:
        return any(message.nonce == nonce for message, _, _ in self.waiting)

    def status(self, resources: int, rejected: Iterable[str], error: str) -> TypeStatus:
        """Sum up, with what is in quarantine or on trial, and why."""
        names = tuple(sorted(rejected))
        return TypeStatus(
            status=self._state(names),
            version_sent=self.version_sent,
            version_acked=self.version_acked,
            nonce_sent=self.nonce_sent,
            nonce_acked=self.nonce_acked,
            error=error or self.error,
            resources=resources,
            acks=self.acks,
            nacks=self.nacks,
            rejected=names,
        )

    def _state(self, rejected: tuple[str, ...]) -> State:
        if rejected or self.error:
            return "ERROR"
        if not self.nonce_sent:
            return "NOT SENT"
        return "STALE" if self.waiting else "SYNCED"


def _stale(type_url: str, nonce: str) -> Ignored:
    return Ignored(type_url=type_url, reason=f"stale nonce {nonce!r}")
