"""Types that several kinds share: durations, bounded integers, string matches, selectors."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

from msgspec import Meta

from translators.model.meta import Struct

Int32 = Annotated[int, Meta(ge=-(1 << 31), le=(1 << 31) - 1)]
UInt32 = Annotated[int, Meta(ge=0, le=(1 << 32) - 1)]
UInt64 = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]
"""Half of its range, which is what msgspec can check; no field needs the rest."""
Bytes = bytes
"""Base64 on the wire. An alias, since a field that is itself called `bytes` would hide the type."""
JsonValue = Any
"""Whatever JSON can say: a piece of another API, such as Envoy's, that is checked where it is used."""

_NANOS: Final = 1_000_000_000
_UNITS: Final = {"h": 3600 * _NANOS, "m": 60 * _NANOS, "s": _NANOS, "ms": 1_000_000, "us": 1_000, "µs": 1_000, "ns": 1}
_PART: Final = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ms|us|µs|ns|h|m|s)")
_DURATION: Final = re.compile(rf"[-+]?(?:0|(?:{_PART.pattern})+)")
_LONGEST: Final = 315_576_000_000 * _NANOS


class Duration(int):
    """A span of time in nanoseconds. Its text form is Go's: `8ms`, `1.5s`, `1m`, `1h30m`, `-3s`, `0`.

    `seconds` and `nanos` are the two fields of google.protobuf.Duration (both have the sign of the whole).
    """

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Duration:
        """Read Go's text form (time.ParseDuration).

        Raises ValueError, with a message for users, if the text is no duration or longer than 10,000 years, which is
        the range of google.protobuf.Duration.
        """
        # A text longer than this could only be a leading-zero game; int() refuses 4,300 digits with a worse message.
        if len(text) > 64 or not _DURATION.fullmatch(text):
            msg = f"{_shorten(text)!r} is not a duration"
            raise ValueError(msg)
        total = 0
        for number, unit in _PART.findall(text):
            whole, _, fraction = number.partition(".")
            total += int(whole or 0) * _UNITS[unit]
            if fraction:
                total += int(fraction) * _UNITS[unit] // 10 ** len(fraction)
        if total > _LONGEST:
            msg = f"{text!r} is longer than 10,000 years"
            raise ValueError(msg)
        return cls(-total if text.startswith("-") else total)

    @property
    def seconds(self) -> int:
        """Whole seconds, truncated toward zero."""
        return int(self) // _NANOS if self >= 0 else -(-int(self) // _NANOS)

    @property
    def nanos(self) -> int:
        """What is left after the whole seconds, in nanoseconds, with the sign of the whole."""
        return int(self) - self.seconds * _NANOS

    def total_seconds(self) -> float:
        """The whole span in seconds."""
        return int(self) / _NANOS

    def __str__(self) -> str:
        """Print as protobuf's JSON form does: `1.5s`."""
        sign = "-" if self < 0 else ""
        whole, nanos = divmod(abs(int(self)), _NANOS)
        fraction = f".{nanos:09d}".rstrip("0") if nanos else ""
        return f"{sign}{whole}{fraction}s"

    def __repr__(self) -> str:
        """Print so that a failed test is readable."""
        return f"Duration({str(self)!r})"


def _shorten(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."


class StringMatch(Struct, frozen=True, kw_only=True):
    """One of three ways to match a string. None set: presence, where Istio says so (headers, query parameters)."""

    exact: str | None = None
    prefix: str | None = None
    regex: str | None = None


class PortSelector(Struct, frozen=True, kw_only=True):
    """A port of a service, by number."""

    number: UInt32 = 0


class Percent(Struct, frozen=True, kw_only=True):
    """A percentage, 0.0 to 100.0."""

    value: float = 0.0


class WorkloadSelector(Struct, frozen=True, kw_only=True):
    """Selects workloads of the same namespace by labels (ServiceEntry, Sidecar, EnvoyFilter)."""

    labels: dict[str, str] = {}


class LabelSelector(Struct, frozen=True, kw_only=True):
    """Selects workloads by labels (DestinationRule and the security kinds)."""

    match_labels: dict[str, str] = {}


TLSProtocol = Literal["TLS_AUTO", "TLSV1_0", "TLSV1_1", "TLSV1_2", "TLSV1_3"]
