"""How two sets of resources of one type differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from translators.resources import Resource, TypeSet


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Difference:
    """From an old set to a new one."""

    names: frozenset[str]
    """Added, modified or removed."""
    added: frozenset[str]
    present: tuple[Resource, ...]
    """Added or modified, as they are now; sorted by name."""
    absent: tuple[str, ...]
    """Removed; sorted."""

    def within(self, wanted: set[str]) -> Difference:
        """Return the part that concerns these names; itself if that is all of it."""
        if self.names <= wanted:
            return self
        return Difference(
            names=self.names & wanted,
            added=self.added & wanted,
            present=tuple(resource for resource in self.present if resource.name in wanted),
            absent=tuple(name for name in self.absent if name in wanted),
        )


def difference(old: TypeSet, new: TypeSet) -> Difference:
    """Compare; the cost grows with what changed alone if `new` is the direct successor of `old`, or the same."""
    before, after = old.resources, new.resources
    if new.version == old.version:
        names: frozenset[str] = frozenset()
    elif new.parent_version == old.version:
        names = new.changed
    else:
        here = {name for name, now in after.items() if (was := before.get(name)) is None or was.version != now.version}
        names = frozenset(here.union(name for name in before if name not in after))
    ordered = sorted(names)
    return Difference(
        names=names,
        added=frozenset(name for name in names if name in after and name not in before),
        present=tuple(after[name] for name in ordered if name in after),
        absent=tuple(name for name in ordered if name not in after),
    )
