"""What a validator writes to: the object being looked at, and what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from translators.model.codes import diagnose
from translators.model.origin import Origin, Severity
from translators.model.walk import MOST_DIAGNOSTICS

if TYPE_CHECKING:
    from translators.model.meta import ObjectKey
    from translators.model.origin import Diagnostic

_LONGEST_QUOTE = 80


class Findings:
    """Collects the diagnostics of one object."""

    __slots__ = ("_found", "key")

    def __init__(self, key: ObjectKey) -> None:
        """Start empty, for the object that `key` names."""
        self.key = key
        self._found: list[Diagnostic] = []

    def add(self, code: str, path: str, message: str, hint: str = "") -> None:
        """Report that the field at `path` breaks the rule of `code`. The severity is the code's."""
        self._found.append(diagnose(code, printable(message), Origin(self.key, path), hint=hint))

    def sorted(self) -> tuple[Diagnostic, ...]:
        """Return what was found in the order of paths, each thing once; errors first if there is too much to show."""
        found = sorted(set(self._found), key=_order)
        if len(found) > MOST_DIAGNOSTICS:
            hidden = len(found) - MOST_DIAGNOSTICS
            found.sort(key=lambda d: d.severity is not Severity.ERROR)
            found = sorted(found[:MOST_DIAGNOSTICS], key=_order)
            found.append(diagnose("PF0211", f"{hidden} more problems in this object", Origin(self.key)))
        return tuple(found)


def _order(diagnostic: Diagnostic) -> tuple[tuple[tuple[int, int, str], ...], str, str]:
    return (natural(diagnostic.origin.path if diagnostic.origin else ""), diagnostic.code, diagnostic.message)


def natural(path: str) -> tuple[tuple[int, int, str], ...]:
    """Return a sort key under which `http[2]` comes before `http[10]`."""
    parts = []
    for piece in path.replace("]", "").replace("[", ".").split("."):
        number = int(piece) if piece.isascii() and piece.isdigit() and len(piece) < _LONGEST_QUOTE else -1
        parts.append((0, number, "") if number >= 0 else (1, 0, piece))
    return tuple(parts)


def quote(value: object) -> str:
    """Quote a value for a message: printable, and not longer than a line."""
    text = value if isinstance(value, str) else str(value)
    if len(text) > _LONGEST_QUOTE:
        text = text[: _LONGEST_QUOTE - 1] + "…"
    return f'"{printable(text)}"' if isinstance(value, str) else printable(text)


def printable(text: str) -> str:
    """Write control characters and the like as escapes, so that a message cannot disturb a terminal or a log."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
