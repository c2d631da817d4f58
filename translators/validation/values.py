"""Values: ports, percentages, durations, weights, HTTP names, and regular expressions."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import re2

from translators.validation.findings import quote

if TYPE_CHECKING:
    from translators.validation.findings import Findings

HIGHEST_PORT: Final = 65535
MILLISECOND: Final = 1_000_000
"""In nanoseconds, the unit of Duration."""
UINT32: Final = 2**32 - 1

_TOKEN: Final = re.compile(r"[-!#$%&'*+.^_|~`a-zA-Z0-9]+")
_LONGEST_REGEX: Final = 1024
_STOCK_PROGRAM: Final = 100
_ISTIO_PROGRAM: Final = 32768

_RE2: Final = re2.Options()
_RE2.log_errors = False  # re2 would write each refused expression to stderr, past every logger
# Envoy matches bytes: with UTF-8, `.{50}` would seem to need 404 instructions where Envoy 1.40 counts 104.
_RE2.encoding = re2.Options.Encoding.LATIN1  # type: ignore[attr-defined] # not in the stubs
# Enough for the 32768 instructions that we let through. A hostile expression then costs 10 ms, not 45 (RE2's 8 MiB).
_RE2.max_mem = 2 << 20


def check_port(found: Findings, code: str, path: str, number: int | None, what: str = "port") -> bool:
    """Check that a port is 1..65535; return whether it is."""
    if number is None or not 1 <= number <= HIGHEST_PORT:
        message = (
            f"{what} {number} is not between 1 and {HIGHEST_PORT}" if number is not None else f"no {what} is given"
        )
        found.add(code, path, message, f"write a number from 1 to {HIGHEST_PORT}")
        return False
    return True


def check_percent(found: Findings, code: str, path: str, value: float | None) -> None:
    """Check a whole or fractional percentage: 0..100."""
    if value is not None and not 0 <= value <= 100:
        found.add(code, path, f"{quote(value)} is not a percentage", "write a number from 0 to 100")


def check_fraction(found: Findings, code: str, path: str, value: float | None) -> None:
    """Check a percentage that Envoy counts in millionths: 0, or 0.0001..100 (reference 4, "Common")."""
    check_percent(found, code, path, value)
    if value is not None and 0 < value < 0.0001:
        found.add(code, path, f"{quote(value)} is finer than Envoy's millionths", "write 0, or 0.0001 or more")


def check_duration(
    found: Findings, code: str, path: str, value: int | None, *, zero: bool = False, what: str = "duration"
) -> None:
    """Check that a duration, if given, is at least 1 ms and of whole milliseconds; 0 only where it says "off"."""
    if value is None or (value == 0 and zero):
        return
    if value < MILLISECOND:
        allowed = "0s (off) or 1ms or more" if zero else "1ms or more"
        found.add(code, path, f"the {what} is shorter than 1ms", f"write {allowed}")
    elif value % MILLISECOND:
        found.add(code, path, f"the {what} is not a whole number of milliseconds", "round it to milliseconds")


def is_token(text: str) -> bool:
    """Whether `text` may be an HTTP header's name or a method (RFC 9110 section 5.6.2)."""
    return _TOKEN.fullmatch(text) is not None


@lru_cache(maxsize=4096)
def _compile(pattern: str) -> tuple[str, int]:
    """Return (what RE2 says against the pattern, size of its program). A pure function, so a cache is no state."""
    try:
        compiled = re2.compile(pattern.encode(), _RE2)
    except re2.error as error:
        reason = error.args[0] if error.args else "invalid"
        return (reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason), 0)
    except UnicodeEncodeError:
        return ("not valid Unicode", 0)
    return ("", int(compiled.programsize))


def check_regex(found: Findings, path: str, pattern: str) -> None:
    """Check an expression as Envoy compiles it: RE2, at most 1024 characters, and a program of bounded size.

    Envoy refuses a program of more than 100 instructions unless its runtime sets `re2.max_program_size.error_level`,
    which Istio's bootstrap and ours set to 32768; Envoy 1.40 says so in its NACK.
    """
    if not pattern:
        found.add("PF0420", path, "the regular expression is empty", "write an expression, or leave the match out")
        return
    if len(pattern) > _LONGEST_REGEX:
        found.add(
            "PF0422",
            path,
            f"the regular expression has {len(pattern)} characters and at most {_LONGEST_REGEX} are allowed",
            "split it over several matches",
        )
        return
    problem, size = _compile(pattern)
    if problem:
        found.add(
            "PF0421",
            path,
            f"{quote(pattern)} is not a regular expression that RE2 accepts: {problem}",
            "Envoy uses RE2 (github.com/google/re2/wiki/Syntax): no look-around and no back-references",
        )
    elif size > _ISTIO_PROGRAM:
        found.add(
            "PF0424",
            path,
            f"{quote(pattern)} compiles to {size} instructions and Envoy takes at most {_ISTIO_PROGRAM}",
            "use fewer or smaller repetitions",
        )
    elif size > _STOCK_PROGRAM:
        found.add(
            "PF0423",
            path,
            f"{quote(pattern)} compiles to {size} instructions, and an Envoy whose runtime does not raise "
            f"re2.max_program_size.error_level refuses more than {_STOCK_PROGRAM}",
            "start Envoy with the output of `pilotfish bootstrap`, which raises it, or simplify the expression",
        )
