"""All that the files say together, and what changed since it was last said. No I/O: contents in, events out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from translators.model.origin import Origin
from xds_server.sources.events import Apply, Delete, Failed, Init, InitApply, InitDone
from xds_server.sources.reading import duplicate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from translators.model.meta import ObjectKey
    from translators.model.origin import Diagnostic
    from xds_server.sources.events import Batch, Event
    from xds_server.sources.reading import Content, Entry


@dataclass(frozen=True, slots=True)
class Picture:
    """What files hold at one moment. Equal for any split of the same objects over files, but for the places."""

    entries: Mapping[ObjectKey, Entry] = field(default_factory=dict)
    """Of each object, the first by path and place in the file."""
    failures: Mapping[ObjectKey | str, tuple[Diagnostic, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, contents: Mapping[str, Content], failures: Mapping[str, Diagnostic]) -> Picture:
        """Put together what each file holds, and what is wrong with files and folders (by path)."""
        entries: dict[ObjectKey, Entry] = {}
        problems: dict[ObjectKey | str, list[Diagnostic]] = {path: [d] for path, d in failures.items()}
        for path in sorted(contents):
            content = contents[path]
            if content.diagnostics:
                problems.setdefault(path, []).extend(content.diagnostics)
            for entry in content.entries:
                first = entries.setdefault(entry.key, entry)
                if first is not entry:
                    found = duplicate(entry, first)._replace(origin=Origin(entry.key))
                    problems.setdefault(entry.key, []).append(found)
                elif entry.object is None:
                    problems.setdefault(entry.key, []).extend(entry.diagnostics)
        return cls(entries, {subject: tuple(found) for subject, found in problems.items()})

    def listing(self, source: str) -> Batch:
        """Say everything: what a source begins with."""
        events: list[Event] = [Init(source=source)]
        for key in sorted(self.entries):
            entry = self.entries[key]
            if entry.object is not None:
                events.append(
                    InitApply(
                        source=source, key=key, object=entry.object, marks=entry.marks, diagnostics=entry.diagnostics
                    )
                )
        return (*events, *self._failed(Picture(), source), InitDone(source=source))

    def since(self, before: Picture, source: str) -> Batch:
        """Say what is not as it was."""
        events: list[Event] = self._failed(before, source)
        for key in sorted(self.entries):
            entry = self.entries[key]
            if entry.object is not None and entry != before.entries.get(key):
                events.append(
                    Apply(source=source, key=key, object=entry.object, marks=entry.marks, diagnostics=entry.diagnostics)
                )
        events += [Delete(source=source, key=key) for key in sorted(before.entries) if key not in self.entries]
        return tuple(events)

    def _failed(self, before: Picture, source: str) -> list[Event]:
        """Say what fails now and did not, fails in another way, or (with no diagnostics) fails no more."""
        subjects = sorted({*self.failures, *before.failures}, key=str)
        return [
            Failed(source=source, subject=subject, diagnostics=self.failures.get(subject, ()))
            for subject in subjects
            if self.failures.get(subject, ()) != before.failures.get(subject, ())
        ]
