"""Ingress gateways: listeners and routes from Gateways and VirtualServices (reference 1.1, 2.10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from translators.gateways.access_log import format_problem
from translators.gateways.attached import Attached
from translators.gateways.chains import PortChains
from translators.gateways.listeners import http_listener, listener
from translators.gateways.merge import merge_gateways
from translators.gateways.ports import services_in_front
from translators.gateways.route_tables import RouteTables
from translators.gateways.secrets import file_secrets
from translators.model.codes import diagnose
from translators.model.gateway import Gateway
from translators.model.origin import Diagnostic, implicit

if TYPE_CHECKING:
    from translators.destination_rules import RuleIndex
    from translators.gateways.servers import MergedGateways
    from translators.memo import Steps
    from translators.model.proxy import ProxyView
    from translators.model.world import World
    from translators.resources import Resource
    from translators.services import Destination, ServiceIndex

_FIRST_UNPRIVILEGED: Final = 1024
"""Lower ports need a right that an unprivileged pod does not have."""

__all__ = ["GatewayOutput", "gateway_resources", "gateways_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayOutput:
    """What a gateway is sent, but for clusters and endpoints."""

    listeners: tuple[Resource, ...]
    """Sorted by port, then bind; those for HTTP/3 last."""
    routes: tuple[Resource, ...]
    """One for each plain HTTP listener and for each HTTPS server, in the same order."""
    secrets: tuple[Resource, ...]
    """Sorted by name. They hold paths of files on the proxy, and nothing that is secret."""
    destinations: tuple[Destination, ...]
    """Everything that a route or a mirror reaches and that exists, by cluster name, each once."""
    diagnostics: tuple[Diagnostic, ...]
    """Sorted, each once."""


def gateways_of(world: World, view: ProxyView) -> tuple[Gateway, ...]:
    """Return the Gateways of all namespaces whose selector fits the proxy, the oldest first. A Gateway without a
    selector is for every router.
    """
    if view.type != "router":
        return ()
    found = [
        gateway
        for gateways in world.kind(Gateway).values()
        for gateway in gateways.values()
        if view.selected_by(gateway.spec.selector)
    ]
    return tuple(sorted(found, key=lambda gateway: gateway.age_order))


def gateway_resources(
    world: World, view: ProxyView, services: ServiceIndex, rules: RuleIndex, steps: Steps
) -> GatewayOutput:
    """Translate the Gateways that select a proxy and the VirtualServices bound to them.

    Nothing raises for what a user wrote: parts that cannot take effect are left out, each with a diagnostic.
    """
    gateways = gateways_of(world, view)
    merged: MergedGateways = steps.step(
        merge_gateways, _FIRST_UNPRIVILEGED if view.unprivileged_pod else 0, *gateways, *services_in_front(world, view)
    )
    attached = Attached(world, view, services, rules, steps)
    tables = RouteTables(attached)
    chains = PortChains(attached, tables)
    listeners: list[Resource] = []
    for port in merged.ports:
        if port.family == "HTTP":
            tables.make(port)
            listeners.append(steps.step(http_listener, port, world.mesh))
        elif found := chains.of(port):
            listeners.append(steps.step(listener, port, *found))
    listeners += [steps.step(listener, port, *found) for port in merged.quic if (found := chains.quic(port))]
    diagnostics = [*merged.diagnostics, *tables.diagnostics, *chains.diagnostics, *attached.unmatched(merged)]
    if listeners and (problem := format_problem(world.mesh)):
        diagnostics.append(diagnose("PF0355", problem, implicit("mesh config")))
    destinations: dict[str, Destination] = {**chains.destinations}
    for table in tables.made.values():
        destinations |= table.destinations
    return GatewayOutput(
        listeners=tuple(listeners),
        routes=tuple(table.resource for table in tables.made.values()),
        secrets=file_secrets(chains.terminating, steps),
        destinations=tuple(destinations[name] for name in sorted(destinations)),
        diagnostics=tuple(sorted(dict.fromkeys(diagnostics), key=_order)),
    )


def _order(diagnostic: Diagnostic) -> tuple[str, str, str]:
    return (diagnostic.code, str(diagnostic.origin or ""), diagnostic.message)
