"""Where something comes from, and what we have to say about it: Origin, Location, Diagnostic."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from translators.model.meta import ObjectKey


class Origin(NamedTuple):
    """A field of an object: `Origin(key, "spec.http[0].route[1].destination")`. An empty path is the whole object.

    It holds no file and no line: those are looked up when shown, in the source's own table, so that a line added on
    top of a file changes no object, no memo key and no byte.
    """

    key: ObjectKey
    path: str = ""

    def __str__(self) -> str:
        """Print as `VirtualService default/reviews spec.http[0]`."""
        return f"{self.key} {self.path}" if self.path else str(self.key)


def implicit(name: str) -> Origin:
    """Name the origin of something that no object asked for, such as `passthrough` or `blackhole`."""
    return Origin(ObjectKey("implicit", "", name))


class Location(NamedTuple):
    """A place in a file; line and column count from 1, and 0 means unknown."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        """Print as compilers do: `gateway.yaml:12`."""
        return f"{self.file}:{self.line}" if self.line else self.file


class Severity(StrEnum):
    """How bad a diagnostic is. ERROR: the object (or the part of it named) does not take effect."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Diagnostic(NamedTuple):
    """One thing that a user should know. Codes are stable and listed in `translators.model.codes`."""

    code: str
    severity: Severity
    message: str
    origin: Origin | None = None
    hint: str = ""
    location: Location | None = None
    """Set by sources for what belongs to a file and to no object; otherwise looked up through `origin` when shown."""
