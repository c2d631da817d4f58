"""The short way of an endpoint event: which services may have other endpoints now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from translators.model import kubernetes
from translators.model.kubernetes import EndpointSlice, Pod
from translators.model.meta import ObjectKey
from translators.model.service_entry import ServiceEntry
from translators.model.workload_entry import WorkloadEntry
from translators.model.world import SERVICE_NAME_LABEL
from translators.services.workloads import labels_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from translators.model.meta import KubeObject
    from translators.model.world import World

_ENDPOINT_KINDS: Final = frozenset({EndpointSlice.KIND, Pod.KIND, WorkloadEntry.KIND})
_DNS: Final = frozenset({"DNS", "DNS_ROUND_ROBIN"})


def services_touched(before: World, after: World, changed: Iterable[ObjectKey]) -> frozenset[ObjectKey] | None:
    """Return the Services and ServiceEntries whose endpoints may differ between two Worlds.

    None means that more than endpoints changed (another kind, or an endpoint that stands inside a DNS cluster), so that
    only a whole pass is right. May name too many services, never too few.
    """
    touched: set[ObjectKey] = set()
    workloads: dict[str, list[KubeObject]] = {}
    for key in changed:
        if key.kind not in _ENDPOINT_KINDS:
            return None
        for known in (before.get(key), after.get(key)):
            if isinstance(known, EndpointSlice):
                service = known.metadata.labels.get(SERVICE_NAME_LABEL)
                if service:
                    touched.add(ObjectKey(kubernetes.Service.KIND, key.namespace, service))
            elif known is not None:
                workloads.setdefault(key.namespace, []).append(known)
    for namespace, known_workloads in workloads.items():
        # Services and ServiceEntries are the same in both Worlds, and a slice that changed is already accounted for.
        entries = _entries_selecting(after, namespace, known_workloads)
        if entries is None:
            return None
        touched |= entries
        touched |= _services_selecting(after, namespace, known_workloads)
        touched |= _services_referring(after, namespace, known_workloads)
    return frozenset(touched)


def _entries_selecting(world: World, namespace: str, workloads: list[KubeObject]) -> set[ObjectKey] | None:
    """Return the ServiceEntries that select one of the workloads; None if one of them makes a DNS cluster."""
    found = set()
    for entry in world.namespace(ServiceEntry, namespace).values():
        selector = entry.spec.workload_selector
        if selector is not None and selector.labels and _selects(selector.labels, workloads):
            if entry.spec.resolution in _DNS:
                return None
            found.add(entry.key)
    return found


def _services_selecting(world: World, namespace: str, workloads: list[KubeObject]) -> set[ObjectKey]:
    """Return the Services that select one of the WorkloadEntries. Pods reach a Service through its slices alone."""
    entries = [workload for workload in workloads if isinstance(workload, WorkloadEntry)]
    if not entries:
        return set()
    services = world.namespace(kubernetes.Service, namespace).values()
    return {s.key for s in services if s.spec.selector and _selects(s.spec.selector, entries)}


def _services_referring(world: World, namespace: str, workloads: list[KubeObject]) -> set[ObjectKey]:
    """Return the Services with a slice that names one of the pods, or one of the addresses."""
    pods = {workload.metadata.name for workload in workloads if isinstance(workload, Pod)}
    addresses = {address for workload in workloads for address in _addresses(workload)}
    slices = world.namespace(EndpointSlice, namespace)
    naming = {name for known in pods | addresses for name in world.slices_naming.get((namespace, known), ())}
    services = {slices[name].metadata.labels.get(SERVICE_NAME_LABEL) for name in naming}
    return {ObjectKey(kubernetes.Service.KIND, namespace, service) for service in services if service}


def _selects(selector: Mapping[str, str], workloads: Sequence[KubeObject]) -> bool:
    wanted = selector.items()
    return any(wanted <= labels_of(workload).items() for workload in workloads)


def _addresses(workload: KubeObject) -> tuple[str, ...]:
    if isinstance(workload, Pod):
        return workload.status.ips
    return (workload.spec.address,) if isinstance(workload, WorkloadEntry) else ()
