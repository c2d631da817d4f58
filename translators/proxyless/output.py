"""Everything that one gRPC view is served, but for clusters and endpoints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from translators.hosts import fully_qualified
from translators.proxyless.inbound import inbound_listeners
from translators.proxyless.listeners import dialled_listeners
from translators.proxyless.remarks import may_carry_rpcs, mesh_remarks, policy_remarks
from translators.proxyless.route_tables import route_tables
from translators.services import endpoint_set, is_dns
from translators.sidecars.mesh_routes import all_routing, visible_routes
from translators.sidecars.scope import egress_scope
from translators.sidecars.selection import sidecar_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from translators.destination_rules import MergedRule, RuleIndex
    from translators.memo import Steps
    from translators.model.meta import ObjectKey
    from translators.model.origin import Diagnostic
    from translators.model.proxy import ProxyView
    from translators.model.service import Service
    from translators.model.world import World
    from translators.proxyless.route_tables import RouteTables
    from translators.resources import Resource
    from translators.services import Destination, ServiceIndex
    from translators.sidecars.mesh_routes import MeshRoutes


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
    """Translate every service that a client may reach (all that its namespace sees, or what its Sidecar's egress
    listeners import), and the VirtualServices of the mesh for them.

    Nothing raises for what a user wrote: what gRPC cannot do is left out, each with a diagnostic.
    """
    listeners: list[Resource] = []
    routes: list[Resource] = []
    destinations: dict[str, Destination] = {}
    diagnostics = dict.fromkeys(steps.step(mesh_remarks, world.mesh))
    domain, suffix = world.cluster_domain, f".{view.namespace}.svc.{world.cluster_domain}"
    for service, names, bound in _dialled(world, view, services, steps):
        tables = _tables(world, view, services, rules, bound, service, steps)
        routes += tables.resources
        destinations |= tables.destinations
        diagnostics |= dict.fromkeys(tables.diagnostics)
        for hostname in names:
            home = view.namespace if hostname.endswith(suffix) else ""
            for short, listener in steps.step(dialled_listeners, service, hostname, domain, home):
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


def _dialled(
    world: World, view: ProxyView, services: ServiceIndex, steps: Steps
) -> Iterator[tuple[Service, tuple[str, ...], MeshRoutes]]:
    """Yield each service that a client may reach, with the hosts that it may dial (its own, and those of ExternalNames
    that stand for it) and the VirtualServices that go with it. Of two egress listeners that import it the first counts.
    A wildcard names nothing that one could dial.
    """
    bound = visible_routes(all_routing(world, steps), view.namespace, steps)
    seen: set[str] = set()
    for egress in egress_scope(services, bound, sidecar_of(world, view), view.namespace, steps):
        imported = {service.hostname: service for service in egress.services}
        for hostname in (*imported, *(h for h in sorted(egress.aliases) if h not in imported)):
            service = imported.get(hostname) or services.find(hostname, view.namespace)
            if service is not None and hostname not in seen and not hostname.startswith("*"):
                seen.add(hostname)
                aliases = tuple(alias.hostname for alias in egress.aliases.get(hostname, ()))
                yield service, (hostname, *aliases) if hostname in imported else aliases, egress.routes


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
    found = bound.for_host(fully_qualified(service.hostname, service.namespace, world.cluster_domain))
    if found is None:
        return steps.step(route_tables, service, rule, None, None, "", world.mesh.default_http_retry_policy)
    virtual_service, plan = found
    targets: list[str | Service | MergedRule | None] = []
    for namespace, host in plan.destinations:
        name = services.resolve(host, namespace)
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
    if not may_carry_rpcs(port):
        return ()
    rule = rules.for_service(service, view.namespace, view.labels)
    inline = endpoint_set(world, service, steps).endpoints if is_dns(service) else None
    if rule is None and inline is None:
        return ()
    return steps.step(policy_remarks, service, port, destination.subset, rule, inline)
