"""Which VirtualService comes first for a proxy (reference 3.4, 3.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from translators.services.exports import EVERYONE

if TYPE_CHECKING:
    from translators.model.virtual_service import VirtualService


def rank(service: VirtualService, export_to: tuple[str, ...], namespace: str) -> int:
    """Return the place of a VirtualService that a proxy of `namespace` sees, `export_to` being resolved: 0 for one of
    this namespace that is not public, 1 for one exported to it by name, 2 for a public one. Of one rank the oldest is
    first. It is Istio's order on the mesh and on gateways alike.
    """
    if export_to == EVERYONE:
        return 2
    return 0 if service.metadata.namespace == namespace else 1
