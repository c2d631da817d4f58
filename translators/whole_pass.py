"""A walk over everything that a view may see: a gateway's, a sidecar's, or that of a proxyless gRPC client."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from translators.clusters import ClusterOutput, build_cluster, cluster_resources
from translators.destination_rules import rule_index
from translators.envoy_filters import apply_plan, plan_for, reached
from translators.extensions import apply_extensions
from translators.gateways import gateway_resources
from translators.model.proxy import GRPC
from translators.proxyless import build_cluster as build_grpc_cluster
from translators.proxyless import empty_clusters, proxyless_resources
from translators.relevant_keys import client_keys
from translators.resources import CLUSTER, ENDPOINT, LISTENER, ROUTE, SECRET, ResourceSet, TypeSet
from translators.services import service_index
from translators.sidecars import ClusterCache, Inbound, Shared, client_view, inbound, shared_of, sidecar_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from translators.destination_rules import RuleIndex
    from translators.envoy_filters import Plan
    from translators.extensions import NamedExtension
    from translators.memo import Steps
    from translators.model.meta import ObjectKey
    from translators.model.origin import Diagnostic
    from translators.model.proxy import ProxyView
    from translators.model.world import World
    from translators.resources import Resource
    from translators.services import Destination, ServiceIndex

Made = dict[str, tuple["Resource", ...]]
"""The resources of each type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation(ResourceSet):
    """A ResourceSet with what the next translation of the same view wants to know."""

    world: World
    generation: int
    rules: RuleIndex
    services: ServiceIndex
    destinations: Mapping[ObjectKey, tuple[Destination, ...]] = field(default_factory=dict)
    """By the key of the object that the service was made from."""
    by_endpoints: frozenset[ObjectKey] = frozenset()
    """Keys of the objects whose endpoints shape more than assignments, so that the short way is not theirs."""
    shared: Shared | None = None
    inbound: Inbound | None = None
    """Of a sidecar whose sets were joined: what it shares with others, and what is its own."""


class Pass:
    """What all views of one World share, worked out once."""

    def __init__(
        self,
        world: World,
        steps: Steps,
        extensions: tuple[NamedExtension, ...],
        generation: int,
        before: Pass | None = None,
    ) -> None:
        """Index the World. `before` is the pass over an earlier World."""
        self.world = world
        self.steps = steps
        self.extensions = extensions
        self.generation = generation
        self.services = service_index(world, steps)
        self.rules = rule_index(world, self.services, steps)
        self._client_keys = client_keys(world, steps)
        self._shared: dict[tuple[ProxyView, ObjectKey | None], Shared] = {}
        self._clusters = ClusterCache(world, self.rules, steps)
        self._before = before._shared if before is not None else {}  # noqa: SLF001 - of the same class

    def shared(self, view: ProxyView) -> Shared:
        """Return the outbound side of a sidecar."""
        client, sidecar = client_view(view, self._client_keys), sidecar_of(self.world, view)
        key = (client, sidecar.key if sidecar is not None else None)
        found = self._shared.get(key)
        if found is None:
            before = self._before.get(key)
            found = shared_of(
                self.world, client, sidecar, self.services, self.rules, self._clusters, before, self.steps
            )
            self._shared[key] = found
        return found

    def indexing(self) -> tuple[Diagnostic, ...]:
        """Return what making the indexes found out."""
        return (*self.services.diagnostics, *self.rules.diagnostics)


def whole_pass(indexes: Pass, view: ProxyView, previous: Translation | None) -> Translation:
    """Translate a view. `previous` is what the same view was served for an earlier World."""
    if view.generator == GRPC:
        return _proxyless(indexes, view, previous)
    plan = plan_for(indexes.world, view, indexes.steps)
    if view.type == "sidecar":
        return _sidecar(indexes, view, plan, previous)
    return _gateway(indexes, view, plan, previous)


def clusters_of(
    world: World, view: ProxyView, destinations: Iterable[Destination], rules: RuleIndex, steps: Steps
) -> ClusterOutput:
    """Return the clusters and assignments of destinations, in the form that the view's kind of client takes."""
    build = build_grpc_cluster if view.generator == GRPC else build_cluster
    return cluster_resources(world, view, destinations, rules, steps, build)


def _gateway(indexes: Pass, view: ProxyView, plan: Plan | None, previous: Translation | None) -> Translation:
    world, rules, steps = indexes.world, indexes.rules, indexes.steps
    gateway = gateway_resources(world, view, indexes.services, rules, steps)
    more = reached(plan, view, indexes.services) if plan is not None else ()
    destinations = (*gateway.destinations, *more)
    clusters = clusters_of(world, view, destinations, rules, steps)
    made, said = _last_word(
        indexes,
        view,
        plan,
        {
            CLUSTER: clusters.clusters,
            ENDPOINT: clusters.assignments,
            LISTENER: gateway.listeners,
            ROUTE: gateway.routes,
            SECRET: gateway.secrets,
        },
    )
    return Translation(
        view=view,
        types=_sets(made, previous),
        diagnostics=_sorted((*indexes.indexing(), *gateway.diagnostics, *clusters.diagnostics, *said)),
        world=world,
        generation=indexes.generation,
        rules=rules,
        services=indexes.services,
        destinations=_by_origin(destinations),
    )


def _proxyless(indexes: Pass, view: ProxyView, previous: Translation | None) -> Translation:
    """EnvoyFilters are not for gRPC: they patch what an Envoy is sent."""
    world, rules, steps = indexes.world, indexes.rules, indexes.steps
    served = proxyless_resources(world, view, indexes.services, rules, steps)
    clusters = clusters_of(world, view, served.destinations, rules, steps)
    none = empty_clusters(served.routes, clusters.clusters, steps)
    made, said = _last_word(
        indexes,
        view,
        None,
        {
            CLUSTER: (*clusters.clusters, *none.clusters),
            ENDPOINT: (*clusters.assignments, *none.assignments),
            LISTENER: served.listeners,
            ROUTE: served.routes,
        },
    )
    return Translation(
        view=view,
        types=_sets(made, previous),
        diagnostics=_sorted((*indexes.indexing(), *served.diagnostics, *clusters.diagnostics, *said)),
        world=world,
        generation=indexes.generation,
        rules=rules,
        services=indexes.services,
        destinations=_by_origin(served.destinations),
        by_endpoints=served.by_endpoints,
    )


def _sidecar(indexes: Pass, view: ProxyView, plan: Plan | None, previous: Translation | None) -> Translation:
    """Join the side that many sidecars share with the one that is the workload's own."""
    world, rules = indexes.world, indexes.rules
    shared = indexes.shared(view)
    own = inbound(world, view, sidecar_of(world, view), rules, indexes.steps)
    said: tuple[Diagnostic, ...] = ()
    patched = plan is not None or indexes.extensions
    if patched:
        made, said = _last_word(indexes, view, plan, _together(shared, own))
        types = _sets(made, previous)
    else:
        types = _joined(shared, own, previous)
    return Translation(
        view=view,
        types=types,
        diagnostics=_sorted((*indexes.indexing(), *shared.diagnostics, *own.diagnostics, *said)),
        world=world,
        generation=indexes.generation,
        rules=rules,
        services=indexes.services,
        destinations=shared.destinations,
        by_endpoints=shared.by_endpoints | own.by_endpoints,
        shared=None if patched else shared,
        inbound=None if patched else own,
    )


def rejoined(translation: Translation, shared: Shared, world: World) -> Translation:
    """Return the translation of a sidecar for a World in which only the routes that it shares are others."""
    before = translation.shared
    if before is None:
        msg = "it shares nothing"
        raise ValueError(msg)
    routes = shared.types[ROUTE].extended((), translation.types.get(ROUTE), before.types[ROUTE], ())
    return replace(translation, types={**translation.types, ROUTE: routes}, shared=shared, world=world)


def _joined(shared: Shared, own: Inbound, previous: Translation | None) -> dict[str, TypeSet]:
    """Extend the shared sets, at a cost that grows with what is the workload's own."""
    extra = {CLUSTER: own.clusters, LISTENER: own.listeners}
    before = previous.shared if previous is not None else None
    was = previous.inbound if previous is not None else None
    extra_before = {CLUSTER: was.clusters, LISTENER: was.listeners} if was is not None else {}
    return {
        type_url: base.extended(
            extra.get(type_url, ()),
            previous.types.get(type_url) if previous is not None else None,
            before.types[type_url] if before is not None else None,
            extra_before.get(type_url, ()),
        )
        for type_url, base in shared.types.items()
    }


def _together(shared: Shared, own: Inbound) -> Made:
    made = {type_url: tuple(types.resources.values()) for type_url, types in shared.types.items()}
    return {**made, CLUSTER: (*made[CLUSTER], *own.clusters), LISTENER: (*made[LISTENER], *own.listeners)}


def _last_word(indexes: Pass, view: ProxyView, plan: Plan | None, made: Made) -> tuple[Made, tuple[Diagnostic, ...]]:
    """Apply EnvoyFilters, then extensions."""
    said: tuple[Diagnostic, ...] = ()
    if plan is not None:
        made, said = apply_plan(plan, made, indexes.steps)
    if indexes.extensions:
        made, more = apply_extensions(indexes.extensions, indexes.world, view, made)
        said = (*said, *more)
    return made, said


def _sets(made: Made, previous: Translation | None) -> dict[str, TypeSet]:
    return {
        type_url: TypeSet.of(type_url, resources, previous.types.get(type_url) if previous is not None else None)
        for type_url, resources in made.items()
    }


def _by_origin(destinations: Iterable[Destination]) -> dict[ObjectKey, tuple[Destination, ...]]:
    found: dict[ObjectKey, list[Destination]] = {}
    for destination in destinations:
        found.setdefault(destination.service.origin, []).append(destination)
    return {key: tuple(some) for key, some in found.items()}


def _sorted(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    return tuple(sorted(set(diagnostics), key=lambda d: (d.origin is None, d.origin or (), d.code, d.message)))
