"""What sidecars that may reach the same things share: all of the outbound side, worked out once for a World."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from translators.clusters import cluster_resources
from translators.resources import CLUSTER, ENDPOINT, LISTENER, ROUTE, TypeSet
from translators.sidecars.elsewhere import elsewhere_of
from translators.sidecars.fixed_clusters import fixed_clusters
from translators.sidecars.mesh_routes import all_routing, visible_routes
from translators.sidecars.outbound import OutboundBuilder
from translators.sidecars.scope import egress_scope

if TYPE_CHECKING:
    from collections.abc import Mapping

    from translators.destination_rules import RuleIndex
    from translators.memo import Steps
    from translators.model.meta import ObjectKey
    from translators.model.origin import Diagnostic
    from translators.model.proxy import ProxyView
    from translators.model.sidecar import Sidecar
    from translators.model.world import World
    from translators.services import Destination, ServiceIndex
    from translators.sidecars.outbound import Outbound
    from translators.sidecars.route_tables import Parts


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shared:
    """The outbound side as resources."""

    types: Mapping[str, TypeSet]
    destinations: Mapping[ObjectKey, tuple[Destination, ...]]
    """By the key of the object that the service was made from."""
    by_endpoints: frozenset[ObjectKey]
    """Origins of the services whose endpoints have listeners of their own."""
    diagnostics: tuple[Diagnostic, ...]
    view: ProxyView
    """The `client_view` that it is for."""
    parts: Mapping[str, Parts]
    """What each route table is made of, by its name."""
    by_routes: frozenset[str]
    """Clusters that nothing but routes leads to."""


def client_view(view: ProxyView, client_keys: frozenset[str]) -> ProxyView:
    """Reduce a view to what matters to what a proxy may reach: of its labels those that rules and routes for certain
    clients mention. Which Sidecar selects it is told apart.
    """
    labels = tuple(pair for pair in view.labels if pair[0] in client_keys)
    return replace(view, labels=labels, metadata=(), addresses=())


def outbound_of(
    world: World, view: ProxyView, sidecar: Sidecar | None, services: ServiceIndex, rules: RuleIndex, steps: Steps
) -> Outbound:
    """Translate what a sidecar may reach; `view` is a `client_view`."""
    routes = visible_routes(all_routing(world, steps), view.namespace, steps)
    elsewhere = elsewhere_of(world, view, sidecar, services, rules, steps)
    builder = OutboundBuilder(world, view, services, rules, elsewhere, steps)
    for position, egress in enumerate(egress_scope(services, routes, sidecar, view.namespace, steps)):
        builder.add(egress, sidecar, position)
    return builder.finish()


class ClusterSets(NamedTuple):
    """Clusters and endpoints of some destinations."""

    destinations: tuple[Destination, ...]
    clusters: TypeSet
    endpoints: TypeSet
    diagnostics: tuple[Diagnostic, ...]


class ClusterCache:
    """Makes clusters for one World; clients of several namespaces that reach the very same share them.

    A Destination that a step made stands for a service under one rule, so clients with the same ones are sent the same
    clusters, whatever namespace they are in.
    """

    def __init__(self, world: World, rules: RuleIndex, steps: Steps) -> None:
        self._world = world
        self._rules = rules
        self._steps = steps
        self._known: dict[tuple[object, ...], ClusterSets] = {}

    def of(self, view: ProxyView, destinations: tuple[Destination, ...], before: Shared | None) -> ClusterSets:
        """Return the clusters and endpoints of destinations; `before` is what the client had for an earlier World."""
        anywhere = replace(view, namespace="", dns_domain="", unprivileged_pod=False)
        key = (anywhere, *map(id, destinations))
        found = self._known.get(key)
        if found is None:
            made = cluster_resources(self._world, view, destinations, self._rules, self._steps)
            fixed = self._steps.step(fixed_clusters, self._world.mesh, view.ipv6)
            clusters, endpoints = (before.types[t] if before is not None else None for t in (CLUSTER, ENDPOINT))
            found = self._known[key] = ClusterSets(
                destinations,
                TypeSet.of(CLUSTER, (*fixed, *made.clusters), clusters),
                TypeSet.of(ENDPOINT, made.assignments, endpoints),
                made.diagnostics,
            )
        return found


def shared_of(
    world: World,
    view: ProxyView,
    sidecar: Sidecar | None,
    services: ServiceIndex,
    rules: RuleIndex,
    clusters: ClusterCache,
    before: Shared | None,
    steps: Steps,
) -> Shared:
    """Make the resources of the outbound side. `before` is what they were for an earlier World."""
    outbound = outbound_of(world, view, sidecar, services, rules, steps)
    sets = clusters.of(view, outbound.destinations, before)
    listeners, routes = (before.types[t] if before is not None else None for t in (LISTENER, ROUTE))
    by_origin: dict[ObjectKey, list[Destination]] = {}
    for destination in outbound.destinations:
        by_origin.setdefault(destination.service.origin, []).append(destination)
    return Shared(
        types={
            CLUSTER: sets.clusters,
            ENDPOINT: sets.endpoints,
            LISTENER: TypeSet.of(LISTENER, outbound.listeners, listeners),
            ROUTE: TypeSet.of(ROUTE, outbound.routes, routes),
        },
        destinations={key: tuple(found) for key, found in by_origin.items()},
        by_endpoints=outbound.by_endpoints,
        diagnostics=(*outbound.diagnostics, *sets.diagnostics),
        view=view,
        parts=outbound.parts,
        by_routes=outbound.by_routes,
    )
