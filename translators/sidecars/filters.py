"""Network filters of a sidecar: HTTP connection managers and TCP proxies (reference 2.5, A.1, A.3).

Stock Envoy's filters only, in Istio's order. What is the same on every sidecar is built once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from envoy.config.core.v3.config_source_pb2 import ApiVersion
from envoy.config.listener.v3.listener_components_pb2 import Filter
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
)
from envoy.extensions.filters.network.tcp_proxy.v3.tcp_proxy_pb2 import TcpProxy
from envoy.extensions.request_id.uuid.v3.uuid_pb2 import UuidRequestIdConfig

from translators.gateways.access_log import access_log
from translators.gateways.filters import encoded_filters
from translators.messages import pack, set_duration

if TYPE_CHECKING:
    from envoy.config.route.v3.route_pb2 import RouteConfiguration

    from translators.model.common import Duration
    from translators.model.mesh_config import MeshConfig

_HCM: Final = "envoy.filters.network.http_connection_manager"
TCP_PROXY: Final = "envoy.filters.network.tcp_proxy"


def _base() -> HttpConnectionManager:
    """Build what is the same in both directions."""
    manager = HttpConnectionManager(
        codec_type=HttpConnectionManager.AUTO,
        path_with_escaped_slashes_action=HttpConnectionManager.KEEP_UNCHANGED,
    )
    # The peer is the workload itself or another proxy of the mesh: what it says about the client is kept.
    manager.use_remote_address.value = False
    manager.normalize_path.value = True
    manager.stream_idle_timeout.SetInParent()
    manager.upgrade_configs.add(upgrade_type="websocket")
    request_id = UuidRequestIdConfig()
    request_id.use_request_id_for_trace_sampling.value = True
    pack(manager.request_id_extension.typed_config, request_id)
    manager.MergeFromString(encoded_filters(grpc_web=False))
    return manager


def _outbound() -> HttpConnectionManager:
    """Routes come by RDS. No server_name: answers of Envoy itself say `envoy`, as on Istio's sidecars."""
    manager = _base()
    source = manager.rds.config_source
    source.ads.SetInParent()
    source.initial_fetch_timeout.SetInParent()
    source.resource_api_version = ApiVersion.V3
    return manager


def _inbound() -> HttpConnectionManager:
    manager = _base()
    manager.server_name = "istio-envoy"
    # The client's certificate is added to what proxies before us said.
    manager.forward_client_cert_details = HttpConnectionManager.APPEND_FORWARD
    manager.set_current_client_cert_details.subject.value = True
    manager.set_current_client_cert_details.dns = True
    manager.set_current_client_cert_details.uri = True
    return manager


_OUTBOUND: Final = _outbound()
_INBOUND: Final = _inbound()


def outbound_http(name: str, route_name: str, mesh: MeshConfig) -> Filter:
    """Return the HTTP filter of an outbound listener called `name`, with its routes from `route_name`."""
    manager = HttpConnectionManager()
    manager.CopyFrom(_OUTBOUND)
    manager.stat_prefix = f"outbound_{name};"
    manager.rds.route_config_name = route_name
    return _http(manager, mesh)


def inbound_http(name: str, routes: RouteConfiguration, mesh: MeshConfig) -> Filter:
    """Return the HTTP filter of an inbound filter chain called `name`, with its routes inside."""
    manager = HttpConnectionManager()
    manager.CopyFrom(_INBOUND)
    manager.stat_prefix = f"inbound_{name};"
    manager.route_config.CopyFrom(routes)
    return _http(manager, mesh)


def tcp_proxy(cluster: str, mesh: MeshConfig, idle_timeout: Duration | None = None) -> Filter:
    """Return the filter that sends a connection to a cluster."""
    proxy = TcpProxy(stat_prefix=cluster, cluster=cluster)
    if idle_timeout:
        set_duration(proxy.idle_timeout, idle_timeout)
    log = access_log(mesh)
    if log is not None:
        proxy.access_log.append(log)
    out = Filter(name=TCP_PROXY)
    pack(out.typed_config, proxy)
    return out


def _http(manager: HttpConnectionManager, mesh: MeshConfig) -> Filter:
    path = mesh.path_normalization.normalization
    if path == "NONE":
        manager.normalize_path.value = False
    elif path in {"MERGE_SLASHES", "DECODE_AND_MERGE_SLASHES"}:
        manager.merge_slashes = True
        if path == "DECODE_AND_MERGE_SLASHES":
            manager.path_with_escaped_slashes_action = HttpConnectionManager.UNESCAPE_AND_FORWARD
    log = access_log(mesh)
    if log is not None:
        manager.access_log.append(log)
    out = Filter(name=_HCM)
    pack(out.typed_config, manager)
    return out
