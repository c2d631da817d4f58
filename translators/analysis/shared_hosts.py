"""VirtualServices that have a host in common (reference 3.6): on gateways their routes are tried one after the other,
on the mesh only the oldest one counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from translators.analysis.mesh import MESH, on_mesh
from translators.hosts import gateway_reference
from translators.model.codes import diagnose
from translators.model.origin import Origin
from translators.model.virtual_service import VirtualService

if TYPE_CHECKING:
    from collections.abc import Iterator

    from translators.analysis.mesh import Mesh
    from translators.model.origin import Diagnostic


def shared_host_remarks(mesh: Mesh) -> Iterator[Diagnostic]:
    """Yield a remark for each VirtualService that comes after another one for the same host."""
    first: dict[tuple[str, str], VirtualService] = {}
    for virtual_service in sorted(mesh.world.each(VirtualService), key=lambda v: v.age_order):
        key, namespace = virtual_service.key, virtual_service.metadata.namespace
        said: set[tuple[str, int]] = set()
        for index, host in enumerate(virtual_service.spec.hosts):
            name = mesh.services.resolve(host, namespace).lower()
            path = f"spec.hosts[{index}]"
            for place in _places(virtual_service):
                older = first.setdefault((place, name), virtual_service)
                if older is virtual_service or (str(older.key), index) in said:
                    continue
                said.add((str(older.key), index))
                if place.startswith(MESH):
                    yield diagnose(
                        "PF0724",
                        f'{older.key} has the host "{host}" too and is older, so sidecars do not look at this one',
                        Origin(key, path),
                        hint="put the routes of one host into one VirtualService",
                    )
                else:
                    yield diagnose(
                        "PF0725",
                        f'{older.key} has the host "{host}" on Gateway {place} too, and its routes are tried first',
                        Origin(key, path),
                        hint="put the routes of one host into one VirtualService if their order matters",
                    )


def _places(virtual_service: VirtualService) -> Iterator[str]:
    """Yield the gateways, by `namespace/name`, and `mesh`, for each namespace apart where it is private."""
    spec, namespace = virtual_service.spec, virtual_service.metadata.namespace
    for gateway in spec.gateways:
        if gateway != MESH:
            yield gateway_reference(gateway, namespace)
    if on_mesh(virtual_service):
        yield (
            MESH
            if not spec.export_to or "*" in spec.export_to
            else f"{MESH} {' '.join(sorted(spec.export_to))} {namespace}"
        )
