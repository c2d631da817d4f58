"""The one vocabulary in which every source speaks.

A source begins (and, after it lost track, begins again) with `Init`, says each object that it has with `InitApply`, and
ends that with `InitDone`: whatever it had before and did not say again is gone. After that it says what changed with
`Apply` and `Delete`. `Failed` says that something cannot be had for now: what was last good of it stays. Events come
in batches, and a batch is one consistent picture: a reader that applies half of one shows a mesh that never was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

import msgspec

from translators.model.meta import KubeObject, ObjectKey
from translators.model.origin import Diagnostic

if TYPE_CHECKING:
    from translators.model.origin import Location


class Marks(Protocol):
    """Where the fields of one object stand. Sources that have no files have none."""

    def locate(self, path: str) -> Location | None:
        """Return the place of a field, or of the nearest field around it; None if nothing is known."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Init:
    """A source begins to say all that it has."""

    source: str


class Apply(msgspec.Struct, frozen=True, kw_only=True):
    """An object is there, or has changed: its content, where its fields stand, or what decoding had to say.

    As Struct it is made in a tenth of the time: a big cluster begins with tens of thousands.
    """

    source: str
    key: ObjectKey
    object: KubeObject
    marks: Marks | None = None
    diagnostics: tuple[Diagnostic, ...] = ()


class InitApply(Apply, frozen=True, kw_only=True):
    """An object is there, while a source says all that it has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InitDone:
    """A source has said all that it has: it is synced."""

    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    """An object is gone."""

    source: str
    key: ObjectKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """Something cannot be had: an object (its key) that does not decode, or a file or folder (its path).

    The diagnostics, each with its location, replace those of an earlier `Failed` of the same source and subject; none
    at all means that it is fine again. An object whose key failed and that the source never had is not there;
    otherwise its last good version stays until an `Apply` or a `Delete`.
    """

    source: str
    subject: ObjectKey | str
    diagnostics: tuple[Diagnostic, ...] = ()


Event: TypeAlias = Init | Apply | InitApply | InitDone | Delete | Failed
Batch: TypeAlias = tuple[Event, ...]
