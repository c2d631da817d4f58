"""trafficPolicy.connectionPool and retryBudget: limits of connections and requests (reference 1.3, 2.7).

Zero means unset, as in Istio. Options of the HTTP codec are in `http_protocol_options`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from translators.messages import set_duration

if TYPE_CHECKING:
    from envoy.config.cluster.v3.circuit_breaker_pb2 import CircuitBreakers
    from envoy.config.cluster.v3.cluster_pb2 import Cluster
    from envoy.config.core.v3.address_pb2 import TcpKeepalive as EnvoyKeepalive

    from translators.model.destination_rule import ConnectionPoolSettings, RetryBudget, TcpKeepalive

UNLIMITED: Final = 4294967295
"""Istio's default for all four limits, in place of Envoy's 1024, 1024, 1024 and 3."""
_RETRY_PERCENT: Final = 20.0


def apply_connection_pool(cluster: Cluster, settings: ConnectionPoolSettings) -> None:
    """Set limits and the connect timeout of a cluster whose thresholds are all unlimited so far."""
    limits = cluster.circuit_breakers.thresholds[0]
    http, tcp = settings.http, settings.tcp
    if http is not None:
        # http.maxPendingRequests and http.maxConnections are old names; today's field wins if both are set.
        pending = http.http1_max_pending_requests or http.max_pending_requests
        if pending > 0:
            limits.max_pending_requests.value = pending
        if http.http2_max_requests > 0:
            limits.max_requests.value = http.http2_max_requests
        if http.max_retries > 0:
            limits.max_retries.value = http.max_retries
        if http.max_connections > 0:
            limits.max_connections.value = http.max_connections
    if tcp is not None:
        if tcp.max_connections > 0:
            limits.max_connections.value = tcp.max_connections
        if tcp.connect_timeout:
            set_duration(cluster.connect_timeout, tcp.connect_timeout)


def apply_keepalive(cluster: Cluster, *layers: TcpKeepalive | None) -> None:
    """Set TCP keepalive, from the mesh's setting to the rule's: each field of a later one overrides."""
    for settings in layers:
        if settings is not None:
            cluster.upstream_connection_options.tcp_keepalive.SetInParent()
            _keepalive(cluster.upstream_connection_options.tcp_keepalive, settings)


def _keepalive(keepalive: EnvoyKeepalive, settings: TcpKeepalive) -> None:
    if settings.probes:
        keepalive.keepalive_probes.value = settings.probes
    if settings.time:
        keepalive.keepalive_time.value = settings.time.seconds
    if settings.interval:
        keepalive.keepalive_interval.value = settings.interval.seconds


def apply_retry_budget(thresholds: CircuitBreakers.Thresholds, budget: RetryBudget) -> None:
    """Limit retries to a share of the requests; Envoy then ignores `max_retries`."""
    percent = budget.percent
    thresholds.retry_budget.budget_percent.value = _RETRY_PERCENT if percent is None else percent
    if budget.min_retry_concurrency:
        thresholds.retry_budget.min_retry_concurrency.value = budget.min_retry_concurrency
