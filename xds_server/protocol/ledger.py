"""Who answered what: the responses of one type on one stream, in flight, accepted or rejected.

A nonce only tells which response an ACK or NACK is about; subscriptions are honoured whatever the nonce is
(xds-protocol rules 8 and 35).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from xds_server.protocol.events import MESSAGE_LIMIT, Acked, Ignored, Nacked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from google.rpc.status_pb2 import Status

    from xds_server.protocol.step import Outgoing

State = Literal["SYNCED", "STALE", "NOT SENT", "ERROR"]

IN_FLIGHT_LIMIT: Final = 64
"""Responses whose answer is waited for. Not every response gets one (xds-protocol rule 72): the oldest is given up."""

_SEARCHED: Final = 1 << 16
"""Characters of a NACK's message in which resource names are looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeStatus:
    """One type on one stream, as `proxy-status` shows it (the words are istioctl's)."""

    status: State
    version_sent: str
    version_acked: str
    nonce_sent: str
    nonce_acked: str
    error: str
    """The last NACK's message, while what it rejected is still current; else empty."""
    resources: int
    """How many resources the client should hold now."""
    acks: int
    nacks: int
    rejected: tuple[str, ...]
    """The names that the client may not hold in their current version. Sorted."""


class Ledger:
    """The answers to one type's responses."""

    __slots__ = (
        "acks", "error", "in_doubt", "nacks", "nonce_acked", "nonce_nacked", "nonce_sent", "serial", "version_acked",
        "version_sent", "waiting",
    )  # fmt: skip

    def __init__(self) -> None:
        self.waiting: deque[tuple[Outgoing, float]] = deque(maxlen=IN_FLIGHT_LIMIT)
        self.serial = 0
        """Of the newest nonce sent; the next must be greater, so that no nonce comes twice on a stream (rule 2)."""
        self.nonce_sent = self.nonce_acked = self.nonce_nacked = ""
        self.version_sent = self.version_acked = ""
        self.error = ""
        self.in_doubt: dict[str, str] = {}
        """Name to the version that came with a rejected response (empty: its removal did). Whether the client holds it
        is unknown (rule 37). It is sent again when one of them changes, never as an answer to the NACK (rule 6).
        """
        self.acks = self.nacks = 0

    def sent(self, message: Outgoing, now: float) -> None:
        """Note a response that was handed out."""
        self.serial = message.serial
        self.nonce_sent = message.nonce
        self.version_sent = message.version
        self.waiting.append((message, now))
        if self.in_doubt:
            for name in (*message.names, *message.removed):
                self.in_doubt.pop(name, None)  # the new answer decides about it

    def acknowledge(self, type_url: str, nonce: str, now: float) -> Acked | Ignored | None:
        """Take in a request without error_detail. None if it answers nothing: no nonce, or one answered before."""
        if not nonce:
            return None  # spontaneous (rules 9 and 35)
        found = self._take(nonce)
        if found is None:
            return None if nonce in (self.nonce_acked, self.nonce_nacked) else _stale(type_url, nonce)
        message, sent_at = found
        self.acks += 1
        self.nonce_acked = nonce
        self.version_acked = message.version
        if not self.in_doubt:
            self.error = ""
        return Acked(type_url=type_url, nonce=nonce, version=message.version, seconds=max(now - sent_at, 0.0))

    def reject(
        self, type_url: str, nonce: str, error: Status, meant: Callable[[str], str | None], *, partial: bool
    ) -> Nacked | Ignored:
        """Take in a request with error_detail, the only sign of a NACK (rules 5 to 7).

        `partial`: this type's good resources are applied even so (Envoy: clusters and listeners), so if the message
        names the bad ones, only those are in doubt. `meant` tells the version in which the client should hold a name
        (empty: not at all; None: it does not ask for it), so that what is outdated stays out of it.
        """
        found = self._take(nonce) if nonce else None
        message = error.message[:MESSAGE_LIMIT]
        if found is None:
            return Ignored(type_url=type_url, reason=f"error for nonce {nonce!r}, which waits for no answer: {message}")
        response, _ = found
        names = self._doubt(response, error.message, meant, partial=partial)
        self.nacks += 1
        self.nonce_nacked = nonce
        if names or not response.resources:
            self.error = message
        return Nacked(
            type_url=type_url, nonce=nonce, version=response.version, code=error.code, message=message, names=names
        )

    def _doubt(
        self, response: Outgoing, text: str, meant: Callable[[str], str | None], *, partial: bool
    ) -> tuple[str, ...]:
        carried = {resource.name: resource.version for resource in response.resources}
        carried.update(dict.fromkeys(response.removed, ""))
        if partial:
            searched = text[:_SEARCHED]
            carried = {name: version for name, version in carried.items() if _mentions(searched, name)} or carried
        for newer, _ in self.waiting:  # whose answer decides
            for name in (*newer.names, *newer.removed):
                carried.pop(name, None)
        doubt = {name: version for name, version in carried.items() if meant(name) == version}
        self.in_doubt.update(doubt)
        return tuple(sorted(doubt))

    def _take(self, nonce: str) -> tuple[Outgoing, float] | None:
        """Find a response by its nonce, and stop waiting for it and for those before it (rule 74)."""
        waiting = self.waiting
        if waiting and waiting[0][0].nonce == nonce:
            return waiting.popleft()
        if not any(message.nonce == nonce for message, _ in waiting):
            return None
        while waiting[0][0].nonce != nonce:
            waiting.popleft()
        return waiting.popleft()

    def forget(self, names: Iterable[str]) -> None:
        """Drop what is no longer of interest: the client has unsubscribed, or it is gone for good."""
        for name in names:
            if self.in_doubt.pop(name, None) is not None and not self.in_doubt:
                self.error = ""

    def settle(self) -> None:
        """Everything was sent anew, so its answer decides."""
        self.in_doubt.clear()

    def status(self, resources: int) -> TypeStatus:
        """Sum up."""
        return TypeStatus(
            status=self._state(),
            version_sent=self.version_sent,
            version_acked=self.version_acked,
            nonce_sent=self.nonce_sent,
            nonce_acked=self.nonce_acked,
            error=self.error,
            resources=resources,
            acks=self.acks,
            nacks=self.nacks,
            rejected=tuple(sorted(self.in_doubt)),
        )

    def _state(self) -> State:
        if not self.nonce_sent:
            return "NOT SENT"
        if self.error:
            return "ERROR"
        return "STALE" if self.waiting else "SYNCED"


def _stale(type_url: str, nonce: str) -> Ignored:
    return Ignored(type_url=type_url, reason=f"stale nonce {nonce!r}")


def _mentions(text: str, name: str) -> bool:
    """Whether a text holds a name as a word of its own: `0.0.0.0_80` is not in `listener 0.0.0.0_8080`."""
    start = text.find(name) if name else -1
    while start >= 0:
        end = start + len(name)
        following = text[end : end + 2]
        ends = not following or not _goes_on(following[0]) or (following[0] == "." and not following[1:].isalnum())
        if ends and (start == 0 or not _goes_on(text[start - 1])):
            return True
        start = text.find(name, start + 1)
    return False


def _goes_on(character: str) -> bool:
    return character.isalnum() or character in "_-|."
