"""A server's listener: what `grpc.server(xds=True)` asks for before it serves (gRFC A36).

A server asks by the address that it binds. It gets a listener if some service of its namespace has the port among its
endpoints' or target ports. Which workload asks does not matter, since the listener says nothing yet but "serve, in
plain text"; so all servers of a namespace share one translation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from envoy.config.core.v3.base_pb2 import TrafficDirection
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.extensions.filters.http.router.v3.router_pb2 import Router
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
)

from translators.messages import pack
from translators.model.origin import Origin
from translators.model.service import Protocol
from translators.model.service_entry import ServiceEntry
from translators.proxyless.listeners import ROUTER
from translators.proxyless.names import SERVER_PREFIX
from translators.resources import LISTENER, Resource
from translators.services import endpoint_set

if TYPE_CHECKING:
    from collections.abc import Iterable

    from translators.memo import Steps
    from translators.model.meta import ObjectKey
    from translators.model.proxy import ProxyView
    from translators.model.service import Endpoint, Service
    from translators.model.world import World
    from translators.recorder import Recorder
    from translators.services import ServiceIndex

ADDRESSES: Final = ("0.0.0.0", "127.0.0.1", "::", "::1")  # noqa: S104 - what servers bind
"""What a server may bind: every address or the loopback ones, of both families."""


class Inbound(NamedTuple):
    """The listeners of servers."""

    listeners: tuple[Resource, ...]
    by_endpoints: frozenset[ObjectKey]
    """The services whose endpoints were looked at."""


def inbound_listeners(world: World, view: ProxyView, services: ServiceIndex, steps: Steps) -> Inbound:
    """Build the listeners that servers in the view's namespace may ask for."""
    by_port: dict[int, list[Service]] = {}
    looked_at: set[ObjectKey] = set()
    for service in services.in_namespace(view.namespace):
        endpoints: tuple[Endpoint, ...] = ()
        # Endpoints of a ServiceEntry have ports of their own, and a target port's name is known to endpoints alone.
        if service.origin.kind == ServiceEntry.KIND or any(isinstance(p.target_port, str) for p in service.ports):
            endpoints = endpoint_set(world, service, steps).endpoints
            looked_at.add(service.origin)
        for number in _ports(service, endpoints):
            by_port.setdefault(number, []).append(service)
    found = [steps.step(_listener, a, number, *by_port[number]) for number in sorted(by_port) for a in ADDRESSES]
    return Inbound(tuple(found), frozenset(looked_at))


def _ports(service: Service, endpoints: Iterable[Endpoint]) -> set[int]:
    ports = [port for port in service.ports if port.protocol is not Protocol.UDP]
    found = {port.target_port for port in ports if isinstance(port.target_port, int)}
    names = {port.name for port in ports}
    found.update(number for endpoint in endpoints for name, number in endpoint.ports.items() if name in names)
    return found


def _connection_manager() -> HttpConnectionManager:
    """Build what every server is told: take each RPC yourself (`non_forwarding_action`)."""
    manager = HttpConnectionManager()
    manager.route_config.name = "inbound"
    host = manager.route_config.virtual_hosts.add(name="inbound", domains=["*"])
    route = host.routes.add()
    route.match.prefix = "/"
    route.non_forwarding_action.SetInParent()
    pack(manager.http_filters.add(name=ROUTER).typed_config, Router())
    return manager


_MANAGER: Final = _connection_manager()


def _listener(address: str, number: int, *services: Service, recorder: Recorder) -> Resource:
    """Memoised step: build the listener of one address, because of services that have the port."""
    shown = f"[{address}]" if ":" in address else address
    out = Listener(name=f"{SERVER_PREFIX}{shown}:{number}", traffic_direction=TrafficDirection.INBOUND)
    out.address.socket_address.address = address
    out.address.socket_address.port_value = number
    chain = out.filter_chains.add(name="inbound-plaintext")
    pack(chain.filters.add(name="inbound-hcm").typed_config, _MANAGER)
    if recorder.active:
        for service in services:
            recorder.note("", Origin(service.origin, "spec.ports"))
    return Resource(
        LISTENER,
        out.name,
        out.SerializeToString(deterministic=True),
        tuple(dict.fromkeys(service.origin for service in services)),
        notes=recorder.notes(),
    )
