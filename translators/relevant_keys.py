"""What of a proxy can make a difference: the label keys that objects mention, and whether its place does.

Proxies that differ in nothing else share a view, and so one translation. Found by steps over the objects of one
namespace each, so that a change costs what it touches.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from translators.envoy_filters import keys_of
from translators.locality import distribution_keys, locality_keys, rule_locality_keys
from translators.memo import Recording
from translators.model.destination_rule import DestinationRule
from translators.model.envoy_filter import EnvoyFilter
from translators.model.gateway import Gateway
from translators.model.kubernetes import Namespace, Service
from translators.model.proxy import LOCALITY, NODE
from translators.model.service_entry import ServiceEntry
from translators.model.sidecar import Sidecar
from translators.model.virtual_service import VirtualService
from translators.services.exports import DISTRIBUTION_ANNOTATION
from translators.services.kubernetes import LOCAL
from translators.sidecars.selection import selector

if TYPE_CHECKING:
    from collections.abc import Callable

    from immutables import Map

    from translators.memo import Steps
    from translators.model.meta import KubeObject
    from translators.model.world import World
    from translators.recorder import Recorder

    KeysOf = Callable[..., frozenset[str]]


def selector_keys(world: World, steps: Steps | None = None) -> frozenset[str]:
    """Return what matters about a proxy: the label keys that any selector in the World mentions, LOCALITY if some
    policy looks at that, and METADATA with the names that some EnvoyFilter asks for. Other
    labels cannot change a translation.
    """
    steps = steps or Recording()
    own: tuple[tuple[type[KubeObject], KeysOf], ...] = (
        (Gateway, _gateway_keys),
        (Service, _service_keys),
        (ServiceEntry, _entry_keys),
        (Sidecar, _sidecar_keys),
        (EnvoyFilter, keys_of),
    )
    return client_keys(world, steps).union(*_each(world, own, steps))


def client_keys(world: World, steps: Steps) -> frozenset[str]:
    """Return those of the keys that shape what a proxy reaches as a client; the others tell what a proxy is part of.

    Sidecars whose labels differ in other keys only share their outbound side.
    """
    keys: set[str] = set(locality_keys(world.mesh.locality_lb_setting))
    policy = world.mesh.default_traffic_policy
    if policy is not None and policy.outlier_detection is not None:
        keys.add(LOCALITY)
    own: tuple[tuple[type[KubeObject], KeysOf], ...] = (
        (DestinationRule, _rule_keys),
        (VirtualService, _source_keys),
        (Service, _distribution),
        (ServiceEntry, _distribution),
        (Namespace, _distribution),
    )
    return frozenset(keys.union(*_each(world, own, steps)))


def _each(world: World, kinds: tuple[tuple[type[KubeObject], KeysOf], ...], steps: Steps) -> list[frozenset[str]]:
    return [steps.step(keys, objects) for kind, keys in kinds for objects in world.kind(kind).values()]


def _gateway_keys(gateways: Map[str, Gateway], *, recorder: Recorder) -> frozenset[str]:
    del recorder
    return frozenset(key for gateway in gateways.values() for key in gateway.spec.selector or ())


def _service_keys(services: Map[str, Service], *, recorder: Recorder) -> frozenset[str]:
    del recorder
    return frozenset(key for service in services.values() for key in service.spec.selector or ())


def _entry_keys(entries: Map[str, ServiceEntry], *, recorder: Recorder) -> frozenset[str]:
    del recorder
    selectors = (entry.spec.workload_selector for entry in entries.values())
    return frozenset(key for chosen in selectors if chosen is not None for key in chosen.labels)


def _distribution(objects: Map[str, Service | ServiceEntry | Namespace], *, recorder: Recorder) -> frozenset[str]:
    """Where some traffic is distributed by distance, the proxy's place matters; perhaps also its node."""
    del recorder
    asked = {one.metadata.annotations.get(DISTRIBUTION_ANNOTATION, "") for one in objects.values()}
    services = [one.spec for one in objects.values() if isinstance(one, Service)]
    asked.update(spec.traffic_distribution for spec in services)
    local = any(spec.internal_traffic_policy == LOCAL for spec in services)
    return frozenset({NODE} if local else ()).union(*map(distribution_keys, asked))


def _sidecar_keys(sidecars: Map[str, Sidecar], *, recorder: Recorder) -> frozenset[str]:
    del recorder
    return frozenset(key for sidecar in sidecars.values() for key in selector(sidecar))


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
