"""Which VirtualServices are bound to which Gateway, and may be seen by a gateway proxy (reference 3.4, 3.6, 3.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from translators.model.virtual_service import VirtualService
from translators.routes.delegation import full_outline
from translators.routes.outline import Outline
from translators.routes.precedence import rank
from translators.services.exports import is_visible, resolved_export_to

if TYPE_CHECKING:
    from collections.abc import Mapping

    from translators.memo import Steps
    from translators.model.world import World
    from translators.recorder import Recorder


class Bound(NamedTuple):
    """A VirtualService that is bound to a Gateway."""

    service: VirtualService
    outline: Outline


def bindings(world: World, namespace: str, steps: Steps) -> Mapping[str, tuple[Bound, ...]]:
    """Return the VirtualServices that are exported to a proxy's namespace, by Gateway (`namespace/name`), each in
    order of precedence: private ones of that namespace, then those exported to it by name, then public ones; the oldest
    first in each group. It is the same object while no VirtualService changes.
    """
    flat: list[VirtualService | Outline] = []
    for services in world.kind(VirtualService).values():
        for service in services.values():
            flat += (service, full_outline(world, service, steps))
    return steps.step(_bind, namespace, world.mesh.default_virtual_service_export_to, *flat)


def _bind(
    namespace: str, default_export_to: tuple[str, ...], *flat: VirtualService | Outline, recorder: Recorder
) -> dict[str, tuple[Bound, ...]]:
    """Memoised step: sort VirtualServices, each followed by its outline among the arguments, by Gateway."""
    del recorder
    found: dict[str, list[tuple[int, Bound]]] = {}
    for service, plan in zip(flat[::2], flat[1::2], strict=True):
        if not isinstance(service, VirtualService) or not isinstance(plan, Outline):
            continue
        if not plan.gateways or not plan.hosts:
            continue
        export_to = resolved_export_to(service.spec.export_to, default_export_to, service.metadata.namespace)
        if is_visible(export_to, namespace):
            ranked = rank(service, export_to, namespace), Bound(service, plan)
            for gateway in plan.gateways:
                found.setdefault(gateway, []).append(ranked)
    return {gateway: tuple(b for _, b in sorted(bound, key=_order)) for gateway, bound in found.items()}


def _order(ranked: tuple[int, Bound]) -> tuple[int, tuple[str, str, str]]:
    return ranked[0], ranked[1].service.age_order
