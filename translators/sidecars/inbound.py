"""Inbound: what reaches a workload through its sidecar, by the port that it listens on (reference 2.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from translators.model import kubernetes
from translators.model.codes import diagnose
from translators.model.meta import Value
from translators.model.origin import Origin
from translators.model.service_entry import ServiceEntry
from translators.services import endpoints_of
from translators.services.kubernetes import kubernetes_service
from translators.services.service_entry import service_entry_services
from translators.sidecars.inbound_clusters import inbound_cluster
from translators.sidecars.inbound_listener import InboundChain, flat, virtual_inbound

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from translators.destination_rules import RuleIndex
    from translators.memo import Steps
    from translators.model.meta import ObjectKey
    from translators.model.origin import Diagnostic
    from translators.model.proxy import ProxyView
    from translators.model.service import Service, ServicePort
    from translators.model.world import World
    from translators.resources import Resource


class Inbound(Value, frozen=True, kw_only=True):
    """What a sidecar is sent for the traffic that comes to its workload."""

    listeners: tuple[Resource, ...]
    clusters: tuple[Resource, ...]
    by_endpoints: frozenset[ObjectKey]
    """Origins of the services whose endpoints tell the number of a named port."""
    diagnostics: tuple[Diagnostic, ...]


class _Target(NamedTuple):
    number: int
    service: Service
    port: ServicePort


def inbound(world: World, view: ProxyView, rules: RuleIndex, steps: Steps) -> Inbound:
    """Translate the services that a proxy's workload is a part of: those of its namespace whose selector fits it."""
    mesh, step = world.mesh, steps.step
    if view.interception_mode == "NONE":
        # The workload listens on the ports of its services itself; only ports that a Sidecar names are the proxy's.
        return Inbound(listeners=(), clusters=(), by_endpoints=frozenset(), diagnostics=())
    own = sorted(_own_services(world, view, steps), key=lambda service: service.age_order)
    by_endpoints: set[ObjectKey] = set()
    chosen: dict[int, _Target] = {}
    diagnostics: list[Diagnostic] = []
    for target in _targets(world, own, by_endpoints, steps):
        first = chosen.setdefault(target.number, target)
        if first.port.protocol is not target.port.protocol:
            diagnostics.append(_conflict(first, target))
    chains = [InboundChain(number, chosen[number].service, chosen[number].port) for number in sorted(chosen)]
    clusters = [
        step(
            inbound_cluster,
            chain.number,
            chain.service,
            chain.port,
            rules.for_service(chain.service, view.namespace),
            mesh,
        )
        for chain in chains
    ]
    listener = step(virtual_inbound, mesh, *[part for chain in chains for part in flat(chain)])
    return Inbound(
        listeners=(listener,),
        clusters=tuple(clusters),
        by_endpoints=frozenset(by_endpoints),
        diagnostics=tuple(dict.fromkeys(diagnostics)),
    )


def _own_services(world: World, view: ProxyView, steps: Steps) -> Iterator[Service]:
    """Yield the services that select the proxy. An empty selector of a Service selects nothing."""
    step, mesh = steps.step, world.mesh
    for service in world.namespace(kubernetes.Service, view.namespace).values():
        if service.spec.selector and service.spec.type != "ExternalName" and view.selected_by(service.spec.selector):
            yield step(kubernetes_service, service, world.cluster_domain, mesh.default_service_export_to)
    for entry in world.namespace(ServiceEntry, view.namespace).values():
        selector = entry.spec.workload_selector
        if selector is not None and selector.labels and view.selected_by(selector.labels):
            yield from step(service_entry_services, entry, mesh.default_service_export_to)


def _targets(
    world: World, services: Iterable[Service], by_endpoints: set[ObjectKey], steps: Steps
) -> Iterator[_Target]:
    """Yield each port that a service leads to. A named target port is the name of a container port, which the proxy
    does not tell: its numbers are those of the service's endpoints.
    """
    for service in services:
        for port in service.ports:
            if port.protocol == "UDP":
                continue
            if isinstance(port.target_port, int):
                yield _Target(port.target_port, service, port)
                continue
            by_endpoints.add(service.origin)
            numbers = {e.ports[port.name] for e in endpoints_of(world, service, steps) if port.name in e.ports}
            for number in sorted(numbers):
                yield _Target(number, service, port)


def _conflict(first: _Target, second: _Target) -> Diagnostic:
    return diagnose(
        "PF0741",
        f"port {second.number} of the workload speaks {first.port.protocol} by {first.service.origin}, which is older, "
        f"and {second.port.protocol} by this one: the sidecar takes it for {first.port.protocol}",
        Origin(second.service.origin, "spec.ports"),
        hint="declare one protocol for a port in all services that lead to it",
    )
