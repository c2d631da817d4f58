"""What a cluster speaks to its endpoints: HTTP/1.1, HTTP/2, or what the client speaks (reference 1.3, 2.7).

This is the typed extension `envoy.extensions.upstreams.http.v3.HttpProtocolOptions`; a plain HTTP/1.1 or TCP cluster
without any option has none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from envoy.extensions.upstreams.http.v3.http_protocol_options_pb2 import HttpProtocolOptions

from translators.messages import set_duration
from translators.model.service import Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envoy.config.cluster.v3.cluster_pb2 import Cluster
    from envoy.config.core.v3.protocol_pb2 import Http2ProtocolOptions

    from translators.clusters.upstream_tls import UpstreamTls
    from translators.destination_rules import EffectivePolicy
    from translators.model.common import Duration
    from translators.model.destination_rule import HTTPSettings

EXTENSION: Final = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
TYPE_URL: Final = f"type.googleapis.com/{EXTENSION}"


def _serialised(options: HttpProtocolOptions) -> bytes:
    return options.SerializeToString(deterministic=True)


def _plain_http2() -> bytes:
    options = HttpProtocolOptions()
    options.explicit_http_config.http2_protocol_options.SetInParent()
    return _serialised(options)


_PLAIN_HTTP2: Final = _plain_http2()


def apply_http_protocol_options(
    cluster: Cluster,
    protocol: Protocol,
    policy: EffectivePolicy,
    tls: UpstreamTls | None,
    *,
    mesh_upgrades: bool,
    sniffs: bool,
    names_each_host: bool,
) -> bool:
    """Write the options, if any are needed. Returns whether HTTP/2 is all that is spoken.

    `mesh_upgrades`: the mesh asks for HTTP/2 to plain HTTP ports. `sniffs`: the proxy learns the protocol of undeclared
    ports from its client (sidecars; gateways use what is declared). `names_each_host`: the cluster has no host but that
    of each request, so Envoy wants to be told what that means for TLS, even if there is none.
    """
    pool, outlier = policy.connection_pool, policy.outlier_detection
    http, tcp = (None, None) if pool is None else (pool.http, pool.tcp)
    max_duration = tcp.max_connection_duration if tcp is not None else None
    codes = outlier.outlier_detection_http_error_codes if outlier is not None else ()
    speaks_http2 = protocol.is_http2 or _upgrades(protocol, http, mesh_upgrades=mesh_upgrades)
    follows_client = (sniffs and protocol is Protocol.UNSUPPORTED) or (http is not None and http.use_client_protocol)
    of_request = names_each_host if tls is None else tls.takes_sni_from_request
    if not (max_duration or codes or follows_client or of_request or (http is not None and _has_options(http))):
        if speaks_http2:
            _write(cluster, _PLAIN_HTTP2)
        return speaks_http2
    options = HttpProtocolOptions()
    if of_request:
        options.upstream_http_protocol_options.auto_sni = True
        options.upstream_http_protocol_options.auto_san_validation = tls is None or tls.checks_name_of_request
    if follows_client:
        options.use_downstream_protocol_config.http_protocol_options.SetInParent()
        _http2(options.use_downstream_protocol_config.http2_protocol_options, http)
    elif speaks_http2:
        _http2(options.explicit_http_config.http2_protocol_options, http)
    _common(options, http, max_duration)
    _error_codes(options, codes)
    body = _serialised(options)
    if body and not follows_client and not speaks_http2:
        # Envoy demands that one of the protocols is chosen; HTTP/1.1 is what it speaks without the extension.
        options.explicit_http_config.http_protocol_options.SetInParent()
        body = _serialised(options)
    if body:
        _write(cluster, body)
    return speaks_http2 and not follows_client


def _common(options: HttpProtocolOptions, http: HTTPSettings | None, max_duration: Duration | None) -> None:
    """Write what does not depend on the version of HTTP."""
    if http is not None and http.idle_timeout is not None:
        set_duration(options.common_http_protocol_options.idle_timeout, http.idle_timeout)
    if http is not None and http.max_requests_per_connection > 0:
        options.common_http_protocol_options.max_requests_per_connection.value = http.max_requests_per_connection
    if max_duration:
        set_duration(options.common_http_protocol_options.max_connection_duration, max_duration)


def _http2(http2: Http2ProtocolOptions, http: HTTPSettings | None) -> None:
    """Choose HTTP/2, and write its limits."""
    http2.SetInParent()
    if http is None:
        return
    if http.max_concurrent_streams > 0:
        http2.max_concurrent_streams.value = http.max_concurrent_streams
    ping = http.http2_keep_alive
    if ping is not None and ping.interval and ping.timeout:
        set_duration(http2.connection_keepalive.interval, ping.interval)
        set_duration(http2.connection_keepalive.timeout, ping.timeout)


def _has_options(http: HTTPSettings) -> bool:
    """Whether any of the settings concerns the codec, rather than limits or the choice of the protocol."""
    return (
        http.idle_timeout is not None
        or http.max_requests_per_connection > 0
        or http.max_concurrent_streams > 0
        or http.http2_keep_alive is not None
    )


def _upgrades(protocol: Protocol, http: HTTPSettings | None, *, mesh_upgrades: bool) -> bool:
    """Whether plain HTTP/1.1 requests are sent on as HTTP/2 (h2UpgradePolicy of the rule, else of the mesh)."""
    if protocol is not Protocol.HTTP:
        return False
    if http is None or http.h2_upgrade_policy == "DEFAULT":
        return mesh_upgrades
    return http.h2_upgrade_policy == "UPGRADE"


def _error_codes(options: HttpProtocolOptions, codes: Iterable[int]) -> None:
    """Count responses with one of these statuses as errors of the endpoint, and no others."""
    wanted = sorted(set(codes))
    for code in wanted:
        matcher = options.outlier_detection.error_matcher
        # Envoy wants at least two rules in an "or".
        rule = matcher if len(wanted) == 1 else matcher.or_match.rules.add()
        header = rule.http_response_headers_match.headers.add()
        header.name = ":status"
        header.string_match.exact = str(code)


def _write(cluster: Cluster, body: bytes) -> None:
    extension = cluster.typed_extension_protocol_options[EXTENSION]
    extension.type_url = TYPE_URL
    extension.value = body
