"""Which statuses to write now: everything that is known at one moment in, the writes that are due out. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from translators.model.codes import diagnose
from translators.model.origin import Origin
from xds_server.status.merging import Difference, difference
from xds_server.status.reports import together
from xds_server.status.steady import Patience, Steady
from xds_server.status.usage import Use
from xds_server.status.wanted import Wanted, wanted_status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from translators.model.meta import ObjectKey
    from translators.model.origin import Diagnostic
    from translators.model.world import World
    from xds_server.sources.kubernetes.reflector import Known, Written
    from xds_server.status.reports import Report
    from xds_server.status.usage import Usage
    from xds_server.status.writer import Done


class Write(NamedTuple):
    """One status to write."""

    key: ObjectKey
    wanted: Wanted
    written: Written
    """The object as the API server has it, as far as is known."""
    how: Difference


@dataclass(slots=True, kw_only=True)
class Moment:
    """What is known at one moment."""

    world: World
    """The World that is served."""
    known: Mapping[ObjectKey, Known]
    """The objects as the API server has them."""
    usage: Usage
    diagnostics: Iterable[Diagnostic]
    reports: Sequence[Report]
    """What other replicas know."""
    done: Mapping[ObjectKey, Done]
    now: float
    """Seconds, of a clock that never goes back."""


@dataclass(slots=True)
class Planner:
    """Remembers what is settled, what lasts since when, and what somebody else writes as well."""

    patience: Patience = field(default_factory=Patience)
    contested: dict[ObjectKey, str] = field(default_factory=dict)
    """Objects whose status somebody else has changed after us, and that are left to them for a while."""
    _steady: Steady = field(init=False)
    _settled: dict[ObjectKey, tuple[Written, Wanted]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._steady = Steady(self.patience)

    @property
    def restless(self) -> bool:
        """Whether something is to be written that is not due, or not written, yet."""
        return len(self._steady) > 0

    def clear(self) -> None:
        """Begin anew, as who has just become the leader."""
        self._steady = Steady(self.patience)
        self._settled.clear()
        self.contested = {}

    def due(self, moment: Moment) -> Iterator[Write]:
        """Yield what is to be written now, in the order of the keys."""
        about: dict[ObjectKey, list[Diagnostic]] = {}
        for diagnostic in moment.diagnostics:
            if diagnostic.origin is not None:
                about.setdefault(diagnostic.origin.key, []).append(diagnostic)
        contested: dict[ObjectKey, str] = {}
        for key in sorted(moment.known):
            known = moment.known[key]
            if known.written is None:
                continue
            entries = [report[key] for report in moment.reports if key in report]
            use = together(moment.usage.get(key, Use()), entries, known.written.generation)
            codes = [code for entry in entries for code in entry.codes]
            wanted = wanted_status(known, moment.world.get(key), use, about.get(key, ()), codes)
            if wanted is None:
                continue
            done = _done(moment.done.get(key), known.written)
            written = done.written if done is not None and _is_newer(done.written, known.written) else known.written
            how = self._difference(key, written, wanted)
            if how is not Difference.NONE and self._is_contested(done, wanted, moment.now):
                contested[key] = wanted.message
                continue
            if self._steady.due(key, how, moment.now, wanted.reason):
                yield Write(key, wanted, written, how)
        self.contested = contested
        self._steady.keep(moment.known.keys() - contested.keys())
        for key in self._settled.keys() - moment.known.keys():
            del self._settled[key]

    def _difference(self, key: ObjectKey, written: Written, wanted: Wanted) -> Difference:
        if self._settled.get(key) == (written, wanted):
            return Difference.NONE
        how = difference(written.status, wanted)
        if how is Difference.NONE:
            self._settled[key] = written, wanted
        return how

    def _is_contested(self, done: Done | None, wanted: Wanted, now: float) -> bool:
        """Whether we wrote just that a while ago: then somebody else wants it otherwise."""
        return done is not None and done.wanted == wanted and now - done.at < self.patience.contest

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Return a PF0131 for each object whose status somebody else writes as well."""
        return tuple(
            diagnose(
                "PF0131",
                f"something else changes what {key} was given as its status ({message}); it is left alone for now",
                Origin(key),
                hint="have one control plane only write statuses: serve with --no-status, or turn the other's off",
            )
            for key, message in sorted(self.contested.items())
        )


def _done(done: Done | None, written: Written) -> Done | None:
    """Return what was done to this very object, and not to an earlier one of its name."""
    return done if done is not None and done.written.uid == written.uid else None


def _is_newer(one: Written, other: Written) -> bool:
    """Whether the watch is still to bring what our own write was answered. Versions compare as numbers (KEP-5504)."""
    numbers = one.version.isdecimal() and other.version.isdecimal()
    return numbers and int(one.version) > int(other.version)
