"""The Store: the sole writer of World. Takes source events, keeps the last good version of each object.

Subscribes: batches of source events. Publishes: that there is a new World, to one subscriber (the Push), which takes it
when it is ready to: a thousand batches between two pushes make one World.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec

from translators.model.codes import diagnose
from translators.model.kinds import ISTIO_KINDS
from translators.model.meta import REVISION_LABEL
from translators.model.origin import Diagnostic, Origin, Severity
from translators.model.paths import key_segment
from translators.model.world import World
from translators.validation import validate
from xds_server.sources.events import Apply, Delete, Init, InitApply, InitDone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from translators.model.mesh_config import MeshConfig
    from translators.model.meta import KubeObject, ObjectKey
    from translators.model.origin import Location
    from xds_server.sources.events import Event, Failed, Marks

    Validate = Callable[[KubeObject], Sequence[Diagnostic]]

log = logging.getLogger(__name__)

_ISTIO_KINDS: Final = frozenset(kind.KIND for kind in ISTIO_KINDS)


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """An Apply or InitApply that has been validated: what it says, and whether it may take effect."""

    event: Apply
    diagnostics: tuple[Diagnostic, ...]
    """The source's and the validation's, each with its location."""

    @property
    def good(self) -> bool:
        """Whether the object may replace the one that serves now."""
        return all(d.severity is not Severity.ERROR for d in self.diagnostics)


def check(events: Iterable[Event], validate: Validate = validate) -> list[Event | Checked]:
    """Validate the objects of a batch. Pure, and the expensive part of taking in a batch: call it in a worker thread
    for a big one, and give the result to `Store.apply`.
    """
    return [_checked(e, validate) if isinstance(e, Apply) else e for e in events]


def _checked(event: Apply, validate: Validate) -> Checked:
    found = list(event.diagnostics)
    try:
        found += validate(event.object)
    except Exception as error:  # a defect in one rule must cost one object, not the server
        log.exception("validation of %s failed", event.key)
        found.append(
            diagnose("PF0901", f"validating {event.key} failed: {type(error).__name__}: {error}", Origin(event.key))
        )
    return Checked(event=event, diagnostics=tuple(_located(d, event.marks) for d in found))


def _located(diagnostic: Diagnostic, marks: Marks | None) -> Diagnostic:
    """Note the place now: when a refused version's file changes again, its marks are gone."""
    if diagnostic.location is not None or diagnostic.origin is None or marks is None:
        return diagnostic
    return diagnostic._replace(location=marks.locate(diagnostic.origin.path))


@dataclass(slots=True)
class _Entry:
    """What one source says about one object."""

    good: KubeObject | None = None
    marks: Marks | None = None
    """Of the version in `good`; of the newest version while there is no good one."""
    diagnostics: tuple[Diagnostic, ...] = ()

    def take(self, checked: Checked, revision: str) -> None:
        if (named := _other_revision(checked.event.object, revision)) is not None:
            self.good, self.marks = None, checked.event.marks
            self.diagnostics = (_located(_not_ours(checked.event.key, named, revision), self.marks),)
            return
        self.diagnostics = checked.diagnostics
        if checked.good:
            self.good = checked.event.object
        if checked.good or self.good is None:
            self.marks = checked.event.marks


@dataclass(slots=True)
class _Source:
    """One source's state: its objects, its failures, and the listing in progress if there is one."""

    synced: bool = False
    entries: dict[ObjectKey, _Entry] = field(default_factory=dict)
    failures: dict[ObjectKey | str, tuple[Diagnostic, ...]] = field(default_factory=dict)
    listing: dict[ObjectKey, Checked] | None = None
    """What the listing in progress has named so far; None while there is none."""
    kinds: set[str] = field(default_factory=set)
    """Of all entries so far."""
    unsaid: set[ObjectKey | str] = field(default_factory=set)
    """Failures from before the listing in progress that it has not repeated."""

    def take(self, key: ObjectKey, checked: Checked, revision: str) -> None:
        self.kinds.add(key.kind)
        self.entries.setdefault(key, _Entry()).take(checked, revision)


class Store:
    """Holds what every source says, and the World that follows from it.

    Sources are given in order of precedence: where two hold an object of the same key, the earlier one's serves, and
    the other's is reported (PF0902). So the World depends on what the sources hold, not on who spoke first.
    """

    def __init__(self, sources: Sequence[str], world: World | None = None, *, validate: Validate = validate) -> None:
        """Start with no objects. `world` carries the settings (mesh config, cluster domain, root namespace)."""
        self._sources = {name: _Source() for name in sources}
        self._validate = validate
        self._subscriber: Callable[[Callable[[], World]], None] | None = None
        self._touched: set[ObjectKey] = set()
        self._world = world or World()

    @property
    def world(self) -> World:
        """The World of now. It is made when it is asked for; the same one until something that serves changes."""
        if self._touched:
            touched, self._touched = sorted(self._touched), set()
            self._world = self._world.apply({key: self._serving(key) for key in touched})
        return self._world

    @property
    def synced(self) -> bool:
        """Whether every source has listed all that it had at the start."""
        return all(s.synced for s in self._sources.values())

    @property
    def sources(self) -> Mapping[str, bool]:
        """Each source's name, and whether it has synced."""
        return {name: s.synced for name, s in self._sources.items()}

    def subscribe(self, subscriber: Callable[[Callable[[], World]], None]) -> None:
        """Have `subscriber` told that there may be a new World, and how to get it; at first when all sources synced."""
        self._subscriber = subscriber
        if self.synced:
            subscriber(lambda: self.world)

    def take(self, events: Iterable[Event | Checked]) -> None:
        """Take in a batch. The subscriber is told once at most.

        Raises KeyError for an event of a source that was not named at the start.
        """
        was_synced, before = self.synced, len(self._touched)
        for event in events:
            self._touched.update(self._take(_checked(event, self._validate) if isinstance(event, Apply) else event))
        if self._subscriber is not None and self.synced and (len(self._touched) > before or not was_synced):
            self._subscriber(lambda: self.world)

    def take_mesh(self, source: str, mesh: MeshConfig | None, diagnostics: Iterable[Diagnostic]) -> None:
        """Take in the settings of the mesh, from a source of their own; None: they are unusable, the last ones stay."""
        state, was_synced = self._sources[source], self.synced
        state.failures = {source: found} if (found := tuple(diagnostics)) else {}
        if mesh is None:
            return
        state.synced = True
        before = self.world
        self._world = before.with_mesh(mesh)
        if self._subscriber is not None and self.synced and (self._world is not before or not was_synced):
            self._subscriber(lambda: self.world)

    def apply(self, events: Iterable[Event | Checked]) -> World:
        """Take in a batch and return the World after it: the same one if nothing that serves has changed."""
        self.take(events)
        return self.world

    def _take(self, event: Checked | Init | InitDone | Delete | Failed) -> Iterable[ObjectKey]:
        """Note one event and return the keys whose serving version may have changed."""
        if isinstance(event, Checked):
            source, key = self._sources[event.event.source], event.event.key
            if isinstance(event.event, InitApply) and source.listing is not None:
                source.listing[key] = event
                return ()
            source.take(key, event, self._world.revision)
            return (key,)
        source = self._sources[event.source]
        if isinstance(event, Init):
            source.listing, source.unsaid = {}, set(source.failures)
            return ()
        if isinstance(event, InitDone):
            return self._finish_listing(source)
        if isinstance(event, Delete):
            if source.listing is not None:
                source.listing.pop(event.key, None)
            source.entries.pop(event.key, None)
            return (event.key,)
        source.unsaid.discard(event.subject)
        if event.diagnostics:
            source.failures[event.subject] = tuple(event.diagnostics)
        else:
            source.failures.pop(event.subject, None)
        return ()

    def _finish_listing(self, source: _Source) -> Iterable[ObjectKey]:
        """Swap the listing in as a whole. What it does not say is gone; what it says cannot be decoded stays."""
        listing, source.listing = source.listing or {}, None
        for subject in source.unsaid:
            del source.failures[subject]
        source.unsaid = set()
        gone = [key for key in source.entries if key not in listing and key not in source.failures]
        for key in gone:
            del source.entries[key]
        for key, checked in listing.items():
            source.take(key, checked, self._world.revision)
        source.synced = True
        return [*gone, *listing]

    def _holders(self, key: ObjectKey) -> Iterator[tuple[str, _Entry]]:
        """Yield the sources that hold a good version of this object, in order of precedence."""
        for name, source in self._sources.items():
            entry = source.entries.get(key) if key.kind in source.kinds else None
            if entry is not None and entry.good is not None:
                yield name, entry

    def _serving(self, key: ObjectKey) -> KubeObject | None:
        return next((entry.good for _, entry in self._holders(key)), None)

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Return all that the sources and the validation have to say, each with its location, sorted."""
        found: list[Diagnostic] = []
        for source in self._sources.values():
            for diagnostics in source.failures.values():
                found += (
                    d if d.location or d.origin is None else d._replace(location=self.locate(d.origin))
                    for d in diagnostics
                )
            for entry in source.entries.values():
                if entry.diagnostics:
                    found += entry.diagnostics
        found += self._shadowed()
        return tuple(sorted(set(found), key=diagnostic_order))

    def _shadowed(self) -> Iterator[Diagnostic]:
        """Yield PF0902 for each good version that does not serve. Sources that share no object are not gone through,
        nor compared if they share no kind: a cluster has a source for each.
        """
        states = list(self._sources.items())
        for number, (name, source) in enumerate(states):
            earlier = [other.entries.keys() for _, other in states[:number] if other.kinds & source.kinds]
            if all(keys.isdisjoint(source.entries) for keys in earlier):
                continue
            for key, entry in source.entries.items():
                winner = next(self._holders(key), None)
                if entry.good is not None and winner is not None and winner[0] != name:
                    yield _shadowed(key, name, winner[0], entry)

    def locate(self, origin: Origin) -> Location | None:
        """Return where a field of an object stands, in the source that the object is served from."""
        entries = [s.entries[origin.key] for s in self._sources.values() if origin.key in s.entries]
        entry = next((e for e in entries if e.good is not None), entries[0] if entries else None)
        return entry.marks.locate(origin.path) if entry is not None and entry.marks is not None else None


def _other_revision(known: KubeObject, revision: str) -> str | None:
    """Return the revision that an object is for, if it is not this one."""
    labels = known.metadata.labels
    if not labels or known.KIND not in _ISTIO_KINDS:
        return None
    named = labels.get(REVISION_LABEL, revision)
    return named if named != revision else None


def _not_ours(key: ObjectKey, named: str, revision: str) -> Diagnostic:
    return diagnose(
        "PF0904",
        f"the object is for revision {named}, and this is {revision}: it is not used",
        Origin(key, f"metadata.labels{key_segment(REVISION_LABEL)}"),
        hint="take the label away to have it used by all revisions, or say which this one is with --revision",
    )


def _shadowed(key: ObjectKey, name: str, winner: str, entry: _Entry) -> Diagnostic:
    return diagnose(
        "PF0902",
        f"{key} of source {name} is not used: source {winner} has an object of the same name",
        Origin(key),
        hint="give one of them another name, or remove it",
        location=entry.marks.locate("") if entry.marks is not None else None,
    )


def diagnostic_order(diagnostic: Diagnostic) -> tuple[str, ...]:
    """Sort key for diagnostics: file and line, then object, path, code and message."""
    where, origin = diagnostic.location, diagnostic.origin
    return (
        where.file if where else "",
        f"{where.line:09}" if where else "",
        *(origin.key if origin else ("", "", "")),
        origin.path if origin else "",
        diagnostic.code,
        diagnostic.message,
    )
