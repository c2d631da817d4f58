"""World and ProxyView in, ResourceSet out: the one function that serve, the CLI, explain and the tests call.

Two ways lead through it. A whole pass walks everything the view may see, with each step memoised, so that it builds
only what changed. When nothing but endpoints changed, their keys lead straight to the assignments that they touch, at
a cost that does not grow with the mesh. Both give the same bytes (a test compares them).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from translators.clusters import cluster_resources
from translators.destination_rules import rule_index
from translators.gateways import gateway_resources
from translators.memo import Memo, Recording
from translators.model.destination_rule import DestinationRule
from translators.model.gateway import Gateway
from translators.model.kubernetes import Service as KubernetesService
from translators.model.service_entry import ServiceEntry
from translators.model.sidecar import Sidecar
from translators.model.virtual_service import VirtualService
from translators.resources import CLUSTER, ENDPOINT, LISTENER, ROUTE, ResourceSet, TypeSet
from translators.services import service_index, services_touched
from translators.sidecars import Inbound, Shared, client_view, inbound, selector, shared_of, sidecar_of

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
    """Keys of the objects whose endpoints shape more than assignments, so that the short way is not theirs."""
    shared: Shared | None = None
    inbound: Inbound | None = None
    """Of a sidecar: what it shares with others, and what is its own."""


class _Pass:
    """What all views of one World share, worked out once."""

    def __init__(self, world: World, steps: Steps, before: _Pass | None) -> None:
        """Index the World. `before` is the pass over an earlier World."""
        self.world = world
        self.services = service_index(world, steps)
        self.rules = rule_index(world, self.services, steps)
        self._client_keys = client_keys(world, steps)
        self._shared: dict[tuple[ProxyView, ObjectKey | None], Shared] = {}
        self._before = before._shared if before is not None else {}  # noqa: SLF001 - of the same class
        self._steps = steps

    def shared(self, view: ProxyView) -> Shared:
        """Return the outbound side of a sidecar."""
        client, sidecar = client_view(view, self._client_keys), sidecar_of(self.world, view)
        key = (client, sidecar.key if sidecar is not None else None)
        found = self._shared.get(key)
        if found is None:
            before = self._before.get(key)
            found = shared_of(self.world, client, sidecar, self.services, self.rules, before, self._steps)
            self._shared[key] = found
        return found


class Translator:
    """Holds the memo; one per server (or per offline run). Not for use from several threads."""

    def __init__(self) -> None:
        """Start with an empty memo."""
        self._memo = Memo()
        self._generation = 0
        self._walked: World | None = None
        self._pass: _Pass | None = None
        self._limit = _SPARE

    def selector_keys(self, world: World) -> frozenset[str]:
        """Return the label keys that any selector in the World mentions; other labels cannot change a translation."""
        return selector_keys(world, self._memo)

    def translate(self, world: World, view: ProxyView, previous: ResourceSet | None = None) -> Translation:
        """Return what a proxy with this view is served. `previous` is what it was served for an earlier World: sets
        that did not change are returned as the same objects, and each set says how it differs from its predecessor.
        """
        if isinstance(previous, Translation) and previous.view == view:
            if previous.world.token is world.token:
                return previous
            self._tidy(world)
            if previous.generation == self._generation and (quick := self._endpoints_only(world, previous)):
                return quick
        else:
            previous = None
            self._tidy(world)
        if self._pass is None or self._pass.world.token is not world.token:
            self._pass = _Pass(world, self._memo, self._pass)
        translation = _whole_pass(self._pass, view, previous, self._memo, self._generation)
        self._limit = self._memo.fresh + _SPARE
        return translation

    def with_notes(self, world: World, view: ProxyView) -> Translation:
        """Translate once more with a recorder: the same bytes, and each resource's `notes` say which field of which
        object is behind each part of it. Nothing is remembered.
        """
        steps = Recording()
        return _whole_pass(_Pass(world, steps, None), view, None, steps, self._generation)

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
            cluster_resources(w, previous.view, destinations, previous.rules, self._memo)
            for w in (previous.world, world)
        )
        if before.diagnostics != after.diagnostics:
            return None
        assignments = previous[ENDPOINT].replace({r.name: r for r in after.assignments})
        return replace(previous, types={**previous.types, ENDPOINT: assignments}, world=world)


def _whole_pass(
    indexes: _Pass, view: ProxyView, previous: Translation | None, steps: Steps, generation: int
) -> Translation:
    if view.type == "sidecar":
        return _sidecar(indexes, view, previous, steps, generation)
    world, services, rules = indexes.world, indexes.services, indexes.rules
    gateway = gateway_resources(world, view, services, rules, steps)
    clusters = cluster_resources(world, view, gateway.destinations, rules, steps)
    made = {
        CLUSTER: clusters.clusters,
        ENDPOINT: clusters.assignments,
        LISTENER: gateway.listeners,
        ROUTE: gateway.routes,
    }
    by_origin: dict[ObjectKey, list[Destination]] = {}
    for destination in gateway.destinations:
        by_origin.setdefault(destination.service.origin, []).append(destination)
    return Translation(
        view=view,
        types={
            type_url: TypeSet.of(type_url, resources, previous.types.get(type_url) if previous else None)
            for type_url, resources in made.items()
        },
        diagnostics=_sorted((*services.diagnostics, *rules.diagnostics, *gateway.diagnostics, *clusters.diagnostics)),
        world=world,
        generation=generation,
        rules=rules,
        destinations={key: tuple(found) for key, found in by_origin.items()},
    )


def _sidecar(
    indexes: _Pass, view: ProxyView, previous: Translation | None, steps: Steps, generation: int
) -> Translation:
    """Join the side that many sidecars share with the one that is the workload's own."""
    world, services, rules = indexes.world, indexes.services, indexes.rules
    shared = indexes.shared(view)
    own = inbound(world, view, sidecar_of(world, view), rules, steps)
    extra = {CLUSTER: own.clusters, LISTENER: own.listeners}
    before = previous.shared if previous is not None else None
    was = previous.inbound if previous is not None else None
    extra_before = {CLUSTER: was.clusters, LISTENER: was.listeners} if was is not None else {}
    return Translation(
        view=view,
        types={
            type_url: base.extended(
                extra.get(type_url, ()),
                previous.types.get(type_url) if previous is not None else None,
                before.types[type_url] if before is not None else None,
                extra_before.get(type_url, ()),
            )
            for type_url, base in shared.types.items()
        },
        diagnostics=_sorted((*services.diagnostics, *rules.diagnostics, *shared.diagnostics, *own.diagnostics)),
        world=world,
        generation=generation,
        rules=rules,
        destinations=shared.destinations,
        by_endpoints=shared.by_endpoints | own.by_endpoints,
        shared=shared,
        inbound=own,
    )


def _sorted(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    return tuple(sorted(set(diagnostics), key=lambda d: (d.origin is None, d.origin or (), d.code, d.message)))


def selector_keys(world: World, steps: Steps | None = None) -> frozenset[str]:
    """Return the label keys that any selector in the World mentions; other labels cannot change a translation."""
    steps = steps or Recording()
    keys = set(client_keys(world, steps))
    for gateways in world.kind(Gateway).values():
        keys |= steps.step(_gateway_keys, gateways)
    for services in world.kind(KubernetesService).values():
        keys |= steps.step(_service_keys, services)
    for entries in world.kind(ServiceEntry).values():
        keys |= steps.step(_entry_keys, entries)
    for sidecars in world.kind(Sidecar).values():
        keys |= steps.step(_sidecar_keys, sidecars)
    return frozenset(keys)


def client_keys(world: World, steps: Steps) -> frozenset[str]:
    """Return those of the keys that shape what a proxy reaches as a client; the others tell what a proxy is part of.

    Sidecars whose labels differ in other keys only share their outbound side.
    """
    keys: set[str] = set()
    for rules in world.kind(DestinationRule).values():
        keys |= steps.step(_rule_keys, rules)
    for virtual_services in world.kind(VirtualService).values():
        keys |= steps.step(_source_keys, virtual_services)
    return frozenset(keys)


def _gateway_keys(gateways: Map[str, Gateway], *, recorder: Recorder) -> frozenset[str]:
    del recorder
    return frozenset(key for gateway in gateways.values() for key in gateway.spec.selector or ())


def _service_keys(services: Map[str, KubernetesService], *, recorder: Recorder) -> frozenset[str]:
    del recorder
    return frozenset(key for service in services.values() for key in service.spec.selector or ())


def _entry_keys(entries: Map[str, ServiceEntry], *, recorder: Recorder) -> frozenset[str]:
    del recorder
    selectors = (entry.spec.workload_selector for entry in entries.values())
    return frozenset(key for chosen in selectors if chosen is not None for key in chosen.labels)


def _sidecar_keys(sidecars: Map[str, Sidecar], *, recorder: Recorder) -> frozenset[str]:
    del recorder
    return frozenset(key for sidecar in sidecars.values() for key in selector(sidecar))


def _rule_keys(rules: Map[str, DestinationRule], *, recorder: Recorder) -> frozenset[str]:
    del recorder
    selectors = (rule.spec.workload_selector for rule in rules.values())
    return frozenset(key for selector in selectors if selector is not None for key in selector.match_labels)


def _source_keys(services: Map[str, VirtualService], *, recorder: Recorder) -> frozenset[str]:
    """A match block may be for clients with certain labels only; a gateway is such a client by its own."""
    del recorder
    routes = (http for service in services.values() for http in service.spec.http)
    return frozenset(key for http in routes for match in http.match for key in match.source_labels)
