"""The short way of an edit to VirtualServices: only the virtual hosts that follow them are made anew, and joined with
the others as they are.

It is taken where an edit changes nothing but routes: the same hosts, for the same clients, to the same services. Both
ways give the same bytes (a test compares them).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from translators.model.virtual_service import VirtualService
from translators.resources import CLUSTER, ROUTE, Resource
from translators.routes.outline import outline
from translators.routes.route_configuration import joined
from translators.routes.targets import Targets
from translators.routes.virtual_host import virtual_host
from translators.sidecars.default_routes import named_by_service
from translators.sidecars.mesh_routes import Routing
from translators.sidecars.route_tables import Parts, routes_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from translators.destination_rules import RuleIndex
    from translators.memo import Steps
    from translators.model.meta import ObjectKey
    from translators.model.world import World
    from translators.routes.virtual_host import VirtualHostFragment
    from translators.services import Destination, ServiceIndex
    from translators.sidecars.route_tables import Followed
    from translators.sidecars.shared import Shared


class Edited(NamedTuple):
    """A VirtualService of which only routes have changed, with what was read out of it."""

    before: Routing
    after: Routing


def edited_routes(
    before: World, after: World, changed: Iterable[ObjectKey], steps: Steps
) -> Mapping[ObjectKey, Edited] | None:
    """Return the VirtualServices that changed between two Worlds, if that is all: nothing else did, and of them nothing
    but their HTTP routes. None where only a whole pass is right.
    """
    found: dict[ObjectKey, Edited] = {}
    for key in changed:
        old, new = before.get(key), after.get(key)
        if not isinstance(old, VirtualService) or not isinstance(new, VirtualService):
            return None
        was, now = (Routing(one, steps.step(outline, one, after.cluster_domain)) for one in (old, new))
        if _around(was) != _around(now):
            return None
        found[key] = Edited(was, now)
    return found


def _around(routing: Routing) -> object:
    """Return all that a VirtualService says but how requests are routed, which is what the rest of a translation looks
    at. What is for a whole pass (delegates, and who delegates; TLS and TCP) is equal to nothing.
    """
    service, plan = routing
    spec = service.spec
    if plan.delegates or not plan.hosts or spec.tls or spec.tcp:
        return object()
    sources = [
        (match.source_labels, match.source_namespace, match.gateways) for http in spec.http for match in http.match
    ]
    return (
        service.metadata.creation_timestamp,
        spec.export_to,
        spec.gateways,
        plan.hosts,
        plan.destinations,
        plan.conditions,
        plan.diagnostics,
        sources,
    )


def with_edits(
    shared: Shared,
    edits: Mapping[ObjectKey, Edited],
    world: World,
    services: ServiceIndex,
    rules: RuleIndex,
    steps: Steps,
) -> Shared | None:
    """Return the outbound side after edits; None if they change more than routes, such as which clusters there are."""
    targets = Targets(shared.view, services, rules)
    parts: dict[str, Parts] = {}
    updates: dict[str, Resource] = {}
    for name, table in shared.parts.items():
        if edits.keys().isdisjoint(table.followed):
            continue
        hosts = list(table.hosts)
        for key in sorted(edits.keys() & table.followed.keys()):
            for followed in table.followed[key]:
                made = _exchanged(hosts[followed.position], followed, edits[key], shared, targets, world, steps)
                if made is None or not all(_is_there(d, shared) for _, d in made.clusters if d is not None):
                    return None
                hosts[followed.position] = made
        parts[name] = Parts(hosts=tuple(hosts), followed=table.followed)
        updates[name] = _table(shared.types[ROUTE].resources[name], table.hosts, hosts)
    if not updates:
        return shared
    return replace(
        shared,
        types={**shared.types, ROUTE: shared.types[ROUTE].replace(updates)},
        parts={**shared.parts, **parts},
    )


def _is_there(destination: Destination, shared: Shared) -> bool:
    """Whether there is a cluster of a destination already."""
    found = shared.destinations.get(destination.service.origin, ())
    return any(one.cluster_name == destination.cluster_name for one in found)


def _exchanged(
    host: VirtualHostFragment,
    followed: Followed,
    edit: Edited,
    shared: Shared,
    targets: Targets,
    world: World,
    steps: Steps,
) -> VirtualHostFragment | None:
    retries = world.mesh.default_http_retry_policy
    was, now = (routes_of(one, followed.port, shared.view, targets, retries, steps) for one in edit)
    if not now or was.diagnostics != now.diagnostics:
        return None
    beside = () if followed.service is None else (steps.step(named_by_service, followed.service),)
    made: VirtualHostFragment = steps.step(virtual_host, followed.name, followed.domains, None, now, *beside)
    lost = {cluster for cluster, _ in host.clusters} - {cluster for cluster, _ in made.clusters}
    if not lost.isdisjoint(shared.by_routes) or host.diagnostics != made.diagnostics:
        return None
    return made


def _table(resource: Resource, before: tuple[VirtualHostFragment, ...], hosts: list[VirtualHostFragment]) -> Resource:
    """Return a route configuration with some virtual hosts exchanged."""
    changed = [(old, new) for old, new in zip(before, hosts, strict=True) if old is not new]
    origins, refs = resource.origins, resource.refs
    if any(old.origins != new.origins for old, new in changed):
        origins = tuple(dict.fromkeys(key for host in hosts for key in host.origins))
    if any(dict(old.clusters).keys() != dict(new.clusters).keys() for old, new in changed):
        refs = tuple(sorted(set(_refs(hosts))))
    return Resource(ROUTE, resource.name, joined(resource.name, hosts), origins, refs=refs)


def _refs(hosts: Iterable[VirtualHostFragment]) -> Iterable[tuple[str, str]]:
    return ((CLUSTER, cluster) for host in hosts for cluster, _ in host.clusters)
