"""A message while patches are applied to it: what was applied, and where each part comes from once lists have moved."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import TYPE_CHECKING, Final, Generic, TypeVar, cast

from translators.envoy_filters.merging import merge
from translators.resources import Resource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from google.protobuf.internal.containers import RepeatedCompositeFieldContainer
    from google.protobuf.message import Message

    from translators.envoy_filters.parsing import Patch
    from translators.model.origin import Origin
    from translators.resources import Note

M = TypeVar("M", bound="Message")

_INDEX: Final = re.compile(r"\[(\d+)\]")


class Edit:
    """Notes about one resource: patches that were applied to it, and its parts' origins."""

    __slots__ = ("_notes", "applied", "refs")

    def __init__(self, notes: Sequence[Note]) -> None:
        """Start from the notes of the resource as it was."""
        self._notes = list(notes)
        self.applied: dict[Origin, None] = {}
        """By the field of the patch, in order."""
        self.refs: list[tuple[str, str]] = []

    def note(self, path: str, patch: Patch) -> None:
        """Say that a patch was applied to the part at `path`."""
        self.applied[patch.origin] = None
        self.refs += patch.refs
        self._notes.append((path, patch.origin))

    def moved(self, path: str, index: int, by: int) -> None:
        """Follow an insertion (`by` 1) or a removal (-1) at an index of the list at `path`."""
        kept = []
        for where, origin in self._notes:
            found = _INDEX.match(where, len(path)) if where.startswith(path) else None
            if found is None or int(found[1]) < index:
                kept.append((where, origin))
            elif by > 0 or int(found[1]) > index:
                kept.append((f"{path}[{int(found[1]) + by}]{where[found.end() :]}", origin))
        self._notes = kept

    def notes(self) -> tuple[Note, ...]:
        """Return what is known about the resource as it is now."""
        return tuple(self._notes)

    def finish(self, before: Resource, message: Message, *, recording: bool) -> Resource:
        """Return the resource as patched; `before` itself if no patch was applied."""
        if not self.applied:
            return before
        keys = dict.fromkeys((*before.origins, *(origin.key for origin in self.applied)))
        return Resource(
            before.type_url,
            message.name,  # type: ignore[attr-defined] # every resource with patches has one
            message.SerializeToString(deterministic=True),
            tuple(keys),
            refs=tuple(dict.fromkeys((*before.refs, *self.refs))),
            notes=self.notes() if recording else (),
        )


class ListEdit(Generic[M]):
    """A repeated field of a message, changed in place."""

    __slots__ = ("_edit", "_items", "_path")

    def __init__(self, items: RepeatedCompositeFieldContainer[M], path: str, edit: Edit) -> None:
        """`path` is the field's place in the resource, such as `filter_chains[0].filters`."""
        self._items = items
        self._path = path
        self._edit = edit

    def fitting(self, fits: Callable[[M], bool]) -> list[int]:
        """Return the indices of the elements for which `fits` holds."""
        return [index for index, item in enumerate(self._items) if fits(item)]

    def insert(self, index: int, patch: Patch) -> None:
        """Put in a copy of the patch's value."""
        self._items.insert(index, deepcopy(cast("M", patch.value)))
        self._edit.moved(self._path, index, 1)
        self._edit.note(f"{self._path}[{index}]", patch)

    def remove(self, indices: Iterable[int], patch: Patch) -> None:
        """Take out elements."""
        for index in sorted(indices, reverse=True):
            del self._items[index]
            self._edit.moved(self._path, index, -1)
        self._edit.note(self._path, patch)

    def replace(self, indices: Iterable[int], patch: Patch) -> None:
        """Put a copy of the patch's value in the place of each element."""
        for index in indices:
            self._items[index].CopyFrom(cast("M", patch.value))
            self._edit.note(f"{self._path}[{index}]", patch)

    def merge(self, indices: Iterable[int], patch: Patch) -> None:
        """Merge the patch's value into each element."""
        for index in indices:
            merge(self._items[index], patch.value, replace_lists=patch.replaces_lists)
            self._edit.note(f"{self._path}[{index}]", patch)

    def place(self, patch: Patch, anchors: Sequence[int] | None) -> None:
        """Insert where ADD and the INSERT operations say. `anchors` are the elements that the patch's match names; None
        if it names none: then BEFORE means first, and AFTER last. A named element that is not there: nothing happens.
        """
        end = len(self._items)
        if anchors is None or patch.operation == "ADD":
            first = patch.operation in ("INSERT_BEFORE", "INSERT_FIRST")
            self.insert(0 if first else end, patch)
        elif anchors:
            place = {"INSERT_FIRST": 0, "INSERT_BEFORE": anchors[0], "INSERT_AFTER": anchors[0] + 1}
            self.insert(place[patch.operation], patch)
