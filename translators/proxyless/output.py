"""Everything that one gRPC view is served, but for clusters and endpoints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from translators.model.service import Protocol, Resolution
from translators.proxyless.inbound import inbound_listeners
from translators.proxyless.listeners import dialled_listeners
from translators.proxyless.mesh_routes import mesh_routes
from translators.proxyless.remarks import mesh_remarks, policy_remarks
from translators.proxyless.route_tables import route_tables
from translators.services import endpoint_set, is_dns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from translators.destination_rules import MergedRule, RuleIndex
    from translators.memo import Steps
    from translators.model.meta import ObjectKey
    from translators.model.origin import Diagnostic
    from translators.model.proxy import ProxyView
    from translators.model.service import Service
    from translators.model.world import World
    from translators.proxyless.mesh_routes import MeshRoutes
    from translators.proxyless.route_tables import RouteTables
    from translators.resources import Resource
    from translators.services import Destination, ServiceIndex


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxylessOutput:
    """What gRPC may ask for by name, and what its routes reach."""

    listeners: tuple[Resource, ...]
    """Of clients, by service, then of servers, by port."""
    routes: tuple[Resource, ...]
    """One for each port of each service, by service."""
    destinations: tuple[Destination, ...]
    """Everything that a route reaches and that exists, by cluster name, each once."""
    diagnostics: tuple[Diagnostic, ...]
    by_endpoints: frozenset[ObjectKey]
    """The services whose endpoints decide which ports servers may listen on."""


def proxyless_resources(
    world: World, view: ProxyView, services: ServiceIndex, rules: RuleIndex, steps: Steps
) -> ProxylessOutput:
    """Translate every service that the view's namespace sees, and the VirtualServices of the mesh for them.

    Nothing raises for what a user wrote: what gRPC cannot do is left out, each with a diagnostic.
    """
    bound = mesh_routes(world, view.namespace, steps)
    listeners: list[Resource] = []
    routes: list[Resource] = []
    destinations: dict[str, Destination] = {}
    diagnostics = dict.fromkeys(steps.step(mesh_remarks, world.mesh))
    domain, suffix = world.cluster_domain, f".{view.namespace}.svc.{world.cluster_domain}"
    for service, hostname in _dialled(services, view):
        if service.hostname == hostname:
            tables = _tables(world, view, services, rules, bound, service, steps)
            routes += tables.resources
            destinations |= tables.destinations
            diagnostics |= dict.fromkeys(tables.diagnostics)
        home = view.namespace if hostname.endswith(suffix) else ""
        found = steps.step(dialled_listeners, service, hostname, domain, home)
        for short, listener in found:
            # A host that somebody defines is that, and no short name of another one.
            if not short or services.find(short, view.namespace) is None:
                listeners.append(listener)
    for name in sorted(destinations):
        diagnostics |= dict.fromkeys(_policy(world, view, rules, destinations[name], steps))
    inbound = inbound_listeners(world, view, services, steps)
    return ProxylessOutput(
        listeners=(*listeners, *inbound.listeners),
        routes=tuple(routes),
        destinations=tuple(destinations[name] for name in sorted(destinations)),
        diagnostics=tuple(diagnostics),
        by_endpoints=inbound.by_endpoints,
    )


def _dialled(services: ServiceIndex, view: ProxyView) -> Iterator[tuple[Service, str]]:
    """Yield what a client may dial: a service and its hostname, which for an ExternalName is another's. A wildcard
    names nothing that gRPC could ask for.
    """
    for known in services.visible_to(view.namespace):
        if known.hostname.startswith("*"):
            continue
        service = known if known.resolution is not Resolution.ALIAS else services.find(known.hostname, view.namespace)
        if service is not None and service.resolution is not Resolution.ALIAS:
            yield service, known.hostname


def _tables(
    world: World,
    view: ProxyView,
    services: ServiceIndex,
    rules: RuleIndex,
    bound: MeshRoutes,
    service: Service,
    steps: Steps,
) -> RouteTables:
    rule = rules.for_service(service, view.namespace, view.labels)
    found = bound.for_host(service.hostname)
    if found is None:
        return steps.step(route_tables, service, rule, None, None, "", world.mesh.default_http_retry_policy)
    virtual_service, plan = found
    targets: list[str | Service | MergedRule | None] = []
    for host in plan.destinations:
        name = services.resolve(host, virtual_service.metadata.namespace)
        target = services.find(name, view.namespace)
        if target is None:
            targets += (name, None, None, ", ".join(s.namespace for s in services.hidden(name)))
        else:
            targets += (name, target, rules.for_service(target, view.namespace, view.labels), "")
    left_out = plan.left_out(view) if plan.conditions else ""
    retries = world.mesh.default_http_retry_policy
    return steps.step(route_tables, service, rule, virtual_service, plan, left_out, retries, *targets)


def _policy(
    world: World, view: ProxyView, rules: RuleIndex, destination: Destination, steps: Steps
) -> tuple[Diagnostic, ...]:
    service, port = destination.service, destination.port
    if port.protocol is Protocol.UDP:
        return ()
    rule = rules.for_service(service, view.namespace, view.labels)
    inline = endpoint_set(world, service, steps).endpoints if is_dns(service) else None
    if rule is None and inline is None:
        return ()
    return steps.step(policy_remarks, service, port, destination.subset, rule, inline)
