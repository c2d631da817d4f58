"""Where traffic goes that no service explains: outboundTrafficPolicy of the mesh and of Sidecars."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from translators.model.origin import Origin
from translators.sidecars.fixed_clusters import BLACK_HOLE, PASSTHROUGH

if TYPE_CHECKING:
    from translators.memo import Steps
    from translators.model.mesh_config import OutboundTrafficPolicy
    from translators.model.sidecar import Sidecar
    from translators.model.world import World
    from translators.recorder import Recorder
    from translators.services import Destination


class Elsewhere(NamedTuple):
    """A cluster, and why it is this one."""

    cluster: str
    destination: Destination | None = None
    """What the cluster stands for if it is that of a service (an egress proxy)."""
    origin: Origin | None = None
    """The field that says so; None if nobody said anything."""


def elsewhere_of(world: World, sidecar: Sidecar | None, steps: Steps) -> Elsewhere:
    """Return where a proxy sends what it does not know: on to its original destination, or nowhere."""
    return steps.step(_elsewhere, world.mesh.outbound_traffic_policy, sidecar)


def _elsewhere(mesh: OutboundTrafficPolicy, sidecar: Sidecar | None, *, recorder: Recorder) -> Elsewhere:
    """Memoised step: a Sidecar's policy replaces the mesh's."""
    del recorder
    mode, origin = mesh.mode, None
    if sidecar is not None and sidecar.spec.outbound_traffic_policy is not None:
        mode = sidecar.spec.outbound_traffic_policy.mode
        origin = Origin(sidecar.key, "spec.outboundTrafficPolicy")
    return Elsewhere(BLACK_HOLE if mode == "REGISTRY_ONLY" else PASSTHROUGH, None, origin)
