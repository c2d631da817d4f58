"""What gRPC does not do of what routes and traffic policies ask for: no field is ignored in silence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from translators.assignments import chosen_endpoints
from translators.destination_rules import effective_policy
from translators.model.codes import diagnose
from translators.model.decode import MESH_CONFIG_KEY
from translators.model.destination_rule import HTTPSettings
from translators.model.origin import Origin
from translators.model.service import Protocol
from translators.names import cluster_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from translators.destination_rules import MergedRule
    from translators.model.destination_rule import ConnectionPoolSettings, LoadBalancerSettings
    from translators.model.mesh_config import MeshConfig
    from translators.model.origin import Diagnostic
    from translators.model.service import Endpoint, Service, ServicePort
    from translators.model.virtual_service import HTTPRetry, HTTPRoute
    from translators.recorder import Recorder

RETRIED: Final = frozenset({"cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable"})
"""The conditions of `retryOn` that gRPC knows (gRFC A44)."""
_MOST_ATTEMPTS: Final = 4
"""Five attempts in all (gRFC A6)."""

_NO_EJECTION: Final = "gRPC clients eject no endpoint because of consecutive errors"
_NO_TLS: Final = "a gRPC client uses the credentials that its channel was made with, and no others"

_BALANCERS: Final = frozenset({"UNSPECIFIED", "ROUND_ROBIN"})


OF_GRPC: Final = frozenset({"PF0490", "PF0491", "PF0595"})
"""What is said about ports only that RPCs may go to: in a mesh with Envoys most rules are for other traffic."""


def may_carry_rpcs(port: ServicePort) -> bool:
    """Whether a port is declared as one that RPCs go to, or not declared."""
    return port.protocol.is_http2 or port.protocol is Protocol.UNSUPPORTED


def ignored_by_grpc(http: HTTPRoute) -> Iterator[tuple[str, str]]:
    """Yield the fields of an HTTP route that a gRPC client ignores, or cannot do: field and reason."""
    if http.redirect is not None:
        yield "redirect", "a gRPC client follows no redirect: RPCs that take this route fail with UNAVAILABLE"
    if http.direct_response is not None:
        yield "directResponse", "a gRPC client gives no answers itself: RPCs that take this route fail with UNAVAILABLE"
    for field, value in (
        ("rewrite", http.rewrite),
        ("mirror", http.mirror),
        ("mirrors", http.mirrors),
        ("corsPolicy", http.cors_policy),
        ("headers", http.headers),
    ):
        if value:
            yield field, f"gRPC clients ignore {field}"
    for i, weighted in enumerate(http.route):
        if weighted.headers is not None:
            yield f"route[{i}].headers", "gRPC clients ignore headers"
    for j, match in enumerate(http.match):
        if match.stat_prefix:
            yield f"match[{j}].statPrefix", "gRPC clients count nothing by statPrefix"
    if http.retries is not None:
        yield from _retries(http.retries)


def mesh_remarks(mesh: MeshConfig, *, recorder: Recorder) -> tuple[Diagnostic, ...]:
    """Memoised step: what gRPC does not apply of the mesh's defaults."""
    del recorder
    found: list[tuple[str, str, str]] = []
    if mesh.default_http_retry_policy is not None:
        reasons = _retries(mesh.default_http_retry_policy)
        found += [
            ("PF0491", field.replace("retries", "defaultHttpRetryPolicy", 1), reason) for field, reason in reasons
        ]
    policy = mesh.default_traffic_policy
    if policy is not None:
        found += [("PF0595", f"defaultTrafficPolicy.connectionPool{at}", r) for at, r in _pool(policy.connection_pool)]
        if policy.outlier_detection is not None:
            found.append(("PF0595", "defaultTrafficPolicy.outlierDetection", _NO_EJECTION))
    return tuple(diagnose(code, reason, Origin(MESH_CONFIG_KEY, field)) for code, field, reason in found)


def _retries(retries: HTTPRetry) -> Iterator[tuple[str, str]]:
    for field, value in (
        ("perTryTimeout", retries.per_try_timeout),
        ("retryRemoteLocalities", retries.retry_remote_localities),
        ("retryIgnorePreviousHosts", retries.retry_ignore_previous_hosts),
    ):
        if value is not None:
            yield f"retries.{field}", f"gRPC clients ignore {field}"
    if retries.attempts > _MOST_ATTEMPTS:
        yield "retries.attempts", f"gRPC clients retry {_MOST_ATTEMPTS} times at most"
    asked = [word.strip() for word in retries.retry_on.split(",") if word.strip()]
    unknown = [word for word in asked if word not in RETRIED]
    if unknown:
        none = len(unknown) == len(asked)
        yield "retries.retryOn", f"gRPC clients do not retry on {', '.join(unknown)}{', and so not at all' * none}"


def policy_remarks(
    service: Service,
    port: ServicePort,
    subset: str,
    rule: MergedRule | None,
    endpoints: tuple[Endpoint, ...] | None,
    *,
    recorder: Recorder,
) -> tuple[Diagnostic, ...]:
    """Memoised step: what gRPC does not apply of the policy of a port, or of a subset of a service.

    `endpoints` only for services that are looked up in DNS.
    """
    del recorder
    policy = effective_policy(rule, port.number, subset)
    found = []
    for origin, reasons in (
        (policy.load_balancer_origin, _balancer(policy.load_balancer)),
        (policy.connection_pool_origin, _pool(policy.connection_pool)),
    ):
        if origin is not None:
            found += [diagnose("PF0595", reason, Origin(origin.key, f"{origin.path}{at}")) for at, reason in reasons]
    asks_for_tls = policy.tls is not None and policy.tls.mode != "DISABLE"
    for origin, what in (
        (policy.tls_origin if asks_for_tls else None, _NO_TLS),
        (policy.outlier_detection_origin, _NO_EJECTION),
        (policy.proxy_protocol_origin, "gRPC clients send no PROXY protocol"),
        (policy.retry_budget_origin, "gRPC clients ignore retryBudget"),
    ):
        if origin is not None:
            found.append(diagnose("PF0595", what, origin))
    if endpoints is not None and len(chosen := chosen_endpoints(endpoints, port, rule, subset)) > 1:
        found.append(
            diagnose(
                "PF0695",
                f"a gRPC client looks up one name: of the {len(chosen)} endpoints of "
                f"{cluster_name(port.number, subset, service.hostname)} it uses {chosen[0].address}",
                Origin(service.origin, "spec.endpoints"),
                hint="give each endpoint a subset and a weighted route, or use addresses and resolution: STATIC",
            )
        )
    return tuple(found)


def _balancer(settings: LoadBalancerSettings | None) -> Iterator[tuple[str, str]]:
    """Yield field, below loadBalancer, and reason."""
    if settings is None:
        return
    hashing = settings.consistent_hash
    if hashing is not None:
        if hashing.maglev is not None:
            yield ".consistentHash.maglev", "gRPC clients have no Maglev table: they use a ring"
        if hashing.http_cookie is not None or hashing.http_query_parameter_name:
            field = "httpCookie" if hashing.http_cookie is not None else "httpQueryParameterName"
            yield f".consistentHash.{field}", "an RPC has no such thing, so gRPC clients choose at random"
        if hashing.http_header_name.lower().endswith("-bin"):
            yield ".consistentHash.httpHeaderName", "gRPC clients do not hash binary metadata, and choose at random"
        if hashing.use_source_ip:
            yield (
                ".consistentHash.useSourceIp",
                "a gRPC client hashes by channel: each of them sticks to an endpoint",
            )
    elif settings.simple is not None and settings.simple not in _BALANCERS:
        yield ".simple", f"gRPC clients do not support {settings.simple}, and use ROUND_ROBIN"
    for field, value in (("warmup", settings.warmup), ("warmupDurationSecs", settings.warmup_duration_secs)):
        if value is not None:
            yield f".{field}", f"gRPC clients ignore {field}"


def _pool(settings: ConnectionPoolSettings | None) -> Iterator[tuple[str, str]]:
    """Yield field, below connectionPool, and reason."""
    if settings is None:
        return
    if settings.tcp is not None:
        yield ".tcp", "gRPC clients ignore connectionPool.tcp"
    if settings.http is not None and replace(settings.http, http2_max_requests=0) != HTTPSettings():
        yield ".http", "of connectionPool.http, gRPC clients apply http2MaxRequests alone"
