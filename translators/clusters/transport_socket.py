"""What a connection to an endpoint is wrapped in: TLS, and the PROXY protocol's header that says who the client is.

https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/listener_filters/proxy_protocol (sending side)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from envoy.config.core.v3.proxy_protocol_pb2 import ProxyProtocolConfig
from envoy.extensions.transport_sockets.proxy_protocol.v3.upstream_proxy_protocol_pb2 import (
    ProxyProtocolUpstreamTransport,
)
from envoy.extensions.transport_sockets.raw_buffer.v3.raw_buffer_pb2 import RawBuffer

from translators.messages import pack

if TYPE_CHECKING:
    from envoy.config.cluster.v3.cluster_pb2 import Cluster
    from envoy.config.core.v3.base_pb2 import TransportSocket

    from translators.model.destination_rule import ProxyProtocol


_VERSIONS: Final = {"V1": ProxyProtocolConfig.V1, "V2": ProxyProtocolConfig.V2}


def apply_transport_socket(cluster: Cluster, tls: TransportSocket | None, proxy_protocol: ProxyProtocol | None) -> None:
    """Write how bytes get to the endpoint: as they are (nothing is written), in TLS, and before either of them perhaps
    the PROXY protocol's header, version 1 (text) or 2 (binary).
    """
    if proxy_protocol is None:
        if tls is not None:
            cluster.transport_socket.CopyFrom(tls)
        return
    transport = ProxyProtocolUpstreamTransport()
    transport.config.version = _VERSIONS[proxy_protocol.version]
    transport.config.SetInParent()
    if tls is not None:
        transport.transport_socket.CopyFrom(tls)
    else:
        transport.transport_socket.name = "envoy.transport_sockets.raw_buffer"
        pack(transport.transport_socket.typed_config, RawBuffer())
    cluster.transport_socket.name = "envoy.transport_sockets.upstream_proxy_protocol"
    pack(cluster.transport_socket.typed_config, transport)
