"""Which Sidecar holds for a proxy (reference 3.5), and which services it is itself a part of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from translators.model.sidecar import Sidecar

if TYPE_CHECKING:
    from collections.abc import Iterable

    from translators.model.proxy import ProxyView
    from translators.model.world import World


def sidecar_of(world: World, view: ProxyView) -> Sidecar | None:
    """Return the Sidecar of a proxy: one of its namespace whose selector fits, else the one for the whole namespace,
    else the one for the whole mesh, which stands in the root namespace; of several the oldest.
    """
    own = world.namespace(Sidecar, view.namespace).values()
    selecting = [s for s in own if (labels := selector(s)) and view.selected_by(labels)]
    found = _oldest(selecting) or _oldest(s for s in own if not selector(s))
    if found is None and view.namespace != world.root_namespace:
        found = _oldest(s for s in world.namespace(Sidecar, world.root_namespace).values() if not selector(s))
    return found


def selector(sidecar: Sidecar) -> dict[str, str]:
    """Return the labels that a Sidecar asks for; none for one that is for a whole namespace."""
    chosen = sidecar.spec.workload_selector
    return chosen.labels if chosen is not None else {}


def _oldest(sidecars: Iterable[Sidecar]) -> Sidecar | None:
    return min(sidecars, key=lambda sidecar: sidecar.age_order, default=None)
