"""Waiting on conditions, with deadlines that count the time in which those who are waited for could run."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")

_POLL_SECONDS: Final = 0.01

_PATIENCE: Final = 5
"""A deadline that is late for want of a CPU or a disk is put off to so many times its length, at most."""
_TICKS: Final = os.sysconf("SC_CLK_TCK")


class Stopwatch:
    """Time since it was made, and how much of it this process and its children stood in line for a CPU, or the machine
    for a disk or for its host.

    On a machine with too much to do a second says little: what should take a hundredth of it may not have been given
    its turn. The kernel counts that wait for each thread (the second number of /proc/PID/task/TID/schedstat, in ns;
    https://www.kernel.org/doc/html/latest/scheduler/sched-stats.html), the time that the host took from its CPUs
    ("steal" in /proc/stat), and that in which somebody waited for a disk (/proc/pressure/io, in µs;
    https://www.kernel.org/doc/html/latest/accounting/psi.html).
    """

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._waits = _waits()
        self._stalls = _stalls()

    @property
    def seconds(self) -> float:
        """Seconds since it was made."""
        return time.monotonic() - self._began

    def exceeds(self, limit: float) -> bool:
        """Whether more than `limit` seconds have passed, without those in line."""
        over = self.seconds - limit
        if over < 0:
            return False
        return over >= limit * (_PATIENCE - 1) or over >= self.in_line

    @property
    def in_line(self) -> float:
        """Seconds that were spent in line, by all threads together and by the machine."""
        own = sum(max(now - self._waits.get(thread, 0), 0) for thread, now in _waits().items()) / 1e9
        return own + _stalls() - self._stalls


def _waits() -> dict[str, int]:
    """Return the nanoseconds in line of each thread of this process and its children, by thread id."""
    found = {}
    for process in (Path("/proc/self"), *_children()):
        try:
            for thread in (process / "task").iterdir():
                found[thread.name] = int((thread / "schedstat").read_bytes().split()[1])
        except (OSError, IndexError):
            continue  # it has ended, or this kernel does not count
    return found


def _stalls() -> float:
    """Return the seconds that the machine has waited for its host and for a disk, since it was started."""
    seconds = 0.0
    try:
        cpu = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()
        seconds += int(cpu[8]) / _TICKS
        some = Path("/proc/pressure/io").read_text(encoding="ascii").split("\n", 1)[0]
        seconds += int(some.rpartition("total=")[2]) / 1e6
    except (OSError, IndexError, ValueError):
        pass  # this kernel does not count
    return seconds


def _children() -> Iterator[Path]:
    for thread in Path(f"/proc/{os.getpid()}/task").iterdir():
        try:
            pids = (thread / "children").read_text(encoding="ascii").split()
        except OSError:
            continue
        yield from (Path("/proc") / pid for pid in pids)


def eventually(condition: Callable[[], T], deadline: float = 10.0, what: str = "") -> T:
    """Call `condition` until what it returns is true, and return that.

    A condition that raises AssertionError or OSError (nobody listens yet) is not true yet. Raises AssertionError with
    the last value or error after `deadline` seconds, see Stopwatch.
    """
    watch = Stopwatch()
    while True:
        late = watch.exceeds(deadline)
        try:
            last: object = condition()
            if last:
                return last  # type: ignore[return-value] # what the condition returned
        except (AssertionError, OSError) as error:
            last = error
        if late:
            took = f"{watch.seconds:.2f} s, {watch.in_line:.2f} s in line"
            msg = f"{what or 'the condition'}: not within {deadline:g} s ({took}); the last was {last!r}"
            raise AssertionError(msg)
        time.sleep(_POLL_SECONDS)
