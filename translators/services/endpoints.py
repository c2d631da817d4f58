"""Which endpoints a service has: one memoised step a service, so that an event costs what it touches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from translators.model import kubernetes
from translators.model.codes import diagnose
from translators.model.kubernetes import Node, Pod
from translators.model.origin import Origin
from translators.model.service_entry import ServiceEntry
from translators.model.workload_entry import WorkloadEntry
from translators.services.endpoint_set import EndpointSet
from translators.services.slices import by_address, slice_endpoints
from translators.services.workloads import by_label, inline_endpoints, joined, selected, selected_endpoints

if TYPE_CHECKING:
    from collections.abc import Mapping

    from translators.memo import Steps
    from translators.model.service import Endpoint, Service
    from translators.model.world import World
    from translators.recorder import Recorder

_EMPTY = EndpointSet()


def endpoints_of(world: World, service: Service, steps: Steps) -> tuple[Endpoint, ...]:
    """Return a service's endpoints; the same object while nothing about them changed."""
    return endpoint_set(world, service, steps).endpoints


def endpoint_set(world: World, service: Service, steps: Steps) -> EndpointSet:
    """Return a service's endpoints, and a diagnostic for each that had to be left out."""
    source = world.get(service.origin)
    if isinstance(source, kubernetes.Service):
        return _of_kubernetes(world, service, source, steps)
    if isinstance(source, ServiceEntry):
        selector = source.spec.workload_selector
        if selector is None:
            return steps.step(inline_endpoints, service, source)
        return _of_selected(world, service, selector.labels, steps, with_pods=True)
    return _EMPTY


def endpoints_from(world: World, service: Service, node: str, steps: Steps) -> EndpointSet:
    """Return the endpoints that a client on a node may use (`node` is its name, empty if it is not known)."""
    found = endpoint_set(world, service, steps)
    return steps.step(_on_node, service, found, node) if service.node_local else found


def _on_node(service: Service, found: EndpointSet, node: str, *, recorder: Recorder) -> EndpointSet:
    """Memoised step: those of the endpoints that run on a node.

    With internalTrafficPolicy: Local nothing is sent elsewhere, even if the node has no endpoint.
    https://kubernetes.io/docs/concepts/services-networking/service-traffic-policy/
    """
    del recorder
    if node:
        here = tuple(e for e in found.endpoints if e.node == node)
        return EndpointSet(endpoints=here, diagnostics=found.diagnostics)
    unknown = diagnose(
        "PF1140",
        f"{service.hostname} is for clients of the same node only, and this proxy does not say on which node it runs, "
        "so it gets no endpoints",
        Origin(service.origin, "spec.internalTrafficPolicy"),
        hint="give the proxy the node metadata NODE_NAME, or take internalTrafficPolicy: Local away",
    )
    return EndpointSet(diagnostics=(*found.diagnostics, unknown))


def _of_kubernetes(world: World, service: Service, source: kubernetes.Service, steps: Steps) -> EndpointSet:
    namespace = service.namespace
    slices = world.slices_of_service.get((namespace, source.metadata.name))
    entries = world.namespace(WorkloadEntry, namespace)
    found = _EMPTY
    if slices:
        pods, nodes = world.namespace(Pod, namespace), world.namespace(Node, "")
        addresses = steps.step(by_address, entries) if entries else {}
        parts: list[object] = []
        for name in sorted(slices) if len(slices) > 1 else slices:
            slice_ = slices[name]
            parts.append(slice_)
            for endpoint in slice_.endpoints:
                target = endpoint.target_ref
                referred = pods.get(target.name) if target is not None and target.kind == "Pod" else None
                for address in endpoint.addresses:
                    pod = referred or _pod_at(world, namespace, address, source.spec.selector)
                    parts.append(pod or addresses.get(address))
                    parts.append(nodes.get(pod.spec.node_name if pod else endpoint.node_name) if nodes else None)
        found = steps.step(slice_endpoints, service, source, *parts)
    if entries and source.spec.selector:
        # Istio lets a Service select WorkloadEntries, as it selects pods: a machine joins a service by its labels.
        more = _of_selected(world, service, source.spec.selector, steps, with_pods=False)
        if more.endpoints or more.diagnostics:
            found = steps.step(joined, found, more)
    return found


def _pod_at(world: World, namespace: str, address: str, selector: Mapping[str, str]) -> Pod | None:
    """Return the pod with this address, for an endpoint that refers to none (interfaces.md, "Objects in files")."""
    sharing = world.pods_by_ip.get((namespace, address))
    if sharing is None:
        return None
    # Pods on the host's network share its address: the one that the Service selects is meant.
    wanted = selector.items()
    candidates = [sharing[name] for name in sorted(sharing)]
    return next((pod for pod in candidates if wanted <= pod.metadata.labels.items()), candidates[0])


def _of_selected(
    world: World, service: Service, selector: Mapping[str, str], steps: Steps, *, with_pods: bool
) -> EndpointSet:
    namespace = service.namespace
    parts: list[object] = []
    entries = world.namespace(WorkloadEntry, namespace)
    if entries:
        for entry in selected(steps.step(by_label, entries), selector):
            parts += (entry, None)
    pods = world.namespace(Pod, namespace)
    if with_pods and pods:
        nodes = world.namespace(Node, "")
        for pod in selected(steps.step(by_label, pods), selector):
            parts += (pod, nodes.get(pod.spec.node_name) if pod.spec.node_name else None)
    return steps.step(selected_endpoints, service, *parts)
