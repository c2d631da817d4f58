"""Rules for Istio's MeshConfig: the values of the keys that Pilotfish uses (reference 1.15)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from translators.model.decode import MESH_CONFIG_KEY
from translators.names import STAT_PATTERNS
from translators.validation.connection_policy import check_connection_pool, check_outlier_detection
from translators.validation.findings import Findings, quote
from translators.validation.gateway_tls import CIPHERS, CURVES
from translators.validation.http_policies import check_retries
from translators.validation.load_balancer import check_locality
from translators.validation.names import check_labels, is_lower_label
from translators.validation.values import HIGHEST_PORT, check_duration

if TYPE_CHECKING:
    from translators.model.mesh_config import MeshConfig, MeshTLSConfig
    from translators.model.origin import Diagnostic

_PATTERN: Final = re.compile(r"%[A-Z_]+%")


def validate_mesh_config(mesh: MeshConfig) -> tuple[Diagnostic, ...]:
    """Return what is wrong with the settings of the mesh, sorted by key. With an ERROR they are not taken over."""
    found = Findings(MESH_CONFIG_KEY)
    for name, port, lowest in (
        ("proxyListenPort", mesh.proxy_listen_port, 1),
        ("proxyInboundListenPort", mesh.proxy_inbound_listen_port, 1),
        ("proxyHttpPort", mesh.proxy_http_port, 0),
    ):
        if not lowest <= port <= HIGHEST_PORT:
            found.add("PF0290", name, f"{port} is not a port", f"write a number from {lowest} to {HIGHEST_PORT}")
    check_duration(found, "PF0291", "connectTimeout", mesh.connect_timeout, what="timeout")
    check_duration(found, "PF0291", "dnsRefreshRate", mesh.dns_refresh_rate)
    check_duration(found, "PF0291", "protocolDetectionTimeout", mesh.protocol_detection_timeout, zero=True)
    if mesh.tcp_keepalive is not None:
        check_duration(found, "PF0291", "tcpKeepalive.time", mesh.tcp_keepalive.time, zero=True)
        check_duration(found, "PF0291", "tcpKeepalive.interval", mesh.tcp_keepalive.interval, zero=True)
    for name, entries in (
        ("defaultServiceExportTo", mesh.default_service_export_to),
        ("defaultVirtualServiceExportTo", mesh.default_virtual_service_export_to),
        ("defaultDestinationRuleExportTo", mesh.default_destination_rule_export_to),
    ):
        _check_audience(found, name, entries)
    for unknown in sorted(set(_PATTERN.findall(mesh.outbound_cluster_stat_name)) - set(STAT_PATTERNS)):
        found.add(
            "PF0292",
            "outboundClusterStatName",
            f"{quote(unknown)} stands for nothing",
            f"write one of {', '.join(STAT_PATTERNS)}",
        )
    check_locality(found, "localityLbSetting", mesh.locality_lb_setting, outlier_detection=True)
    if mesh.default_http_retry_policy is not None:
        check_retries(found, "defaultHttpRetryPolicy", mesh.default_http_retry_policy)
    if mesh.tls_defaults is not None:
        _check_tls(found, "tlsDefaults", mesh.tls_defaults)
    if (default := mesh.default_traffic_policy) is not None:
        if default.connection_pool is not None:
            check_connection_pool(found, "defaultTrafficPolicy.connectionPool", default.connection_pool)
        if default.outlier_detection is not None:
            check_outlier_detection(found, "defaultTrafficPolicy.outlierDetection", default.outlier_detection)
    _check_discovery(found, mesh)
    return found.sorted()


def _check_audience(found: Findings, path: str, entries: tuple[str, ...]) -> None:
    for index, entry in enumerate(entries):
        if entry not in {"*", ".", "~"} and not is_lower_label(entry):
            found.add(
                "PF0284",
                f"{path}[{index}]",
                f"{quote(entry)} is not a namespace",
                'write a namespace, "." (the object\'s own) or "*" (all)',
            )


def _check_discovery(found: Findings, mesh: MeshConfig) -> None:
    """Check label selectors by Kubernetes' rules."""
    for index, selector in enumerate(mesh.discovery_selectors):
        path = f"discoverySelectors[{index}]"
        check_labels(found, f"{path}.matchLabels", selector.match_labels)
        for number, requirement in enumerate(selector.match_expressions):
            where = f"{path}.matchExpressions[{number}]"
            if not requirement.key:
                found.add("PF1144", f"{where}.key", "a condition needs the key of a label", "write the key")
            if (requirement.operator in {"In", "NotIn"}) != bool(requirement.values):
                wanted = "needs values" if not requirement.values else "takes no values"
                found.add(
                    "PF1144",
                    f"{where}.values",
                    f"{requirement.operator} {wanted}",
                    "In and NotIn have values, no other",
                )


def _check_tls(found: Findings, path: str, tls: MeshTLSConfig) -> None:
    """Envoy refuses every cluster that has a name which it does not know."""
    for name, values, known in (("cipherSuites", tls.cipher_suites, CIPHERS), ("ecdhCurves", tls.ecdh_curves, CURVES)):
        for index, value in enumerate(values):
            if value not in known:
                found.add(
                    "PF0293",
                    f"{path}.{name}[{index}]",
                    f"{quote(value)} is not known to Envoy",
                    f"write one or more of {', '.join(sorted(known))}",
                )
