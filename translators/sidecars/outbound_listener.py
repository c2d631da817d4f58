"""An outbound listener: an address that connections of the workload are matched against (reference 2.3, A.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from envoy.config.core.v3.base_pb2 import TrafficDirection
from envoy.config.listener.v3.listener_components_pb2 import FilterChain, ListenerFilter
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.extensions.filters.listener.http_inspector.v3.http_inspector_pb2 import HttpInspector
from envoy.extensions.filters.listener.tls_inspector.v3.tls_inspector_pb2 import TlsInspector

from translators.messages import pack, set_duration
from translators.model.decode import MESH_CONFIG_KEY
from translators.model.meta import Value
from translators.model.origin import Origin
from translators.resources import CLUSTER, LISTENER, ROUTE, Resource
from translators.routes.route_configuration import HTTP_PROXY
from translators.services.addresses import UNIX
from translators.sidecars.filters import outbound_http, tcp_proxy
from translators.sidecars.fixed_clusters import BLACK_HOLE, BLACK_HOLE_KEY, PASSTHROUGH_KEY
from translators.sidecars.tcp_chains import TcpChain

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from translators.model.mesh_config import MeshConfig
    from translators.model.service import Service
    from translators.model.sidecar import Sidecar
    from translators.recorder import Recorder

HTTP_ALPN: Final = ("http/1.1", "h2c")
"""What the HTTP inspector calls plain HTTP/1.1 and HTTP/2."""
RAW: Final = "raw_buffer"

ANYWHERE: Final = "0.0.0.0"  # noqa: S104 - stands for every address that a workload may call
LOOPBACK: Final = "127.0.0.1"
PASSTHROUGH_CHAIN: Final = "PassthroughFilterChain"


class Socket(Value, frozen=True, kw_only=True):
    """Where a listener is, and what holds for all of it."""

    bind: str
    """An IP address, or `unix://` with a path."""
    port: int
    """0 for a Unix socket."""
    captured: bool
    """Whether connections come by redirection: then nothing is bound, the address only tells them apart."""
    ipv6: bool
    """Whether they come of IPv6, too: then 0.0.0.0 stands for `::` as well."""
    route_name: str
    """Of the routes of HTTP requests; empty if the listener takes no HTTP."""
    elsewhere: str
    """The cluster of connections that no service explains."""
    origin: Origin | None
    """The egress listener of a Sidecar that names the port, if one does."""

    @property
    def name(self) -> str:
        """Return `0.0.0.0_80` (reference 2.1)."""
        return f"{self.bind}_{self.port}"


def socket_of(  # noqa: PLR0913 - all that it is made of
    bind: str,
    port: int,
    captured: bool,  # noqa: FBT001 - steps take positional arguments
    ipv6: bool,  # noqa: FBT001 - as above
    route_name: str,
    elsewhere: str,
    sidecar: Sidecar | None,
    position: int,
    *,
    recorder: Recorder,
) -> Socket:
    """Memoised step: make a Socket. `sidecar`, with the position of its egress listener, is what names the port."""
    del recorder
    origin = Origin(sidecar.key, f"spec.egress[{position}]") if sidecar is not None else None
    return Socket(
        bind=bind,
        port=port,
        captured=captured,
        ipv6=ipv6,
        route_name=route_name,
        elsewhere=elsewhere,
        origin=origin,
    )


def proxy_socket(port: int, elsewhere: str, *, recorder: Recorder) -> Socket:
    """Memoised step: make the Socket of the HTTP proxy (MeshConfig `proxyHttpPort`)."""
    del recorder
    origin = Origin(MESH_CONFIG_KEY, "proxyHttpPort")
    return Socket(
        bind=LOOPBACK,
        port=port,
        captured=False,
        ipv6=False,
        route_name=HTTP_PROXY,
        elsewhere=elsewhere,
        origin=origin,
    )


def outbound_listener(socket: Socket, mesh: MeshConfig, *parts: TcpChain | Service, recorder: Recorder) -> Resource:
    """Memoised step: build a listener. `parts` are its TCP chains, and the services whose HTTP ports share it, which
    are among its origins.
    """
    route_name, elsewhere = socket.route_name, socket.elsewhere
    chains = [part for part in parts if isinstance(part, TcpChain)]
    http = [part for part in parts if not isinstance(part, TcpChain)]
    out = Listener(name=socket.name, traffic_direction=TrafficDirection.OUTBOUND)
    if socket.bind.startswith(UNIX):
        out.address.pipe.path = socket.bind.removeprefix(UNIX)
    elif socket.bind == ANYWHERE:
        listen_anywhere(out, socket.port, ipv6=socket.ipv6 and socket.captured)
    else:
        out.address.socket_address.address = socket.bind
        out.address.socket_address.port_value = socket.port
    if socket.captured:
        out.bind_to_port.value = False
    refs: list[tuple[str, str]] = []
    if route_name:
        match = out.filter_chains.add()
        match.filter_chain_match.transport_protocol = RAW
        match.filter_chain_match.application_protocols.extend(HTTP_ALPN)
        match.filters.append(outbound_http(socket.name, route_name, mesh))
        refs.append((ROUTE, route_name))
    conditional = [chain for chain in chains if not chain.takes_all]
    rest = next((chain for chain in chains if chain.takes_all), None)
    for chain in conditional:
        _fill(out.filter_chains.add(), chain)
    if rest is not None:
        alone = not route_name and not conditional
        _fill(out.filter_chains.add() if alone else out.default_filter_chain, rest)
    else:
        # Envoy does not look further once a port matched, so what fits no chain needs one of its own.
        out.default_filter_chain.name = PASSTHROUGH_CHAIN
        out.default_filter_chain.filters.append(tcp_proxy(elsewhere, mesh))
        refs.append((CLUSTER, elsewhere))
    refs += [(CLUSTER, cluster) for chain in chains for cluster, _ in chain.clusters]
    _inspect(out, mesh, tls=any(chain.server_names for chain in chains), http=bool(route_name))
    origins = {} if socket.origin is None else {socket.origin.key: None}
    origins.update(dict.fromkeys(key for chain in chains for key in chain.origins))
    origins.update(dict.fromkeys(service.origin for service in http))
    if recorder.active:
        if socket.origin is not None:
            recorder.note("", socket.origin)
        _note(recorder, out, conditional, rest, http)
    return Resource(
        LISTENER,
        socket.name,
        out.SerializeToString(deterministic=True),
        tuple(origins) or (BLACK_HOLE_KEY if elsewhere == BLACK_HOLE else PASSTHROUGH_KEY,),
        refs=tuple(sorted(set(refs))),
        notes=recorder.notes(),
    )


def listen_anywhere(out: Listener, port: int, *, ipv6: bool) -> None:
    """Have a listener be there for any address, of IPv6 too if the proxy has that: elsewhere the socket could not be
    bound.
    """
    out.address.socket_address.address = ANYWHERE
    out.address.socket_address.port_value = port
    if ipv6:
        further = out.additional_addresses.add().address.socket_address
        further.address = "::"
        further.port_value = port


def virtual_outbound(
    mesh: MeshConfig,
    elsewhere: str,
    ipv6: bool,  # noqa: FBT001 - steps take positional arguments
    *,
    recorder: Recorder,
) -> Resource:
    """Memoised step: the one socket that redirected connections come in by. It hands each to the listener of its
    original destination; what fits none goes `elsewhere`, a cluster. A connection to the port itself is a mistake and
    would go round in circles, so it is closed.
    """
    out = Listener(name="virtualOutbound", traffic_direction=TrafficDirection.OUTBOUND)
    listen_anywhere(out, mesh.proxy_listen_port, ipv6=ipv6)
    out.use_original_dst.value = True
    loop = out.filter_chains.add(name="virtualOutbound-blackhole")
    loop.filter_chain_match.destination_port.value = mesh.proxy_listen_port
    loop.filters.append(tcp_proxy(BLACK_HOLE, mesh))
    out.filter_chains.add(name="virtualOutbound-catchall-tcp").filters.append(tcp_proxy(elsewhere, mesh))
    return Resource(
        LISTENER,
        out.name,
        out.SerializeToString(deterministic=True),
        (BLACK_HOLE_KEY if elsewhere == BLACK_HOLE else PASSTHROUGH_KEY,),
        refs=tuple(sorted({(CLUSTER, BLACK_HOLE), (CLUSTER, elsewhere)})),
        notes=recorder.notes(),
    )


def listener_filter(name: str, config: Message) -> ListenerFilter:
    """Return a listener filter."""
    out = ListenerFilter(name=f"envoy.filters.listener.{name}")
    pack(out.typed_config, config)
    return out


def _inspect(out: Listener, mesh: MeshConfig, *, tls: bool, http: bool) -> None:
    """Let Envoy look at the first bytes, as far as the chains want to know. A client that says nothing within the
    mesh's time is matched by what is known (a server may be the one that speaks first).
    """
    if tls:
        out.listener_filters.append(listener_filter("tls_inspector", TlsInspector()))
    if http:
        out.listener_filters.append(listener_filter("http_inspector", HttpInspector()))
    if tls or http:
        out.continue_on_listener_filters_timeout = True
        set_duration(out.listener_filters_timeout, mesh.protocol_detection_timeout)


def _fill(out: FilterChain, chain: TcpChain) -> None:
    for subnet in chain.subnets:
        address, _, length = subnet.partition("/")
        out.filter_chain_match.prefix_ranges.add(address_prefix=address).prefix_len.value = int(length)
    if chain.server_names:
        out.filter_chain_match.server_names.extend(chain.server_names)
    out.filters.append(chain.filter)


def _note(
    recorder: Recorder, out: Listener, conditional: list[TcpChain], rest: TcpChain | None, http: list[Service]
) -> None:
    for service in http:
        recorder.note("", Origin(service.origin, "spec.ports"))
    first = len(out.filter_chains) - len(conditional)
    placed = [(f"filter_chains[{first + i}]", chain) for i, chain in enumerate(conditional)]
    if rest is not None:
        placed.append(("default_filter_chain" if out.HasField("default_filter_chain") else "filter_chains[0]", rest))
    for path, chain in placed:
        own = chain.origin.key == chain.service.origin
        if len(placed) == 1 and not http:
            recorder.note("", Origin(chain.service.origin, "spec.ports"))
        recorder.note(path, chain.origin)
        if chain.subnets:
            field = "spec.addresses" if own else f"{chain.origin.path}.destinationSubnets"
            recorder.note(f"{path}.filter_chain_match.prefix_ranges", Origin(chain.origin.key, field))
        if chain.server_names:
            field = "spec.hosts" if own else f"{chain.origin.path}.sniHosts"
            recorder.note(f"{path}.filter_chain_match.server_names", Origin(chain.origin.key, field))
        recorder.include(f"{path}.filters[0].typed_config", chain.notes)
