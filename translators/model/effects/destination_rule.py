"""DestinationRule: clusters, and what routes and TCP proxies take from policies."""

from __future__ import annotations

from typing import Final

from translators.model.effects.paths import under

_LIMITS = "Cluster.circuit_breakers.thresholds"

LOCALITY: Final[dict[str, str]] = {
    "": "the next four; replaces the mesh's setting whole",
    "distribute": "`LocalityLbEndpoints.load_balancing_weight`; what gets no share is left out; "
    "`Cluster.common_lb_config.locality_weighted_lb_config`",
    "distribute[].from": "for which proxies it holds",
    "distribute[].to": "`LocalityLbEndpoints.load_balancing_weight`",
    "failover": "`LocalityLbEndpoints.priority`, with outlierDetection",
    "failoverPriority": "`LocalityLbEndpoints.priority`, with outlierDetection: by equal labels",
    "enabled": "false: no locality load balancing, not even the mesh's",
}

KEEPALIVE: Final[dict[str, str]] = {
    "": "`Cluster.upstream_connection_options.tcp_keepalive`",
    "probes": "`Cluster.upstream_connection_options.tcp_keepalive.keepalive_probes`",
    "time": "`Cluster.upstream_connection_options.tcp_keepalive.keepalive_time`",
    "interval": "`Cluster.upstream_connection_options.tcp_keepalive.keepalive_interval`",
}

CONNECTION_POOL: Final[dict[str, str]] = {
    "": "limits of connections and requests",
    "tcp.maxConnections": f"`{_LIMITS}.max_connections`",
    "tcp.connectTimeout": "`Cluster.connect_timeout`",
    **under(["tcp.tcpKeepalive"], KEEPALIVE),
    "tcp.idleTimeout": "`TcpProxy.idle_timeout`",
    "tcp.maxConnectionDuration": "`HttpProtocolOptions.common_http_protocol_options.max_connection_duration`",
    "http.http1MaxPendingRequests": f"`{_LIMITS}.max_pending_requests`",
    "http.http2MaxRequests": f"`{_LIMITS}.max_requests`",
    "http.maxRequestsPerConnection": "`HttpProtocolOptions.common_http_protocol_options.max_requests_per_connection`",
    "http.maxRetries": f"`{_LIMITS}.max_retries`",
    "http.idleTimeout": "`HttpProtocolOptions.common_http_protocol_options.idle_timeout`",
    "http.h2UpgradePolicy": "UPGRADE: `HttpProtocolOptions.explicit_http_config.http2_protocol_options` for HTTP ports",
    "http.useClientProtocol": "`HttpProtocolOptions.use_downstream_protocol_config`",
    "http.maxConcurrentStreams": "`Http2ProtocolOptions.max_concurrent_streams`, where HTTP/2 is spoken",
    "http.http2KeepAlive": "`Http2ProtocolOptions.connection_keepalive`, where HTTP/2 is spoken",
    "http.http2KeepAlive.interval": "`Http2ProtocolOptions.connection_keepalive.interval`",
    "http.http2KeepAlive.timeout": "`Http2ProtocolOptions.connection_keepalive.timeout`",
    "http.maxConnections": f"`{_LIMITS}.max_connections`",
    "http.maxPendingRequests": f"`{_LIMITS}.max_pending_requests`",
}

OUTLIER_DETECTION: Final[dict[str, str]] = {
    "": "`Cluster.outlier_detection`; with it, endpoints near the proxy come first (localityLbSetting)",
    "consecutiveErrors": "`OutlierDetection.consecutive_5xx`",
    "splitExternalLocalOriginErrors": "`OutlierDetection.split_external_local_origin_errors`",
    "consecutiveLocalOriginFailures": "`OutlierDetection.consecutive_local_origin_failure` and "
    "`OutlierDetection.enforcing_consecutive_local_origin_failure`, with splitExternalLocalOriginErrors",
    "consecutiveGatewayErrors": "`OutlierDetection.consecutive_gateway_failure` and "
    "`OutlierDetection.enforcing_consecutive_gateway_failure`",
    "consecutive5xxErrors": "`OutlierDetection.consecutive_5xx` and `OutlierDetection.enforcing_consecutive_5xx`",
    "interval": "`OutlierDetection.interval`",
    "baseEjectionTime": "`OutlierDetection.base_ejection_time`",
    "maxEjectionPercent": "`OutlierDetection.max_ejection_percent`",
    "minHealthPercent": "`Cluster.common_lb_config.healthy_panic_threshold`; above 0, unhealthy endpoints are not sent",
    "outlierDetectionHttpErrorCodes": "`HttpProtocolOptions.outlier_detection.error_matcher`",
}

_COOKIE = "`RouteAction.HashPolicy.Cookie"
_LOAD_BALANCER: Final[dict[str, str]] = {
    "": "`Cluster.lb_policy`",
    "simple": "`Cluster.lb_policy`; PASSTHROUGH: `Cluster.type` ORIGINAL_DST",
    "consistentHash": "`Cluster.lb_policy` RING_HASH or MAGLEV",
    "consistentHash.httpHeaderName": "`RouteAction.HashPolicy.header`",
    "consistentHash.httpCookie": "`RouteAction.HashPolicy.cookie`",
    "consistentHash.httpCookie.name": f"{_COOKIE}.name`",
    "consistentHash.httpCookie.path": f"{_COOKIE}.path`",
    "consistentHash.httpCookie.ttl": f"{_COOKIE}.ttl`",
    "consistentHash.httpCookie.attributes": f"{_COOKIE}.attributes`",
    "consistentHash.useSourceIp": "`RouteAction.HashPolicy.connection_properties`, `TcpProxy.hash_policy`",
    "consistentHash.httpQueryParameterName": "`RouteAction.HashPolicy.query_parameter`",
    "consistentHash.ringHash": "`Cluster.lb_policy` RING_HASH",
    "consistentHash.ringHash.minimumRingSize": "`Cluster.ring_hash_lb_config.minimum_ring_size`",
    "consistentHash.maglev": "`Cluster.lb_policy` MAGLEV",
    "consistentHash.maglev.tableSize": "`Cluster.maglev_lb_config.table_size`",
    "consistentHash.minimumRingSize": "`Cluster.ring_hash_lb_config.minimum_ring_size`",
    **under(["localityLbSetting"], LOCALITY),
    "warmupDurationSecs": "`Cluster.SlowStartConfig.slow_start_window`",
    "warmup": "`Cluster.SlowStartConfig`, with ROUND_ROBIN and LEAST_REQUEST",
    "warmup.duration": "`Cluster.SlowStartConfig.slow_start_window`",
    "warmup.minimumPercent": "`Cluster.SlowStartConfig.min_weight_percent`",
    "warmup.aggression": "`Cluster.SlowStartConfig.aggression`",
}

_VALIDATION = "CommonTlsContext.validation_context"
_TLS: Final[dict[str, str]] = {
    "": "`Cluster.transport_socket`: `UpstreamTlsContext`",
    "mode": "`Cluster.transport_socket`; ISTIO_MUTUAL: no endpoints (PF0690)",
    "clientCertificate": "`CommonTlsContext.tls_certificates.certificate_chain`",
    "privateKey": "`CommonTlsContext.tls_certificates.private_key`",
    "caCertificates": f"`{_VALIDATION}.trusted_ca`; without it the system's authorities",
    "credentialName": "no endpoints (PF0690): secrets are not sent to proxies that have not proved who they are",
    "subjectAltNames": f"`{_VALIDATION}.match_typed_subject_alt_names`; without them sni, else each request's host",
    "sni": "`UpstreamTlsContext.sni`; without it `UpstreamHttpProtocolOptions.auto_sni`",
    "insecureSkipVerify": f"no `{_VALIDATION}`",
    "caCrl": f"`{_VALIDATION}.crl`",
}

_PORT_POLICY: Final[dict[str, str]] = {
    **under(["loadBalancer"], _LOAD_BALANCER),
    **under(["connectionPool"], CONNECTION_POOL),
    **under(["outlierDetection"], OUTLIER_DETECTION),
    **under(["tls"], _TLS),
}
_POLICY: Final[dict[str, str]] = {
    "": "how traffic to the host is treated",
    **_PORT_POLICY,
    "portLevelSettings": "for one port, in place of loadBalancer, connectionPool, outlierDetection and tls",
    "portLevelSettings[].port": "which port",
    **under(["portLevelSettings[]"], _PORT_POLICY),
    "tunnel.protocol": "`TcpProxy.tunneling_config`, `TcpProxy.TunnelingConfig.use_post`",
    "tunnel.targetHost": "`TcpProxy.TunnelingConfig.hostname`",
    "tunnel.targetPort": "`TcpProxy.TunnelingConfig.hostname`",
    "proxyProtocol": "`Cluster.transport_socket`: `ProxyProtocolUpstreamTransport`",
    "proxyProtocol.version": "`ProxyProtocolConfig.version`",
    "retryBudget": f"`{_LIMITS}.retry_budget`",
    "retryBudget.percent": f"`{_LIMITS}.retry_budget.budget_percent`",
    "retryBudget.minRetryConcurrency": f"`{_LIMITS}.retry_budget.min_retry_concurrency`",
}

DESTINATION_RULE: Final[dict[str, str]] = {
    "spec.host": "which clusters it is for",
    **under(["spec.trafficPolicy"], _POLICY),
    "spec.subsets": "a cluster for each, `outbound|port|subset|host`",
    "spec.subsets[].name": "`Cluster.name`",
    "spec.subsets[].labels": "which endpoints are in its `ClusterLoadAssignment`",
    **under(["spec.subsets[].trafficPolicy"], _POLICY),
    "spec.exportTo": "which namespaces see it",
    "spec.workloadSelector": "which proxies of its namespace it is for",
}
