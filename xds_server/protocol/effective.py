"""What a client is served while some resources are kept from it: the rest, as new as it is, and nothing that breaks.

In place of a resource that is kept back comes the one that the client accepted last. If there is none it is missing,
and what refers to it stays at the version before. A route that has no such version goes out all the same (a request for
a missing cluster gets a 503, on that route only). A listener whose routes can never come, or whose secret, is left
out: it would warm for ever, and hold up Envoy's start. And what is served in an older version keeps what it refers to.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple

from translators.resources import CLUSTER, ENDPOINT, EXTENSION, LISTENER, ROUTE, SECRET, ResourceSet
from xds_server.protocol.passage import content_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from translators.resources import Resource, TypeSet
    from xds_server.protocol.encoder import Encoder

Reference = tuple[str, str]
"""Type URL and name."""

NEEDS: Final = {CLUSTER: frozenset({SECRET}), ROUTE: frozenset[str](), LISTENER: frozenset({ROUTE, SECRET, EXTENSION})}
"""Without which resources one of these warms for ever; in the order in which what is missing spreads. Endpoints are not
among them: that there are none can be said.
"""


@dataclass(frozen=True, slots=True)
class Hold:
    """A resource that is kept from a client, in this version alone."""

    type_url: str
    name: str
    version: str
    standby: Resource | None
    """What it is served instead."""
    confirmed: bool
    """Whether it is in quarantine. If not, it waits for its trial, and what refers to it waits with it elsewhere."""


class Effective(NamedTuple):
    """What a client is served, and which of its holds are for good."""

    snapshot: ResourceSet
    lasting: frozenset[Reference]
    """What must not be tried again for no better reason than that time has passed: a listener that works is served in
    the version before, since this one needs the resource. Envoy would put it in service as soon as it rejects what it
    needs, without routes or without a certificate, until it is sent the old one again.
    """


def effective(
    encoder: Encoder, wanted: ResourceSet, holds: tuple[Hold, ...], accepted: Mapping[str, TypeSet]
) -> Effective:
    """Work out what a client is served of `wanted`; `accepted` is what it has accepted, by type URL."""
    updates: dict[str, dict[str, Resource | None]] = {}
    for hold in holds:
        updates.setdefault(hold.type_url, {})[hold.name] = hold.standby
    missing = {(h.type_url, h.name) for h in holds if h.confirmed and h.standby is None and h.type_url != ENDPOINT}
    lasting: set[Reference] = set()
    for type_url, needs in NEEDS.items() if missing else ():
        kept = updates.setdefault(type_url, {})
        for resource in wanted[type_url].resources.values():
            lost = missing.intersection(resource.refs)
            if not lost or resource.name in kept:
                continue
            before = _accepted(accepted, (type_url, resource.name))
            if before is not None and missing.isdisjoint(before.refs):
                kept[resource.name] = before
                lasting.update(reference for reference in lost if reference[0] in needs)
            elif any(t in needs for t, _ in lost):
                kept[resource.name] = None
                missing.add((type_url, resource.name))
    _keep_referred(updates, wanted, accepted)
    types = dict(wanted.types)
    for type_url, changes in updates.items():
        if changes:
            types[type_url] = encoder.altered(wanted[type_url], tuple(sorted(changes.items())))
    return Effective(replace(wanted, types=types), frozenset(lasting))


def references(resource: Resource) -> Iterator[Reference]:
    """Yield what a resource refers to; a cluster also to the endpoints of its own name."""
    yield from resource.refs
    if resource.type_url == CLUSTER:
        yield ENDPOINT, resource.name


def _keep_referred(
    updates: dict[str, dict[str, Resource | None]], wanted: ResourceSet, accepted: Mapping[str, TypeSet]
) -> None:
    """Keep what older versions refer to, and is served no more."""
    older = [resource for changes in updates.values() for resource in changes.values() if resource is not None]
    while older:
        for reference in references(older.pop()):
            type_url, name = reference
            changes = updates.setdefault(type_url, {})
            if name in wanted[type_url].resources or name in changes:
                continue
            if (before := _accepted(accepted, reference)) is not None:
                changes[name] = before
                older.append(before)


def _accepted(accepted: Mapping[str, TypeSet], reference: Reference) -> Resource | None:
    types = accepted.get(reference[0])
    return content_of(types.resources.get(reference[1])) if types is not None else None
