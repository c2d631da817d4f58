"""Made-up proxies: one for each kind that Gateways select, and one for each namespace with something for sidecars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from translators.analysis.mesh import on_mesh
from translators.model.gateway import Gateway
from translators.model.kubernetes import Pod, Service
from translators.model.proxy import ProxyView
from translators.model.sidecar import Sidecar
from translators.model.virtual_service import VirtualService
from translators.sidecars import selector

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from translators.model.proxy import ProxyType
    from translators.model.world import World

_MOST: Final = 100


def views_to_try(world: World, selector_keys: frozenset[str]) -> tuple[ProxyView, ...]:
    """Return the views of the proxies that the World lets one expect, gateways first, sorted; at least one gateway, at
    most 100 of each type.

    Where a Gateway selects known pods, these are its proxies. Else a Service whose selector agrees with the Gateway's
    shows in which namespace they run and which labels they have beside (docker-compose and the demo do so). Else the
    proxy has the Gateway's labels and runs in the Gateway's namespace. A sidecar is expected where a Sidecar selects
    one, or a VirtualService is for the mesh.
    """
    found: dict[tuple[str, tuple[tuple[str, str], ...]], None] = {}
    for gateway in world.each(Gateway):
        for namespace, labels in _likely(world, gateway):
            known = {k: v for k, v in labels.items() if k in selector_keys}
            found[namespace, tuple(sorted(known.items()))] = None
    gateways = sorted(found)[:_MOST] or [(world.root_namespace, ())]
    beside: set[tuple[str, tuple[tuple[str, str], ...]]] = {
        (sidecar.metadata.namespace, tuple(sorted(selector(sidecar).items()))) for sidecar in world.each(Sidecar)
    }
    beside |= {(vs.metadata.namespace, ()) for vs in world.each(VirtualService) if on_mesh(vs)}
    places: list[tuple[ProxyType, str, tuple[tuple[str, str], ...]]] = [("router", *place) for place in gateways]
    places += [("sidecar", *place) for place in sorted(beside)[:_MOST]]
    return tuple(
        ProxyView(type=kind, namespace=namespace, labels=labels, dns_domain=f"{namespace}.svc.{world.cluster_domain}")
        for kind, namespace, labels in places
    )


def _likely(world: World, gateway: Gateway) -> Iterator[tuple[str, Mapping[str, str]]]:
    selector = gateway.spec.selector
    some = False
    for namespace, labels in selected_pods(world, selector):
        some = True
        yield namespace, labels
    if some:
        return
    for service in services_before(world, selector):
        some = True
        yield service.metadata.namespace, {**service.spec.selector, **selector}
    if not some:
        yield gateway.metadata.namespace, selector


def selected_pods(world: World, selector: Mapping[str, str]) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield namespace and labels of each pod that a selector selects; none for an empty selector."""
    if not selector:
        return
    for pod in world.each(Pod):
        if selector.items() <= pod.metadata.labels.items():
            yield pod.metadata.namespace, pod.metadata.labels


def services_before(world: World, selector: Mapping[str, str]) -> Iterator[Service]:
    """Yield the Services that may stand before the proxies of a Gateway: one selector implies the other."""
    if not selector:
        return
    for service in world.each(Service):
        own = service.spec.selector
        if own and (own.items() <= selector.items() or selector.items() <= own.items()):
            yield service
