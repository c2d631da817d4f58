"""Who uses an object, and how far they are with it: streams and what they are served in, counts by object out. Pure.

A proxy uses an object if anything that it subscribed to was made from it. It is up to date with the object if it has
accepted all of that in the version that is served now.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from translators.model.kinds import ISTIO_KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from translators.model.meta import ObjectKey
    from translators.resources import ResourceSet, TypeSet

_KINDS: Final = frozenset(kind.KIND for kind in ISTIO_KINDS)


class Sight(NamedTuple):
    """One stream as it was at one moment."""

    proxy: str
    """The node id. A proxy may have several streams."""
    served: ResourceSet
    """What it is meant to have."""
    behind: Mapping[str, frozenset[str]]
    """By type URL: the names of what it asked for and has not accepted; see `protocol.Stream.behind`."""
    rejected: tuple[tuple[tuple[ObjectKey, ...], str], ...] = ()
    """What it has rejected: the objects behind it, and why."""


class Use(NamedTuple):
    """What the proxies do with one object."""

    proxies: int = 0
    """How many use it."""
    up_to_date: int = 0
    rejected: int = 0
    """How many have rejected something that was made from it."""
    error: str = ""
    """The first of those, and what it said."""

    def __add__(self, other: tuple[object, ...]) -> Use:
        """Count the proxies of another server, too."""
        if not isinstance(other, Use):
            return NotImplemented
        errors = sorted(filter(None, (self.error, other.error)))
        return Use(
            self.proxies + other.proxies,
            self.up_to_date + other.up_to_date,
            self.rejected + other.rejected,
            errors[0] if errors else "",
        )


Usage: TypeAlias = "dict[ObjectKey, Use]"
"""By object; those that nobody uses are left out."""


@dataclass(slots=True)
class Origins:
    """The Istio objects behind a TypeSet, remembered for as long as it is asked about: most stay from push to push."""

    _known: dict[int, tuple[TypeSet, frozenset[ObjectKey]]] = field(default_factory=dict)
    _before: dict[int, tuple[TypeSet, frozenset[ObjectKey]]] = field(default_factory=dict)

    def turn(self) -> None:
        """Forget what was not asked for since the last turn."""
        self._before, self._known = self._known, {}

    def of(self, types: TypeSet) -> frozenset[ObjectKey]:
        """Return the objects behind any of these resources."""
        found = self._known.get(id(types)) or self._before.get(id(types))
        if found is None:
            keys: set[ObjectKey] = set()
            keys.update(*(resource.origins for resource in types.resources.values()))
            found = types, frozenset(key for key in keys if key.kind in _KINDS)
        self._known[id(types)] = found
        return found[1]


def usage(sights: Iterable[Sight], origins: Origins) -> Usage:
    """Count, for each object, the proxies that use it, that are up to date, and that have rejected it."""
    origins.turn()
    streams: dict[str, list[Sight]] = {}
    for sight in sights:
        streams.setdefault(sight.proxy, []).append(sight)
    alike: dict[tuple[object, ...], list[str]] = {}
    for proxy, some in streams.items():
        # Thousands of proxies are served the same, and are counted at once.
        same = tuple(sorted((id(sight.served), tuple(sorted(sight.behind))) for sight in some))
        alike.setdefault(same, []).append(proxy)
    used: Counter[ObjectKey] = Counter()
    for proxies in alike.values():
        for key in _used(streams[proxies[0]], origins):
            used[key] += len(proxies)
    behind: Counter[ObjectKey] = Counter()
    rejected: Counter[ObjectKey] = Counter()
    errors: dict[ObjectKey, str] = {}
    for proxy in sorted(streams):
        behind.update(_behind(streams[proxy]))
        for key, error in _rejected(streams[proxy]).items():
            rejected[key] += 1
            errors.setdefault(key, f"{proxy}: {error}")
    return {key: Use(count, count - behind[key], rejected[key], errors.get(key, "")) for key, count in used.items()}


def _used(sights: Iterable[Sight], origins: Origins) -> set[ObjectKey]:
    return {key for sight in sights for type_url in sight.behind for key in origins.of(sight.served[type_url])}


def _behind(sights: Iterable[Sight]) -> set[ObjectKey]:
    """Return the objects behind what a proxy has not accepted."""
    found: set[ObjectKey] = set()
    for sight in sights:
        for type_url, names in sight.behind.items():
            resources = sight.served[type_url].resources
            found.update(*(resource.origins for name in names if (resource := resources.get(name)) is not None))
        found.update(*(keys for keys, _ in sight.rejected))
    return found


def _rejected(sights: Iterable[Sight]) -> dict[ObjectKey, str]:
    return {key: error for sight in sights for keys, error in sight.rejected for key in keys}
