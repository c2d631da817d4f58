"""What keeps many, slow, silent and hostile clients from costing the others: the limits, and who may come in now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

BURST_SECONDS: Final = 1.0
"""So much of the rate may come in at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamLimits:
    """The limits on streams of discovery; 0 means none where it says so."""

    streams: int = 20_000
    """Streams open at once, on all connections; 0: no limit. More are refused."""
    streams_per_second: float = 500.0
    """How fast streams are let in; 0: no limit. What comes faster waits, and is refused if it would wait for more than
    `patience`. When thousands of proxies lose a replica at once, the others take them on one after another instead of
    all at once, and go on pushing meanwhile (xds-protocol rule 99). To take on a stream with its connection costs about
    1 ms of processor time, so this is half a core.
    """
    patience: float = 5.0
    """Seconds that a stream may wait to be let in."""
    first_message: float = 15.0
    """Seconds within which a stream must say who it is; 0: it need not."""
    write_deadline: float = 60.0
    """Seconds after which a proxy that does not read what it is sent is cut off; 0: never."""
    connection_age: float = 1800.0
    """Seconds after which a stream ends and its connection with it, each stream's own up to a tenth more or less; 0:
    never. Istio's default is never, while its documentation recommends 30 minutes: without it, proxies never spread
    over replicas that were added, and whatever a connection was granted at its begin it keeps for ever.
    """
    message_size: int = 16 << 20
    """Bytes of one request. The first delta request after a reconnect names every resource with its version: 100,000
    of them, as many as may be subscribed to, are 13 MB (xds-protocol rule 93).
    """
    subscriptions: int = 100_000
    """Names that one stream may subscribe to at once, in one type."""


class Admission:
    """Lets in `rate` a second, a second's worth of them at once; the rest wait their turn, for `patience` at most.

    It is a token bucket told by one number: when the next token is there (the "theoretical arrival time" of GCRA).
    It has no clock: times are given, in seconds.
    """

    __slots__ = ("_interval", "_next", "_patience")

    def __init__(self, rate: float, patience: float) -> None:
        """`rate` 0: everybody, at once."""
        self._interval = 1.0 / rate if rate else 0.0
        self._patience = patience
        self._next = 0.0

    def turn(self, now: float) -> float | None:
        """Return in how many seconds one that comes now may come in; None: it had better try elsewhere, or later."""
        turn = max(self._next, now - BURST_SECONDS)
        if turn - now > self._patience:
            return None
        self._next = turn + self._interval
        return max(turn - now, 0.0)
