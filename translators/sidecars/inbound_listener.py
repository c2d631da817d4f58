"""virtualInbound: every connection to the workload, told apart by the port that the client meant (reference 2.5, A.3).

Without certificates there is one kind of filter chain for a port: plain text. Chains are told apart by transport
protocol even so, so that TLS can have chains of its own beside these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from envoy.config.core.v3.base_pb2 import TrafficDirection
from envoy.config.listener.v3.listener_components_pb2 import (
    FilterChain,
    ListenerFilterChainMatchPredicate,
)
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.extensions.filters.listener.http_inspector.v3.http_inspector_pb2 import HttpInspector
from envoy.extensions.filters.listener.original_dst.v3.original_dst_pb2 import OriginalDst

from translators.messages import set_duration
from translators.model.service import Protocol
from translators.resources import CLUSTER, LISTENER, Resource
from translators.sidecars.filters import inbound_http, tcp_proxy
from translators.sidecars.fixed_clusters import BLACK_HOLE, INBOUND_PASSTHROUGH, PASSTHROUGH_KEY
from translators.sidecars.inbound_clusters import inbound_name
from translators.sidecars.outbound_listener import HTTP_ALPN, RAW, listen_anywhere, listener_filter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from translators.model.mesh_config import MeshConfig
    from translators.recorder import Recorder
    from translators.sidecars.inbound_port import InboundPort

NAME: Final = "virtualInbound"
_GRPC: Final = frozenset({Protocol.GRPC, Protocol.GRPC_WEB})


def virtual_inbound(
    mesh: MeshConfig,
    transparent: bool,  # noqa: FBT001 - steps take positional arguments
    ipv6: bool,  # noqa: FBT001 - as above
    *ports: InboundPort,
    recorder: Recorder,
) -> Resource:
    """Memoised step: build the listener; ports are sorted by number. `transparent`: connections are not redirected but
    handed over as they are (TPROXY), to a socket that takes them for any address.

    A connection to the port of the listener itself would go round in circles, so it is closed. Ports that no service
    leads to are passed through to the workload.
    """
    out = Listener(name=NAME, traffic_direction=TrafficDirection.INBOUND)
    listen_anywhere(out, mesh.proxy_inbound_listen_port, ipv6=ipv6)
    if transparent:
        out.transparent.value = True
    loop = out.filter_chains.add(name=f"{NAME}-blackhole")
    loop.filter_chain_match.destination_port.value = mesh.proxy_inbound_listen_port
    loop.filters.append(tcp_proxy(BLACK_HOLE, mesh))
    _passthrough(out, mesh)
    for port in ports:
        first = len(out.filter_chains)
        _fill(out, port, mesh)
        if recorder.active:
            for i in range(first, len(out.filter_chains)):
                recorder.note(f"filter_chains[{i}]", port.origin)
                if port.idle_timeout is not None and port.pool_origin is not None:
                    recorder.note(f"filter_chains[{i}].filters", port.pool_origin)
    _inspect(out, ports, mesh)
    clusters = {BLACK_HOLE, INBOUND_PASSTHROUGH, *(inbound_name(port.number) for port in ports)}
    return Resource(
        LISTENER,
        NAME,
        out.SerializeToString(deterministic=True),
        tuple(dict.fromkeys((PASSTHROUGH_KEY, *(key for port in ports for key in port.listener_origins)))),
        refs=tuple((CLUSTER, cluster) for cluster in sorted(clusters)),
        notes=recorder.notes(),
    )


def bound_inbound(port: InboundPort, bind: str, mesh: MeshConfig, *, recorder: Recorder) -> Resource:
    """Memoised step: a socket of the proxy's own for a port that a Sidecar names, where nothing is redirected."""
    out = Listener(name=f"{bind}_{port.number}", traffic_direction=TrafficDirection.INBOUND)
    out.address.socket_address.address = bind
    out.address.socket_address.port_value = port.number
    _fill(out, port, mesh, alone=True)
    if port.protocol is Protocol.UNSUPPORTED:
        out.listener_filters.append(listener_filter("http_inspector", HttpInspector()))
        _set_patience(out, mesh)
    recorder.note("", port.origin)
    return Resource(
        LISTENER,
        out.name,
        out.SerializeToString(deterministic=True),
        port.listener_origins,
        refs=((CLUSTER, inbound_name(port.number)),),
        notes=recorder.notes(),
    )


def _passthrough(out: Listener, mesh: MeshConfig) -> None:
    http = _plain(out, f"{NAME}-catchall-http", 0, http=True)
    routes = _routes(INBOUND_PASSTHROUGH, 0, "")
    http.filters.append(inbound_http("0.0.0.0_0", routes, mesh))
    _plain(out, NAME, 0, http=False).filters.append(tcp_proxy(INBOUND_PASSTHROUGH, mesh))


def _fill(out: Listener, port: InboundPort, mesh: MeshConfig, *, alone: bool = False) -> None:
    """Add the filter chains of a port: one for its protocol, two if that is to be found out. `alone`: all that the
    listener takes is for this port.
    """
    name, cluster, number = f"0.0.0.0_{port.number}", inbound_name(port.number), 0 if alone else port.number
    sniffed = port.protocol is Protocol.UNSUPPORTED
    if port.protocol.is_http or sniffed:
        hostname = port.service.hostname if port.service is not None else ""
        routes = _routes(cluster, port.service_port, hostname, retries=port.protocol not in _GRPC)
        web = port.protocol is Protocol.GRPC_WEB
        _plain(out, name, number, http=sniffed).filters.append(inbound_http(name, routes, mesh, grpc_web=web))
    if not port.protocol.is_http:
        _plain(out, name, number, http=False).filters.append(tcp_proxy(cluster, mesh, port.idle_timeout))


def _plain(out: Listener, name: str, port: int, *, http: bool) -> FilterChain:
    """Add a filter chain for plain text to a port (0: all others); `http`: only if the first bytes are HTTP."""
    chain = out.filter_chains.add(name=name)
    if port:
        chain.filter_chain_match.destination_port.value = port
    chain.filter_chain_match.transport_protocol = RAW
    if http:
        chain.filter_chain_match.application_protocols.extend(HTTP_ALPN)
    return chain


def _routes(cluster: str, port: int, hostname: str, *, retries: bool = True) -> RouteConfiguration:
    """Send every request to the workload. The client's sidecar has set the timeouts, so there are none here."""
    out = RouteConfiguration(name=cluster)
    out.validate_clusters.value = False
    host = out.virtual_hosts.add(name=f"inbound|http|{port}", domains=["*"])
    route = host.routes.add(name="default")
    route.match.prefix = "/"
    route.decorator.operation = f"{hostname}:{port}/*" if hostname else f":{port}/*"
    route.route.cluster = cluster
    route.route.timeout.SetInParent()
    route.route.max_stream_duration.max_stream_duration.SetInParent()
    route.route.max_stream_duration.grpc_timeout_header_max.SetInParent()
    if retries:
        # The workload closed a kept connection at the moment at which the request came: it has not seen the request.
        route.route.retry_policy.retry_on = "reset-before-request"
        route.route.retry_policy.num_retries.value = 2
    return out


def _inspect(out: Listener, ports: Iterable[InboundPort], mesh: MeshConfig) -> None:
    """Find out where connections were going, and what they speak unless that is declared: the server of a declared
    port may be the one that speaks first.
    """
    out.listener_filters.append(listener_filter("original_dst", OriginalDst()))
    inspector = out.listener_filters.add()
    inspector.CopyFrom(listener_filter("http_inspector", HttpInspector()))
    declared = sorted(
        {
            mesh.proxy_inbound_listen_port,
            *(port.number for port in ports if port.protocol is not Protocol.UNSUPPORTED),
        }
    )
    rules = [_on_port(port) for port in declared]
    if len(rules) == 1:
        inspector.filter_disabled.CopyFrom(rules[0])
    else:
        inspector.filter_disabled.or_match.rules.extend(rules)
    _set_patience(out, mesh)


def _set_patience(out: Listener, mesh: MeshConfig) -> None:
    """A client that says nothing within the mesh's time is taken to speak no HTTP."""
    out.continue_on_listener_filters_timeout = True
    set_duration(out.listener_filters_timeout, mesh.protocol_detection_timeout)


def _on_port(port: int) -> ListenerFilterChainMatchPredicate:
    out = ListenerFilterChainMatchPredicate()
    out.destination_port_range.start = port
    out.destination_port_range.end = port + 1
    return out
