"""Endpoints of a Kubernetes Service, from its EndpointSlices (reference 2.8, 2.9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from translators.model.codes import diagnose
from translators.model.kubernetes import EndpointSlice, Node, Pod
from translators.model.origin import Origin
from translators.model.service import Endpoint, Health
from translators.model.workload_entry import WorkloadEntry
from translators.services.addresses import is_ip
from translators.services.endpoint_set import EndpointSet
from translators.services.workload import locality_at, locality_of, workload_name, workload_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from immutables import Map

    from translators.model import kubernetes
    from translators.model.kubernetes import SliceEndpoint
    from translators.model.meta import ObjectKey
    from translators.model.origin import Diagnostic
    from translators.model.service import Service
    from translators.recorder import Recorder

_FAMILIES: Final = ("IPv4", "IPv6")


def by_address(entries: Map[str, WorkloadEntry], *, recorder: Recorder) -> dict[str, WorkloadEntry]:
    """Memoised step: the WorkloadEntries of a namespace by address; the first by name has it."""
    del recorder
    found: dict[str, WorkloadEntry] = {}
    for _, entry in sorted(entries.items()):
        found.setdefault(entry.spec.address, entry)
    return found


def slice_endpoints(
    service: Service,
    raw: kubernetes.Service,
    *parts: EndpointSlice | Pod | WorkloadEntry | Node | None,
    recorder: Recorder,
) -> EndpointSet:
    """Memoised step. `parts` are each slice, followed by the workload (or None) and the node (or None) behind each of
    its addresses, in order.
    """
    del recorder
    endpoints: list[Endpoint] = []
    pods: list[tuple[str, str]] = []
    diagnostics: list[Diagnostic] = []
    known_ports = frozenset(port.name for port in service.ports)
    publish_not_ready = raw.spec.publish_not_ready_addresses
    rest = iter(parts)
    for part in rest:
        if not isinstance(part, EndpointSlice):
            msg = "each slice is followed by a workload and a node for each of its addresses"
            raise TypeError(msg)
        key, family = part.key, part.address_type
        ports = {
            p.name: p.port for p in part.ports if p.port is not None and p.protocol == "TCP" and p.name in known_ports
        }
        for index, item in enumerate(part.endpoints):
            health = health_of(item, publish_not_ready=publish_not_ready)
            target = item.target_ref
            for address in item.addresses:
                workload, node = next(rest), next(rest)
                if health is None:
                    continue
                if not is_ip(address):
                    diagnostics.append(_unusable(key, index, address))
                    continue
                endpoints.append(_endpoint(item, address, ports, health, workload, node, key))
                pods.append((family, target.name if target is not None and target.kind == "Pod" else ""))
    return EndpointSet(endpoints=_dual_stack(raw, endpoints, pods), diagnostics=tuple(diagnostics))


def health_of(endpoint: SliceEndpoint, *, publish_not_ready: bool) -> Health | None:
    """Return an endpoint's health, or None if it is left out.

    Unknown readiness is ready, as the API says. One that shuts down is left out. One that is not ready is sent as
    UNHEALTHY: with a panic threshold of 0 it gets no request, and what health checks know of it is kept.
    """
    conditions = endpoint.conditions
    if conditions.ready is not False:
        return Health.HEALTHY
    if conditions.terminating:
        return None
    return Health.HEALTHY if publish_not_ready else Health.UNHEALTHY


def _endpoint(
    item: SliceEndpoint,
    address: str,
    ports: Mapping[str, int],
    health: Health,
    workload: object,
    node: object,
    origin: ObjectKey,
) -> Endpoint:
    namespace = origin.namespace
    at_node = node if isinstance(node, Node) else None
    if isinstance(workload, Pod):
        labels = workload.metadata.labels
        return Endpoint(
            address=address,
            ports=ports,
            labels=labels,
            locality=locality_at(labels, at_node, item.zone),
            health=health,
            network=labels.get("topology.istio.io/network", ""),
            node=workload.spec.node_name or item.node_name,
            service_account=workload.spec.service_account_name,
            workload=workload_of(workload_name(workload), namespace, labels),
            origin=origin,
        )
    if isinstance(workload, WorkloadEntry):
        spec = workload.spec
        return Endpoint(
            address=address,
            ports=ports,
            labels=spec.labels,
            locality=locality_of(spec.locality) if spec.locality else locality_at(spec.labels, at_node, item.zone),
            weight=spec.weight or 1,
            health=health,
            network=spec.network,
            node=item.node_name,
            service_account=spec.service_account,
            workload=workload_of(workload.metadata.name, namespace, spec.labels),
            origin=origin,
        )
    return Endpoint(
        address=address,
        ports=ports,
        locality=locality_at({}, at_node, item.zone),
        health=health,
        node=item.node_name,
        workload=workload_of("", namespace, {}),
        origin=origin,
    )


def _dual_stack(
    raw: kubernetes.Service, endpoints: Sequence[Endpoint], pods: Sequence[tuple[str, str]]
) -> tuple[Endpoint, ...]:
    """Make one endpoint of a pod's IPv4 and IPv6 address, the family of the Service's first cluster IP in front.

    As two endpoints the pod would get twice its share, and a proxy without IPv6 would fail on every second request.
    """
    families = {family for family, _ in pods}
    if len(families) < 2:
        return tuple(endpoints)
    first = next(iter((*raw.spec.cluster_ips, raw.spec.cluster_ip)), "")
    primary, secondary = reversed(_FAMILIES) if ":" in first else _FAMILIES
    others = {
        pod: endpoint for endpoint, (family, pod) in zip(endpoints, pods, strict=True) if pod and family == secondary
    }
    merged: list[Endpoint] = []
    taken: set[str] = set()
    for endpoint, (family, pod) in zip(endpoints, pods, strict=True):
        other = others.get(pod) if pod and family == primary else None
        if other is None or other.ports != endpoint.ports:
            merged.append(endpoint)
        else:
            taken.add(other.address)
            merged.append(replace(endpoint, additional_addresses=(other.address,)))
    return tuple(e for e in merged if e.address not in taken)


def _unusable(key: ObjectKey, index: int, address: str) -> Diagnostic:
    return diagnose(
        "PF0681",
        f"{address!r} is not an IP address",
        Origin(key, f"endpoints[{index}].addresses"),
        hint="To look a name up in DNS, use a ServiceEntry with resolution: DNS.",
    )
