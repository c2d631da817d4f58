"""A gateway's listener: an address, and one filter chain or several (reference 2.5, 2.10, A.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from envoy.config.core.v3.address_pb2 import SocketAddress
from envoy.config.core.v3.base_pb2 import TrafficDirection
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.extensions.filters.listener.tls_inspector.v3.tls_inspector_pb2 import TlsInspector

from translators.gateways.connection_manager import set_connection_manager
from translators.gateways.servers import WILDCARD
from translators.messages import pack
from translators.resources import LISTENER, ROUTE, Resource

if TYPE_CHECKING:
    from translators.gateways.filter_chains import ChainFragment
    from translators.gateways.servers import MergedPort
    from translators.model.mesh_config import MeshConfig
    from translators.model.meta import ObjectKey
    from translators.recorder import Recorder

_TLS_INSPECTOR: Final = "envoy.filters.listener.tls_inspector"


def http_listener(port: MergedPort, mesh: MeshConfig, *, recorder: Recorder) -> Resource:
    """Memoised step: build the listener of plain HTTP servers. It refers to the port's RouteConfiguration."""
    head, tail = _head(port), _tail(port)
    set_connection_manager(
        head.filter_chains.add().filters.add(),
        port.route_name,
        f"outbound_{port.listener_name};",
        mesh,
        grpc_web=port.grpc_web,
    )
    return _resource(port, _encoded(head) + _encoded(tail), ((ROUTE, port.route_name),), recorder)


def listener(port: MergedPort, *chains: ChainFragment, recorder: Recorder) -> Resource:
    """Memoised step: build a listener of TLS or TCP servers from at least one filter chain."""
    refs: dict[tuple[str, str], None] = {}
    for i, chain in enumerate(chains):
        refs.update(dict.fromkeys(chain.refs))
        if recorder.active:
            recorder.include(f"filter_chains[{i}]", chain.notes)
    body = b"".join((_encoded(_head(port)), *[chain.body for chain in chains], _encoded(_tail(port))))
    origins = [key for chain in chains for key in chain.origins]
    return _resource(port, body, tuple(refs), recorder, origins)


def _head(port: MergedPort) -> Listener:
    """Build what comes before the filter chains in an encoded listener."""
    out = Listener(name=port.listener_name)
    if port.bind.startswith("unix://"):
        out.address.pipe.path = port.bind.removeprefix("unix://")
    else:
        out.address.socket_address.address = port.bind or WILDCARD
        out.address.socket_address.port_value = port.number
        if port.quic:
            out.address.socket_address.protocol = SocketAddress.UDP
    return out


def _tail(port: MergedPort) -> Listener:
    """Build what comes after them. Envoy does not look for the name in a TLS handshake unless it is told to."""
    out = Listener(traffic_direction=TrafficDirection.OUTBOUND)
    if port.quic:
        out.udp_listener_config.quic_options.SetInParent()
        out.udp_listener_config.downstream_socket_config.prefer_gro.value = True
    elif port.family == "TLS":
        pack(out.listener_filters.add(name=_TLS_INSPECTOR).typed_config, TlsInspector())
    return out


def _encoded(part: Listener) -> bytes:
    return part.SerializeToString(deterministic=True)


def _resource(
    port: MergedPort,
    body: bytes,
    refs: tuple[tuple[str, str], ...],
    recorder: Recorder,
    origins: list[ObjectKey] | None = None,
) -> Resource:
    if recorder.active:
        for field in port.fields:
            recorder.note("", field)
            recorder.note("address.socket_address.port_value", field)
    every = tuple(dict.fromkeys((*port.origins, *(origins or ()))))
    return Resource(LISTENER, port.listener_name, body, every, refs=refs, notes=recorder.notes())
