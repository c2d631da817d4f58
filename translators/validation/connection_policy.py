"""Rules for connectionPool and outlierDetection of a traffic policy (reference 4, "DestinationRule")."""

from __future__ import annotations

from typing import TYPE_CHECKING

from translators.validation.values import check_duration, check_percent

if TYPE_CHECKING:
    from translators.model.destination_rule import (
        ConnectionPoolSettings,
        HTTPSettings,
        OutlierDetection,
        TCPSettings,
    )
    from translators.validation.findings import Findings


def check_connection_pool(found: Findings, path: str, pool: ConnectionPoolSettings) -> None:
    """Check limits of connections and requests. Zero means unset."""
    if pool.tcp is None and pool.http is None:
        found.add("PF0515", path, "the connection pool says nothing", "add tcp or http, or remove it")
    if pool.tcp is not None:
        _check_tcp(found, f"{path}.tcp", pool.tcp)
    if pool.http is not None:
        _check_http(found, f"{path}.http", pool.http)


def _check_limit(found: Findings, path: str, value: int) -> None:
    if value < 0:
        found.add("PF0514", path, f"the limit {value} is negative", "write 0 for no limit, or a positive number")


def _check_tcp(found: Findings, path: str, tcp: TCPSettings) -> None:
    _check_limit(found, f"{path}.maxConnections", tcp.max_connections)
    check_duration(found, "PF0511", f"{path}.connectTimeout", tcp.connect_timeout, what="timeout")
    check_duration(found, "PF0511", f"{path}.maxConnectionDuration", tcp.max_connection_duration)
    check_duration(found, "PF0511", f"{path}.idleTimeout", tcp.idle_timeout, zero=True, what="timeout")
    if tcp.tcp_keepalive is not None:
        check_duration(found, "PF0511", f"{path}.tcpKeepalive.time", tcp.tcp_keepalive.time, zero=True)
        check_duration(found, "PF0511", f"{path}.tcpKeepalive.interval", tcp.tcp_keepalive.interval, zero=True)


def _check_http(found: Findings, path: str, http: HTTPSettings) -> None:
    for name, value in (
        ("http1MaxPendingRequests", http.http1_max_pending_requests),
        ("http2MaxRequests", http.http2_max_requests),
        ("maxRequestsPerConnection", http.max_requests_per_connection),
        ("maxRetries", http.max_retries),
        ("maxConcurrentStreams", http.max_concurrent_streams),
        ("maxConnections", http.max_connections),
        ("maxPendingRequests", http.max_pending_requests),
    ):
        _check_limit(found, f"{path}.{name}", value)
    check_duration(found, "PF0511", f"{path}.idleTimeout", http.idle_timeout, zero=True, what="timeout")
    if http.use_client_protocol and http.h2_upgrade_policy == "UPGRADE":
        found.add(
            "PF0516",
            f"{path}.useClientProtocol",
            "useClientProtocol keeps the client's protocol, and h2UpgradePolicy UPGRADE changes it",
            "keep one of them",
        )
    if (alive := http.http2_keep_alive) is not None:
        for name, span in (("interval", alive.interval), ("timeout", alive.timeout)):
            if span is None:
                found.add("PF0517", f"{path}.http2KeepAlive.{name}", f"{name} is missing", "give interval and timeout")
            check_duration(found, "PF0511", f"{path}.http2KeepAlive.{name}", span)


def check_outlier_detection(found: Findings, path: str, detection: OutlierDetection) -> None:
    """Check when endpoints are ejected."""
    check_duration(found, "PF0511", f"{path}.interval", detection.interval)
    check_duration(found, "PF0511", f"{path}.baseEjectionTime", detection.base_ejection_time)
    check_percent(found, "PF0510", f"{path}.maxEjectionPercent", detection.max_ejection_percent)
    check_percent(found, "PF0510", f"{path}.minHealthPercent", detection.min_health_percent)
    if detection.consecutive_errors < 0:
        found.add(
            "PF0514", f"{path}.consecutiveErrors", f"{detection.consecutive_errors} is negative", "write 0 or more"
        )
    if detection.consecutive_local_origin_failures and not detection.split_external_local_origin_errors:
        found.add(
            "PF0512",
            f"{path}.consecutiveLocalOriginFailures",
            "local failures are counted apart only with splitExternalLocalOriginErrors",
            "add splitExternalLocalOriginErrors: true",
        )
    for index, code in enumerate(detection.outlier_detection_http_error_codes):
        if not 100 <= code <= 599:
            found.add(
                "PF0513",
                f"{path}.outlierDetectionHttpErrorCodes[{index}]",
                f"{code} is not an HTTP status",
                "write 500",
            )
