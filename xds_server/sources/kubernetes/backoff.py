"""How long to leave an API server alone that failed: longer each time, and never all watchers at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST_SECONDS: Final = 0.2
MOST_SECONDS: Final = 30.0
LONGEST_REQUESTED: Final = 120.0
"""A server may ask for more time than we give ourselves, but not for ever."""


class Backoff:
    """Doubles from FIRST_SECONDS to MOST_SECONDS; each pause is between half of that and all of it."""

    __slots__ = ("_chance", "_next")

    def __init__(self, chance: Callable[[], float]) -> None:
        """`chance` returns a number from 0 to 1."""
        self._chance = chance
        self._next = FIRST_SECONDS

    def pause(self, requested: float | None = None) -> float:
        """Return the seconds to wait after another failure; at least `requested` (`Retry-After`)."""
        pause = self._next * (0.5 + self._chance() / 2)
        self._next = min(self._next * 2, MOST_SECONDS)
        return max(pause, min(requested or 0.0, LONGEST_REQUESTED))

    def reset(self) -> None:
        """Begin anew, since all is well."""
        self._next = FIRST_SECONDS
