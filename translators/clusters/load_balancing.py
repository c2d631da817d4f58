"""trafficPolicy.loadBalancer: how an endpoint is chosen (reference 1.3).

The keys of a consistent hash stand in the route (`hash_policy`); the cluster only says that there is a ring or a table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from envoy.config.cluster.v3.cluster_pb2 import Cluster

from translators.messages import set_duration

if TYPE_CHECKING:
    from translators.model.destination_rule import ConsistentHashLB, LoadBalancerSettings

MINIMUM_RING_SIZE: Final = 1024
_LARGEST_RING: Final = 8 * 1024 * 1024
"""Envoy refuses a bigger one (Cluster.RingHashLbConfig.minimum_ring_size)."""
_AGGRESSION_RUNTIME_KEY: Final = "upstream.slow_start.aggression"
"""Envoy demands a key under which an operator may change the value at run time."""

_SIMPLE: Final = {
    "ROUND_ROBIN": Cluster.ROUND_ROBIN,
    "RANDOM": Cluster.RANDOM,
}
"""UNSPECIFIED, LEAST_REQUEST and the old LEAST_CONN are all LEAST_REQUEST, which new clusters have already."""


def passes_through(settings: LoadBalancerSettings | None) -> bool:
    """Whether the caller's original destination is used in place of an endpoint."""
    return settings is not None and settings.simple == "PASSTHROUGH"


def apply_load_balancer(cluster: Cluster, settings: LoadBalancerSettings) -> None:
    """Set the policy of a cluster that chooses among endpoints (not of an ORIGINAL_DST cluster)."""
    if settings.consistent_hash is not None:
        _consistent_hash(cluster, settings.consistent_hash)
        return
    policy = _SIMPLE.get(settings.simple or "")
    if policy is not None:
        cluster.lb_policy = policy
    _warmup(cluster, settings)


def _consistent_hash(cluster: Cluster, settings: ConsistentHashLB) -> None:
    if settings.maglev is not None:
        cluster.lb_policy = Cluster.MAGLEV
        if settings.maglev.table_size:
            cluster.maglev_lb_config.table_size.value = settings.maglev.table_size
        return
    cluster.lb_policy = Cluster.RING_HASH
    cluster.ring_hash_lb_config.minimum_ring_size.value = ring_size(settings)


def ring_size(settings: ConsistentHashLB) -> int:
    """Return the smallest ring that a consistent hash asks for."""
    asked = settings.ring_hash.minimum_ring_size if settings.ring_hash is not None else settings.minimum_ring_size
    return min(asked or MINIMUM_RING_SIZE, _LARGEST_RING)


def _warmup(cluster: Cluster, settings: LoadBalancerSettings) -> None:
    """Let new endpoints start slowly; Envoy can with round robin and least request only."""
    warmup = settings.warmup
    duration = warmup.duration if warmup is not None else settings.warmup_duration_secs
    if not duration:
        return
    if cluster.lb_policy == Cluster.ROUND_ROBIN:
        slow_start = cluster.round_robin_lb_config.slow_start_config
    elif cluster.lb_policy == Cluster.LEAST_REQUEST:
        slow_start = cluster.least_request_lb_config.slow_start_config
    else:
        return
    set_duration(slow_start.slow_start_window, duration)
    if warmup is not None and warmup.minimum_percent is not None:
        slow_start.min_weight_percent.value = warmup.minimum_percent
    if warmup is not None and warmup.aggression is not None:
        slow_start.aggression.default_value = warmup.aggression
        slow_start.aggression.runtime_key = _AGGRESSION_RUNTIME_KEY
