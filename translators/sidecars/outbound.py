"""Outbound: listeners, routes and destinations of what a sidecar may reach (reference 2.3, 2.4).

One listener takes the HTTP of a port number, whatever service it is for; opaque protocols are told apart by address.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_network
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from translators.gateways.l4_routes import L4RouteList, l4_route_list
from translators.hosts import fully_qualified
from translators.model import kubernetes
from translators.model.codes import diagnose
from translators.model.meta import Value
from translators.model.origin import Origin
from translators.model.service import Protocol, Resolution
from translators.routes.outline import MESH
from translators.routes.route_configuration import HTTP_PROXY
from translators.routes.targets import Targets
from translators.services import endpoints_of
from translators.services.addresses import UNIX
from translators.services.protocols import entry_protocol
from translators.sidecars.destinations import destinations_of
from translators.sidecars.outbound_listener import (
    ANYWHERE,
    LOOPBACK,
    outbound_listener,
    proxy_socket,
    socket_of,
    virtual_outbound,
)
from translators.sidecars.route_tables import Member, RouteTables
from translators.sidecars.tcp_chains import TcpChain, routed_chains, service_chain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from translators.destination_rules import MergedRule, RuleIndex
    from translators.memo import Steps
    from translators.model.meta import ObjectKey
    from translators.model.origin import Diagnostic
    from translators.model.proxy import ProxyView
    from translators.model.service import Service, ServicePort
    from translators.model.sidecar import Sidecar
    from translators.model.world import World
    from translators.resources import Resource
    from translators.routes.outline import Kind
    from translators.services import Destination, ServiceIndex
    from translators.sidecars.elsewhere import Elsewhere
    from translators.sidecars.route_tables import Parts
    from translators.sidecars.scope import Egress

FIRST_UNPRIVILEGED: Final = 1024
"""Lower ports need a right that an unprivileged pod does not have."""
STATUS_PORT: Final = 15021
METRICS_PORT: Final = 15090
"""Ports on which a sidecar's own listeners are, by its bootstrap."""


class Outbound(Value, frozen=True, kw_only=True):
    """What a sidecar is sent for the traffic of its workload. Proxies that may see the same share it."""

    listeners: tuple[Resource, ...]
    routes: tuple[Resource, ...]
    parts: Mapping[str, Parts]
    """What each of `routes` is made of, by its name."""
    destinations: tuple[Destination, ...]
    by_routes: frozenset[str]
    """Of the destinations, by cluster name, those that only routes lead to: nothing imports them."""
    by_endpoints: frozenset[ObjectKey]
    """Origins of the services whose endpoints have listeners of their own."""
    diagnostics: tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listening:
    """How the services of one egress listener are listened for."""

    owner: int
    """Position of the egress listener. An address belongs to the first that wants it."""
    captured: bool
    """Whether connections come by redirection, so that nothing is bound."""
    bind: str = ""
    """The address that a Sidecar names."""
    port: int = 0
    """The port that a Sidecar names; 0: each service has its own."""
    protocol: Protocol | None = None
    """Of the port that a Sidecar names."""
    said_by: Sidecar | None = None
    """The Sidecar, if it names a port."""

    @property
    def shared(self) -> str:
        """The address at which services of a port number are told apart by what clients say, if they say anything."""
        return self.bind or (ANYWHERE if self.captured else LOOPBACK)


@dataclass(slots=True)
class _Address:
    """What wants to be reached at one address and port."""

    listening: _Listening
    http: list[Service] = field(default_factory=list)
    route_name: str = ""
    chains: dict[tuple[tuple[str, ...], tuple[str, ...]], TcpChain] = field(default_factory=dict)
    """By condition."""


class OutboundBuilder:
    """Makes the outbound side of one kind of proxy in one pass."""

    def __init__(
        self,
        world: World,
        view: ProxyView,
        services: ServiceIndex,
        rules: RuleIndex,
        elsewhere: Elsewhere,
        steps: Steps,
    ) -> None:
        """`elsewhere` is where connections go that no service explains."""
        self._world = world
        self._view = view
        self._rules = rules
        self._steps = steps
        self._elsewhere = elsewhere
        self._targets = Targets(view, services, rules)
        self._tables = RouteTables(world, view, services, self._targets, elsewhere, steps)
        self._addresses: dict[tuple[str, int], _Address] = {}
        self._sockets: dict[str, tuple[Sidecar, int]] = {}
        """Unix sockets, with the egress listeners that are there."""
        self._destinations: dict[str, Destination] = {}
        self._by_endpoints: set[ObjectKey] = set()
        self._diagnostics: list[Diagnostic] = [*elsewhere.diagnostics]
        if elsewhere.destination is not None:
            self._destinations[elsewhere.cluster] = elsewhere.destination
        mesh = world.mesh
        self._proxy_port = mesh.proxy_http_port
        if self._proxy_port:
            self._tables.proxy(HTTP_PROXY)
        self._reserved = {mesh.proxy_listen_port, mesh.proxy_inbound_listen_port, STATUS_PORT, METRICS_PORT}
        self._redirected = view.interception_mode != "NONE"
        if self._proxy_port and not self._redirected:  # else services are at other addresses
            self._reserved.add(self._proxy_port)

    def add(self, egress: Egress, sidecar: Sidecar | None, position: int) -> None:
        """Take in what an egress listener imports; `sidecar` is the Sidecar that has it, at this position."""
        if sidecar is not None and sidecar.spec.egress and sidecar.spec.egress[position].bind.startswith(UNIX):
            self._add_socket(egress, sidecar, position)
            return
        listening = self._listening(sidecar, position)
        number = listening.port
        if number and listening.protocol is not None and listening.protocol.is_http:
            self._open(listening.shared, number, str(number), listening)  # it is there even if nothing is imported
        for service in egress.services:
            rule = self._rules.for_service(service, self._view.namespace, self._view.labels)
            named = service.port(number) if number else None
            if number and named is None and service.hostname not in egress.targets:
                continue
            self._import(service, rule, named)
            for port in (named,) if number else service.ports:
                if port is not None and port.protocol is not Protocol.UDP:
                    member = Member(service, port, egress, rule)
                    self._add_port(member, listening)
                    if self._proxy_port and not number:
                        self._proxy(HTTP_PROXY, member)

    def finish(self) -> Outbound:
        """Return all of it."""
        step, mesh, cluster = self._steps.step, self._world.mesh, self._elsewhere.cluster
        ipv6 = self._view.ipv6
        listeners = [step(virtual_outbound, mesh, cluster, ipv6)] if self._redirected else []
        for (bind, number), address in sorted(self._addresses.items(), key=itemgetter(0)):
            how = address.listening
            said_by, route_name = how.said_by, address.route_name
            socket = step(socket_of, bind, number, how.captured, ipv6, route_name, cluster, said_by, how.owner)
            chains = address.chains.values()
            listeners.append(step(outbound_listener, socket, mesh, *chains, *address.http))
            for chain in chains:
                for name, destination in chain.clusters:
                    if destination is not None:
                        self._destinations.setdefault(name, destination)
        for path, (sidecar, position) in sorted(self._sockets.items()):
            socket = step(socket_of, path, 0, False, False, path, cluster, sidecar, position)  # noqa: FBT003 - a step's
            listeners.append(step(outbound_listener, socket, mesh))
        if self._proxy_port:
            listeners.append(step(outbound_listener, step(proxy_socket, self._proxy_port, cluster), mesh))
        tables = self._tables.finish()
        imported = self._destinations
        for table in tables:
            # What is imported is the same object for all clients, so that they share its clusters.
            self._destinations = {**table.destinations, **self._destinations}
        return Outbound(
            listeners=tuple(listeners),
            routes=tuple(table.resource for table in tables),
            parts=self._tables.parts,
            by_routes=frozenset(self._destinations.keys() - imported.keys()),
            destinations=tuple(self._destinations[name] for name in sorted(self._destinations)),
            by_endpoints=frozenset(self._by_endpoints),
            diagnostics=tuple(dict.fromkeys((*self._diagnostics, *self._tables.diagnostics))),
        )

    def _add_socket(self, egress: Egress, sidecar: Sidecar, position: int) -> None:
        """Take in what an egress listener on a Unix socket imports. No port is told there but by the request's host."""
        listener = sidecar.spec.egress[position]
        protocol = entry_protocol(listener.port.protocol, 0) if listener.port is not None else Protocol.HTTP
        if not protocol.is_http:
            self._diagnostics.append(
                diagnose(
                    "PF1052",
                    f"only HTTP is served on a Unix socket, and this one is {protocol.name}: its hosts are not reached",
                    Origin(sidecar.key, f"spec.egress[{position}].port.protocol"),
                    hint="write HTTP, or an IP address and a port",
                )
            )
            return
        self._sockets[listener.bind] = (sidecar, position)
        self._tables.proxy(listener.bind)
        for service in egress.services:
            rule = self._rules.for_service(service, self._view.namespace, self._view.labels)
            self._import(service, rule)
            for port in service.ports:
                self._proxy(listener.bind, Member(service, port, egress, rule))

    def _import(self, service: Service, rule: MergedRule | None, named: ServicePort | None = None) -> None:
        """Have the clusters of a service, or of one port of it."""
        for destination in self._steps.step(destinations_of, service, rule):
            if named is None or destination.port is named:
                self._destinations[destination.cluster_name] = destination

    def _proxy(self, table: str, member: Member) -> None:
        """Let a table whose requests say host and port lead to a port, if that may be HTTP."""
        if member.port.protocol.is_http or member.port.protocol is Protocol.UNSUPPORTED:
            self._tables.proxy(table, member)

    def _listening(self, sidecar: Sidecar | None, position: int) -> _Listening:
        if sidecar is None or not sidecar.spec.egress:
            return _Listening(owner=position, captured=self._redirected)
        listener = sidecar.spec.egress[position]
        captured = listener.capture_mode == "IPTABLES" or (listener.capture_mode == "DEFAULT" and self._redirected)
        if listener.port is None:
            return _Listening(owner=position, captured=captured, bind=listener.bind)
        return _Listening(
            owner=position,
            captured=captured,
            bind=listener.bind,
            port=listener.port.number,
            protocol=entry_protocol(listener.port.protocol, listener.port.number),
            said_by=sidecar,
        )

    def _add_port(self, member: Member, listening: _Listening) -> None:
        protocol = listening.protocol or member.port.protocol
        if protocol.is_http:
            self._share(listening.shared, member, listening)
            return
        routes = self._l4_routes(member, "tls" if protocol.is_tls else "tcp")
        # The address of a service is nobody's to bind: without redirection only the port tells services apart.
        told_apart = listening.captured and not listening.bind
        for found in self._addresses_of(member.service, member.port) if told_apart else (ANYWHERE,):
            bind, subnet = (ANYWHERE, _network(found)) if "/" in found else (found, "")
            if bind == ANYWHERE:
                bind = listening.shared
            if protocol is Protocol.UNSUPPORTED:
                self._share(bind, member, listening)
            if routes is not None and routes.routes:
                chains = self._steps.step(routed_chains, member.service, subnet, routes)
            else:
                by_name = protocol.is_tls and bind == listening.shared
                service, port, _, rule = member
                chains = (self._steps.step(service_chain, service, port, rule, subnet, by_name, self._world.mesh),)
            for chain in chains:
                self._chain(bind, member.port.number, chain, listening)

    def _l4_routes(self, member: Member, kind: Kind) -> L4RouteList | None:
        """Return the tls or tcp routes of the VirtualService for a service; None if it has none of the kind."""
        service, port, egress, _ = member
        host = fully_qualified(service.hostname, service.namespace, self._world.cluster_domain)
        routing = egress.routes.for_host(host)
        if routing is None or not (routing.service.spec.tls if kind == "tls" else routing.service.spec.tcp):
            return None
        virtual_service, plan = routing
        routes: L4RouteList = self._steps.step(
            l4_route_list,
            virtual_service,
            plan,
            kind,
            port.number,
            MESH if plan.matches_gateways else "",
            plan.left_out(self._view, kind) if plan.conditions else "",
            self._world.mesh,
            *self._targets.of(plan.l4_destinations),
        )
        self._diagnostics += routes.diagnostics
        return routes

    def _addresses_of(self, service: Service, port: ServicePort) -> Iterator[str]:
        """Yield where connections to a service go: its addresses, or those of its endpoints if it is headless; a
        service without any is reached at every address.
        """
        if service.addresses:
            yield from service.addresses
        elif service.resolution is Resolution.PASSTHROUGH and service.origin.kind == kubernetes.Service.KIND:
            self._by_endpoints.add(service.origin)
            for endpoint in endpoints_of(self._world, service, self._steps):
                if port.name in endpoint.ports and not endpoint.address.startswith(UNIX):
                    yield from (endpoint.address, *endpoint.additional_addresses)
        else:
            yield ANYWHERE

    def _address(self, bind: str, port: int, listening: _Listening, service: Service | None) -> _Address | None:
        """Return an address that services may share; None if it is another egress listener's, or not to be had."""
        known = self._addresses.get((bind, port))
        if known is not None:
            return known if known.listening.owner == listening.owner else None
        said_by = listening.said_by
        origin = Origin(service.origin, "spec.ports") if said_by is None and service is not None else None
        if said_by is not None:
            origin = Origin(said_by.key, f"spec.egress[{listening.owner}].port.number")
        if port in self._reserved and bind in {ANYWHERE, LOOPBACK}:
            self._diagnostics.append(
                diagnose("PF1056", f"no listener on {bind}:{port}: sidecars use the port themselves", origin)
            )
            return None
        if not listening.captured and self._view.unprivileged_pod and port < FIRST_UNPRIVILEGED:
            message = f"no listener on {bind}:{port}: the proxy may not bind ports below {FIRST_UNPRIVILEGED}"
            self._diagnostics.append(diagnose("PF0350", message, origin, hint="use a port that it may bind"))
            return None
        return self._addresses.setdefault((bind, port), _Address(listening))

    def _open(
        self, bind: str, port: int, name: str, listening: _Listening, service: Service | None = None
    ) -> _Address | None:
        """Return an address that takes HTTP, with routes of this name."""
        address = self._address(bind, port, listening, service)
        if address is None or address.route_name not in {"", name}:
            return None
        if not address.route_name:
            address.route_name = name
            self._tables.open(name, port)
        return address

    def _share(self, bind: str, member: Member, listening: _Listening) -> None:
        """Let a service's HTTP requests come in at an address: that of all services of the port, or one of its own."""
        service, port = member.service, member.port
        alone = bind != listening.shared
        name = f"{service.hostname}:{port.number}" if alone else str(port.number)
        address = self._open(bind, port.number, name, listening, service)
        if address is not None:
            address.http.append(service)
            self._tables.join(name, member, alone=alone)

    def _chain(self, bind: str, number: int, chain: TcpChain, listening: _Listening) -> None:
        """Let connections come in at an address. The oldest service has a condition that two claim."""
        address = self._address(bind, number, listening, chain.service)
        if address is None:
            return
        first = address.chains.setdefault(chain.condition, chain)
        if first is chain:
            return
        where = " ".join(chain.subnets) or bind
        names = f" with the server name {chain.server_names[0]}" if chain.server_names else ""
        if first.service is chain.service:
            message = f"this is never reached: {first.origin} takes connections to {where}:{number}{names}"
            self._diagnostics.append(diagnose("PF1057", message, chain.origin, hint="give it a match of its own"))
            return
        self._diagnostics.append(
            diagnose(
                "PF1050",
                f"connections to {where}:{number}{names} go to {first.service.hostname} "
                f"({first.service.origin}), which is older: sidecars cannot tell {chain.service.hostname} from it",
                Origin(chain.service.origin, "spec.ports"),
                hint="give the service an address or a port number of its own, or a protocol that carries the host",
            )
        )


def _network(subnet: str) -> str:
    """Return a subnet in the one form that Envoy tells apart."""
    return str(ip_network(subnet, strict=False))
