"""A port on which a workload is reached, whether a service or a Sidecar says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from translators.model.meta import Value
from translators.model.origin import Origin
from translators.services.protocols import entry_protocol

if TYPE_CHECKING:
    from translators.model.service import Protocol, Service, ServicePort
    from translators.model.sidecar import Sidecar
    from translators.recorder import Recorder


class InboundPort(Value, frozen=True, kw_only=True):
    """The same object while nothing of it changes."""

    number: int
    """To which clients connect: for a service, its target port."""
    protocol: Protocol
    service: Service | None
    """Whose port it is, as far as is known."""
    service_port: int
    """The port of the service; the number itself if no service is known."""
    endpoint: str
    """`address:port` or `unix://path` of the workload; empty: where the client meant."""
    origin: Origin
    ingress: int = -1
    """Position of the Sidecar's ingress listener that it comes from; -1 if it comes from a service."""


def service_inbound(
    number: int,
    service: Service,
    port: ServicePort,
    localhost: bool,  # noqa: FBT001 - steps take positional arguments
    *,
    recorder: Recorder,
) -> InboundPort:
    """Memoised step: the port of a workload that a service's port leads to. `localhost`: it listens on 127.0.0.1."""
    del recorder
    return InboundPort(
        number=number,
        protocol=port.protocol,
        service=service,
        service_port=port.number,
        endpoint=f"127.0.0.1:{number}" if localhost else "",
        origin=Origin(service.origin, "spec.ports"),
    )


def ingress_inbound(
    sidecar: Sidecar,
    position: int,
    bound: bool,  # noqa: FBT001 - steps take positional arguments
    *own: Service,
    recorder: Recorder,
) -> InboundPort:
    """Memoised step: the port of a Sidecar's ingress listener. `bound`: the proxy listens there itself, so there is no
    address that the client meant. `own` are the services of the workload, the oldest first.
    """
    del recorder
    listener = sidecar.spec.ingress[position]
    number = listener.port.number if listener.port is not None else 0
    known = [(s, p) for s in own for p in s.ports if number in {p.target_port, p.number}]
    service, port = next(((s, p) for s, p in known if p.target_port == number), known[0]) if known else (None, None)
    return InboundPort(
        number=number,
        protocol=entry_protocol(listener.port.protocol if listener.port is not None else "", number),
        service=service,
        service_port=port.number if port is not None else number,
        endpoint=listener.default_endpoint or (f"127.0.0.1:{number}" if bound else ""),
        origin=Origin(sidecar.key, f"spec.ingress[{position}]"),
        ingress=position,
    )
