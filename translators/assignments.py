"""ClusterLoadAssignment: the endpoints of one cluster, by locality (reference 2.8, A.6).

An EDS cluster that is known always has one, even if it is empty: Envoy waits for it (xds-protocol rule 27).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from envoy.config.core.v3.health_check_pb2 import HealthStatus
from envoy.config.endpoint.v3.endpoint_components_pb2 import LbEndpoint
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment

from translators.destination_rules import cluster_policy
from translators.locality import arranged, setting_of
from translators.model.origin import Origin
from translators.model.service import Endpoint, Health
from translators.names import cluster_name
from translators.resources import ENDPOINT, Resource
from translators.services.addresses import UNIX

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envoy.config.core.v3.address_pb2 import Address

    from translators.destination_rules import EffectivePolicy, MergedRule
    from translators.locality import Group, Place
    from translators.model.mesh_config import MeshConfig
    from translators.model.service import Service, ServicePort
    from translators.recorder import Recorder

_HEALTH: Final = {
    Health.HEALTHY: HealthStatus.HEALTHY,
    Health.UNHEALTHY: HealthStatus.UNHEALTHY,
    Health.DRAINING: HealthStatus.DRAINING,
}


def build_assignment(
    service: Service,
    port: ServicePort,
    subset: str,
    rule: MergedRule | None,
    mesh: MeshConfig,
    endpoints: tuple[Endpoint, ...],
    place: Place | None = None,
    *,
    recorder: Recorder,
) -> Resource:
    """Memoised step: the assignment of the EDS cluster for a port of a service, or of a subset that `rule` defines.

    Unhealthy endpoints are sent as such, unless the rule asks for a minimum of healthy ones (`minHealthPercent`).
    `place`: where the proxy is, if that makes a difference (`locality.place_of`).
    """
    name = cluster_name(port.number, subset, service.hostname)
    policy = cluster_policy(rule, port.number, subset, mesh)
    outlier = policy.outlier_detection
    chosen = chosen_endpoints(
        endpoints, port, rule, subset, only_healthy=outlier is not None and outlier.min_health_percent > 0
    )
    setting = setting_of(policy, service, mesh) if place is not None else None
    groups = arranged(chosen, setting, place)
    assignment = ClusterLoadAssignment()
    fill_assignment(assignment, name, port, groups)
    origins = [service.origin]
    known = rule.subsets.get(subset) if rule is not None and subset else None
    if known is not None:
        origins.append(known.origin)
    if setting is not None and policy.load_balancer_origin is not None:
        origins.append(policy.load_balancer_origin.key)
    for endpoint in chosen:
        if endpoint.origin is not None and endpoint.origin is not origins[-1]:
            origins.append(endpoint.origin)
    if recorder.active:
        recorder.note("", Origin(service.origin))
        if known is not None:
            recorder.note("endpoints", Origin(known.origin, f"{known.path}.labels"))
        _note_endpoints(groups, policy if setting is not None else None, recorder)
    return Resource(
        ENDPOINT,
        name,
        assignment.SerializeToString(deterministic=True),
        tuple(dict.fromkeys(origins)),
        notes=recorder.notes() if recorder.active else (),
    )


def chosen_endpoints(
    endpoints: Iterable[Endpoint],
    port: ServicePort,
    rule: MergedRule | None,
    subset: str,
    *,
    only_healthy: bool = False,
) -> list[Endpoint]:
    """Return the endpoints that serve this port and have each label of the subset."""
    name = port.name
    chosen = [e for e in endpoints if name in e.ports]
    known = rule.subsets.get(subset) if rule is not None and subset else None
    if known is not None and known.labels:
        wanted = known.labels.items()
        chosen = [e for e in chosen if wanted <= e.labels.items()]
    if only_healthy:
        chosen = [e for e in chosen if e.health is not Health.UNHEALTHY]
    return chosen


def fill_assignment(assignment: ClusterLoadAssignment, name: str, port: ServicePort, groups: Iterable[Group]) -> None:
    """Write endpoints into an assignment, in the order of their groups, a weight on each.

    gRPC ignores a locality without a weight, so each has one.
    """
    assignment.cluster_name = name
    for priority, locality, weight, members in groups:
        group = assignment.endpoints.add()
        place = group.locality
        place.SetInParent()
        if locality.region:
            place.region = locality.region
        if locality.zone:
            place.zone = locality.zone
        if locality.sub_zone:
            place.sub_zone = locality.sub_zone
        for endpoint in members:
            _fill_endpoint(group.lb_endpoints.add(), endpoint, endpoint.ports[port.name])
        group.load_balancing_weight.value = weight
        if priority:
            group.priority = priority


def _fill_endpoint(target: LbEndpoint, endpoint: Endpoint, number: int) -> None:
    _fill_address(target.endpoint.address, endpoint.address, number)
    for address in endpoint.additional_addresses:
        _fill_address(target.endpoint.additional_addresses.add().address, address, number)
    target.MergeFromString(_constant(endpoint.health, endpoint.weight, endpoint.workload))


@lru_cache(maxsize=8192)
def _constant(health: Health, weight: int, workload: str) -> bytes:
    """Encode what many endpoints share."""
    shared = LbEndpoint(health_status=_HEALTH[health])
    shared.load_balancing_weight.value = weight
    if workload:
        shared.metadata.filter_metadata["istio"].fields["workload"].string_value = workload
    return shared.SerializeToString(deterministic=True)


def _fill_address(target: Address, address: str, number: int) -> None:
    if address.startswith(UNIX):
        target.pipe.path = address[len(UNIX) :]
    else:
        socket = target.socket_address
        socket.address = address
        socket.port_value = number


def _note_endpoints(groups: Iterable[Group], policy: EffectivePolicy | None, recorder: Recorder) -> None:
    """Note where each endpoint comes from, and what arranged them: the `policy` whose locality setting is in force."""
    balancer = policy.load_balancer if policy is not None else None
    for at, group in enumerate(groups):
        path = f"endpoints[{at}]"
        if policy is not None and balancer is not None and balancer.locality_lb_setting is not None:
            origin = policy.load_balancer_origin
            if origin is not None:
                shares = balancer.locality_lb_setting.distribute
                field = "load_balancing_weight" if shares else "priority"
                recorder.note(f"{path}.{field}", Origin(origin.key, f"{origin.path}.localityLbSetting"))
        for index, endpoint in enumerate(group.endpoints):
            if endpoint.origin is not None:
                recorder.note(f"{path}.lb_endpoints[{index}]", Origin(endpoint.origin))
