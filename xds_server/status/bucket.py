"""A token bucket without a clock of its own."""

from __future__ import annotations


class Bucket:
    """Lets `rate` through a second, and `burst` at once after a rest."""

    __slots__ = ("_burst", "_rate", "_tokens", "_updated")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        """Begin full. Times are in seconds, of a clock that never goes back."""
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._updated = now

    def take(self, now: float) -> float:
        """Take a token and return 0, or return the seconds until there is one, and take none."""
        self._tokens = min(self._burst, self._tokens + (now - self._updated) * self._rate)
        self._updated = now
        if self._tokens < 1:
            return (1 - self._tokens) / self._rate
        self._tokens -= 1
        return 0.0
