"""Where the fields of one object stand in its file, kept small: a thousand objects cost about a megabyte.

A mark is a line (of a scalar), or a line with the marks of what is inside. A whole object's marks are packed into bytes
as soon as it is read, and unpacked when somebody asks, which is rare.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec

from translators.model.origin import Location
from translators.model.paths import segments, snake_case

Mark: TypeAlias = int | tuple[int, "dict[str, Mark] | list[Mark]"]
"""Lines count from 1."""

_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder()


class FileMarks:
    """The marks of one object in a file; an instance of `xds_server.sources.events.Marks`."""

    __slots__ = ("_packed", "file")

    def __init__(self, file: str, mark: Mark) -> None:
        """Pack the marks of the object whose own mark is `mark`."""
        self.file = file
        self._packed: bytes = _ENCODER.encode(mark)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FileMarks) and self.file == other.file and self._packed == other._packed

    def __hash__(self) -> int:
        return hash((self.file, self._packed))

    def __repr__(self) -> str:
        return f"<marks in {self.locate('')}>"

    def locate(self, path: str) -> Location:
        """Return the line of a field, or of the nearest field around it that the file has."""
        mark = descend(_DECODER.decode(self._packed), segments(path))
        return Location(self.file, line_of(mark))


def release(mark: Mark) -> None:
    """Free marks that nobody needs any more, bit by bit: in one go a big file's would hold the interpreter."""
    pending = [mark]
    while pending:
        mark = pending.pop()
        if not isinstance(mark, int):
            inside = mark[1]
            pending.extend(inside.values() if isinstance(inside, dict) else inside)
            inside.clear()


def line_of(mark: Mark) -> int:
    """Return the line where a mark's value begins (of an entry: its key)."""
    return mark if isinstance(mark, int) else mark[0]


def descend(mark: Mark, path: tuple[str | int, ...]) -> Mark:
    """Return the mark at a path, or the last known one on the way there."""
    for segment in path:
        if isinstance(mark, int):
            break
        inside = mark[1]
        if isinstance(inside, dict) and isinstance(segment, str):
            found = inside.get(segment, inside.get(snake_case(segment)))
        elif isinstance(inside, list) and isinstance(segment, int) and segment < len(inside):
            found = inside[segment]
        else:
            found = None
        if found is None:
            break
        mark = found
    return mark
