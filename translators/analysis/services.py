"""Services and workloads: hosts defined twice, workloads that belong to nothing, selectors that find nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from translators.analysis.proxies import services_before
from translators.analysis.routes import routed_ports
from translators.analysis.selectors import as_text, workload_labels
from translators.model import kubernetes
from translators.model.codes import diagnose
from translators.model.kubernetes import EndpointSlice
from translators.model.origin import Origin
from translators.model.service import Protocol
from translators.model.service_entry import ServiceEntry
from translators.model.workload_entry import WorkloadEntry
from translators.model.world import SERVICE_NAME_LABEL
from translators.services.exports import EVERYONE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from translators.analysis.mesh import Mesh
    from translators.model.origin import Diagnostic


def service_remarks(mesh: Mesh) -> Iterator[Diagnostic]:
    """Yield what there is to say about services, and about workloads without one."""
    yield from _defined_twice(mesh)
    yield from _entries_selecting_nothing(mesh)
    yield from _workloads_of_nothing(mesh)
    yield from _slices_of_nothing(mesh)
    yield from _undeclared_ports(mesh)


def _defined_twice(mesh: Mesh) -> Iterator[Diagnostic]:
    """Two objects of one namespace are the translator's business (PF0680)."""
    seen = set()
    for entry in mesh.world.each(ServiceEntry):
        for index, host in enumerate(entry.spec.hosts):
            candidates = mesh.services.hidden(host)
            others = [s for s in candidates if s.namespace != entry.metadata.namespace]
            shared = [s for s in others if s.export_to == EVERYONE]
            own = next((s for s in candidates if s.origin == entry.key), None)
            if own is None or own.export_to != EVERYONE or not shared or candidates[0] is own or host in seen:
                continue
            seen.add(host)
            yield diagnose(
                "PF0733",
                f'{candidates[0].origin} defines the host "{host}" too: clients of namespace '
                f"{entry.metadata.namespace} get this one, and all others that one",
                Origin(entry.key, f"spec.hosts[{index}]"),
                hint='define it once, or write exportTo: ["."] where it is meant for its own namespace',
            )


def _entries_selecting_nothing(mesh: Mesh) -> Iterator[Diagnostic]:
    for entry in mesh.world.each(ServiceEntry):
        selector = entry.spec.workload_selector
        if selector is None or not selector.labels:
            continue
        namespace = entry.metadata.namespace
        workloads = list(workload_labels(mesh.world, namespace))
        if not any(selector.labels.items() <= labels.items() for labels in workloads):
            yield diagnose(
                "PF0734",
                f"none of the {len(workloads)} workloads of namespace {namespace} has the labels "
                f"{as_text(selector.labels)}",
                Origin(entry.key, "spec.workloadSelector"),
                hint="workloads are the Pods, and the WorkloadEntries by their spec.labels, of the same namespace",
            )


def _workloads_of_nothing(mesh: Mesh) -> Iterator[Diagnostic]:
    for workload in mesh.world.each(WorkloadEntry):
        namespace, labels = workload.metadata.namespace, workload.spec.labels.items()
        entries = mesh.world.namespace(ServiceEntry, namespace).values()
        services = mesh.world.namespace(kubernetes.Service, namespace).values()
        selectors: list[Mapping[str, str]] = [
            *(e.spec.workload_selector.labels for e in entries if e.spec.workload_selector is not None),
            *(s.spec.selector for s in services),
        ]
        if not any(selector and selector.items() <= labels for selector in selectors):
            yield diagnose(
                "PF0735",
                f"no ServiceEntry or Service of namespace {namespace} selects this workload, so nothing is sent to it",
                Origin(workload.key, "spec.labels"),
                hint="give a ServiceEntry of the namespace a workloadSelector with some of these labels",
            )


def _slices_of_nothing(mesh: Mesh) -> Iterator[Diagnostic]:
    for slice_ in mesh.world.each(EndpointSlice):
        name = slice_.metadata.labels.get(SERVICE_NAME_LABEL)
        if name and name not in mesh.world.namespace(kubernetes.Service, slice_.metadata.namespace):
            yield diagnose(
                "PF0736",
                f"there is no Service {slice_.metadata.namespace}/{name}, so these endpoints get nothing",
                Origin(slice_.key, "metadata.labels"),
                hint=f"add the Service, or correct the label {SERVICE_NAME_LABEL}",
            )


def _undeclared_ports(mesh: Mesh) -> Iterator[Diagnostic]:
    """Routes to such a port are `routes`' business, and what stands before a gateway is no service of the mesh."""
    routed = routed_ports(mesh)
    in_front = {s.key for gateway in mesh.gateways.values() for s in services_before(mesh.world, gateway.spec.selector)}
    for source in mesh.world.each(kubernetes.Service):
        if source.key in in_front:
            continue
        hostname = f"{source.metadata.name}.{source.metadata.namespace}.svc.{mesh.world.cluster_domain}"
        service = next((s for s in mesh.services.hidden(hostname) if s.origin == source.key), None)
        for index, port in enumerate(service.ports if service is not None else ()):
            if port.protocol is Protocol.UNSUPPORTED and (source.key, port.number) not in routed:
                yield diagnose(
                    "PF0727",
                    f'port {port.number} ("{port.name}") does not say its protocol; sidecars look at the first bytes',
                    Origin(source.key, f"spec.ports[{index}].name"),
                    hint="name the port http, http2, grpc or tcp, perhaps with a suffix (http-web), or set appProtocol",
                )
