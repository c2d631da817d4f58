"""Locality load balancing: which endpoints a proxy prefers, by where both are (reference 1.3, 2.8).

Two ways exclude each other. *Failover* puts endpoints into priorities: Envoy uses a lower one only as far as those
above it are unhealthy, so it takes outlier detection to notice. *Distribute* gives each locality its share of requests.
https://istio.io/latest/docs/reference/config/networking/destination-rule/#LocalityLoadBalancerSetting
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from math import lcm
from operator import attrgetter
from typing import TYPE_CHECKING, Final, NamedTuple

from translators.model.destination_rule import LocalityLoadBalancerSetting
from translators.model.meta import Value
from translators.model.proxy import LOCALITY, NODE, Locality
from translators.services.exports import DISTRIBUTIONS, SAME_NODE
from translators.services.workload import CLUSTER_ID, REGION_LABEL, SUBZONE_LABEL, ZONE_LABEL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from translators.destination_rules import EffectivePolicy
    from translators.model.destination_rule import (
        DestinationRule,
        Distribute,
        Failover,
        PortTrafficPolicy,
        TrafficPolicy,
    )
    from translators.model.mesh_config import MeshConfig
    from translators.model.proxy import ProxyView
    from translators.model.service import Endpoint, Service

_NETWORK: Final = "topology.istio.io/network"
_CLUSTER: Final = "topology.istio.io/cluster"
_HOSTNAME: Final = "kubernetes.io/hostname"
_ZONE_FIRST: Final = LocalityLoadBalancerSetting(failover_priority=(_NETWORK, REGION_LABEL, ZONE_LABEL))
_NODE_FIRST: Final = LocalityLoadBalancerSetting(failover_priority=(_NETWORK, REGION_LABEL, ZONE_LABEL, _HOSTNAME))
"""What a Service's trafficDistribution asks for."""

_FINEST: Final = 1_000_000
"""Shares are exact up to this denominator; Envoy adds the weights of a priority up in 32 bits."""
_PARTS: Final[Mapping[str, Callable[[Locality], str]]] = {
    REGION_LABEL: attrgetter("region"),
    ZONE_LABEL: attrgetter("zone"),
    SUBZONE_LABEL: attrgetter("sub_zone"),
}
_NOWHERE: Final = Locality()
_PLACE_ORDER: Final = attrgetter("region", "zone", "sub_zone")
_ADDRESS_ORDER: Final = attrgetter("address")
_OTHER_REGION: Final = 3
_RANKS: Final = 5
"""Nearness has five ranks: the same sub-zone, zone, region; another region; a region that is not failed over to."""


class Place(Value, frozen=True, kw_only=True):
    """Where a proxy is, as far as a setting looks at it. Equal places are the same object (`place_of`)."""

    locality: Locality
    values: tuple[str, ...] = ()
    """The proxy's value of each label in failoverPriority."""


class Group(NamedTuple):
    """Endpoints that Envoy treats alike: those of a priority in a locality, sorted by address."""

    priority: int
    locality: Locality
    weight: int
    endpoints: list[Endpoint]


def setting_of(policy: EffectivePolicy, service: Service, mesh: MeshConfig) -> LocalityLoadBalancerSetting | None:
    """Return the setting in force for a destination, None if there is none that could change its endpoints.

    The rule's setting replaces the mesh's whole. Between them comes what a Service says itself (trafficDistribution),
    which needs no outlier detection.
    """
    balancer = policy.load_balancer
    setting = balancer.locality_lb_setting if balancer is not None else None
    if setting is None:
        if service.traffic_distribution in DISTRIBUTIONS:
            return _NODE_FIRST if service.traffic_distribution == SAME_NODE else _ZONE_FIRST
        setting = mesh.locality_lb_setting
    if setting.enabled is False or not (setting.distribute or policy.outlier_detection is not None):
        return None
    return setting


def place_of(view: ProxyView, setting: LocalityLoadBalancerSetting | None) -> Place | None:
    """Return what a setting needs to know about a proxy; None if it makes no difference."""
    if setting is None:
        return None
    if setting.distribute or not setting.failover_priority:
        known = view.locality != _NOWHERE
        return _place(view.locality) if known or setting.distribute else None
    labels = dict(view.labels)
    cluster = view.cluster_id or CLUSTER_ID
    values = []
    for entry in setting.failover_priority:
        key, overridden, value = entry.partition("=")
        values.append(value if overridden else _value(key, labels, view.locality, view.network, cluster, view.node))
    return _place(view.locality if setting.failover else _NOWHERE, tuple(values)) if any(values) else None


def locality_keys(setting: LocalityLoadBalancerSetting | None) -> frozenset[str]:
    """Return what a setting wants to know about a proxy: label keys, LOCALITY and NODE (see `view_of`)."""
    if setting is None or setting.enabled is False:
        return frozenset()
    keys = frozenset(entry for entry in setting.failover_priority if "=" not in entry)
    if _HOSTNAME in keys:
        keys |= {NODE}
    return keys | {LOCALITY} if setting.distribute or setting.failover or not keys.isdisjoint(_PARTS) else keys


def distribution_keys(distribution: str) -> frozenset[str]:
    """Return what a Service's trafficDistribution wants to know about a proxy."""
    if distribution not in DISTRIBUTIONS:
        return frozenset()
    return locality_keys(_NODE_FIRST if distribution == SAME_NODE else _ZONE_FIRST)


def rule_locality_keys(rule: DestinationRule) -> frozenset[str]:
    """Return what a rule's policies want to know about a proxy. Outlier detection alone makes it prefer the near."""
    keys: set[str] = set()
    for policy in (rule.spec.traffic_policy, *(subset.traffic_policy for subset in rule.spec.subsets)):
        if policy is None:
            continue
        parts: tuple[TrafficPolicy | PortTrafficPolicy, ...] = (policy, *policy.port_level_settings)
        for part in parts:
            if part.outlier_detection is not None:
                keys.add(LOCALITY)
            if part.load_balancer is not None:
                keys |= locality_keys(part.load_balancer.locality_lb_setting)
    return frozenset(keys)


@lru_cache(maxsize=4096)
def _place(locality: Locality, values: tuple[str, ...] = ()) -> Place:
    """Intern a place: memoised steps tell their arguments apart by identity."""
    return Place(locality=locality, values=values)


def _value(key: str, labels: Mapping[str, str], locality: Locality, network: str, cluster: str, node: str) -> str:
    """Return a label's value; Istio's topology labels say where something is, whether or not they are set."""
    if (found := labels.get(key)) is not None:
        return found
    if key == _NETWORK:
        return network
    if key == _CLUSTER:
        return cluster
    if key == _HOSTNAME:
        return node
    part = _PARTS.get(key)
    return "" if part is None else part(locality)


def arranged(
    endpoints: Iterable[Endpoint], setting: LocalityLoadBalancerSetting | None = None, place: Place | None = None
) -> list[Group]:
    """Group endpoints by priority and locality, sorted; each group's weight is the sum of its endpoints', or its share.

    Priorities have no gaps: the nearest endpoints that there are have 0.
    """
    groups = _by_locality(endpoints)
    if setting is None or place is None:
        return groups
    if setting.distribute:
        return _distributed(groups, setting.distribute, place.locality)
    ranked: dict[tuple[int, Locality], list[Endpoint]] = {}
    for group in groups:
        rank = 0
        if setting.failover or not setting.failover_priority:
            rank = _rank(place.locality, group.locality, setting.failover)
        for endpoint in group.endpoints:
            unlike = _unlike(endpoint, setting.failover_priority, place.values) if place.values else 0
            ranked.setdefault((unlike * _RANKS + rank, group.locality), []).append(endpoint)
    priorities = {rank: priority for priority, rank in enumerate(sorted({rank for rank, _ in ranked}))}
    found = [Group(priorities[rank], locality, _sum(some), some) for (rank, locality), some in ranked.items()]
    return sorted(found, key=lambda group: (group.priority, _PLACE_ORDER(group.locality)))


def _by_locality(endpoints: Iterable[Endpoint]) -> list[Group]:
    groups: dict[Locality, list[Endpoint]] = {}
    last: Locality | None = None
    members: list[Endpoint] = []
    for endpoint in endpoints:
        # Most endpoints of a service share one Locality object; hashing it for each of them would double the time.
        if endpoint.locality is not last:
            last = endpoint.locality
            members = groups.setdefault(last, [])
        members.append(endpoint)
    for group in groups.values():
        group.sort(key=_ADDRESS_ORDER)
    return [Group(0, one, _sum(groups[one]), groups[one]) for one in sorted(groups, key=_PLACE_ORDER)]


def _sum(endpoints: list[Endpoint]) -> int:
    total = 0
    for endpoint in endpoints:
        total += endpoint.weight
    return total


def _rank(own: Locality, other: Locality, failovers: tuple[Failover, ...]) -> int:
    """Return how far away a locality is: 0 the same sub-zone, 1 zone, 2 region, 3 elsewhere, 4 not to be used yet."""
    if own.region == other.region:
        if own.zone != other.zone:
            return 2
        return 0 if own.sub_zone == other.sub_zone else 1
    for failover in failovers:
        if failover.from_ == own.region:
            return _OTHER_REGION if other.region == failover.to else _OTHER_REGION + 1
    return _OTHER_REGION


def _unlike(endpoint: Endpoint, keys: tuple[str, ...], values: tuple[str, ...]) -> int:
    """Return 0 if an endpoint has all of the proxy's values, else the more the earlier the first difference is."""
    for index, (entry, value) in enumerate(zip(keys, values, strict=True)):
        key = entry.partition("=")[0]
        if _value(key, endpoint.labels, endpoint.locality, endpoint.network, CLUSTER_ID, endpoint.node) != value:
            return len(keys) - index
    return 0


def _distributed(groups: list[Group], distributes: tuple[Distribute, ...], own: Locality) -> list[Group]:
    """Give each locality its share, by the first entry for the proxy's own. What is in no share gets nothing."""
    to = next((one.to for one in distributes if is_inside(own, one.from_)), None)
    if to is None:
        return groups
    left = list(groups)
    shares: list[tuple[Group, Fraction]] = []
    for pattern in sorted(to, key=lambda pattern: (pattern.count("*"), -pattern.count("/"), pattern)):
        inside = [group for group in left if is_inside(group.locality, pattern)]
        left = [group for group in left if group not in inside]
        whole = sum(group.weight for group in inside)
        shares += [(group, Fraction(to[pattern] * group.weight, whole)) for group in inside]
    scale = min(lcm(*(share.denominator for _, share in shares)), _FINEST)
    weighted = [group._replace(weight=max(1, round(share * scale))) for group, share in shares if share]
    return sorted(weighted, key=lambda group: _PLACE_ORDER(group.locality))


def is_inside(locality: Locality, pattern: str) -> bool:
    """Whether a locality is inside `region/zone/subzone`, where `*` and what is left out mean any."""
    own = (locality.region, locality.zone, locality.sub_zone)
    return all(part in ("*", "", value) for part, value in zip(pattern.split("/"), own, strict=False))
