"""YAML (and so JSON) to trees with line marks, safe for any input: bounded in depth, parts and alias expansion.

libyaml's events are put together by a loop with a stack of its own: composing with libyaml itself recurses in C and
takes the process down at 40,000 nested brackets, and PyYAML's own composer is twenty times slower.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import yaml
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    ScalarEvent,
)

from xds_server.sources.scalars import resolve, tagged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xds_server.sources.marks import Mark

MAX_DEPTH: Final = 100
MAX_NODES: Final = 1_000_000
"""Of a document. Ordinary YAML has one node in 25 bytes, so a file of 8 MiB has about 350,000."""
MAX_EXPANDED: Final = 10_000
"""Nodes that all aliases of a file may stand for together."""

SYNTAX: Final = "PF0103"
TOO_MUCH: Final = "PF0104"
ALIASES: Final = "PF0105"
TWICE: Final = "PF0106"
NOT_TEXT: Final = "PF0107"

_CHUNK: Final = 16_384
_BOMS: Final = {b"\xff\xfe": "UTF-16 or UTF-32", b"\xfe\xff": "UTF-16", b"\0\0\xfe\xff": "UTF-32"}
_PLAIN_TAGS: Final = (None, "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")


class YamlError(Exception):
    """A file that cannot be used, and why: a diagnostic code, a message, a hint and the line (0: the whole file)."""

    def __init__(self, code: str, message: str, line: int = 0, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.line = line
        self.hint = hint


class Document(NamedTuple):
    """One document of a file. `mark` is that of its root."""

    tree: object
    mark: Mark


class _Anchored(NamedTuple):
    """What an alias stands for, and how much of it there is."""

    value: object
    mark: Mark
    nodes: int
    depth: int


def _line(event: Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 0


class _Chunks:
    """A stream of bytes whose `read` runs Python code, so that the interpreter can turn to other threads there.

    Given a whole string, libyaml would scan a long scalar without letting go.
    """

    __slots__ = ("_data", "_position")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def read(self, size: int = _CHUNK, /) -> bytes:
        start = self._position
        self._position = end = start + min(size, _CHUNK)
        return self._data[start:end]


def documents(data: bytes) -> Iterator[Document]:
    """Yield the documents of a file, one by one, so that a big file is never in memory as one tree.

    Empty documents have the tree None. Raises YamlError at the first thing that cannot be read; what was yielded
    before belongs to a broken file.
    """
    _check_text(data)
    try:
        yield from _Builder().run(data.removeprefix(b"\xef\xbb\xbf"))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = error.problem or error.context or "syntax error"
        context = f" {error.context}" if error.context and error.problem else ""
        hint = "indent with spaces, not with tabs" if mark and _is_tab(data, mark.line, mark.column) else ""
        raise YamlError(SYNTAX, f"{problem}{context}", mark.line + 1 if mark else 0, hint) from error
    except yaml.reader.ReaderError as error:
        line = data.count(b"\n", 0, error.position) + 1 if isinstance(error.position, int) else 0
        raise YamlError(NOT_TEXT, f"{error.reason}", line, "only UTF-8 text is read") from error
    except yaml.YAMLError as error:
        raise YamlError(SYNTAX, str(error)) from error


def _is_tab(data: bytes, line: int, column: int) -> bool:
    text = data.split(b"\n", line + 1)[line : line + 1]
    return b"\t" in b"".join(text)[: column + 1]


def _check_text(data: bytes) -> None:
    for bom, name in _BOMS.items():
        if data.startswith(bom):
            raise YamlError(NOT_TEXT, f"this file is {name}", 1, "save it as UTF-8")
    if (position := data.find(b"\0")) >= 0:
        raise YamlError(NOT_TEXT, "a NUL byte stands here", data.count(b"\n", 0, position) + 1, "only text is read")
    try:
        data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise YamlError(NOT_TEXT, "this is not UTF-8", line, "save the file as UTF-8") from error


class _Frame:
    """A mapping or list that is being read."""

    __slots__ = ("anchor", "depth", "key", "key_line", "line", "marks", "merges", "nodes", "value")

    def __init__(self, value: dict[str, object] | list[object], line: int, anchor: str | None, nodes: int) -> None:
        self.value = value
        self.marks: dict[str, Mark] | list[Mark] = {} if isinstance(value, dict) else []
        self.line = line
        self.anchor = anchor
        self.nodes = nodes
        """The builder's count when this began."""
        self.key: str | None = None
        self.key_line = 0
        self.merges: list[_Anchored] | None = None
        self.depth = 1
        """How deep it is, itself included."""


class _Builder:
    """Makes trees of events."""

    def __init__(self) -> None:
        self._stack: list[_Frame] = []
        self._anchors: dict[str, _Anchored] = {}
        self._expanded = 0
        self._nodes = 0
        self._root: Document | None = None

    def run(self, data: bytes) -> Iterator[Document]:
        for event in yaml.parse(_Chunks(data), Loader=yaml.CSafeLoader):
            if isinstance(event, ScalarEvent):
                self._scalar(event, _line(event))
            elif isinstance(event, CollectionStartEvent):
                self._open(event, _line(event))
            elif isinstance(event, CollectionEndEvent):
                self._close()
            elif isinstance(event, AliasEvent):
                self._alias(event, _line(event))
            elif isinstance(event, DocumentStartEvent):
                self._anchors = {}
                self._nodes = 0
            elif isinstance(event, DocumentEndEvent) and self._root is not None:
                document, self._root = self._root, None
                self._anchors = {}
                yield document
                del document

    def _count(self, line: int) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            self._release()
            raise YamlError(TOO_MUCH, f"this document has more than {MAX_NODES:,} parts", line, "split it")

    def _release(self) -> None:
        """Free the tree bit by bit: in one go a million parts would hold the interpreter for a fifth of a second."""
        for frame in self._stack:
            for parts in (frame.value, frame.marks):
                while parts:
                    if isinstance(parts, list):
                        del parts[-_CHUNK:]
                    else:
                        parts.popitem()

    def _scalar(self, event: ScalarEvent, line: int) -> None:
        self._count(line)
        text = event.value
        frame = self._stack[-1] if self._stack else None
        if frame is not None and frame.key is None and isinstance(frame.value, dict):
            self._key(frame, text, line, plain=event.implicit[0])
            if event.anchor:
                self._anchors[event.anchor] = _Anchored(text, line, 1, 0)
            return
        if event.implicit[0]:
            value = resolve(text)
        elif event.tag is None:
            value = text
        else:
            try:
                value = tagged(event.tag, text)
            except ValueError as error:
                raise YamlError(SYNTAX, str(error), line) from error
        if event.anchor:
            self._anchors[event.anchor] = _Anchored(value, line, 1, 0)
        self._put(value, line, 0)

    def _key(self, frame: _Frame, text: str, line: int, *, plain: bool) -> None:
        """Begin an entry. A key is what is written: `80: x` has the key "80", `on: x` the key "on"."""
        if plain and text == "<<":
            if frame.merges is not None:
                raise YamlError(TWICE, "the merge key << stands twice in this mapping", line, "use << : [*a, *b]")
            frame.merges = []
        elif plain and text in ("", "~", "null"):
            raise YamlError(SYNTAX, "a key is missing here", line)
        elif text in frame.value:
            first = frame.marks[text]  # type: ignore[call-overload] # a mapping's marks go by key
            at = first if isinstance(first, int) else first[0]
            shown = text if len(text) <= 60 else f"{text[:57]}..."
            raise YamlError(TWICE, f'the key "{shown}" stands twice in this mapping (first in line {at})', line)
        frame.key = text
        frame.key_line = line

    def _open(self, event: CollectionStartEvent, line: int) -> None:
        self._count(line)
        if len(self._stack) >= MAX_DEPTH:
            raise YamlError(TOO_MUCH, f"this is nested more than {MAX_DEPTH} levels deep", line)
        if event.tag not in _PLAIN_TAGS:
            raise YamlError(SYNTAX, f"the tag {event.tag.replace('tag:yaml.org,2002:', '!!')} is not supported", line)
        if self._stack and self._stack[-1].key is None and isinstance(self._stack[-1].value, dict):
            raise YamlError(SYNTAX, "a key must be a string, not a mapping or a list", line)
        if event.anchor:
            self._anchors.pop(event.anchor, None)
        value: dict[str, object] | list[object] = {} if isinstance(event, MappingStartEvent) else []
        self._stack.append(_Frame(value, line, event.anchor, self._nodes - 1))

    def _close(self) -> None:
        frame = self._stack.pop()
        if frame.merges:
            _merge(frame)
        mark = (frame.line, frame.marks)
        if frame.anchor:
            self._anchors[frame.anchor] = _Anchored(frame.value, mark, self._nodes - frame.nodes, frame.depth)
        self._put(frame.value, mark, frame.depth)

    def _alias(self, event: AliasEvent, line: int) -> None:
        target = self._anchors.get(event.anchor or "")
        if target is None:
            unfinished = any(frame.anchor == event.anchor for frame in self._stack)
            problem = "stands inside what it stands for" if unfinished else "has no anchor before it"
            raise YamlError(SYNTAX, f"the alias *{event.anchor} {problem}", line)
        self._expanded += target.nodes
        self._nodes += target.nodes
        if self._expanded > MAX_EXPANDED:
            raise YamlError(ALIASES, f"aliases stand for more than {MAX_EXPANDED:,} parts", line, "write them out")
        if len(self._stack) + target.depth > MAX_DEPTH:
            raise YamlError(TOO_MUCH, f"this is nested more than {MAX_DEPTH} levels deep", line)
        frame = self._stack[-1] if self._stack else None
        if frame is not None and frame.key is None and isinstance(frame.value, dict):
            if not isinstance(target.value, str):
                raise YamlError(SYNTAX, "a key must be a string", line)
            self._key(frame, target.value, line, plain=False)
            return
        inside = target.mark if isinstance(target.mark, int) else (line, target.mark[1])
        self._put(target.value, line if isinstance(inside, int) else inside, target.depth)

    def _put(self, value: object, mark: Mark, depth: int) -> None:
        """Put a finished node where it belongs."""
        if not self._stack:
            self._root = Document(value, mark)
            return
        frame = self._stack[-1]
        if depth >= frame.depth:
            frame.depth = depth + 1
        if isinstance(frame.value, list):
            frame.value.append(value)
            frame.marks.append(mark)  # type: ignore[union-attr] # a list's marks are a list
            return
        key, frame.key = frame.key or "", None
        if key == "<<" and frame.merges == []:
            self._note_merge(frame, value, mark)
            return
        # An entry stands where its key stands, wherever its value begins.
        entry = frame.key_line if isinstance(mark, int) else (frame.key_line, mark[1])
        frame.value[key] = value
        frame.marks[key] = entry  # type: ignore[call-overload] # a mapping's marks go by key

    def _note_merge(self, frame: _Frame, value: object, mark: Mark) -> None:
        values = value if isinstance(value, list) else [value]
        inside = mark[1] if isinstance(value, list) and not isinstance(mark, int) else [mark]
        frame.merges = [_Anchored(v, inside[i], 0, 0) for i, v in enumerate(values)]  # type: ignore[index] # as values
        if not values or not all(isinstance(v, dict) for v in values):
            raise YamlError(SYNTAX, "the merge key << takes a mapping, or a list of mappings", frame.key_line)


def _merge(frame: _Frame) -> None:
    """Add what `<<` names, below what is written out; the first of several wins (yaml.org/type/merge)."""
    value, marks = frame.value, frame.marks
    for source in frame.merges or ():
        inside = source.mark[1] if not isinstance(source.mark, int) else {}
        for key, item in source.value.items():  # type: ignore[attr-defined] # _note_merge lets only mappings in
            if key not in value:
                value[key] = item
                marks[key] = inside[key]
