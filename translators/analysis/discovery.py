"""Namespaces that MeshConfig's discoverySelectors leave out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from translators.model.codes import diagnose
from translators.model.kubernetes import Namespace
from translators.model.meta import ObjectKey
from translators.model.origin import Origin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from translators.model.origin import Diagnostic
    from translators.model.world import World


def discovery_remarks(world: World) -> Iterator[Diagnostic]:
    """Yield each namespace whose objects are there and not read."""
    count: dict[str, int] = {}
    for by_namespace in world.hidden.values():
        for namespace, objects in by_namespace.items():
            count[namespace] = count.get(namespace, 0) + len(objects)
    for namespace in sorted(count):
        origin = Origin(ObjectKey(Namespace.KIND, "", namespace), "metadata.labels")
        what = f"{count[namespace]} object{'s' if count[namespace] > 1 else ''}"
        if namespace == world.root_namespace:
            yield diagnose(
                "PF1145",
                f"discoverySelectors do not select the root namespace {namespace}: {what}, and with them what holds "
                "for the whole mesh, are not read",
                origin,
                hint="give the namespace a label that they select",
            )
        else:
            yield diagnose(
                "PF1143",
                f"discoverySelectors do not select the namespace {namespace}: {what} of it are not read",
                origin,
                hint="give the namespace a label that they select, if it is meant to be part of the mesh",
            )
