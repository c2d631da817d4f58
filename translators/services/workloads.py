"""Endpoints that ServiceEntries list, and workloads that services select by label (reference 1.4, 1.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from translators.model.codes import diagnose
from translators.model.kubernetes import Node, Pod
from translators.model.origin import Origin
from translators.model.service import Endpoint, Resolution
from translators.model.workload_entry import WorkloadEntry
from translators.services.addresses import UNIX, is_usable
from translators.services.endpoint_set import EndpointSet
from translators.services.workload import locality_at, locality_of, workload_name, workload_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from immutables import Map

    from translators.model.meta import KubeObject, ObjectKey
    from translators.model.origin import Diagnostic
    from translators.model.service import Service
    from translators.model.service_entry import ServiceEntry
    from translators.model.workload_entry import WorkloadEntrySpec
    from translators.recorder import Recorder

T = TypeVar("T", bound="KubeObject")

_BY_NAME = frozenset({Resolution.DNS_LB, Resolution.DNS_ROUND_ROBIN_LB})


def is_dns(service: Service) -> bool:
    """Whether Envoy looks this service's endpoints up by name, so that they stand in its cluster, not in EDS."""
    return service.resolution in _BY_NAME


def labels_of(workload: KubeObject) -> Mapping[str, str]:
    """Return the labels by which a Pod or WorkloadEntry is selected: a WorkloadEntry's are those of its spec."""
    return workload.spec.labels if isinstance(workload, WorkloadEntry) else workload.metadata.labels


def by_label(objects: Map[str, T], *, recorder: Recorder) -> Mapping[tuple[str, str], tuple[T, ...]]:
    """Memoised step: the Pods or WorkloadEntries of a namespace by each of their labels, sorted by name."""
    del recorder
    found: dict[tuple[str, str], list[T]] = {}
    for _, workload in sorted(objects.items()):
        for pair in labels_of(workload).items():
            found.setdefault(pair, []).append(workload)
    return {pair: tuple(workloads) for pair, workloads in found.items()}


def selected(index: Mapping[tuple[str, str], tuple[T, ...]], selector: Mapping[str, str]) -> list[T]:
    """Return the workloads that have each label of `selector`; an empty selector selects none."""
    lists = [index.get(pair, ()) for pair in selector.items()]
    if not lists:
        return []
    wanted = selector.items()
    return [workload for workload in min(lists, key=len) if wanted <= labels_of(workload).items()]


def inline_endpoints(service: Service, entry: ServiceEntry, *, recorder: Recorder) -> EndpointSet:
    """Memoised step: what the ServiceEntry lists; with DNS and nothing listed, the host itself."""
    del recorder
    if not entry.spec.endpoints and is_dns(service) and not service.hostname.startswith("*"):
        ports = {port.name: int(port.target_port) for port in service.ports}
        namespace = service.namespace
        return EndpointSet(
            endpoints=(
                Endpoint(
                    address=service.hostname, ports=ports, workload=workload_of("", namespace, {}), origin=entry.key
                ),
            )
        )
    endpoints: list[Endpoint] = []
    diagnostics: list[Diagnostic] = []
    for index, spec in enumerate(entry.spec.endpoints):
        if is_usable(spec.address, by_name=is_dns(service)):
            endpoints.append(_entry_endpoint(service, spec, "", service.namespace, entry.key))
        else:
            diagnostics.append(_unusable(service, spec.address, Origin(entry.key, f"spec.endpoints[{index}].address")))
    return EndpointSet(endpoints=tuple(endpoints), diagnostics=tuple(diagnostics))


def selected_endpoints(service: Service, *parts: WorkloadEntry | Pod | Node | None, recorder: Recorder) -> EndpointSet:
    """Memoised step: endpoints of selected workloads. `parts` are each WorkloadEntry or Pod, with its node or None."""
    del recorder
    endpoints: list[Endpoint] = []
    diagnostics: list[Diagnostic] = []
    for workload, node in zip(parts[::2], parts[1::2], strict=True):
        if isinstance(workload, Pod):
            endpoints.extend(_pod_endpoints(service, workload, node if isinstance(node, Node) else None))
        elif isinstance(workload, WorkloadEntry):
            spec = workload.spec
            if is_usable(spec.address, by_name=is_dns(service)):
                name, namespace = workload.metadata.name, workload.metadata.namespace
                endpoints.append(_entry_endpoint(service, spec, name, namespace, workload.key))
            else:
                diagnostics.append(_unusable(service, spec.address, Origin(workload.key, "spec.address")))
    return EndpointSet(endpoints=_without_repeats(endpoints), diagnostics=tuple(diagnostics))


def joined(first: EndpointSet, second: EndpointSet, *, recorder: Recorder) -> EndpointSet:
    """Memoised step: both; an address and port that `first` has already is left out of `second`."""
    del recorder
    taken = {(e.address, number) for e in first.endpoints for number in e.ports.values()}
    more = (e for e in second.endpoints if taken.isdisjoint((e.address, number) for number in e.ports.values()))
    return EndpointSet(
        endpoints=(*first.endpoints, *more),
        diagnostics=(*first.diagnostics, *second.diagnostics),
    )


def _without_repeats(endpoints: list[Endpoint]) -> tuple[Endpoint, ...]:
    """Keep the first of endpoints with the same address and ports: Envoy would count them as two."""
    seen: set[tuple[str, tuple[tuple[str, int], ...]]] = set()
    kept = []
    for endpoint in endpoints:
        identity = (endpoint.address, tuple(sorted(endpoint.ports.items())))
        if identity not in seen:
            seen.add(identity)
            kept.append(endpoint)
    return tuple(kept)


def _entry_endpoint(
    service: Service, spec: WorkloadEntrySpec, name: str, namespace: str, origin: ObjectKey
) -> Endpoint:
    """Make the endpoint of a WorkloadEntry: its own port of the same name, else the target port of the service."""
    unix = spec.address.startswith(UNIX)
    ports = {
        port.name: 0 if unix else number
        for port in service.ports
        if (number := spec.ports.get(port.name) or _number(port.target_port, port.number)) or unix
    }
    return Endpoint(
        address=spec.address,
        ports=ports,
        labels=spec.labels,
        locality=locality_of(spec.locality) if spec.locality else locality_at(spec.labels, None),
        weight=spec.weight or 1,
        network=spec.network,
        service_account=spec.service_account,
        workload=workload_of(name, namespace, spec.labels),
        origin=origin,
    )


def _number(target: int | str, number: int) -> int:
    """Return the target port of a workload that has no container ports to look a name up in."""
    return target if isinstance(target, int) else number


def _pod_endpoints(service: Service, pod: Pod, node: Node | None) -> tuple[Endpoint, ...]:
    """Make the endpoint of a pod that a ServiceEntry selects; one that does not run, or has no address, has none."""
    ips = pod.status.ips
    if not ips or pod.status.phase not in ("", "Running"):
        return ()
    labels = pod.metadata.labels
    return (
        Endpoint(
            address=ips[0],
            additional_addresses=ips[1:],
            ports={port.name: _number(port.target_port, port.number) for port in service.ports},
            labels=labels,
            locality=locality_at(labels, node),
            network=labels.get("topology.istio.io/network", ""),
            node=pod.spec.node_name,
            service_account=pod.spec.service_account_name,
            workload=workload_of(workload_name(pod), pod.metadata.namespace, labels),
            origin=pod.key,
        ),
    )


def _unusable(service: Service, address: str, origin: Origin) -> Diagnostic:
    if is_dns(service):
        return diagnose("PF0681", f"{address!r} is neither a host name nor an IP address", origin)
    return diagnose(
        "PF0681",
        f"{address!r} is not an IP address, and {service.hostname} does not look its endpoints up in DNS",
        origin,
        hint="Use resolution: DNS for endpoints with host names.",
    )
