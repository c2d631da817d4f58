"""Finer origins, on demand: the same pure translator, run with a recorder.

Resources store only the keys of the objects that they come from. When somebody asks for the field behind each part
of a message, the translation is run again with a `Recorder`, whose notes say "this path inside the message comes from
that field". `SILENT` is what the serving path uses: it keeps nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from translators.model.origin import Origin
    from translators.resources import Note


class Recorder:
    """Collects notes for one fragment or resource. Paths are relative to that message, such as `routes[0].match`."""

    __slots__ = ("_notes",)

    active = True

    def __init__(self) -> None:
        """Start empty."""
        self._notes: list[Note] = []

    def note(self, path: str, origin: Origin) -> None:
        """Say that `path` inside the message being built (empty: all of it) comes from `origin`."""
        self._notes.append((path, origin))

    def include(self, prefix: str, notes: tuple[Note, ...]) -> None:
        """Take over a part's notes, with their paths put below `prefix`."""
        self._notes.extend((f"{prefix}.{path}" if path else prefix, origin) for path, origin in notes)

    def notes(self) -> tuple[Note, ...]:
        """Return what was noted, in order."""
        return tuple(self._notes)


class _Silent(Recorder):
    __slots__ = ()
    active = False

    def note(self, path: str, origin: Origin) -> None:
        pass

    def include(self, prefix: str, notes: tuple[Note, ...]) -> None:
        pass


SILENT: Recorder = _Silent()
