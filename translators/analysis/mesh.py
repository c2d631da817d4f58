"""What all checks look things up in: services, rules and endpoints of one World."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from translators.destination_rules import rule_index
from translators.memo import Memo
from translators.model.gateway import Gateway
from translators.services import endpoints_of, service_index

if TYPE_CHECKING:
    from translators.model.service import Endpoint, Service
    from translators.model.virtual_service import VirtualService
    from translators.model.world import World

MESH: Final = "mesh"


class Mesh:
    """One World with its indexes, for one analysis."""

    __slots__ = ("_steps", "gateways", "rules", "services", "world")

    def __init__(self, world: World) -> None:
        """Build the indexes that a translation would."""
        self._steps = Memo()
        self.world = world
        self.services = service_index(world, self._steps)
        self.rules = rule_index(world, self.services, self._steps)
        self.gateways = {f"{g.metadata.namespace}/{g.metadata.name}": g for g in world.each(Gateway)}
        """By `namespace/name`."""

    def endpoints(self, service: Service) -> tuple[Endpoint, ...]:
        """Return the endpoints of a service."""
        return endpoints_of(self.world, service, self._steps)


def on_mesh(virtual_service: VirtualService) -> bool:
    """Whether a VirtualService is for sidecars (reference 1.2: the default)."""
    return not virtual_service.spec.gateways or MESH in virtual_service.spec.gateways
