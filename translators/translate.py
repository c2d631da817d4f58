"""World and ProxyView in, ResourceSet out: the one function that serve, the CLI, explain and the tests call.

Two ways lead through it. A whole pass walks everything the view may see, with each step memoised, so that it builds
only what changed. When nothing but endpoints changed, their keys lead straight to the assignments that they touch, at
a cost that does not grow with the mesh. Both give the same bytes (a test compares them).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from translators.clusters import ClusterOutput, build_cluster, cluster_resources
from translators.destination_rules import rule_index
from translators.envoy_filters import apply_plan, keys_of, plan_for, reached
from translators.extensions import NamedExtension, apply_extensions
from translators.gateways import GatewayOutput, gateway_resources
from translators.locality import distribution_keys, locality_keys, rule_locality_keys
from translators.memo import Memo, Recording
from translators.model.destination_rule import DestinationRule
from translators.model.envoy_filter import EnvoyFilter
from translators.model.gateway import Gateway
from translators.model.kubernetes import Service as KubernetesService
from translators.model.proxy import GRPC, LOCALITY
from translators.model.service_entry import ServiceEntry
from translators.model.virtual_service import VirtualService
from translators.proxyless import ProxylessOutput, empty_clusters, proxyless_resources
from translators.proxyless import build_cluster as build_grpc_cluster
from translators.resources import CLUSTER, ENDPOINT, LISTENER, ROUTE, SECRET, ResourceSet, TypeSet
from translators.services import service_index, services_touched
from translators.services.exports import DISTRIBUTION_ANNOTATION

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from immutables import Map

    from translators.destination_rules import RuleIndex
    from translators.memo import Steps
    from translators.model.meta import ObjectKey
    from translators.model.origin import Diagnostic
    from translators.model.proxy import ProxyView
    from translators.model.world import World
    from translators.recorder import Recorder
    from translators.services.destination import Destination

_SPARE: Final = 20_000
"""Memo entries that endpoint changes may leave behind before a whole pass tidies up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation(ResourceSet):
    """A ResourceSet with what the next translation of the same view wants to know."""

    world: World
    generation: int
    rules: RuleIndex
    destinations: Mapping[ObjectKey, tuple[Destination, ...]] = field(default_factory=dict)
    """By the key of the object that the service was made from."""
    by_endpoints: frozenset[ObjectKey] = frozenset()
    """Keys of the objects whose endpoints decide about more than their assignments."""


class Translator:
    """Holds the memo; one per server (or per offline run). Not for use from several threads."""

    def __init__(self, extensions: tuple[NamedExtension, ...] = ()) -> None:
        """Start with an empty memo. `extensions` have the last word on what a proxy is sent."""
        self._extensions = extensions
        self._memo = Memo()
        self._generation = 0
        self._walked: World | None = None
        self._limit = _SPARE

    def selector_keys(self, world: World) -> frozenset[str]:
        """See `selector_keys`; with this translator's memo."""
        return selector_keys(world, self._memo)

    def translate(self, world: World, view: ProxyView, previous: ResourceSet | None = None) -> Translation:
        """Return what a proxy with this view is served. `previous` is what it was served for an earlier World: sets
        that did not change are returned as the same objects, and each set says how it differs from its predecessor.
        """
        if isinstance(previous, Translation) and previous.view == view:
            if previous.world.token is world.token:
                return previous
            self._tidy(world)
            fresh = previous.generation == self._generation and not self._extensions
            if fresh and (quick := self._endpoints_only(world, previous)):
                return quick
        else:
            previous = None
            self._tidy(world)
        translation = _whole_pass(world, view, previous, self._memo, self._generation, self._extensions)
        self._limit = self._memo.fresh + _SPARE
        return translation

    def with_notes(self, world: World, view: ProxyView) -> Translation:
        """Translate once more with a recorder: the same bytes, and each resource's `notes` say which field of which
        object is behind each part of it. Nothing is remembered.
        """
        return _whole_pass(world, view, None, Recording(), self._generation, self._extensions)

    def _tidy(self, world: World) -> None:
        """Let the memo forget, once for each World in which more than endpoints changed."""
        walked = self._walked
        if walked is not None:
            changed = world.changed_since(walked)
            endpoints_only = changed is not None and services_touched(walked, world, changed) is not None
            if endpoints_only and self._memo.fresh < self._limit:
                self._walked = world
                return
        self._memo.turn()
        self._generation += 1
        self._walked = world

    def _endpoints_only(self, world: World, previous: Translation) -> Translation | None:
        """Return what endpoint changes alone make of the previous translation; None if there is more to it."""
        changed = world.changed_since(previous.world)
        touched = None if changed is None else services_touched(previous.world, world, changed)
        if touched is None or not touched.isdisjoint(previous.by_endpoints):
            return None
        destinations = [d for key in touched for d in previous.destinations.get(key, ())]
        before, after = (
            _clusters(w, previous.view, destinations, previous.rules, self._memo) for w in (previous.world, world)
        )
        if before.diagnostics != after.diagnostics:
            return None
        assignments = previous[ENDPOINT].replace({r.name: r for r in after.assignments})
        return replace(previous, types={**previous.types, ENDPOINT: assignments}, world=world)


def _whole_pass(
    world: World,
    view: ProxyView,
    previous: Translation | None,
    steps: Steps,
    generation: int,
    extensions: tuple[NamedExtension, ...],
) -> Translation:
    services = service_index(world, steps)
    rules = rule_index(world, services, steps)
    served: GatewayOutput | ProxylessOutput
    if view.generator == GRPC:
        plan = None  # patches are to what an Envoy is sent
        served = proxyless_resources(world, view, services, rules, steps)
    else:
        plan = plan_for(world, view, steps)
        served = gateway_resources(world, view, services, rules, steps)
    destinations = (*served.destinations, *(reached(plan, view, services) if plan is not None else ()))
    clusters = _clusters(world, view, destinations, rules, steps)
    none = empty_clusters(served.routes, clusters.clusters, steps) if view.generator == GRPC else None
    made = {
        CLUSTER: (*clusters.clusters, *(none.clusters if none else ())),
        ENDPOINT: (*clusters.assignments, *(none.assignments if none else ())),
        LISTENER: served.listeners,
        ROUTE: served.routes,
        SECRET: served.secrets if isinstance(served, GatewayOutput) else (),
    }
    made, remarks = apply_plan(plan, made, steps) if plan is not None else (made, ())
    made, problems = apply_extensions(extensions, world, view, made) if extensions else (made, ())
    by_origin: dict[ObjectKey, list[Destination]] = {}
    for destination in destinations:
        by_origin.setdefault(destination.service.origin, []).append(destination)
    return Translation(
        view=view,
        types={
            type_url: TypeSet.of(type_url, resources, previous.types.get(type_url) if previous else None)
            for type_url, resources in made.items()
        },
        diagnostics=_sorted(
            (
                *services.diagnostics,
                *rules.diagnostics,
                *served.diagnostics,
                *clusters.diagnostics,
                *remarks,
                *problems,
            )
        ),
        world=world,
        generation=generation,
        rules=rules,
        destinations={key: tuple(found) for key, found in by_origin.items()},
        by_endpoints=served.by_endpoints if isinstance(served, ProxylessOutput) else frozenset(),
    )


def _clusters(
    world: World, view: ProxyView, destinations: Iterable[Destination], rules: RuleIndex, steps: Steps
) -> ClusterOutput:
    build = build_grpc_cluster if view.generator == GRPC else build_cluster
    return cluster_resources(world, view, destinations, rules, steps, build)


def _sorted(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    return tuple(sorted(set(diagnostics), key=lambda d: (d.origin is None, d.origin or (), d.code, d.message)))


def selector_keys(world: World, steps: Steps | None = None) -> frozenset[str]:
    """Return what matters about a proxy: the label keys that any selector in the World mentions, and LOCALITY if some
    policy looks at that. Other labels cannot change a translation.
    """
    steps = steps or Recording()
    keys: set[str] = set(locality_keys(world.mesh.locality_lb_setting))
    if (
        world.mesh.default_traffic_policy is not None
        and world.mesh.default_traffic_policy.outlier_detection is not None
    ):
        keys.add(LOCALITY)
    for gateways in world.kind(Gateway).values():
        keys |= steps.step(_gateway_keys, gateways)
    for services in world.kind(KubernetesService).values():
        keys |= steps.step(_service_keys, services)
    for entries in world.kind(ServiceEntry).values():
        keys |= steps.step(_entry_keys, entries)
    for rules in world.kind(DestinationRule).values():
        keys |= steps.step(_rule_keys, rules)
    for virtual_services in world.kind(VirtualService).values():
        keys |= steps.step(_source_keys, virtual_services)
    for envoy_filters in world.kind(EnvoyFilter).values():
        keys |= steps.step(keys_of, envoy_filters)
    return frozenset(keys)


def _gateway_keys(gateways: Map[str, Gateway], *, recorder: Recorder) -> frozenset[str]:
    del recorder
    return frozenset(key for gateway in gateways.values() for key in gateway.spec.selector or ())


def _service_keys(services: Map[str, KubernetesService], *, recorder: Recorder) -> frozenset[str]:
    del recorder
    keys = {key for service in services.values() for key in service.spec.selector or ()}
    if any(s.spec.traffic_distribution or DISTRIBUTION_ANNOTATION in s.metadata.annotations for s in services.values()):
        keys |= distribution_keys()
    return frozenset(keys)


def _entry_keys(entries: Map[str, ServiceEntry], *, recorder: Recorder) -> frozenset[str]:
    del recorder
    return (
        distribution_keys()
        if any(DISTRIBUTION_ANNOTATION in e.metadata.annotations for e in entries.values())
        else frozenset()
    )


def _rule_keys(rules: Map[str, DestinationRule], *, recorder: Recorder) -> frozenset[str]:
    del recorder
    keys: set[str] = set()
    for rule in rules.values():
        if rule.spec.workload_selector is not None:
            keys.update(rule.spec.workload_selector.match_labels)
        keys |= rule_locality_keys(rule)
    return frozenset(keys)


def _source_keys(services: Map[str, VirtualService], *, recorder: Recorder) -> frozenset[str]:
    """A match block may be for clients with certain labels only; a gateway is such a client by its own."""
    del recorder
    specs = [service.spec for service in services.values()]
    keys = {key for spec in specs for http in spec.http for match in http.match for key in match.source_labels}
    keys |= {key for spec in specs for tls in spec.tls for match in tls.match for key in match.source_labels}
    keys |= {key for spec in specs for tcp in spec.tcp for match in tcp.match for key in match.source_labels}
    return frozenset(keys)
