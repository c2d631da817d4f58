"""The port that a gateway really listens on: a Service in front of it may map 80 to 8080 (reference 1.1, 10.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from translators.model.codes import diagnose
from translators.model.kubernetes import Service
from translators.model.origin import Diagnostic, Origin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from translators.model.proxy import ProxyView
    from translators.model.world import World

_NO_TRANSLATION: Final = "experimental.istio.io/disable-gateway-port-translation"
"""A label of a Service that leaves port numbers alone."""


class TargetPort(NamedTuple):
    """Where a server's port leads to."""

    number: int
    origin: Origin | None
    """The field of the Service that maps it; None if no Service does."""


def services_in_front(world: World, view: ProxyView) -> tuple[Service, ...]:
    """Return the Services of the proxy's namespace that select it, the oldest first."""
    services = world.namespace(Service, view.namespace).values()
    found = [s for s in services if s.spec.selector and view.selected_by(s.spec.selector)]
    return tuple(sorted(found, key=lambda service: service.age_order))


def target_port(number: int, services: Sequence[Service]) -> tuple[TargetPort, tuple[Diagnostic, ...]]:
    """Return the port to listen on for a server's port, by the first Service that has it; else the port itself.

    A target port given by name is the name of a container port, and the proxy does not say what its containers are
    called: such a port is passed over, with a diagnostic.
    """
    diagnostics = []
    for service in services:
        for i, port in enumerate(service.spec.ports):
            if port.port != number or port.protocol not in {"TCP", ""}:
                continue
            origin = Origin(service.key, f"spec.ports[{i}].targetPort")
            if isinstance(port.target_port, str):
                diagnostics.append(
                    diagnose(
                        "PF0351",
                        f"port {number} of the gateway's Service leads to the port named {port.target_port!r}, "
                        f"which cannot be looked up for a proxy: the gateway listens on {number}",
                        origin,
                        hint="give targetPort as a number",
                    )
                )
                continue
            if _NO_TRANSLATION in service.metadata.labels:
                return TargetPort(number, Origin(service.key, "metadata.labels")), tuple(diagnostics)
            return TargetPort(port.target_port or number, origin), tuple(diagnostics)
    return TargetPort(number, None), tuple(diagnostics)


def udp_port(number: int, services: Sequence[Service]) -> TargetPort | None:
    """Return the port to listen on for HTTP/3, if a Service in front has a UDP port of the server's number.

    That is how HTTP/3 is asked for: UDP does not get to a gateway whose Service has no such port. (In Istio it takes a
    setting of the control plane besides, PILOT_ENABLE_QUIC_LISTENERS.)
    """
    for service in services:
        for i, port in enumerate(service.spec.ports):
            if port.port == number and port.protocol == "UDP" and not isinstance(port.target_port, str):
                translates = _NO_TRANSLATION not in service.metadata.labels
                target = port.target_port if translates and port.target_port else number
                return TargetPort(target, Origin(service.key, f"spec.ports[{i}]"))
    return None
