"""Make before break: the way from what a client holds to what it should hold, without a moment in between at which a
request would find no cluster (xds-protocol rules 61 to 63; architecture, sixth idea).

A route that names a new cluster waits until the client has accepted that cluster, and a cluster that routes still name
stays until the client has accepted the routes without it. Both waits are bounded: a cluster that cannot get warm must
not hold routes hostage, and a client that never answers must not keep what is gone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from translators.resources import CLUSTER, ENDPOINT, LISTENER, ROUTE, SECRET

if TYPE_CHECKING:
    from collections.abc import Collection

    from translators.resources import ResourceSet
    from xds_server.protocol.encoder import Encoder

CLUSTER_PATIENCE: Final = 2.0
"""Seconds that routes wait for the ACK of a cluster that is new to the client, once in the cluster's life."""

ROUTE_PATIENCE: Final = 30.0
"""Seconds that a cluster stays for want of the ACK of the routes that no longer name it."""

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
