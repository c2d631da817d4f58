"""What a traffic policy means for a TCP proxy: the parts of it that do not stand in the cluster (reference 1.3).

For whoever builds a filter chain of opaque TCP or TLS: gateways' listeners and sidecars'.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from translators.messages import set_duration

if TYPE_CHECKING:
    from envoy.extensions.filters.network.tcp_proxy.v3.tcp_proxy_pb2 import TcpProxy

    from translators.destination_rules import EffectivePolicy
    from translators.model.destination_rule import TunnelSettings
    from translators.model.origin import Origin


def apply_tcp_policy(out: TcpProxy, policy: EffectivePolicy) -> tuple[tuple[str, Origin | None, str], ...]:
    """Write the policy of a destination into the TCP proxy that sends there: `connectionPool.tcp.idleTimeout` (without
    one, Envoy's is an hour, as Istio's), `loadBalancer.consistentHash.useSourceIp` (TCP has nothing else to hash) and
    `tunnel`. Returns what was written, with the block of the policy that says so and the field inside of it.

    With several weighted destinations it is the first one's, as in Istio: Envoy has one setting for all of them.
    """
    written: list[tuple[str, Origin | None, str]] = []
    tcp = policy.connection_pool.tcp if policy.connection_pool is not None else None
    if tcp is not None and tcp.idle_timeout is not None:
        set_duration(out.idle_timeout, tcp.idle_timeout)
        written.append(("idle_timeout", policy.connection_pool_origin, "tcp.idleTimeout"))
    hashed = policy.load_balancer.consistent_hash if policy.load_balancer is not None else None
    if hashed is not None and hashed.use_source_ip:
        out.hash_policy.add().source_ip.SetInParent()
        written.append(("hash_policy", policy.load_balancer_origin, "consistentHash.useSourceIp"))
    if policy.tunnel is not None:
        _tunnel(out.tunneling_config, policy.tunnel)
        written.append(("tunneling_config", policy.tunnel_origin, ""))
    return tuple(written)


def _tunnel(out: TcpProxy.TunnelingConfig, tunnel: TunnelSettings) -> None:
    """Carry connections inside of HTTP: CONNECT, or POST."""
    host = f"[{tunnel.target_host}]" if ":" in tunnel.target_host else tunnel.target_host
    out.hostname = f"{host}:{tunnel.target_port}"
    out.use_post = tunnel.protocol == "POST"
