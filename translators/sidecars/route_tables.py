"""RouteConfigurations of a sidecar: which service has which domains, and whose routes they follow (reference 2.4)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from translators.hosts import fully_qualified
from translators.routes.outline import MESH
from translators.routes.route_configuration import route_configuration
from translators.routes.route_list import route_list
from translators.routes.virtual_host import virtual_host
from translators.sidecars.default_routes import (
    ALLOW_ANY,
    BLOCK_ALL,
    default_host,
    elsewhere_routes,
    named_by_service,
    service_routes,
)
from translators.sidecars.domains import domains_of, seen_from
from translators.sidecars.fixed_clusters import BLACK_HOLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from translators.destination_rules import MergedRule
    from translators.memo import Steps
    from translators.model.origin import Diagnostic
    from translators.model.proxy import ProxyView
    from translators.model.service import Service, ServicePort
    from translators.model.world import World
    from translators.routes.route_configuration import RouteTable
    from translators.routes.route_list import RouteList
    from translators.routes.targets import Targets
    from translators.routes.virtual_host import VirtualHostFragment
    from translators.services import ServiceIndex
    from translators.sidecars.elsewhere import Elsewhere
    from translators.sidecars.mesh_routes import Routing
    from translators.sidecars.scope import Egress

_HTTP: Final = 80
"""The port on which a VirtualService may have hosts that no service has."""
ANY: Final = ("*",)


class Member(NamedTuple):
    """A port of a service whose requests follow a table, and the egress listener that imports it."""

    service: Service
    port: ServicePort
    egress: Egress
    rule: MergedRule | None


@dataclass(slots=True)
class _Table:
    """A route configuration while it is being put together."""

    port: int
    alone: bool = False
    """Whether all requests are for its one service, whatever host they name."""
    members: dict[str, Member] = field(default_factory=dict)
    """By hostname."""


class RouteTables:
    """Builds the route tables of one kind of proxy in one pass. What did not change is looked up."""

    def __init__(
        self,
        world: World,
        view: ProxyView,
        services: ServiceIndex,
        targets: Targets,
        elsewhere: Elsewhere,
        steps: Steps,
    ) -> None:
        self._world = world
        self._view = view
        self._services = services
        self._elsewhere = elsewhere
        self._steps = steps
        self._tables: dict[str, _Table] = {}
        self._sniffed: dict[int, list[Member]] = {}
        self._targets = targets
        self._retries = world.mesh.default_http_retry_policy
        self.diagnostics: list[Diagnostic] = []

    def open(self, name: str, port: int) -> None:
        """Announce a table for what comes to a port number, even if no service joins it."""
        self._tables.setdefault(name, _Table(port))

    def join(self, name: str, member: Member, *, alone: bool = False) -> None:
        """Let an open table hold the routes of a service's port."""
        table = self._tables[name]
        table.alone = alone
        table.members.setdefault(member.service.hostname, member)
        if alone:
            self._sniffed.setdefault(member.port.number, []).append(member)

    def finish(self) -> list[RouteTable]:
        """Return all tables, sorted by name."""
        return [self._finished(name, self._tables[name]) for name in sorted(self._tables)]

    def _finished(self, name: str, table: _Table) -> RouteTable:
        step = self._steps.step
        if table.alone:
            fragments = [self._fragment(member, ANY) for member in table.members.values()]
        else:
            for member in self._sniffed.get(table.port, ()):
                table.members.setdefault(member.service.hostname, member)
            fragments = self._by_host(table)
            elsewhere = self._elsewhere
            rest = step(elsewhere_routes, elsewhere.cluster, elsewhere.destination, elsewhere.origin)
            name_of_rest = BLOCK_ALL if self._elsewhere.cluster == BLACK_HOLE else ALLOW_ANY
            fragments.append(step(virtual_host, name_of_rest, "*", None, rest))
        for fragment in fragments:
            self.diagnostics += fragment.diagnostics
        return step(route_configuration, name, (), *fragments)

    def _by_host(self, table: _Table) -> list[VirtualHostFragment]:
        """Return a virtual host for each service, sorted by name. Of two that have a domain the first keeps it, but
        each has its own hostname: Envoy refuses a domain that stands twice.
        """
        owner = {hostname.lower(): hostname for hostname in table.members}
        fragments = []
        for hostname in sorted(table.members):
            member = table.members[hostname]
            whole = self._whole(member)
            free = [d for d in whole.domains if owner.setdefault(d, hostname) == hostname]
            fragments.append(whole if len(free) == len(whole.domains) else self._fragment(member, free))
        if table.port == _HTTP:
            for egress in dict.fromkeys(member.egress for member in table.members.values()):
                fragments += self._unclaimed(egress, owner)
            fragments.sort(key=lambda fragment: fragment.name)
        return fragments

    def _whole(self, member: Member) -> VirtualHostFragment:
        """Return the virtual host of a service with all of its domains."""
        service, port, egress, rule = member
        aliases = egress.aliases.get(service.hostname, ())
        seen = seen_from(service, self._view.dns_domain, aliases)
        if self._routing(member) is not None:
            return self._fragment(member, self._steps.step(domains_of, service, seen, *aliases))
        return self._steps.step(default_host, service, port, rule, self._retries, seen, *aliases)

    def _fragment(self, member: Member, domains: Sequence[str]) -> VirtualHostFragment:
        """Return the virtual host of a service: the routes of its VirtualService if that has any, else its own."""
        service, port, _, rule = member
        step = self._steps.step
        name, text = f"{service.hostname}:{port.number}", " ".join(domains)
        routing = self._routing(member)
        if routing is not None:
            routes = self._routes(routing, port.number)
            if routes:
                return step(virtual_host, name, text, None, routes, step(named_by_service, service))
        return step(virtual_host, name, text, None, step(service_routes, service, port, rule, self._retries))

    def _routing(self, member: Member) -> Routing | None:
        service, routes = member.service, member.egress.routes
        if not routes.members:
            return None
        return routes.for_host(fully_qualified(service.hostname, service.namespace, self._world.cluster_domain))

    def _unclaimed(self, egress: Egress, owner: dict[str, str]) -> list[VirtualHostFragment]:
        """Return virtual hosts for hosts of VirtualServices that no service has: in Istio they are on port 80 only."""
        found = []
        for routing in egress.routes.members:
            for host in routing.outline.hosts:
                if host in owner or self._claimed(host, routing, egress):
                    continue
                routes = self._routes(routing, _HTTP)
                if routes:
                    owner[host] = host
                    found.append(self._steps.step(virtual_host, f"{host}:{_HTTP}", host, None, routes))
        return found

    def _claimed(self, host: str, routing: Routing, egress: Egress) -> bool:
        """Whether a host belongs to a service (on whatever port), or to a VirtualService that comes first."""
        if host.startswith("*"):
            return any(service.hostname.endswith(host[1:]) for service in egress.services)
        return bool(self._services.hidden(host)) or egress.routes.exact.get(host) is not routing

    def _routes(self, routing: Routing, port: int) -> RouteList:
        service, plan = routing
        routes = self._steps.step(
            route_list,
            service,
            plan,
            port,
            MESH if plan.matches_gateways else "",
            plan.left_out(self._view) if plan.conditions else "",
            self._retries,
            *self._targets.of(plan.destinations),
        )
        self.diagnostics += routes.diagnostics
        return routes
