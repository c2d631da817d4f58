"""Outbound: listeners, routes and destinations of what a sidecar may reach (reference 2.3, 2.4).

One listener takes the HTTP of a port number, whatever service it is for; opaque protocols are told apart by address.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from translators.model import kubernetes
from translators.model.codes import diagnose
from translators.model.meta import Value
from translators.model.origin import Origin
from translators.model.service import Protocol, Resolution
from translators.services import endpoints_of
from translators.services.addresses import UNIX
from translators.sidecars.destinations import destinations_of
from translators.sidecars.outbound_listener import TcpChain, flat, outbound_listener, virtual_outbound
from translators.sidecars.route_tables import Member, RouteTables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from translators.destination_rules import MergedRule, RuleIndex
    from translators.memo import Steps
    from translators.model.meta import ObjectKey
    from translators.model.origin import Diagnostic
    from translators.model.proxy import ProxyView
    from translators.model.service import Service, ServicePort
    from translators.model.world import World
    from translators.resources import Resource
    from translators.services import Destination, ServiceIndex
    from translators.sidecars.elsewhere import Elsewhere
    from translators.sidecars.scope import Egress

WILDCARD: Final = "0.0.0.0"  # noqa: S104 - stands for every address that a workload may call
LOOPBACK: Final = "127.0.0.1"
_SHARED: Final = frozenset({WILDCARD, LOOPBACK})
"""Addresses at which the services of a port number are told apart by what clients say, if they say anything."""


class Outbound(Value, frozen=True, kw_only=True):
    """What a sidecar is sent for the traffic of its workload. Proxies that may see the same share it."""

    listeners: tuple[Resource, ...]
    routes: tuple[Resource, ...]
    destinations: tuple[Destination, ...]
    by_endpoints: frozenset[ObjectKey]
    """Origins of the services whose endpoints have listeners of their own."""
    diagnostics: tuple[Diagnostic, ...]


@dataclass(slots=True)
class _Address:
    """What wants to be reached at one address and port."""

    http: list[Service] = field(default_factory=list)
    route_name: str = ""
    chains: dict[tuple[tuple[str, ...], tuple[str, ...]], TcpChain] = field(default_factory=dict)
    """By condition: Envoy refuses a listener with the same one twice."""


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
        self._captured = view.interception_mode != "NONE"
        self._elsewhere = elsewhere.cluster
        self._tables = RouteTables(world, view, services, rules, elsewhere, steps)
        self._addresses: dict[tuple[str, int], _Address] = {}
        self._destinations: dict[str, Destination] = {}
        self._by_endpoints: set[ObjectKey] = set()
        self._diagnostics: list[Diagnostic] = []

    def add(self, egress: Egress) -> None:
        """Take in what an egress listener without a port imports: each service is reached at its own ports."""
        for service in sorted(egress.services, key=_by_age):
            rule = self._rules.for_service(service, self._view.namespace, self._view.labels)
            for destination in self._steps.step(destinations_of, service, rule):
                self._destinations[destination.cluster_name] = destination
            for port in service.ports:
                if port.protocol is not Protocol.UDP:
                    self._add_port(Member(service, port, egress), rule)

    def finish(self) -> Outbound:
        """Return all of it."""
        step, mesh = self._steps.step, self._world.mesh
        listeners = [step(virtual_outbound, mesh, self._elsewhere)] if self._captured else []
        for (bind, number), address in sorted(self._addresses.items()):
            parts = [part for chain in address.chains.values() for part in flat(chain)]
            listeners.append(
                step(
                    outbound_listener,
                    bind,
                    number,
                    self._captured,
                    address.route_name,
                    self._elsewhere,
                    mesh,
                    len(address.chains),
                    *parts,
                    *address.http,
                )
            )
        tables = self._tables.finish()
        for table in tables:
            self._destinations |= table.destinations
        return Outbound(
            listeners=tuple(listeners),
            routes=tuple(table.resource for table in tables),
            destinations=tuple(self._destinations[name] for name in sorted(self._destinations)),
            by_endpoints=frozenset(self._by_endpoints),
            diagnostics=tuple(dict.fromkeys((*self._diagnostics, *self._tables.diagnostics))),
        )

    def _add_port(self, member: Member, rule: MergedRule | None) -> None:
        service, port, _ = member
        if port.protocol.is_http:
            self._share(WILDCARD if self._captured else LOOPBACK, member)
            return
        for address in self._addresses_of(service, port):
            bind, subnets = (WILDCARD, (address,)) if "/" in address else (address, ())
            if not self._captured:
                # The address of a service is nobody's to bind here: only the port tells services apart.
                bind, subnets = LOOPBACK, ()
            names = (service.hostname,) if port.protocol.is_tls and bind in _SHARED else ()
            if port.protocol is Protocol.UNSUPPORTED:
                self._share(bind, member)
            self._chain(bind, TcpChain(service, port, rule, subnets, names))

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
                    yield endpoint.address
        else:
            yield WILDCARD

    def _share(self, bind: str, member: Member) -> None:
        """Let a service's HTTP requests come in at an address."""
        service, port, _ = member
        address = self._addresses.setdefault((bind, port.number), _Address())
        address.http.append(service)
        alone = bind not in _SHARED
        name = f"{service.hostname}:{port.number}" if alone else str(port.number)
        if address.route_name in {"", name}:
            address.route_name = name
            self._tables.join(name, member, alone=alone)

    def _chain(self, bind: str, chain: TcpChain) -> None:
        """Let a service's connections come in at an address. The oldest service has an address that two claim."""
        address = self._addresses.setdefault((bind, chain.port.number), _Address())
        first = address.chains.setdefault((chain.subnets, chain.server_names), chain)
        if first is not chain:
            where = " ".join(chain.subnets) or bind
            names = f" with the server name {chain.server_names[0]}" if chain.server_names else ""
            self._diagnostics.append(
                diagnose(
                    "PF0740",
                    f"connections to {where}:{chain.port.number}{names} go to {first.service.hostname} "
                    f"({first.service.origin}), which is older: sidecars cannot tell {chain.service.hostname} from it",
                    Origin(chain.service.origin, "spec.ports"),
                    hint="give the service an address or a port number of its own, or a protocol that carries the host",
                )
            )


def _by_age(service: Service) -> tuple[str, str, str]:
    return service.age_order
