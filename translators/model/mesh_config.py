"""Istio's MeshConfig: settings of the whole mesh (mesh/v1alpha1; the keys that a Pilot reads, reference 1.15).

Defaults are Istio's. A key that is set but has no effect here yet gives a warning (translators.model.coverage).
"""

from __future__ import annotations

from typing import Literal

from translators.model.common import Duration, TLSProtocol, UInt32
from translators.model.destination_rule import (
    ConnectionPoolSettings,
    LocalityLoadBalancerSetting,
    OutlierDetection,
    TcpKeepalive,
    ZoneAwareLoadBalancerSetting,
)
from translators.model.discovery import NamespaceSelector
from translators.model.meta import Struct
from translators.model.virtual_service import HTTPRetry

MeshH2UpgradePolicy = Literal["DO_NOT_UPGRADE", "UPGRADE"]
AccessLogEncoding = Literal["TEXT", "JSON"]
OutboundMode = Literal["REGISTRY_ONLY", "ALLOW_ANY", "ALLOW_ANY_DYNAMIC_DNS"]
InboundMode = Literal["PASSTHROUGH", "LOCALHOST"]
IngressControllerMode = Literal["UNSPECIFIED", "OFF", "DEFAULT", "STRICT"]
Normalization = Literal["DEFAULT", "NONE", "BASE", "MERGE_SLASHES", "DECODE_AND_MERGE_SLASHES"]

SECOND = 1_000_000_000


class OutboundTrafficPolicy(Struct, frozen=True, kw_only=True):
    """What a sidecar does with traffic to unknown hosts."""

    mode: OutboundMode = "ALLOW_ANY"


class InboundTrafficPolicy(Struct, frozen=True, kw_only=True):
    """Where a sidecar sends inbound traffic to ports that no service names."""

    mode: InboundMode = "PASSTHROUGH"


class PathNormalization(Struct, frozen=True, kw_only=True):
    """How a proxy normalises paths."""

    normalization: Normalization = "DEFAULT"


class MeshTLSConfig(Struct, frozen=True, kw_only=True):
    """TLS parameters for a class of connections."""

    min_protocol_version: TLSProtocol = "TLS_AUTO"
    ecdh_curves: tuple[str, ...] = ()
    cipher_suites: tuple[str, ...] = ()


class DefaultProviders(Struct, frozen=True, kw_only=True):
    """Names of the extension providers used when nothing else is said."""

    tracing: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    access_logging: tuple[str, ...] = ()


class MeshTrafficPolicy(Struct, frozen=True, kw_only=True):
    """Defaults for every destination."""

    connection_pool: ConnectionPoolSettings | None = None
    outlier_detection: OutlierDetection | None = None


class MeshConfig(Struct, frozen=True, kw_only=True):
    """Settings of the mesh."""

    proxy_listen_port: UInt32 = 15001
    proxy_inbound_listen_port: UInt32 = 15006
    proxy_http_port: UInt32 = 0
    connect_timeout: Duration = Duration(10 * SECOND)
    protocol_detection_timeout: Duration = Duration(0)
    tcp_keepalive: TcpKeepalive | None = None
    ingress_class: str = "istio"
    ingress_service: str = "istio-ingressgateway"
    ingress_selector: str = "ingressgateway"
    ingress_controller_mode: IngressControllerMode = "STRICT"
    enable_tracing: bool = True
    access_log_file: str = ""
    access_log_format: str = ""
    access_log_encoding: AccessLogEncoding = "TEXT"
    enable_envoy_access_log_service: bool = False
    disable_envoy_listener_log: bool = False
    outbound_traffic_policy: OutboundTrafficPolicy = OutboundTrafficPolicy()
    inbound_traffic_policy: InboundTrafficPolicy = InboundTrafficPolicy()
    enable_auto_mtls: bool = True
    trust_domain: str = "cluster.local"
    trust_domain_aliases: tuple[str, ...] = ()
    default_service_export_to: tuple[str, ...] = ("*",)
    default_virtual_service_export_to: tuple[str, ...] = ("*",)
    default_destination_rule_export_to: tuple[str, ...] = ("*",)
    root_namespace: str = "istio-system"
    locality_lb_setting: LocalityLoadBalancerSetting = LocalityLoadBalancerSetting(enabled=True)
    zone_aware_lb_setting: ZoneAwareLoadBalancerSetting | None = None
    dns_refresh_rate: Duration = Duration(60 * SECOND)
    h2_upgrade_policy: MeshH2UpgradePolicy = "DO_NOT_UPGRADE"
    inbound_cluster_stat_name: str = ""
    outbound_cluster_stat_name: str = ""
    enable_prometheus_merge: bool = True
    verify_certificate_at_client: bool | None = None
    default_providers: DefaultProviders | None = None
    discovery_selectors: tuple[NamespaceSelector, ...] = ()
    path_normalization: PathNormalization = PathNormalization()
    default_http_retry_policy: HTTPRetry | None = None
    mesh_mtls: MeshTLSConfig | None = None
    tls_defaults: MeshTLSConfig | None = None
    default_traffic_policy: MeshTrafficPolicy | None = None
