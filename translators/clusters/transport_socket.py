"""trafficPolicy.proxyProtocol: tell the endpoint, in a header before the first byte, who the client is.

https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/listener_filters/proxy_protocol (sending side)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from envoy.config.core.v3.base_pb2 import TransportSocket
from envoy.config.core.v3.proxy_protocol_pb2 import ProxyProtocolConfig
from envoy.extensions.transport_sockets.proxy_protocol.v3.upstream_proxy_protocol_pb2 import (
    ProxyProtocolUpstreamTransport,
)
from envoy.extensions.transport_sockets.raw_buffer.v3.raw_buffer_pb2 import RawBuffer

if TYPE_CHECKING:
    from envoy.config.cluster.v3.cluster_pb2 import Cluster

    from translators.model.destination_rule import ProxyProtocol


def _socket(version: ProxyProtocolConfig.Version) -> bytes:
    transport = ProxyProtocolUpstreamTransport()
    transport.config.SetInParent()
    transport.config.version = version
    transport.transport_socket.name = "envoy.transport_sockets.raw_buffer"
    transport.transport_socket.typed_config.Pack(RawBuffer(), deterministic=True)
    socket = TransportSocket(name="envoy.transport_sockets.upstream_proxy_protocol")
    socket.typed_config.Pack(transport, deterministic=True)
    return socket.SerializeToString(deterministic=True)


_SOCKETS: Final = {"V1": _socket(ProxyProtocolConfig.V1), "V2": _socket(ProxyProtocolConfig.V2)}


def apply_proxy_protocol(cluster: Cluster, settings: ProxyProtocol) -> None:
    """Send the PROXY protocol's header, version 1 (text) or 2 (binary), on each connection."""
    cluster.transport_socket.MergeFromString(_SOCKETS[settings.version])
