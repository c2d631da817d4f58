"""The bytes of one file to objects, marks and diagnostics. Pure but for reading nothing: bytes in, values out."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import msgspec

from translators.model.codes import diagnose
from translators.model.decode import Decoded, decode, decode_mesh_config, flatten
from translators.model.origin import Location, Severity
from translators.model.paths import segments
from translators.model.walk import MOST_DIAGNOSTICS
from translators.validation import validate_mesh_config
from xds_server.sources.marks import FileMarks, descend, line_of, release
from xds_server.sources.yaml_tree import Document, YamlError, documents

if TYPE_CHECKING:
    from collections.abc import Iterator

    from translators.model.mesh_config import MeshConfig
    from translators.model.meta import KubeObject, ObjectKey
    from translators.model.origin import Diagnostic
    from xds_server.sources.marks import Mark

_BIG: Final = 256 << 10
"""Bytes."""
_FEW: Final = 256
"""Objects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One object's place in a file. `object` is None if it did not decode; then the diagnostics say why."""

    key: ObjectKey
    object: KubeObject | None
    marks: FileMarks
    diagnostics: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What one file holds."""

    entries: tuple[Entry, ...] = ()
    """In the order of the file."""
    diagnostics: tuple[Diagnostic, ...] = ()
    """What belongs to no object: documents without a kind or name, unknown kinds."""
    nameless: bool = False
    """Whether a document has no usable name: it may be any of the objects that this file held before."""


def parse(path: str, data: bytes) -> Content:
    """Read all objects of a file.

    Raises YamlError if the file as a whole cannot be read; one bad object does not do that.
    """
    with _no_collection(len(data)):
        return _parse(path, data)


def _parse(path: str, data: bytes) -> Content:
    entries: list[Entry] = []
    diagnostics: list[Diagnostic] = []
    hidden = 0
    nameless = False
    for document in _documents(path, data):
        for tree, place in flatten(document.tree):
            decoded = decode(tree)
            if decoded == Decoded():
                continue
            mark = descend(document.mark, segments(place)) if place else document.mark
            located = tuple(_located(diagnostic, path, mark) for diagnostic in decoded.diagnostics)
            if decoded.key is not None:
                marks = FileMarks(path, mark)
                entries.append(Entry(key=decoded.key, object=decoded.object, marks=marks, diagnostics=located))
            else:
                nameless = nameless or any(d.severity is Severity.ERROR for d in located)
                shown = located[: MOST_DIAGNOSTICS - len(diagnostics)]
                diagnostics += shown
                hidden += len(located) - len(shown)
        _release(document)
    if hidden:
        diagnostics.append(diagnose("PF0211", f"{hidden:,} more problems in this file", location=Location(path)))
    return Content(entries=tuple(entries), diagnostics=tuple(diagnostics), nameless=nameless)


def _release(document: Document) -> None:
    """Free what is not kept of a document bit by bit: in one go a long list would hold the interpreter."""
    items = document.tree.get("items") if isinstance(document.tree, dict) else None
    while isinstance(items, list) and items:
        del items[-_FEW:]
    release(document.mark)


@contextmanager
def _no_collection(size: int) -> Iterator[None]:
    """Keep the cycle collector from running while a big file is read.

    Each of its passes over a million parts of a tree would stop every thread for a third of a second, and there are no
    cycles to find in it.
    """
    if size < _BIG or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def parse_mesh_config(path: str, data: bytes) -> tuple[MeshConfig | None, tuple[Diagnostic, ...]]:
    """Read a file of MeshConfig keys: one document. None in the place of the settings if they cannot be used."""
    try:
        found = [document for document in _documents(path, data) if document.tree is not None]
    except YamlError as error:
        return None, (file_diagnostic(path, error),)
    if len(found) > 1:
        location = Location(path, line_of(found[1].mark))
        return None, (diagnose("PF0201", "a MeshConfig file holds one document", location=location),)
    if not found:
        return decode_mesh_config(None)
    mesh, diagnostics = decode_mesh_config(found[0].tree)
    if mesh is not None:
        problems = validate_mesh_config(mesh)
        diagnostics += problems
        if any(problem.severity is Severity.ERROR for problem in problems):
            mesh = None
    return mesh, tuple(_located(diagnostic, path, found[0].mark) for diagnostic in diagnostics)


def _located(diagnostic: Diagnostic, file: str, mark: Mark) -> Diagnostic:
    found = descend(mark, segments(diagnostic.origin.path)) if diagnostic.origin else mark
    return diagnostic._replace(location=Location(file, line_of(found)))


def file_diagnostic(path: str, error: YamlError) -> Diagnostic:
    """Say what is wrong with a file as a whole."""
    return diagnose(error.code, error.message, location=Location(path, error.line), hint=error.hint)


def duplicate(entry: Entry, first: Entry) -> Diagnostic:
    """Say that an object stands in two places, of which the first counts."""
    return diagnose(
        "PF0109",
        f"{entry.key} stands here and at {first.marks.locate('')}, which is the one that counts",
        hint="remove one of them, or give it another name or namespace",
        location=entry.marks.locate(""),
    )


def _documents(path: str, data: bytes) -> Iterator[Document]:
    """Yield the documents of a file. JSON goes through YAML for the sake of the lines.

    What only JSON can say (surrogate pairs) is read without lines.
    """
    try:
        yield from documents(data)
    except YamlError as error:
        if error.code != "PF0103" or not path.endswith(".json"):
            raise
        try:
            tree = msgspec.json.decode(data)
        except (msgspec.DecodeError, RecursionError):
            raise error from None
        yield Document(tree, 0)


def retained(content: Content, before: Content) -> Content:
    """Add to a file's content the objects that it held before and that a nameless document may be."""
    named = {entry.key for entry in content.entries}
    kept = tuple(replace(entry, diagnostics=()) for entry in before.entries if entry.key not in named and entry.object)
    return replace(content, entries=(*content.entries, *kept))
