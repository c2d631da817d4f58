"""Which VirtualService holds for a service on the mesh: one alone, they are not merged (reference 3.6, 3.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from translators.hosts import most_specific
from translators.model.meta import Value
from translators.model.virtual_service import VirtualService
from translators.routes.outline import MESH, Outline, outline
from translators.services.exports import is_visible, resolved_export_to

if TYPE_CHECKING:
    from collections.abc import Mapping

    from translators.memo import Steps
    from translators.model.world import World
    from translators.recorder import Recorder


class Bound(NamedTuple):
    """A VirtualService that is bound to the mesh."""

    service: VirtualService
    outline: Outline


class MeshRoutes(Value, frozen=True, kw_only=True):
    """The VirtualServices of the mesh, as clients of one namespace see them."""

    exact: Mapping[str, Bound]
    wildcards: Mapping[str, Bound]

    def for_host(self, hostname: str) -> Bound | None:
        """Return the VirtualService for a service: the one that names its host, else the longest wildcard's."""
        folded = hostname.lower()
        found = self.exact.get(folded)
        if found is None and self.wildcards and (best := most_specific(folded, self.wildcards)) is not None:
            found = self.wildcards[best]
        return found


def mesh_routes(world: World, namespace: str, steps: Steps) -> MeshRoutes:
    """Return the VirtualServices of the mesh that are exported to a namespace. It is the same object while no
    VirtualService changes.
    """
    step, domain = steps.step, world.cluster_domain
    flat: list[VirtualService | Outline] = []
    for services in world.kind(VirtualService).values():
        for service in services.values():
            if not service.spec.gateways or MESH in service.spec.gateways:
                flat += (service, step(outline, service, domain))
    return step(_bind, namespace, world.mesh.default_virtual_service_export_to, *flat)


def _bind(
    namespace: str, default_export_to: tuple[str, ...], *flat: VirtualService | Outline, recorder: Recorder
) -> MeshRoutes:
    """Memoised step: sort VirtualServices, each followed by its outline among the arguments, by host.

    Of several for one host the first counts: those private to the namespace, then those exported to it by name, then
    the public ones, and of each the oldest.
    """
    del recorder
    found: list[tuple[int, tuple[str, str, str], Bound]] = []
    for service, plan in zip(flat[::2], flat[1::2], strict=True):
        if not isinstance(service, VirtualService) or not isinstance(plan, Outline):
            continue
        export_to = resolved_export_to(service.spec.export_to, default_export_to, service.metadata.namespace)
        if is_visible(export_to, namespace):
            private = export_to == (namespace,) == (service.metadata.namespace,)
            level = 0 if private else 1 if namespace in export_to else 2
            found.append((level, service.age_order, Bound(service, plan)))
    hosts: dict[str, Bound] = {}
    for _, _, bound in sorted(found, key=lambda entry: entry[:2]):
        for host in bound.outline.hosts:
            hosts.setdefault(host, bound)
    return MeshRoutes(
        exact={host: bound for host, bound in hosts.items() if not host.startswith("*")},
        wildcards={host: bound for host, bound in hosts.items() if host.startswith("*")},
    )
