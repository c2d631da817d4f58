"""Make before break: the way from what a client holds to what it should hold, without a moment in between at which a
request would find no cluster (xds-protocol rules 61 to 63; architecture, sixth idea).

A route that names a new cluster waits until the client has accepted that cluster, and a cluster that routes still name
stays until the client has accepted the routes without it. Both waits are bounded: a cluster that cannot get warm must
not hold routes hostage, and a client that never answers must not keep what is gone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from translators.resources import CLUSTER, ENDPOINT, LISTENER, ROUTE, SECRET, Resource

if TYPE_CHECKING:
    from collections.abc import Collection

    from translators.resources import ResourceSet
    from xds_server.protocol.encoder import Encoder

CLUSTER_PATIENCE: Final = 2.0
"""Seconds that routes wait for the ACK of a cluster that is new to the client, once in the cluster's life."""

AWAY_PATIENCE: Final = 60.0
"""Seconds that routes wait for a client that says nothing at all: one that reads a new cluster asks for its endpoints
at once, so the routes would be read with the cluster, before the endpoints, and lead nowhere. A dead connection ends
before that.
"""

ROUTE_PATIENCE: Final = 30.0
"""Seconds that a cluster stays for want of the ACK of the routes that no longer name it."""

HOME_PATIENCE: Final = 2.0
"""Seconds that a cluster which a client brought along stays for want of the ACK of its first routes: it may never ask
for any.
"""

_REFERRING: Final = (LISTENER, ROUTE)
_REFERRED: Final = (CLUSTER, ENDPOINT, SECRET)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One snapshot on the way. The next may be offered once the types in `awaits` are answered, or after `patience`."""

    snapshot: ResourceSet
    awaits: tuple[str, ...] = ()
    patience: float = 0.0
    names: frozenset[str] = frozenset()
    """The clusters that it is about: those that come, or those that go."""
    homecoming: bool = False
    """Whether it belongs to a homecoming: then a type that was not asked for yet is awaited, too."""
    holds_back: tuple[str, ...] = ()
    """The types whose first answer waits for the next stage."""

    @property
    def is_answered_at_once(self) -> bool:
        """Whether any client that reads it has something to ask: the endpoints of a new cluster."""
        endpoints = self.snapshot[ENDPOINT].resources
        return self.awaits == (CLUSTER,) and any(name in endpoints for name in self.names)


class Brought(Resource):
    """A resource that a client brought along from another stream, and of which this process knows only that: it is
    never sent, and is there to be taken away.
    """

    __slots__ = ()

    def __init__(self, type_url: str, name: str, version: str) -> None:
        """`version` is what the client says."""
        super().__init__(type_url, name, f"{name} {version}".encode(), ())


@dataclass(frozen=True, slots=True)
class Baggage:
    """How the clusters that a client brought along differ from those that it should have."""

    new: bool
    """Whether it lacks any."""
    gone: tuple[Resource, ...]
    """Those that it should not have, sorted by name."""


def passage(encoder: Encoder, held: ResourceSet, target: ResourceSet, pending: frozenset[str]) -> tuple[Stage, ...]:
    """Return the stages from the snapshot that was offered last to `target`, which is the last of them.

    `pending` are the clusters of the stage that the client has not answered yet: what came is still new to it, and what
    goes is still named by the routes that it may have.
    """
    clusters = encoder.difference(held[CLUSTER], target[CLUSTER])
    new = clusters.added | pending
    leaving = frozenset(clusters.absent)
    arriving: set[str] = set()
    referred = set(pending)
    for type_url in _REFERRING:
        differs = encoder.difference(held[type_url], target[type_url])
        old = held[type_url].resources
        arriving.update(n for resource in differs.present for t, n in resource.refs if t == CLUSTER and n in new)
        referred.update(n for name in differs.names if name in old for t, n in old[name].refs if t == CLUSTER)
    stages = []
    if arriving:
        grown = _with(encoder, target, held, _REFERRED, replaced=_REFERRING)
        stages.append(Stage(snapshot=grown, awaits=(CLUSTER,), patience=CLUSTER_PATIENCE, names=frozenset(arriving)))
    if going := leaving & referred:
        moved = _with(encoder, target, held, _REFERRED)
        stages.append(Stage(snapshot=moved, awaits=_REFERRING, patience=ROUTE_PATIENCE, names=going))
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
    arrival = Stage(
        snapshot=grown, awaits=(CLUSTER,), patience=CLUSTER_PATIENCE, homecoming=True, holds_back=_REFERRING
    )
    farewell = Stage(snapshot=grown, awaits=_REFERRING, patience=HOME_PATIENCE, homecoming=True)
    return (arrival, farewell) if baggage.gone else (arrival,)


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
