"""Gateways that nobody can reach: ports that no Service exposes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from translators.analysis.proxies import services_before
from translators.model.codes import diagnose
from translators.model.origin import Origin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from translators.analysis.mesh import Mesh
    from translators.model.origin import Diagnostic


def gateway_port_remarks(mesh: Mesh) -> Iterator[Diagnostic]:
    """Yield a remark for each server whose port no Service before the gateway has."""
    for _, gateway in sorted(mesh.gateways.items()):
        services = list(services_before(mesh.world, gateway.spec.selector))
        exposed = {port.port for service in services for port in service.spec.ports}
        # A server's port is one of the Service's, or (for a gateway that is reached without it) one that it maps to.
        exposed |= {p.target_port for s in services for p in s.spec.ports if isinstance(p.target_port, int)}
        for index, server in enumerate(gateway.spec.servers):
            port = server.port.number if server.port is not None else 0
            if services and port and port not in exposed:
                names = ", ".join(str(service.key) for service in services)
                yield diagnose(
                    "PF0737",
                    f"{names} has no port {port}, so clients do not get to this server",
                    Origin(gateway.key, f"spec.servers[{index}].port.number"),
                    hint=f"add port {port} to the Service before the gateway, or use one that it has",
                )
