"""Who leads: a Lease of coordination.k8s.io as it was read in, what to write into it out. Pure.

Clocks of different machines are never compared: a Lease is over when nothing in it has changed for its duration, by our
own clock, since we first saw it so. A holder that cannot renew stops a third of the duration before that.
https://kubernetes.io/docs/concepts/architecture/leases/
"""

from __future__ import annotations

import math
from typing import NamedTuple


class Lease(NamedTuple):
    """The part of a Lease's spec that matters. Times are RFC 3339 with microseconds, and only compared for equality."""

    holder: str
    """holderIdentity; empty: it was released."""
    seconds: int
    """leaseDurationSeconds: how long others wait for a renewal."""
    acquired: str
    renewed: str
    transitions: int
    """leaseTransitions: how often it went to another holder."""


class Election:
    """One candidate. Times are in seconds of a clock that never goes back."""

    def __init__(self, identity: str, seconds: float) -> None:
        """`identity` must be nobody else's, nor that of an earlier process; `seconds` is the duration of the Lease."""
        self.identity = identity
        self.seconds = max(round(seconds), 1)
        self._seen: Lease | None = None
        self._seen_at = 0.0
        self._leads_until = -math.inf

    @property
    def retry(self) -> float:
        """Seconds between two looks at the Lease, and two renewals."""
        return self.seconds * 2 / 15

    @property
    def holder(self) -> str:
        """Who held it when it was last looked at."""
        return self._seen.holder if self._seen is not None else ""

    def leads(self, now: float) -> bool:
        """Whether we may act as the leader: nobody else can have become it before this is false."""
        return now < self._leads_until

    def saw(self, lease: Lease | None, now: float) -> None:
        """Note what the Lease says; None: there is none."""
        if lease != self._seen:
            self._seen, self._seen_at = lease, now
        if lease is None or lease.holder != self.identity:
            self._leads_until = -math.inf

    def bid(self, now: float, wall: str) -> Lease | None:
        """Return the Lease to write, in order to become or to stay the leader; None while another one leads.

        `wall` is the time of day, for people.
        """
        seen = self._seen
        if seen is None:
            return Lease(self.identity, self.seconds, wall, wall, 0)
        if seen.holder == self.identity:
            return seen._replace(seconds=self.seconds, renewed=wall)
        if seen.holder and now < self._seen_at + seen.seconds:
            return None
        return Lease(self.identity, self.seconds, wall, wall, seen.transitions + 1)

    def wrote(self, lease: Lease, asked_at: float) -> None:
        """Note that the server took a bid that was sent at this time."""
        self._seen, self._seen_at = lease, asked_at
        self._leads_until = asked_at + self.seconds * 2 / 3

    def release(self, wall: str) -> Lease | None:
        """Stop leading, and return the Lease to write so that another one need not wait; None if it is not ours."""
        self._leads_until = -math.inf
        if self._seen is None or self._seen.holder != self.identity:
            return None
        return self._seen._replace(holder="", seconds=1, renewed=wall)
