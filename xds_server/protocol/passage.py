"""Make before break: the way from what a client holds to what it should hold, without a moment in between at which
something that it still uses is gone (xds-protocol rules 61 to 63; architecture, sixth idea).

A route (or a listener, for TCP) that names a new cluster waits until the client has accepted that cluster. What goes
waits until the client has accepted whatever no longer refers to it: a cluster the routes and listeners without it, a
secret, a filter by ECDS or a route configuration the listeners, a secret also the clusters. Both waits are bounded: a
cluster that cannot get warm must not hold routes hostage, and a client that never answers must not keep what is gone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from translators.resources import CLUSTER, ENDPOINT, EXTENSION, LISTENER, ROUTE, SECRET, Resource

if TYPE_CHECKING:
    from collections.abc import Collection

    from translators.resources import ResourceSet
    from xds_server.protocol.effective import Reference
    from xds_server.protocol.encoder import Encoder

CLUSTER_PATIENCE: Final = 2.0
"""Seconds that routes wait for the ACK of a cluster that is new to the client, once in the cluster's life."""

REMOVAL_PATIENCE: Final = 30.0
"""Seconds that something stays for want of the ACK of what no longer refers to it."""

AWAY_PATIENCE: Final = 60.0
"""Seconds that routes wait for a client that says nothing at all: one that reads a new cluster asks for its endpoints
at once, so the routes would be read with the cluster, before the endpoints, and lead nowhere. A dead connection ends
before that.
"""

HOME_PATIENCE: Final = 2.0
"""Seconds that a cluster which a client brought along stays for want of the ACK of its first routes: it may never ask
for any.
"""

ROUTING: Final = (LISTENER, ROUTE)
_REFERRING: Final = (*ROUTING, CLUSTER)
_AWAITED: Final = (CLUSTER, ROUTE, SECRET, EXTENSION)
_REFERRED: Final = (*_AWAITED, ENDPOINT)
"""What stays while something is awaited. Endpoints stay with their cluster; but that they go is no reason to wait: a
cluster that has changed may wait for just this, and one that uses them keeps them (rule 49).
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One snapshot on the way. The next may be offered once the types in `awaits` are answered, or after `patience`."""

    snapshot: ResourceSet
    awaits: frozenset[str] = frozenset()
    about: frozenset[Reference] = frozenset()
    """What comes, or what goes."""
    arrival: bool = False
    homecoming: bool = False
    """Whether it belongs to a homecoming: then a type that was not asked for yet is awaited, too."""
    holds_back: tuple[str, ...] = ()
    """The types whose first answer waits for the next stage."""

    @property
    def patience(self) -> float:
        """Seconds."""
        if self.arrival:
            return CLUSTER_PATIENCE
        return HOME_PATIENCE if self.homecoming else REMOVAL_PATIENCE

    @property
    def is_answered_at_once(self) -> bool:
        """Whether any client that reads it has something to ask: the endpoints of a new cluster."""
        endpoints = self.snapshot[ENDPOINT].resources
        return self.arrival and any(name in endpoints for _, name in self.about)


class Brought(Resource):
    """A resource that a client brought along from another stream, and of which this process knows only that: it is
    never sent, and is there to be taken away.
    """

    __slots__ = ()

    def __init__(self, type_url: str, name: str, version: str) -> None:
        """`version` is what the client says."""
        super().__init__(type_url, name, f"{name} {version}".encode(), ())


def content_of(resource: Resource | None) -> Resource | None:
    """Return a resource, or None for one of which nothing is known but that the client brought it along."""
    return None if isinstance(resource, Brought) else resource


@dataclass(frozen=True, slots=True)
class Baggage:
    """How the clusters that a client brought along differ from those that it should have."""

    new: bool
    """Whether it lacks any."""
    gone: tuple[Resource, ...]
    """Those that it should not have, sorted by name."""


def passage(encoder: Encoder, held: ResourceSet, target: ResourceSet, waiting: Stage | None) -> tuple[Stage, ...]:
    """Return the stages from the snapshot that was offered last to `target`, which is the last of them.

    `waiting` is the stage that the client has not answered yet: what came is still new to it, and what goes is still
    referred to by what it may have.
    """
    leaving = {(t, name) for t in _REFERRED for name in encoder.difference(held[t], target[t]).absent}
    new = {(CLUSTER, name) for name in encoder.difference(held[CLUSTER], target[CLUSTER]).added}
    going: set[Reference] = set()
    awaits: set[str] = set()
    if waiting is not None and waiting.arrival:
        new |= waiting.about
    elif waiting is not None and (going := leaving & waiting.about):
        awaits.update(waiting.awaits)
    arriving: set[Reference] = set()
    for type_url in _REFERRING if leaving or new else ():
        differs = encoder.difference(held[type_url], target[type_url])
        old, kept = held[type_url].resources, target[type_url].resources
        if type_url in ROUTING:
            arriving.update(reference for r in differs.present for reference in r.refs if reference in new)
        # Of the types that may linger themselves, those that go do so together with what they refer to.
        changed = [old[n] for n in differs.names if n in old and (n in kept or type_url == LISTENER)]
        if lost := {reference for resource in changed for reference in resource.refs if reference in leaving}:
            going |= lost
            awaits.add(type_url)
    stages = []
    if arriving:
        grown = _with(encoder, target, held, _REFERRED, replaced=ROUTING)
        stages.append(Stage(snapshot=grown, awaits=frozenset({CLUSTER}), about=frozenset(arriving), arrival=True))
    if going:
        moved = _with(encoder, target, held, _REFERRED)
        stages.append(Stage(snapshot=moved, awaits=frozenset(awaits), about=frozenset(going)))
    return (*stages, Stage(snapshot=target))


def homecoming(encoder: Encoder, target: ResourceSet, baggage: Baggage) -> tuple[Stage, ...]:
    """Return the stages for a client that comes back with clusters from another stream, or from another server, before
    it is brought to `target` as any other. Its routes are those of then: they wait for the clusters that are new to it,
    and the clusters that are gone stay until it has the new routes.
    """
    if not baggage.new and not baggage.gone:
        return ()
    clusters = encoder.together(target[CLUSTER], baggage.gone) if baggage.gone else target[CLUSTER]
    grown = replace(target, types={**target.types, CLUSTER: clusters})
    first = Stage(snapshot=grown, awaits=frozenset({CLUSTER}), arrival=True, homecoming=True, holds_back=ROUTING)
    last = Stage(snapshot=grown, awaits=frozenset(ROUTING), homecoming=True)
    return (first, last) if baggage.gone else (first,)


def without_clusters_yet(target: ResourceSet) -> Stage:
    """Return the stage for a client that comes back and asks for everything but clusters: its routes wait for those."""
    return Stage(snapshot=target, awaits=frozenset({CLUSTER}), arrival=True, homecoming=True, holds_back=ROUTING)


def _with(
    encoder: Encoder, target: ResourceSet, held: ResourceSet, kept: Collection[str], replaced: Collection[str] = ()
) -> ResourceSet:
    """Return `target` with what leaves it still in it (types in `kept`), or as the client has it (in `replaced`)."""
    types = dict(target.types)
    for type_url in kept:
        old, new = held[type_url], target[type_url]
        gone = tuple(old.resources[name] for name in encoder.difference(old, new).absent)
        types[type_url] = encoder.together(new, gone) if gone else new
    for type_url in replaced:
        types[type_url] = held[type_url]
    return replace(target, types=types)
