"""RouteConfigurations of a sidecar: which service has which domains, and whose routes they follow (reference 2.4)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from translators.hosts import fully_qualified
from translators.model.meta import Value
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
from translators.sidecars.domains import DEFAULT_PORT, domains_of, seen_from, with_port
from translators.sidecars.fixed_clusters import BLACK_HOLE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from translators.destination_rules import MergedRule
    from translators.memo import Steps
    from translators.model.meta import ObjectKey
    from translators.model.origin import Diagnostic
    from translators.model.proxy import ProxyView
    from translators.model.service import Service, ServicePort
    from translators.model.virtual_service import HTTPRetry
    from translators.model.world import World
    from translators.routes.route_configuration import RouteTable
    from translators.routes.route_list import RouteList
    from translators.routes.targets import Targets
    from translators.routes.virtual_host import VirtualHostFragment
    from translators.services import ServiceIndex
    from translators.sidecars.elsewhere import Elsewhere
    from translators.sidecars.mesh_routes import Routing
    from translators.sidecars.scope import Egress

_HTTP: Final = DEFAULT_PORT
"""The port on which a VirtualService may have hosts that no service has."""
ANY: Final = ("*",)


class Member(NamedTuple):
    """A port of a service whose requests follow a table, and the egress listener that imports it."""

    service: Service
    port: ServicePort
    egress: Egress
    rule: MergedRule | None


class Followed(NamedTuple):
    """A virtual host whose routes are a VirtualService's, and what it is made of beside them."""

    position: int
    """Among the virtual hosts of its table."""
    name: str
    domains: str
    """With spaces between."""
    port: int
    service: Service | None
    """None for a host that no service has."""


class Parts(Value, frozen=True, kw_only=True):
    """A route table in parts, for whoever has to exchange some of them."""

    hosts: tuple[VirtualHostFragment, ...]
    followed: Mapping[ObjectKey, tuple[Followed, ...]]
    """By VirtualService."""


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
        self._proxied: dict[str, dict[tuple[str, int], Member]] = {}
        """Tables of which the host of a request says the port, too: by name, then by hostname and port."""
        self._targets = targets
        self._retries = world.mesh.default_http_retry_policy
        self.diagnostics: list[Diagnostic] = []
        self.parts: dict[str, Parts] = {}
        """By the name of the table."""
        self._followed: dict[int, tuple[ObjectKey, Followed]] = {}
        """By the identity of a virtual host of the table that is being put together."""

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

    def proxy(self, name: str, *members: Member) -> None:
        """Announce a table for requests whose host says the port, too, since nothing else does: those to an HTTP proxy
        and to a Unix socket. Let it hold the routes of some services' ports.
        """
        proxied = self._proxied.setdefault(name, {})
        for member in members:
            proxied.setdefault((member.service.hostname, member.port.number), member)

    def finish(self) -> list[RouteTable]:
        """Return all tables, sorted by name; those without a port come last."""
        found = [self._finished(name, self._tables[name]) for name in sorted(self._tables)]
        return [*found, *(self._of_proxy(name, self._proxied[name]) for name in sorted(self._proxied))]

    def _of_proxy(self, name: str, proxied: Mapping[tuple[str, int], Member]) -> RouteTable:
        owner: dict[str, str] = {}
        fragments = []
        for hostname, port in sorted(proxied):
            member = proxied[hostname, port]
            domains = with_port(self._domains(member), port)
            free = [d for d in domains if owner.setdefault(d, f"{hostname}:{port}") == f"{hostname}:{port}"]
            if free:
                fragments.append(self._fragment(member, free))
        for egress in dict.fromkeys(member.egress for member in proxied.values()):
            fragments += self._unclaimed(egress, owner, proxied=True)
        fragments.sort(key=lambda fragment: fragment.name)
        return self._joined(name, [*fragments, self._rest()])

    def _finished(self, name: str, table: _Table) -> RouteTable:
        if table.alone:
            fragments = [self._fragment(member, ANY) for member in table.members.values()]
        else:
            for member in self._sniffed.get(table.port, ()):
                table.members.setdefault(member.service.hostname, member)
            fragments = [*self._by_host(table), self._rest()]
        return self._joined(name, fragments)

    def _rest(self) -> VirtualHostFragment:
        """Return the virtual host of requests for what is imported nowhere."""
        step, elsewhere = self._steps.step, self._elsewhere
        routes = step(elsewhere_routes, elsewhere.cluster, elsewhere.destination, elsewhere.origin)
        name = BLOCK_ALL if elsewhere.cluster == BLACK_HOLE else ALLOW_ANY
        found: VirtualHostFragment = step(virtual_host, name, "*", None, routes)
        return found

    def _joined(self, name: str, fragments: list[VirtualHostFragment]) -> RouteTable:
        for fragment in fragments:
            self.diagnostics += fragment.diagnostics
        self._take_apart(name, fragments)
        found: RouteTable = self._steps.step(route_configuration, name, (), *fragments)
        return found

    def _take_apart(self, name: str, fragments: list[VirtualHostFragment]) -> None:
        followed: dict[ObjectKey, list[Followed]] = {}
        if self._followed:
            for position, fragment in enumerate(fragments):
                known = self._followed.get(id(fragment))
                if known is not None:
                    followed.setdefault(known[0], []).append(known[1]._replace(position=position))
            self._followed.clear()
        self.parts[name] = Parts(hosts=tuple(fragments), followed={key: tuple(some) for key, some in followed.items()})

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
        service, port, _, rule = member
        if self._routing(member) is not None:
            return self._fragment(member, self._domains(member))
        seen, aliases = self._seen(member)
        return self._steps.step(default_host, service, port, rule, self._retries, seen, *aliases)

    def _seen(self, member: Member) -> tuple[str, Sequence[Service]]:
        """Return what of the client's DNS domain matters for a service's domains, and its aliases."""
        aliases = member.egress.aliases.get(member.service.hostname, ())
        return seen_from(member.service, self._view.dns_domain, aliases), aliases

    def _domains(self, member: Member) -> Sequence[str]:
        seen, aliases = self._seen(member)
        found: tuple[str, ...] = self._steps.step(domains_of, member.service, seen, *aliases)
        return found

    def _fragment(self, member: Member, domains: Sequence[str]) -> VirtualHostFragment:
        """Return the virtual host of a service: the routes of its VirtualService if that has any, else its own."""
        service, port, _, rule = member
        step = self._steps.step
        name, text = f"{service.hostname}:{port.number}", " ".join(domains)
        routing = self._routing(member)
        if routing is not None:
            routes = self._routes(routing, port.number)
            if routes:
                found: VirtualHostFragment = step(
                    virtual_host, name, text, None, routes, step(named_by_service, service)
                )
                self._followed[id(found)] = routing.service.key, Followed(0, name, text, port.number, service)
                return found
        return step(virtual_host, name, text, None, step(service_routes, service, port, rule, self._retries))

    def _routing(self, member: Member) -> Routing | None:
        service, routes = member.service, member.egress.routes
        if not routes.members:
            return None
        return routes.for_host(fully_qualified(service.hostname, service.namespace, self._world.cluster_domain))

    def _unclaimed(self, egress: Egress, owner: dict[str, str], *, proxied: bool = False) -> list[VirtualHostFragment]:
        """Return virtual hosts for hosts of VirtualServices that no service has: in Istio they are on port 80 only."""
        found = []
        for routing in egress.routes.members:
            for host in routing.outline.hosts:
                if host in owner or self._claimed(host, routing, egress):
                    continue
                routes = self._routes(routing, _HTTP)
                if routes:
                    owner[host] = host
                    name = f"{host}:{_HTTP}"
                    domains = " ".join(with_port([host], _HTTP)) if proxied else host
                    fragment: VirtualHostFragment = self._steps.step(virtual_host, name, domains, None, routes)
                    self._followed[id(fragment)] = routing.service.key, Followed(0, name, domains, _HTTP, None)
                    found.append(fragment)
        return found

    def _claimed(self, host: str, routing: Routing, egress: Egress) -> bool:
        """Whether a host belongs to a service (on whatever port), or to a VirtualService that comes first."""
        if host.startswith("*"):
            return any(service.hostname.endswith(host[1:]) for service in egress.services)
        return bool(self._services.hidden(host)) or egress.routes.exact.get(host) is not routing

    def _routes(self, routing: Routing, port: int) -> RouteList:
        routes = routes_of(routing, port, self._view, self._targets, self._retries, self._steps)
        self.diagnostics += routes.diagnostics
        return routes


def routes_of(
    routing: Routing, port: int, view: ProxyView, targets: Targets, retries: HTTPRetry | None, steps: Steps
) -> RouteList:
    """Return the routes of a VirtualService for a port, as a client sees them; `retries` are the mesh's."""
    service, plan = routing
    return steps.step(
        route_list,
        service,
        plan,
        port,
        MESH if plan.matches_gateways else "",
        plan.left_out(view) if plan.conditions else "",
        retries,
        *targets.of(plan.destinations),
    )
