"""Waiting on conditions, with deadlines."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_POLL_SECONDS = 0.01


def eventually(condition: Callable[[], T], deadline: float = 10.0, what: str = "") -> T:
    """Call `condition` until what it returns is true, and return that.

    A condition that raises AssertionError or OSError (nobody listens yet) is not true yet. Raises AssertionError with
    the last value or error after `deadline` seconds.
    """
    end = time.monotonic() + deadline
    while True:
        late = time.monotonic() >= end
        try:
            last: object = condition()
            if last:
                return last  # type: ignore[return-value] # what the condition returned
        except (AssertionError, OSError) as error:
            last = error
        if late:
            msg = f"{what or 'the condition'}: not within {deadline:g} s; the last was {last!r}"
            raise AssertionError(msg)
        time.sleep(_POLL_SECONDS)
