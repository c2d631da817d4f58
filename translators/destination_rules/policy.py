"""EffectivePolicy: what holds for one port of one subset, and which field says so (reference 3.8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from translators.model.origin import Origin

if TYPE_CHECKING:
    from translators.model.destination_rule import (
        ClientTLSSettings,
        ConnectionPoolSettings,
        LoadBalancerSettings,
        OutlierDetection,
        ProxyProtocol,
        RetryBudget,
        TrafficPolicy,
        TunnelSettings,
    )


class EffectivePolicy(NamedTuple):
    """The blocks of a traffic policy that hold, each with the origin of the whole block. None: Istio's default."""

    load_balancer: LoadBalancerSettings | None = None
    load_balancer_origin: Origin | None = None
    connection_pool: ConnectionPoolSettings | None = None
    connection_pool_origin: Origin | None = None
    outlier_detection: OutlierDetection | None = None
    outlier_detection_origin: Origin | None = None
    tls: ClientTLSSettings | None = None
    tls_origin: Origin | None = None
    tunnel: TunnelSettings | None = None
    tunnel_origin: Origin | None = None
    proxy_protocol: ProxyProtocol | None = None
    proxy_protocol_origin: Origin | None = None
    retry_budget: RetryBudget | None = None
    retry_budget_origin: Origin | None = None


NO_POLICY = EffectivePolicy()

_PORT_BLOCKS = (
    ("load_balancer", "loadBalancer"),
    ("connection_pool", "connectionPool"),
    ("outlier_detection", "outlierDetection"),
    ("tls", "tls"),
)
_BLOCKS = (
    *_PORT_BLOCKS,
    ("tunnel", "tunnel"),
    ("proxy_protocol", "proxyProtocol"),
    ("retry_budget", "retryBudget"),
)
"""Our name and Istio's of each block, in the order of EffectivePolicy's fields."""


def layered(base: EffectivePolicy, policy: TrafficPolicy | None, origin: Origin | None, port: int) -> EffectivePolicy:
    """Put a traffic policy on top of another one, for one port.

    Each block that `policy` has replaces the one below it. If it has settings for `port`, they replace load balancer,
    connection pool, outlier detection and TLS whole: what they leave out goes back to the default, it is not inherited.
    """
    if policy is None or origin is None:
        return base
    values: list[object] = list(base)
    for index, (name, field) in enumerate(_BLOCKS):
        block = getattr(policy, name)
        if block is not None:
            values[2 * index] = block
            values[2 * index + 1] = _below(origin, field)
    for at, settings in enumerate(policy.port_level_settings):
        if settings.port is not None and settings.port.number == port:
            path = _below(origin, f"portLevelSettings[{at}]")
            for index, (name, field) in enumerate(_PORT_BLOCKS):
                block = getattr(settings, name)
                values[2 * index] = block
                values[2 * index + 1] = None if block is None else _below(path, field)
            break
    return EffectivePolicy._make(values)


def _below(origin: Origin, field: str) -> Origin:
    return Origin(origin.key, f"{origin.path}.{field}")
