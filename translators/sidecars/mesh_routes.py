"""Which VirtualServices the sidecars of a namespace see, and which of them has a host (reference 3.4, 3.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from translators.hosts import matches
from translators.model.meta import Value
from translators.model.virtual_service import VirtualService
from translators.routes.delegation import full_outline
from translators.routes.outline import MESH, Outline
from translators.routes.precedence import rank
from translators.services.exports import is_visible, resolved_export_to

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from translators.memo import Steps
    from translators.model.world import World
    from translators.recorder import Recorder


class Routing(NamedTuple):
    """A VirtualService of the mesh, with what was read out of it."""

    service: VirtualService
    outline: Outline


class AllRouting(Value, frozen=True, kw_only=True):
    """All VirtualServices that are for sidecars, the oldest first. The same object while none of them changes."""

    members: tuple[tuple[Routing, tuple[str, ...]], ...]
    """Each with who sees it."""


class MeshRoutes(Value, frozen=True, kw_only=True):
    """VirtualServices in order of precedence: private ones of the client's namespace first, then those exported to it
    by name, then public ones; the oldest first in each group. On the mesh one VirtualService has a host alone.
    """

    members: tuple[Routing, ...]
    exact: Mapping[str, Routing]
    """By host: the one that has it."""
    wildcards: tuple[tuple[str, Routing], ...]
    """(suffix, VirtualService), the longest suffix first: `.example.com` for `*.example.com`."""

    def for_host(self, hostname: str) -> Routing | None:
        """Return the VirtualService for a host: the one that names it, else the one with the longest wildcard."""
        found = self.exact.get(hostname)
        if found is not None:
            return found
        return next((routing for suffix, routing in self.wildcards if hostname.endswith(suffix)), None)


def all_routing(world: World, steps: Steps) -> AllRouting:
    """Return the VirtualServices of the mesh."""
    flat: list[VirtualService | Outline] = []
    for services in world.kind(VirtualService).values():
        for service in services.values():
            if not service.spec.gateways or MESH in service.spec.gateways:
                flat += (service, full_outline(world, service, steps))
    return steps.step(_all, world.mesh.default_virtual_service_export_to, *flat)


def _all(default: tuple[str, ...], *flat: VirtualService | Outline, recorder: Recorder) -> AllRouting:
    """Memoised step: sort VirtualServices, each followed by its outline among the arguments."""
    del recorder
    found = []
    for service, plan in zip(flat[::2], flat[1::2], strict=True):
        if isinstance(service, VirtualService) and isinstance(plan, Outline) and plan.hosts:
            export_to = resolved_export_to(service.spec.export_to, default, service.metadata.namespace)
            found.append((Routing(service, plan), export_to))
    return AllRouting(members=tuple(sorted(found, key=lambda pair: pair[0].service.age_order)))


def visible_routes(everything: AllRouting, namespace: str, steps: Steps) -> MeshRoutes:
    """Return what the sidecars of one namespace see; the same object while that does not change."""
    return indexed(steps.step(_visible, everything, namespace), steps)


def _visible(everything: AllRouting, namespace: str, *, recorder: Recorder) -> tuple[Routing, ...]:
    del recorder
    seen = [pair for pair in everything.members if is_visible(pair[1], namespace)]
    ranked = sorted(seen, key=lambda pair: rank(pair[0].service, pair[1], namespace))  # stable: the oldest first
    return tuple(routing for routing, _ in ranked)


def indexed(members: Iterable[Routing], steps: Steps) -> MeshRoutes:
    """Index VirtualServices that are in order of precedence; the same ones give the same object."""
    return steps.step(_indexed, *[part for routing in members for part in routing])


def _indexed(*parts: VirtualService | Outline, recorder: Recorder) -> MeshRoutes:
    """Memoised step: VirtualServices, each followed by its outline."""
    del recorder
    exact: dict[str, Routing] = {}
    wildcards: dict[str, Routing] = {}
    members = tuple(Routing(*parts[i : i + 2]) for i in range(0, len(parts), 2))  # type: ignore[arg-type] # in pairs
    for routing in members:
        for host in routing.outline.hosts:
            if host.startswith("*"):
                wildcards.setdefault(host[1:], routing)
            else:
                exact.setdefault(host, routing)
    return MeshRoutes(
        members=members,
        exact=exact,
        wildcards=tuple(sorted(wildcards.items(), key=lambda pair: (-len(pair[0]), pair[0]))),
    )


def has_host(routing: Routing, pattern: str) -> bool:
    """Whether a VirtualService has a host in common with a pattern of a Sidecar's egress."""
    return any(matches(host, pattern) for host in routing.outline.hosts)
