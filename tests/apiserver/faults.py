"""What an API server can do wrong, on request."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Action = Literal["status", "hang", "cut", "half-line", "garbage", "silent", "gone-event"]
"""For a watch, `cut` breaks the connection in the middle of the next event, `half-line` ends the stream there as if all
were well, `garbage` sends a line that is no JSON, `gone-event` an ERROR event with 410, `silent` no more.
"""


@dataclass(kw_only=True)
class Fault:
    """One way to fail, as often as `times` says."""

    action: Action
    plural: str = ""
    """Of which kind; empty: of any."""
    verb: str = ""
    """`list`, `watch`, `get`, …; empty: any."""
    times: int = 1
    code: int = 500
    retry_after: int | None = None
    seconds: float = 0.0

    def fits(self, verb: str, plural: str) -> bool:
        return self.times > 0 and self.plural in ("", plural) and self.verb in ("", verb)


@dataclass
class Faults:
    """Those that are still to come."""

    waiting: list[Fault] = field(default_factory=list)

    def add(self, fault: Fault) -> Fault:
        self.waiting.append(fault)
        return fault

    def take(self, verb: str, plural: str, *actions: Action) -> Fault | None:
        """Return the next fault for a request, if there is one, and count it."""
        for fault in self.waiting:
            if fault.action in actions and fault.fits(verb, plural):
                fault.times -= 1
                return fault
        return None

    @property
    def left(self) -> int:
        return sum(fault.times for fault in self.waiting)
