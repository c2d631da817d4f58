"""Istio's DestinationRule: policies for traffic to a host (networking.istio.io; reference 1.3)."""

from __future__ import annotations

from typing import ClassVar, Literal

from msgspec import field

from translators.model.common import Duration, Int32, LabelSelector, PortSelector, UInt32, UInt64
from translators.model.meta import KubeObject, Struct

SimpleLB = Literal["UNSPECIFIED", "LEAST_CONN", "RANDOM", "PASSTHROUGH", "ROUND_ROBIN", "LEAST_REQUEST"]
H2UpgradePolicy = Literal["DEFAULT", "DO_NOT_UPGRADE", "UPGRADE"]
ClientTLSMode = Literal["DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL"]
ProxyProtocolVersion = Literal["V1", "V2"]


class CookieAttribute(Struct, frozen=True, kw_only=True):
    """An attribute of a generated cookie."""

    name: str = ""
    value: str = ""


class HTTPCookie(Struct, frozen=True, kw_only=True):
    """Hash on a cookie, generated if `ttl` is set and the cookie is absent."""

    name: str = ""
    path: str = ""
    ttl: Duration | None = None
    attributes: tuple[CookieAttribute, ...] = ()


class RingHash(Struct, frozen=True, kw_only=True):
    """Ring hash parameters."""

    minimum_ring_size: UInt64 = 0
    """0 means 1024."""


class MagLev(Struct, frozen=True, kw_only=True):
    """Maglev parameters."""

    table_size: UInt64 = 0
    """0 means 65537."""


class ConsistentHashLB(Struct, frozen=True, kw_only=True):
    """Stick to an endpoint by a hash."""

    http_header_name: str = ""
    http_cookie: HTTPCookie | None = None
    use_source_ip: bool = False
    http_query_parameter_name: str = ""
    ring_hash: RingHash | None = None
    maglev: MagLev | None = None
    minimum_ring_size: UInt64 = 0
    """Deprecated in favour of `ring_hash`."""


class Distribute(Struct, frozen=True, kw_only=True):
    """Shares of the traffic from one locality to others."""

    from_: str = field(default="", name="from")
    to: dict[str, UInt32] = {}


class Failover(Struct, frozen=True, kw_only=True):
    """Where traffic of a region goes when its endpoints fail."""

    from_: str = field(default="", name="from")
    to: str = ""


class LocalityLoadBalancerSetting(Struct, frozen=True, kw_only=True):
    """Load balancing by locality."""

    distribute: tuple[Distribute, ...] = ()
    failover: tuple[Failover, ...] = ()
    failover_priority: tuple[str, ...] = ()
    enabled: bool | None = None


class ZoneAwareLoadBalancerSetting(Struct, frozen=True, kw_only=True):
    """Envoy's zone-aware routing."""

    enabled: bool | None = None
    failover: tuple[Failover, ...] = ()
    failover_priority: tuple[str, ...] = ()
    min_cluster_size: UInt64 | None = None


class WarmupConfiguration(Struct, frozen=True, kw_only=True):
    """Slow start of new endpoints."""

    duration: Duration | None = None
    minimum_percent: float | None = None
    aggression: float | None = None


class LoadBalancerSettings(Struct, frozen=True, kw_only=True):
    """How an endpoint is chosen."""

    simple: SimpleLB | None = None
    consistent_hash: ConsistentHashLB | None = None
    locality_lb_setting: LocalityLoadBalancerSetting | None = None
    zone_aware_lb_setting: ZoneAwareLoadBalancerSetting | None = None
    warmup_duration_secs: Duration | None = None
    """Deprecated in favour of `warmup`."""
    warmup: WarmupConfiguration | None = None


class TcpKeepalive(Struct, frozen=True, kw_only=True):
    """TCP keepalive; zero values mean the operating system's."""

    probes: UInt32 = 0
    time: Duration | None = None
    interval: Duration | None = None


class TCPSettings(Struct, frozen=True, kw_only=True):
    """Limits of connections."""

    max_connections: Int32 = 0
    connect_timeout: Duration | None = None
    tcp_keepalive: TcpKeepalive | None = None
    max_connection_duration: Duration | None = None
    idle_timeout: Duration | None = None


class HTTP2Keepalive(Struct, frozen=True, kw_only=True):
    """HTTP/2 pings to the endpoint."""

    interval: Duration | None = None
    timeout: Duration | None = None


class HTTPSettings(Struct, frozen=True, kw_only=True):
    """Limits of requests. Zero means unset, as in Istio."""

    http1_max_pending_requests: Int32 = 0
    http2_max_requests: Int32 = 0
    max_requests_per_connection: Int32 = 0
    max_retries: Int32 = 0
    idle_timeout: Duration | None = None
    h2_upgrade_policy: H2UpgradePolicy = "DEFAULT"
    use_client_protocol: bool = False
    max_concurrent_streams: Int32 = 0
    http2_keep_alive: HTTP2Keepalive | None = None
    max_connections: Int32 = 0
    """Not a field of today's API: what `tcp.max_connections` says. It takes effect, with a warning."""
    max_pending_requests: Int32 = 0
    """Not a field of today's API: `http1_max_pending_requests`. It takes effect, with a warning."""


class ConnectionPoolSettings(Struct, frozen=True, kw_only=True):
    """Limits of connections and requests."""

    tcp: TCPSettings | None = None
    http: HTTPSettings | None = None


class OutlierDetection(Struct, frozen=True, kw_only=True):
    """When an endpoint is ejected."""

    consecutive_errors: Int32 = 0
    """Deprecated: today's `consecutive_5xx_errors`. It takes effect, with a warning."""
    split_external_local_origin_errors: bool = False
    consecutive_local_origin_failures: UInt32 | None = None
    consecutive_gateway_errors: UInt32 | None = None
    consecutive_5xx_errors: UInt32 | None = field(default=None, name="consecutive5xxErrors")
    interval: Duration | None = None
    base_ejection_time: Duration | None = None
    max_ejection_percent: Int32 = 0
    min_health_percent: Int32 = 0
    outlier_detection_http_error_codes: tuple[UInt32, ...] = ()


class ClientTLSSettings(Struct, frozen=True, kw_only=True):
    """TLS to the endpoint."""

    mode: ClientTLSMode = "DISABLE"
    client_certificate: str = ""
    private_key: str = ""
    ca_certificates: str = ""
    credential_name: str = ""
    subject_alt_names: tuple[str, ...] = ()
    sni: str = ""
    insecure_skip_verify: bool | None = None
    ca_crl: str = ""


class PortTrafficPolicy(Struct, frozen=True, kw_only=True):
    """The policy of one port; replaces the destination's blocks whole."""

    port: PortSelector | None = None
    load_balancer: LoadBalancerSettings | None = None
    connection_pool: ConnectionPoolSettings | None = None
    outlier_detection: OutlierDetection | None = None
    tls: ClientTLSSettings | None = None


class TunnelSettings(Struct, frozen=True, kw_only=True):
    """Tunnel TCP over HTTP."""

    protocol: str = ""
    target_host: str = ""
    target_port: UInt32 = 0


class ProxyProtocol(Struct, frozen=True, kw_only=True):
    """Send the PROXY protocol to the endpoint."""

    version: ProxyProtocolVersion = "V1"


class RetryBudget(Struct, frozen=True, kw_only=True):
    """Limit of concurrent retries relative to the requests."""

    percent: float | None = None
    min_retry_concurrency: UInt32 = 0
    budget_interval: Duration | None = None


class TrafficPolicy(Struct, frozen=True, kw_only=True):
    """All that a DestinationRule or a subset may say about traffic."""

    load_balancer: LoadBalancerSettings | None = None
    connection_pool: ConnectionPoolSettings | None = None
    outlier_detection: OutlierDetection | None = None
    tls: ClientTLSSettings | None = None
    port_level_settings: tuple[PortTrafficPolicy, ...] = ()
    tunnel: TunnelSettings | None = None
    proxy_protocol: ProxyProtocol | None = None
    retry_budget: RetryBudget | None = None


class Subset(Struct, frozen=True, kw_only=True):
    """A named part of a service's endpoints."""

    name: str = ""
    labels: dict[str, str] = {}
    traffic_policy: TrafficPolicy | None = None


class DestinationRuleSpec(Struct, frozen=True, kw_only=True):
    """The host and its policies."""

    host: str = ""
    traffic_policy: TrafficPolicy | None = None
    subsets: tuple[Subset, ...] = ()
    export_to: tuple[str, ...] = ()
    workload_selector: LabelSelector | None = None


class DestinationRule(KubeObject, frozen=True, kw_only=True):
    """Istio's DestinationRule."""

    KIND: ClassVar[str] = "DestinationRule"
    GROUP: ClassVar[str] = "networking.istio.io"

    spec: DestinationRuleSpec = DestinationRuleSpec()
