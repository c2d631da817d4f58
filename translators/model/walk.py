"""One walk over a decoded tree, against the fields of a Struct: finds every mistake, not just the first.

msgspec alone drops unknown fields silently and stops at the first wrong type. A `Node` is made once for each field of
each kind from msgspec's own description of the Struct, so that the Structs stay the only list of fields.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Final, Protocol

from translators.model.codes import diagnose
from translators.model.origin import Origin, Severity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from translators.model.meta import ObjectKey
    from translators.model.origin import Diagnostic

MOST_DIAGNOSTICS: Final = 100
"""Of one object; a generated file full of mistakes must not fill anyone's screen or memory."""


class _Bad:
    """Stands for a value that was reported and cannot be used."""


BAD: Final = _Bad()


class Walk:
    """Collects what is wrong with one object while its nodes are walked."""

    __slots__ = ("_hidden", "diagnostics", "failed", "key", "path")

    def __init__(self, key: ObjectKey) -> None:
        """Diagnostics will name `key`."""
        self.key = key
        self.path: list[str] = []
        self.diagnostics: list[Diagnostic] = []
        self.failed = False
        self._hidden = 0

    @property
    def full(self) -> bool:
        """Whether a further diagnostic would only be counted."""
        return len(self.diagnostics) >= MOST_DIAGNOSTICS

    def report(self, code: str, message: str, hint: str = "", *, below: str = "") -> _Bad:
        """Note a diagnostic at the present path (and `below` it). Returns BAD, for `return walk.report(...)`."""
        diagnostic = diagnose(code, message, Origin(self.key, "".join((*self.path, below)).lstrip(".")), hint=hint)
        self.failed = self.failed or diagnostic.severity is Severity.ERROR
        if self.full:
            self._hidden += 1
        else:
            self.diagnostics.append(diagnostic)
        return BAD

    def finish(self) -> tuple[Diagnostic, ...]:
        """Return the diagnostics; the last one says how many more there would be."""
        if self._hidden:
            more = diagnose("PF0211", f"{self._hidden} more problems in this object", Origin(self.key))
            return (*self.diagnostics, more)
        return tuple(self.diagnostics)


def describe(value: object) -> str:
    """Say what a user wrote, in the words of YAML: `the string "80"`."""
    match value:
        case None:
            return "null"
        case bool():
            return f"the boolean {str(value).lower()}"
        case int() | float():
            try:
                text = str(value)
            except ValueError:  # more than 4,300 digits
                text = "of thousands of digits"
            return f"the number {text if len(text) <= 40 else f'{text[:37]}...'}"
        case str():
            return f'the string "{value if len(value) <= 60 else f"{value[:57]}..."}"'
        case list() | tuple():
            return "a list"
        case dict():
            return "a mapping"
        case _:
            return f"a {type(value).__name__}"


def nearest(name: str, known: Mapping[str, object] | tuple[str, ...]) -> str:
    """Return `did you mean "x"?` for the known name that is most like this one, or nothing."""
    if len(name) > 64:
        return ""
    lowered = {k.lower(): k for k in known}
    close = get_close_matches(name.lower(), lowered, n=1, cutoff=0.6)
    return f'did you mean "{lowered[close[0]]}"?' if close else ""


class Node(Protocol):
    """Checks one value. `check` returns it in the form that msgspec takes, or BAD after it has reported why not."""

    def check(self, value: object, walk: Walk) -> object:
        """Check `value`, which stands at `walk.path`."""
        ...
