"""MeshConfig: settings of the whole mesh."""

from __future__ import annotations

from typing import Final

from translators.model.effects.destination_rule import CONNECTION_POOL, KEEPALIVE, LOCALITY, OUTLIER_DETECTION
from translators.model.effects.paths import under

MESH_CONFIG: Final[dict[str, str]] = {
    "connectTimeout": "`Cluster.connect_timeout`",
    **under(["tcpKeepalive"], KEEPALIVE),
    "accessLogFile": "`HttpConnectionManager.access_log`",
    "accessLogFormat": "`FileAccessLog.log_format`",
    "accessLogEncoding": "`FileAccessLog.log_format`",
    "defaultServiceExportTo": "which namespaces see a service that does not say so",
    "defaultVirtualServiceExportTo": "which namespaces see a VirtualService that does not say so",
    "defaultDestinationRuleExportTo": "which namespaces see a DestinationRule that does not say so",
    **under(["localityLbSetting"], LOCALITY | {"": "holds where no DestinationRule has a setting of its own"}),
    "discoverySelectors": "the namespaces whose objects are read",
    "proxyListenPort": "`Listener.address` of virtualOutbound",
    "proxyHttpPort": "`Listener.address` of a sidecar's HTTP proxy, with the routes `http_proxy`",
    "proxyInboundListenPort": "`Listener.address` of virtualInbound",
    "protocolDetectionTimeout": "`Listener.listener_filters_timeout` of sidecars",
    "inboundTrafficPolicy.mode": "LOCALHOST: inbound clusters lead to the loopback address",
    "dnsRefreshRate": "`Cluster.dns_refresh_rate`",
    "h2UpgradePolicy": "UPGRADE: `HttpProtocolOptions.explicit_http_config.http2_protocol_options` for HTTP ports",
    "outboundClusterStatName": "`Cluster.alt_stat_name`",
    "pathNormalization": "`HttpConnectionManager.normalize_path`, `HttpConnectionManager.merge_slashes`, "
    "`HttpConnectionManager.path_with_escaped_slashes_action`",
    "defaultHttpRetryPolicy": "`RouteAction.retry_policy` of routes without retries",
    "defaultHttpRetryPolicy.attempts": "`RetryPolicy.num_retries`",
    "defaultHttpRetryPolicy.perTryTimeout": "`RetryPolicy.per_try_timeout`",
    "defaultHttpRetryPolicy.retryOn": "`RetryPolicy.retry_on`, `RetryPolicy.retriable_status_codes`",
    "defaultHttpRetryPolicy.retryRemoteLocalities": "`RetryPolicy.retry_priority`",
    "defaultHttpRetryPolicy.retryIgnorePreviousHosts": "`RetryPolicy.retry_host_predicate`",
    "defaultHttpRetryPolicy.backoff": "`RetryPolicy.retry_back_off`",
    "tlsDefaults": "TLS to endpoints, and of servers of Gateways for what they do not say",
    "tlsDefaults.minProtocolVersion": "`TlsParameters.tls_minimum_protocol_version`",
    "tlsDefaults.ecdhCurves": "`TlsParameters.ecdh_curves`",
    "tlsDefaults.cipherSuites": "`TlsParameters.cipher_suites`",
    "defaultTrafficPolicy": "where no DestinationRule has such a block",
    **under(["defaultTrafficPolicy.connectionPool"], CONNECTION_POOL),
    **under(["defaultTrafficPolicy.outlierDetection"], OUTLIER_DETECTION),
}
