"""One endpoint changes: from the event (a decoded EndpointSlice) to the bytes of the response, among 1,000 services and
among 10,000. The cost must not grow with the mesh, so the floor is the small mesh.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmarks.harness import Result, compare, milliseconds
from benchmarks.meshes import ROUTER, endpoint_slice, mesh
from translators.resources import ENDPOINT
from translators.translate import Translator

if TYPE_CHECKING:
    from collections.abc import Callable

CHANGES: Final = 300
"""Changes a round, each to another service."""


def run() -> list[Result]:
    """Compare 10,000 services with 1,000; target 2."""
    return [compare("endpoint_change_10000_to_1000", _changes(10_000), _changes(1_000), target=2.0)]


def _changes(services: int) -> Callable[[], float]:
    translator = Translator()
    world = mesh(services)
    served = translator.translate(world, ROUTER)
    last = 2

    def work() -> None:
        nonlocal world, served
        for change in range(CHANGES):
            new = endpoint_slice(change * (services // CHANGES), last=last)
            world = world.apply({new.key: new})
            served = translator.translate(world, ROUTER, served)
            changed = served[ENDPOINT].changed
            response = b"".join(served[ENDPOINT].resources[name].delta_fragment for name in changed)
            if len(changed) != 1 or not response:
                msg = f"one endpoint changed, and {len(changed)} assignments"
                raise AssertionError(msg)

    def once() -> float:
        nonlocal last
        last += 1
        return milliseconds(work) / CHANGES

    return once
