"""When a difference is worth a write: at once, or only once it lasts. Without a clock of its own.

A proxy that connects, or an endpoint that moves, leaves every object it concerns "in progress" for a moment. Written at
once, that would be two writes for each object and moment, and nobody could read them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from xds_server.status.merging import Difference

if TYPE_CHECKING:
    from collections.abc import Collection

    from translators.model.meta import ObjectKey
    from xds_server.status.wanted import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds for which something must be so before it is written. Tests shorten them."""

    settle: float = 2.0
    """For bad news (a condition that is not true), and for messages that come or go."""
    progress: float = 5.0
    """For news that some proxies are still to answer: most do within a second, and other replicas tell later."""
    text: float = 10.0
    """For a difference in the text alone, such as the count of proxies."""
    contest: float = 300.0
    """After which a status that somebody else has changed is written once more."""

    def of(self, difference: Difference, reason: Reason) -> float:
        """Return how long a difference must last from a status with this reason."""
        if difference is Difference.TEXT:
            return self.text
        if difference is Difference.MESSAGES:
            return self.settle
        return {"UpToDate": 0.0, "NotUsed": 0.0, "Propagating": self.progress}.get(reason, self.settle)


@dataclass(slots=True)
class Steady:
    """Remembers since when objects differ, and how much."""

    patience: Patience = field(default_factory=Patience)
    _since: dict[ObjectKey, dict[Difference, float]] = field(default_factory=dict)
    """By object: since when it has differed so much or more."""

    def due(self, key: ObjectKey, difference: Difference, now: float, reason: Reason) -> bool:
        """Whether to write now. `reason` is the one that is wanted; `now`: seconds, of a clock that never goes back."""
        if difference is Difference.NONE:
            self._since.pop(key, None)
            return False
        since = self._since.setdefault(key, {})
        for one in Difference:
            if one > difference:
                since.pop(one, None)
            else:
                since.setdefault(one, now)
        return now - since[difference] >= self.patience.of(difference, reason)

    def __len__(self) -> int:
        """How many differ."""
        return len(self._since)

    def keep(self, keys: Collection[ObjectKey]) -> None:
        """Forget all others: they are gone."""
        for key in self._since.keys() - set(keys):
            del self._since[key]
