"""Filter chains that pass bytes on: to a port of a service, or where the tls and tcp routes of its VirtualService lead
(reference 2.3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from envoy.config.listener.v3.listener_components_pb2 import Filter

from translators.gateways.access_log import access_log
from translators.messages import pack
from translators.model.common import PortSelector
from translators.model.meta import Value
from translators.model.origin import Origin
from translators.model.virtual_service import Destination as HostAndPort
from translators.model.virtual_service import RouteDestination
from translators.recorder import SILENT, Recorder
from translators.routes.scope import Scope, Target
from translators.routes.tcp_proxy import tcp_proxy
from translators.sidecars.filters import TCP_PROXY

if TYPE_CHECKING:
    from translators.destination_rules import MergedRule
    from translators.gateways.l4_routes import L4RouteList
    from translators.model.mesh_config import MeshConfig
    from translators.model.meta import ObjectKey
    from translators.model.service import Service, ServicePort
    from translators.resources import Note
    from translators.services import Destination


class TcpChain(Value, frozen=True, kw_only=True):
    """Connections that are told apart by address or by server name, or by neither: then it is all of them."""

    service: Service
    """Whose connections they are."""
    origin: Origin
    """What says so: the service, or a route of its VirtualService."""
    subnets: tuple[str, ...]
    """Networks with a length, of the address that the client connects to; empty: any."""
    server_names: tuple[str, ...]
    filter: Filter
    """Not to be changed."""
    clusters: tuple[tuple[str, Destination | None], ...]
    """Name of each cluster that it leads to, with what it is if it exists."""
    origins: tuple[ObjectKey, ...]
    notes: tuple[Note, ...]
    """Of the filter's configuration."""

    @property
    def takes_all(self) -> bool:
        """Whether it has no condition."""
        return not self.subnets and not self.server_names

    @property
    def condition(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What Envoy tells it apart by: a listener with the same one twice is refused."""
        return (self.subnets, self.server_names)


def service_chain(
    service: Service,
    port: ServicePort,
    rule: MergedRule | None,
    subnet: str,
    by_name: bool,  # noqa: FBT001 - steps take positional arguments
    mesh: MeshConfig,
    *,
    recorder: Recorder,
) -> TcpChain:
    """Memoised step: send connections to a port of a service; to `subnet` (empty: to any address), and if `by_name`
    those only that ask for the service's host.
    """
    host = service.hostname
    targets = {(service.origin.namespace, host): Target(host, service, rule)}
    scope = Scope(service.origin, port.number, targets, _recorder(recorder))
    destination = HostAndPort(host=host, port=PortSelector(number=port.number))
    proxy = tcp_proxy((RouteDestination(destination=destination),), "", scope, mesh)
    filter_ = Filter(name=TCP_PROXY)
    if proxy is not None:
        log = access_log(mesh)
        if log is not None:
            proxy.access_log.append(log)
        pack(filter_.typed_config, proxy)
    return TcpChain(
        service=service,
        origin=Origin(service.origin, "spec.ports"),
        subnets=(subnet,) if subnet else (),
        server_names=(host,) if by_name else (),
        filter=filter_,
        clusters=scope.clusters(),
        origins=tuple(scope.origins),
        # What the scope noted of the service itself is a path in a VirtualService that there is not.
        notes=tuple(note for note in scope.recorder.notes() if note[1].key != service.origin),
    )


def routed_chains(service: Service, subnet: str, routes: L4RouteList, *, recorder: Recorder) -> tuple[TcpChain, ...]:
    """Memoised step: the chains of a VirtualService's routes for a service. Where a route names no networks, it is for
    those of the service.
    """
    del recorder
    return tuple(
        TcpChain(
            service=service,
            origin=route.origin,
            subnets=route.subnets or ((subnet,) if subnet else ()),
            server_names=route.sni_hosts,
            filter=route.filter,
            clusters=route.clusters,
            origins=tuple(dict.fromkeys((*route.origins, service.origin))),
            notes=route.notes,
        )
        for route in routes.routes
    )


def _recorder(recorder: Recorder) -> Recorder:
    return Recorder() if recorder.active else SILENT
