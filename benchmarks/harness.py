"""Rounds, medians and the verdict. A ratio compares us with a floor (the least that anybody could do) measured in
interleaved rounds of the same run, so that it means the same on any machine.
"""

from __future__ import annotations

import gc
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS: Final = 5
SLACK: Final = 1.5
"""CI fails at this many times a target, unless a benchmark says another number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One line of the report: `subject` and `floor` in the unit that `unit` names (medians of the rounds)."""

    name: str
    subject: float
    floor: float
    target: float
    unit: str = "ms"
    slack: float = SLACK
    """How many times the target CI lets it be."""

    @property
    def ratio(self) -> float:
        """How many times the floor we cost."""
        return self.subject / self.floor

    @property
    def verdict(self) -> str:
        """`ok`, `over target` (reported), or `FAIL` (over `slack` times the target)."""
        if self.ratio <= self.target:
            return "ok"
        return "over target" if self.ratio <= self.target * self.slack else "FAIL"


def milliseconds(work: Callable[[], object]) -> float:
    """Return the processor time that `work` takes. What it returns is let go of afterwards, and garbage is collected
    before and not during.
    """
    gc.collect()
    gc.disable()
    try:
        start = time.process_time()
        made = work()
        taken = time.process_time() - start
        del made
        return taken * 1e3
    finally:
        gc.enable()


def compare(
    name: str,
    subject: Callable[[], float],
    floor: Callable[[], float],
    *,
    target: float,
    unit: str = "ms",
    rounds: int = ROUNDS,
    slack: float = SLACK,
) -> Result:
    """Run subject and floor in turn, after one unmeasured round of each, and compare their medians."""
    subject()
    floor()
    pairs = [(subject(), floor()) for _ in range(rounds)]
    return Result(
        name=name,
        subject=statistics.median(s for s, _ in pairs),
        floor=statistics.median(f for _, f in pairs),
        target=target,
        unit=unit,
        slack=slack,
    )
