"""RouteConfigurations of a gateway: which hosts, whose routes (reference 2.10, 3.6, 3.7)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from translators.gateways.servers import TlsServer
from translators.routes.route_configuration import route_configuration, with_alt_svc
from translators.routes.route_list import route_list
from translators.routes.virtual_host import empty_virtual_host, virtual_host

if TYPE_CHECKING:
    from translators.gateways.attached import Attached
    from translators.gateways.servers import MergedPort, ServerGroup
    from translators.model.origin import Diagnostic, Origin
    from translators.routes.route_configuration import RouteTable
    from translators.routes.route_list import RouteList


@dataclass(slots=True, kw_only=True)
class _Host:
    """A virtual host while it is being put together."""

    port: int
    lists: dict[tuple[int, int, str], RouteList] = field(default_factory=dict)
    """By outline, port and gateway: two Gateways may share a host and a VirtualService, whose routes count once."""
    redirect: Origin | None = None


class RouteTables:
    """Builds the route tables of one proxy in one pass. What did not change since the last pass is looked up."""

    __slots__ = ("_attached", "diagnostics", "made")

    def __init__(self, attached: Attached) -> None:
        """Take the VirtualServices from `attached`."""
        self._attached = attached
        self.diagnostics: list[Diagnostic] = []
        self.made: dict[str, RouteTable] = {}
        """By name, in the order in which they were made."""

    def make(self, servers: MergedPort | TlsServer) -> None:
        """Make the RouteConfiguration of the plain HTTP servers of a port, or of one HTTPS server."""
        table = self._table(servers)
        if isinstance(servers, TlsServer) and servers.quic is not None:
            table = self._attached.steps.step(with_alt_svc, table, servers.groups[0].number)
        self.made[servers.route_name] = table

    def _table(self, servers: MergedPort | TlsServer) -> RouteTable:
        hosts: dict[str, _Host] = {}
        for group in servers.groups:
            self._add_routes(group, hosts)
            if group.https_redirect is not None:
                # The redirect is there even where no VirtualService has routes.
                for name in group.hosts:
                    hosts.setdefault(name, _Host(port=group.number)).redirect = group.https_redirect
        step = self._attached.steps.step
        if not hosts:
            nothing = step(empty_virtual_host, f"blackhole:{servers.groups[0].number}")
            return step(route_configuration, servers.route_name, servers.origins, nothing)
        fragments = []
        for members in _alike(hosts):
            first = hosts[members[0]]
            name = f"{members[0]}:{first.port}"
            fragments.append(step(virtual_host, name, " ".join(members), first.redirect, *first.lists.values()))
        for fragment in fragments:
            self.diagnostics += fragment.diagnostics
        return step(route_configuration, servers.route_name, servers.origins, *fragments)

    def _add_routes(self, group: ServerGroup, hosts: dict[str, _Host]) -> None:
        attached = self._attached
        step, view = attached.steps.step, attached.view
        retries = attached.world.mesh.default_http_retry_policy
        gateway, number, redirect = group.gateway_name, group.number, group.https_redirect
        for (service, plan), names in attached.to(group):
            only_here = gateway if plan.matches_gateways else ""
            routes = step(
                route_list,
                service,
                plan,
                number,
                only_here,
                plan.left_out(view) if plan.conditions else "",
                retries,
                *attached.targets.of(plan.destinations),
            )
            if routes.diagnostics:
                self.diagnostics += routes.diagnostics
            if not routes:
                continue
            for name in names:
                host = hosts.get(name)
                if host is None:
                    host = hosts[name] = _Host(port=number)
                host.lists.setdefault((id(plan), number, only_here), routes)
                if redirect is not None:
                    host.redirect = redirect


def _alike(hosts: dict[str, _Host]) -> list[list[str]]:
    """Group the hosts whose virtual hosts would differ in their domain only: they can share one, as in Istio.

    Hosts are sorted within a group, and groups by their first host.
    """
    groups: dict[tuple[object, ...], list[str]] = {}
    for name in sorted(hosts):
        host = hosts[name]
        key = (host.port, host.redirect, *map(id, host.lists.values()))
        groups.setdefault(key, []).append(name)
    return list(groups.values())
