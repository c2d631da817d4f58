"""Inbound: what reaches a workload through its sidecar, by the port that it listens on (reference 2.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from translators.model import kubernetes
from translators.model.codes import diagnose
from translators.model.meta import Value
from translators.model.service import Protocol
from translators.model.service_entry import ServiceEntry
from translators.services import endpoints_of
from translators.services.kubernetes import kubernetes_service
from translators.services.service_entry import service_entry_services
from translators.sidecars.inbound_clusters import inbound_cluster
from translators.sidecars.inbound_listener import bound_inbound, virtual_inbound
from translators.sidecars.inbound_port import ingress_inbound, served_by, service_inbound

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from translators.destination_rules import RuleIndex
    from translators.memo import Steps
    from translators.model.meta import ObjectKey
    from translators.model.origin import Diagnostic
    from translators.model.proxy import ProxyView
    from translators.model.service import Service, ServicePort
    from translators.model.sidecar import Sidecar
    from translators.model.world import World
    from translators.resources import Resource
    from translators.sidecars.inbound_port import InboundPort

_ANY: Final = "0.0.0.0"  # noqa: S104 - a proxy whose address is not known listens on all


class Inbound(Value, frozen=True, kw_only=True):
    """What a sidecar is sent for the traffic that comes to its workload."""

    listeners: tuple[Resource, ...]
    clusters: tuple[Resource, ...]
    by_endpoints: frozenset[ObjectKey]
    """Origins of the services whose endpoints tell the number of a named port."""
    diagnostics: tuple[Diagnostic, ...]


def inbound(world: World, view: ProxyView, sidecar: Sidecar | None, rules: RuleIndex, steps: Steps) -> Inbound:
    """Translate the ports of a proxy's workload: those that its Sidecar names, if it names any, else those of the
    services of its namespace whose selector fits it.
    """
    mesh, step = world.mesh, steps.step
    redirected = view.interception_mode != "NONE"
    own = sorted(_own_services(world, view, steps), key=lambda service: service.age_order)
    by_endpoints: set[ObjectKey] = set()
    diagnostics: list[Diagnostic] = []
    captured: dict[int, InboundPort] = {}
    bound: list[tuple[InboundPort, str]] = []
    if sidecar is not None and sidecar.spec.ingress:
        for position, listener in enumerate(sidecar.spec.ingress):
            binds = listener.capture_mode == "NONE" or (listener.capture_mode == "DEFAULT" and not redirected)
            known = step(served_by, sidecar, position, *own)
            rule = rules.for_service(known[0], view.namespace) if known is not None else None
            port = step(ingress_inbound, sidecar, position, binds, known, rule, mesh)
            if binds:
                bound.append((port, listener.bind or (view.addresses[0] if view.addresses else _ANY)))
            else:
                captured[port.number] = port
    elif redirected:
        # Where nothing is redirected, the workload listens on the ports of its services itself.
        for number, service, service_port in _targets(world, own, by_endpoints, steps):
            rule = rules.for_service(service, view.namespace)
            port = step(service_inbound, number, service, service_port, sidecar, rule, mesh)
            first = captured.setdefault(port.number, port)
            if first.protocol is not port.protocol:
                diagnostics.append(_conflict(first, port))
    ports = [captured[number] for number in sorted(captured)]
    transparent = view.interception_mode == "TPROXY"
    listeners = [step(virtual_inbound, mesh, transparent, view.ipv6, *ports)] if redirected or ports else []
    listeners += [step(bound_inbound, port, bind, mesh) for port, bind in bound]
    clusters = [step(inbound_cluster, port, mesh, view.ipv6) for port in (*ports, *(port for port, _ in bound))]
    return Inbound(
        listeners=tuple(listeners),
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
) -> Iterator[tuple[int, Service, ServicePort]]:
    """Yield each port that a service leads to: its number, and whose it is. A named target port is the name of a
    container port, which the proxy does not tell: its numbers are those of the service's endpoints.
    """
    for service in services:
        for port in service.ports:
            if port.protocol is Protocol.UDP:
                continue
            numbers = {port.target_port} if isinstance(port.target_port, int) else set()
            if not numbers:
                by_endpoints.add(service.origin)
                numbers = {e.ports[port.name] for e in endpoints_of(world, service, steps) if port.name in e.ports}
            for number in sorted(numbers):
                yield number, service, port


def _conflict(first: InboundPort, second: InboundPort) -> Diagnostic:
    return diagnose(
        "PF1051",
        f"port {second.number} of the workload speaks {first.protocol} by {first.origin.key}, which is older, and "
        f"{second.protocol} by this one: the sidecar takes it for {first.protocol}",
        second.origin,
        hint="declare one protocol for a port in all services that lead to it",
    )
