"""A gateway's HTTP connection manager, which gets its routes by RDS (reference 2.5, A.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from envoy.config.core.v3.config_source_pb2 import ApiVersion
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
)
from envoy.extensions.request_id.uuid.v3.uuid_pb2 import UuidRequestIdConfig

from translators.gateways.access_log import access_log
from translators.gateways.filters import encoded_filters
from translators.messages import pack

if TYPE_CHECKING:
    from envoy.config.listener.v3.listener_components_pb2 import Filter

    from translators.model.mesh_config import MeshConfig, PathNormalization

_NAME: Final = "envoy.filters.network.http_connection_manager"


def _base() -> HttpConnectionManager:
    """Build what is the same on every gateway."""
    manager = HttpConnectionManager(
        codec_type=HttpConnectionManager.AUTO,
        server_name="istio-envoy",
        # The client's certificate is shown to the service, and what the client claims in that header is thrown away.
        forward_client_cert_details=HttpConnectionManager.SANITIZE_SET,
        path_with_escaped_slashes_action=HttpConnectionManager.KEEP_UNCHANGED,
    )
    manager.use_remote_address.value = True
    manager.set_current_client_cert_details.subject.value = True
    manager.set_current_client_cert_details.cert = True
    manager.set_current_client_cert_details.dns = True
    manager.set_current_client_cert_details.uri = True
    manager.normalize_path.value = True
    manager.stream_idle_timeout.SetInParent()
    manager.upgrade_configs.add(upgrade_type="websocket")
    request_id = UuidRequestIdConfig()
    request_id.use_request_id_for_trace_sampling.value = True
    pack(manager.request_id_extension.typed_config, request_id)
    source = manager.rds.config_source
    source.ads.SetInParent()
    source.initial_fetch_timeout.SetInParent()
    source.resource_api_version = ApiVersion.V3
    return manager


_BASE: Final = _base()


def set_connection_manager(
    out: Filter,
    route_name: str,
    stat_prefix: str,
    mesh: MeshConfig,
    *,
    grpc_web: bool,
    http3: bool = False,
    http10: bool = False,
) -> None:
    """Write the network filter that serves the RouteConfiguration `route_name`."""
    manager = HttpConnectionManager()
    manager.CopyFrom(_BASE)
    manager.stat_prefix = stat_prefix
    manager.rds.route_config_name = route_name
    if http3:
        manager.codec_type = HttpConnectionManager.HTTP3
        manager.http3_protocol_options.SetInParent()
    if http10 and not http3:
        manager.http_protocol_options.accept_http_10 = True
    _set_normalization(manager, mesh.path_normalization)
    manager.MergeFromString(encoded_filters(grpc_web=grpc_web))
    log = access_log(mesh)
    if log is not None:
        manager.access_log.append(log)
    out.name = _NAME
    pack(out.typed_config, manager)


def _set_normalization(manager: HttpConnectionManager, path: PathNormalization) -> None:
    """Write how paths are normalised. DEFAULT is BASE: dot segments are resolved, slashes stay."""
    if path.normalization == "NONE":
        manager.normalize_path.value = False
    elif path.normalization == "MERGE_SLASHES":
        manager.merge_slashes = True
    elif path.normalization == "DECODE_AND_MERGE_SLASHES":
        manager.merge_slashes = True
        manager.path_with_escaped_slashes_action = HttpConnectionManager.UNESCAPE_AND_FORWARD
