"""VirtualService: routes."""

from __future__ import annotations

from typing import Final

from translators.model.effects.paths import under

_DESTINATION: Final[dict[str, str]] = {
    "": "`RouteAction.cluster`",
    "host": "`RouteAction.cluster`",
    "subset": "`RouteAction.cluster`",
    "port": "`RouteAction.cluster`",
}
_HEADERS: Final[dict[str, str]] = {
    "request.set": "`Route.request_headers_to_add`; authority: `RouteAction.host_rewrite_literal`",
    "request.add": "`Route.request_headers_to_add`",
    "request.remove": "`Route.request_headers_to_remove`",
    "response.set": "`Route.response_headers_to_add`",
    "response.add": "`Route.response_headers_to_add`",
    "response.remove": "`Route.response_headers_to_remove`",
}
_MATCH: Final[dict[str, str]] = {
    "name": "`Route.name`",
    "uri.exact": "`RouteMatch.path`",
    "uri.prefix": "`RouteMatch.prefix`",
    "uri.regex": "`RouteMatch.safe_regex`",
    "scheme": "`RouteMatch.headers`, of :scheme",
    "method": "`RouteMatch.headers`, of :method",
    "authority": "`RouteMatch.headers`, of :authority",
    "headers": "`RouteMatch.headers`; a claim of a token: `RouteMatch.dynamic_metadata`",
    "port": "on which ports there is a route",
    "sourceLabels": "which proxies have the route",
    "gateways": "which gateways have the route",
    "queryParams": "`RouteMatch.query_parameters`",
    "ignoreUriCase": "`RouteMatch.case_sensitive`",
    "withoutHeaders": "`HeaderMatcher.invert_match`",
    "sourceNamespace": "which proxies have the route",
    "statPrefix": "`Route.stat_prefix`",
}
_CORS: Final[dict[str, str]] = {
    "": "`Route.typed_per_filter_config`: `CorsPolicy`",
    "allowOrigin": "`CorsPolicy.allow_origin_string_match`",
    "allowOrigins": "`CorsPolicy.allow_origin_string_match`",
    "allowMethods": "`CorsPolicy.allow_methods`",
    "allowHeaders": "`CorsPolicy.allow_headers`",
    "exposeHeaders": "`CorsPolicy.expose_headers`",
    "maxAge": "`CorsPolicy.max_age`",
    "allowCredentials": "`CorsPolicy.allow_credentials`",
    "unmatchedPreflights": "`CorsPolicy.forward_not_matching_preflights`",
}
_FAULT: Final[dict[str, str]] = {
    "": "`Route.typed_per_filter_config`: `HTTPFault`",
    "delay.percent": "`HTTPFault.delay.percentage`",
    "delay.fixedDelay": "`HTTPFault.delay.fixed_delay`",
    "delay.percentage": "`HTTPFault.delay.percentage`",
    "abort.percent": "`HTTPFault.abort.percentage`",
    "abort.httpStatus": "`HTTPFault.abort.http_status`",
    "abort.grpcStatus": "`HTTPFault.abort.grpc_status`",
    "abort.percentage": "`HTTPFault.abort.percentage`",
}
_HTTP: Final[dict[str, str]] = {
    "": "routes, in their order",
    "name": "`Route.name`",
    "match": "`Route.match`: a route for each",
    **under(["match[]"], _MATCH),
    "route": "`Route.route`: several are `RouteAction.weighted_clusters`",
    **under(["route[].destination"], _DESTINATION),
    "route[].weight": "`WeightedCluster.ClusterWeight.weight`",
    **under(
        ["route[].headers"], {k: v.replace("`Route.", "`WeightedCluster.ClusterWeight.") for k, v in _HEADERS.items()}
    ),
    "redirect": "`Route.redirect`",
    "redirect.uri": "`RedirectAction.path_redirect`",
    "redirect.authority": "`RedirectAction.host_redirect`",
    "redirect.port": "`RedirectAction.port_redirect`",
    "redirect.derivePort": "`RedirectAction.port_redirect`",
    "redirect.scheme": "`RedirectAction.scheme_redirect`",
    "redirect.redirectCode": "`RedirectAction.response_code`",
    "redirect.prefixRewrite": "`RedirectAction.prefix_rewrite`",
    "directResponse": "`Route.direct_response`",
    "directResponse.status": "`DirectResponseAction.status`",
    "directResponse.body": "`DirectResponseAction.body`",
    "delegate": "routes of the VirtualService that it names, in this place",
    "delegate.name": "which VirtualService",
    "delegate.namespace": "which VirtualService",
    "rewrite.uri": "`RouteAction.prefix_rewrite`, or `RouteAction.regex_rewrite`",
    "rewrite.authority": "`RouteAction.host_rewrite_literal`",
    "rewrite.uriRegexRewrite": "`RouteAction.regex_rewrite`",
    "timeout": "`RouteAction.timeout`, `RouteAction.max_grpc_timeout`",
    "retries": "`RouteAction.retry_policy`",
    "retries.attempts": "`RetryPolicy.num_retries`",
    "retries.perTryTimeout": "`RetryPolicy.per_try_timeout`",
    "retries.retryOn": "`RetryPolicy.retry_on`, `RetryPolicy.retriable_status_codes`",
    "retries.retryRemoteLocalities": "`RetryPolicy.retry_priority`",
    "retries.retryIgnorePreviousHosts": "`RetryPolicy.retry_host_predicate`",
    "retries.backoff": "`RetryPolicy.retry_back_off`",
    **under(["fault"], _FAULT),
    "mirror": "`RouteAction.request_mirror_policies`",
    "mirrors": "`RouteAction.request_mirror_policies`",
    "mirrors[].destination": "`RouteAction.RequestMirrorPolicy.cluster`",
    "mirrors[].percentage": "`RouteAction.RequestMirrorPolicy.runtime_fraction`",
    "mirrorPercent": "`RouteAction.RequestMirrorPolicy.runtime_fraction`",
    "mirrorPercentage": "`RouteAction.RequestMirrorPolicy.runtime_fraction`",
    **under(["corsPolicy"], _CORS),
    **under(["headers"], _HEADERS),
}

_L4: Final[dict[str, str]] = {
    "match": "a `FilterChain` for each",
    "match[].destinationSubnets": "`FilterChainMatch.prefix_ranges`",
    "match[].port": "which ports of a Gateway or service it is for",
    "match[].sourceLabels": "which proxies have it",
    "match[].gateways": "which gateways have it",
    "match[].sourceNamespace": "which proxies have it",
    "route": "`TcpProxy.cluster` or `TcpProxy.weighted_clusters`",
    "route[].destination": "`TcpProxy.cluster`",
    "route[].weight": "`TcpProxy.WeightedCluster.ClusterWeight.weight`",
}

VIRTUAL_SERVICE: Final[dict[str, str]] = {
    "spec.hosts": "`VirtualHost.domains`",
    "spec.gateways": "which gateways have its routes",
    **under(["spec.http"], {"": _HTTP[""]}),
    **under(["spec.http[]"], {name: effect for name, effect in _HTTP.items() if name}),
    **under(["spec.tls[]", "spec.tcp[]"], _L4),
    "spec.tls[].match[].sniHosts": "`FilterChainMatch.server_names`",
    "spec.exportTo": "which namespaces see it",
}
