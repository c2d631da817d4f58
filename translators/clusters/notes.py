"""Which field made which part of a cluster: only run with a recorder, never on the serving path."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Final

from translators.clusters.http_protocol_options import EXTENSION
from translators.model.origin import Origin

if TYPE_CHECKING:
    from envoy.config.cluster.v3.cluster_pb2 import Cluster

    from translators.destination_rules import EffectivePolicy, MergedRule
    from translators.model.service import Service
    from translators.recorder import Recorder

_LIMITS: Final = "circuit_breakers.thresholds[0]"
_HTTP: Final = f'typed_extension_protocol_options["{EXTENSION}"]'
_KEEPALIVE: Final = "upstream_connection_options.tcp_keepalive"

_FIELDS: Final = {
    "connection_pool": (
        ("http.max_connections", "http.maxConnections", f"{_LIMITS}.max_connections"),
        ("tcp.max_connections", "tcp.maxConnections", f"{_LIMITS}.max_connections"),
        ("tcp.connect_timeout", "tcp.connectTimeout", "connect_timeout"),
        ("tcp.tcp_keepalive", "tcp.tcpKeepalive", _KEEPALIVE),
        ("tcp.max_connection_duration", "tcp.maxConnectionDuration", _HTTP),
        ("http.max_pending_requests", "http.maxPendingRequests", f"{_LIMITS}.max_pending_requests"),
        ("http.http1_max_pending_requests", "http.http1MaxPendingRequests", f"{_LIMITS}.max_pending_requests"),
        ("http.http2_max_requests", "http.http2MaxRequests", f"{_LIMITS}.max_requests"),
        ("http.max_retries", "http.maxRetries", f"{_LIMITS}.max_retries"),
        ("http.max_requests_per_connection", "http.maxRequestsPerConnection", _HTTP),
        ("http.idle_timeout", "http.idleTimeout", _HTTP),
        ("http.use_client_protocol", "http.useClientProtocol", _HTTP),
        ("http.max_concurrent_streams", "http.maxConcurrentStreams", _HTTP),
        ("http.http2_keep_alive", "http.http2KeepAlive", _HTTP),
    ),
    "outlier_detection": (
        ("consecutive_errors", "consecutiveErrors", "outlier_detection.consecutive_5xx"),
        ("consecutive_5xx_errors", "consecutive5xxErrors", "outlier_detection.consecutive_5xx"),
        (
            "consecutive_gateway_errors",
            "consecutiveGatewayErrors",
            "outlier_detection.consecutive_gateway_failure",
        ),
        ("interval", "interval", "outlier_detection.interval"),
        ("base_ejection_time", "baseEjectionTime", "outlier_detection.base_ejection_time"),
        ("max_ejection_percent", "maxEjectionPercent", "outlier_detection.max_ejection_percent"),
        (
            "split_external_local_origin_errors",
            "splitExternalLocalOriginErrors",
            "outlier_detection.split_external_local_origin_errors",
        ),
        (
            "consecutive_local_origin_failures",
            "consecutiveLocalOriginFailures",
            "outlier_detection.consecutive_local_origin_failure",
        ),
        ("min_health_percent", "minHealthPercent", "common_lb_config.healthy_panic_threshold"),
        ("outlier_detection_http_error_codes", "outlierDetectionHttpErrorCodes", _HTTP),
    ),
    "load_balancer": (
        ("simple", "simple", "lb_policy"),
        ("consistent_hash", "consistentHash", "lb_policy"),
        ("consistent_hash.minimum_ring_size", "consistentHash.minimumRingSize", "ring_hash_lb_config"),
        ("consistent_hash.ring_hash.minimum_ring_size", "consistentHash.ringHash", "ring_hash_lb_config"),
        ("consistent_hash.maglev.table_size", "consistentHash.maglev.tableSize", "maglev_lb_config"),
        ("warmup", "warmup", "least_request_lb_config"),
        ("warmup", "warmup", "round_robin_lb_config"),
        ("warmup_duration_secs", "warmupDurationSecs", "least_request_lb_config"),
        ("warmup_duration_secs", "warmupDurationSecs", "round_robin_lb_config"),
    ),
    "retry_budget": (),
    "proxy_protocol": (),
    "tls": tuple(
        (ours, istio, "transport_socket")
        for ours, istio in (
            ("mode", "mode"),
            ("client_certificate", "clientCertificate"),
            ("private_key", "privateKey"),
            ("ca_certificates", "caCertificates"),
            ("ca_crl", "caCrl"),
            ("subject_alt_names", "subjectAltNames"),
            ("sni", "sni"),
            ("insecure_skip_verify", "insecureSkipVerify"),
        )
    ),
}
"""For each block of a policy: our name of a field, Istio's, and the part of the cluster that it makes. Where two fields
make one part, the one that wins comes last.
"""

_WHOLE: Final = {
    "outlier_detection": "outlier_detection",
    "retry_budget": f"{_LIMITS}.retry_budget",
    "proxy_protocol": "transport_socket",
}
"""Blocks that make a part of the cluster as a whole."""


def note_cluster(
    recorder: Recorder,
    cluster: Cluster,
    service: Service,
    policy: EffectivePolicy,
    rule: MergedRule | None,
    subset: str,
) -> None:
    """Note the origin of a cluster and of each part that a policy made."""
    recorder.note("", Origin(service.origin))
    if rule is not None and subset in rule.subsets:
        known = rule.subsets[subset]
        recorder.note("name", Origin(known.origin, known.path))
        if cluster.HasField("load_assignment"):
            recorder.note("load_assignment", Origin(known.origin, f"{known.path}.labels"))
    for block, fields in _FIELDS.items():
        origin = getattr(policy, f"{block}_origin")
        if origin is None:
            continue
        value = getattr(policy, block)
        whole = _WHOLE.get(block)
        if whole is not None and has(cluster, whole):  # gRPC does not take every block
            recorder.note(whole, origin)
        for ours, istio, path in fields:
            if _is_set(value, ours) and has(cluster, path):
                recorder.note(path, Origin(origin.key, f"{origin.path}.{istio}"))


def _is_set(block: object, path: str) -> bool:
    try:
        return attrgetter(path)(block) not in (None, 0, "", (), "UNSPECIFIED")
    except AttributeError:  # a message on the way is not set
        return False


def has(cluster: Cluster, path: str) -> bool:
    """Whether the part that a note names is in the cluster."""
    if path == _HTTP:
        return EXTENSION in cluster.typed_extension_protocol_options
    message: object = cluster
    for name in path.replace("[0]", "").split("."):
        if name == "lb_policy":
            return True
        if name == "thresholds":
            message = cluster.circuit_breakers.thresholds[0]
            continue
        value = getattr(message, name)
        field = type(message).DESCRIPTOR.fields_by_name[name]  # type: ignore[attr-defined] # a message
        if field.has_presence and not message.HasField(name):  # type: ignore[attr-defined] # a message
            return False
        message = value
    return True
