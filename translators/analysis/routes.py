"""Where routes lead: unknown hosts, subsets and ports, services without endpoints, ports that are not HTTP."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from translators.analysis.mesh import on_mesh
from translators.destination_rules import effective_policy
from translators.model.codes import diagnose
from translators.model.origin import Origin
from translators.model.service import Protocol, Resolution
from translators.model.virtual_service import VirtualService

if TYPE_CHECKING:
    from collections.abc import Iterator

    from translators.analysis.mesh import Mesh
    from translators.model.meta import ObjectKey
    from translators.model.origin import Diagnostic
    from translators.model.service import Service, ServicePort
    from translators.model.virtual_service import Destination, TCPRoute, TLSRoute

_SUGGESTIONS: Final = 3


def route_remarks(mesh: Mesh) -> Iterator[Diagnostic]:
    """Yield what there is to say about the destinations of all VirtualServices, gateways' and sidecars' alike."""
    for virtual_service in mesh.world.each(VirtualService):
        for path, destination, is_http in _destinations(virtual_service):
            yield from _destination_remarks(mesh, virtual_service, path, destination, is_http=is_http)


def routed_ports(mesh: Mesh) -> frozenset[tuple[ObjectKey, int]]:
    """Return the ports that VirtualServices lead to: key of the Service or ServiceEntry, and number."""
    found: set[tuple[ObjectKey, int]] = set()
    for virtual_service in mesh.world.each(VirtualService):
        namespace = virtual_service.metadata.namespace
        for _, destination, _ in _destinations(virtual_service):
            service = mesh.services.find(mesh.services.resolve(destination.host, namespace), namespace)
            if service is None:
                continue
            numbers = [p.number for p in service.ports] if destination.port is None else [destination.port.number]
            found.update((service.origin, number) for number in numbers)
    return frozenset(found)


def _destinations(virtual_service: VirtualService) -> Iterator[tuple[str, Destination, bool]]:
    """Yield each destination with its path, and whether it is an HTTP route's."""
    spec = virtual_service.spec
    for r, http in enumerate(spec.http):
        path = f"spec.http[{r}]"
        for d, weighted in enumerate(http.route):
            if weighted.destination is not None:
                yield f"{path}.route[{d}].destination", weighted.destination, True
        if http.mirror is not None:
            yield f"{path}.mirror", http.mirror, True
        for d, mirror in enumerate(http.mirrors):
            if mirror.destination is not None:
                yield f"{path}.mirrors[{d}].destination", mirror.destination, True
    opaque: tuple[tuple[str, tuple[TLSRoute | TCPRoute, ...]], ...] = (("tls", spec.tls), ("tcp", spec.tcp))
    for kind, routes in opaque:
        for r, route in enumerate(routes):
            for d, target in enumerate(route.route):
                if target.destination is not None:
                    yield f"spec.{kind}[{r}].route[{d}].destination", target.destination, False


def _destination_remarks(
    mesh: Mesh, virtual_service: VirtualService, path: str, destination: Destination, *, is_http: bool
) -> Iterator[Diagnostic]:
    namespace = virtual_service.metadata.namespace
    hostname = mesh.services.resolve(destination.host, namespace)
    service = mesh.services.find(hostname, namespace)
    key = virtual_service.key
    if service is None:
        hidden = ", ".join(s.namespace for s in mesh.services.hidden(hostname))
        # What a gateway sees is what is exported to its own namespace, and the translator's business.
        if not hidden or on_mesh(virtual_service):
            message = f"{hostname} of namespace {hidden} is not exported to namespace {namespace}"
            message = message if hidden else f"no service {hostname} is known"
            hint = "add the namespace to its exportTo" if hidden else _nearest(mesh, hostname, namespace)
            yield diagnose("PF0701", message, Origin(key, f"{path}.host"), hint=hint)
        return
    if service.resolution is Resolution.ALIAS:
        return
    rule = mesh.rules.for_service(service, namespace)
    known = rule.subsets if rule is not None else {}
    if destination.subset and destination.subset not in known:
        names = ", ".join(sorted(known)) or "none"
        yield diagnose(
            "PF0702",
            f"{service.hostname} has no subset {destination.subset} in any DestinationRule; it has: {names}",
            Origin(key, f"{path}.subset"),
            hint="add the subset to a DestinationRule for this host",
        )
    yield from _port_remarks(mesh, virtual_service, path, destination, service, is_http=is_http)
    if service.resolution is Resolution.CLIENT_SIDE_LB and not mesh.endpoints(service):
        yield diagnose(
            "PF0726",
            f"{service.hostname} ({service.origin}) has no endpoints, so requests are answered 503",
            Origin(key, f"{path}.host"),
            hint="in files, a Service needs an EndpointSlice with the label kubernetes.io/service-name"
            if service.origin.kind == "Service"
            else "add workloads that the selector selects",
        )


def _port_remarks(
    mesh: Mesh,
    virtual_service: VirtualService,
    path: str,
    destination: Destination,
    service: Service,
    *,
    is_http: bool,
) -> Iterator[Diagnostic]:
    if destination.port is not None:
        port = service.port(destination.port.number)
        if port is None:
            ports = ", ".join(str(p.number) for p in service.ports) or "none"
            message = f"{service.hostname} has no port {destination.port.number}; it has: {ports}"
            yield diagnose("PF0703", message, Origin(virtual_service.key, f"{path}.port"), hint="name one of its ports")
    else:
        port = service.ports[0] if len(service.ports) == 1 else None
    if port is None or not is_http or port.protocol.is_http:
        return
    where = Origin(virtual_service.key, f"{path}.port" if destination.port is not None else f"{path}.host")
    if port.protocol is Protocol.UNSUPPORTED:
        yield diagnose(
            "PF0727",
            f'port {port.number} of {service.hostname} ("{port.name}") does not say its protocol; a gateway speaks '
            "HTTP/1.1 to it",
            where,
            hint="name the port http, http2 or grpc, perhaps with a suffix such as http-web, or set appProtocol",
        )
    elif port.protocol.is_tls:
        if not _speaks_tls(mesh, virtual_service, destination, service, port):
            yield diagnose(
                "PF0728",
                f"port {port.number} of {service.hostname} expects {port.protocol}, and requests come in clear text",
                where,
                hint="add a DestinationRule with trafficPolicy.tls.mode: SIMPLE for this port",
            )
    else:
        yield diagnose(
            "PF0728",
            f"port {port.number} of {service.hostname} is declared as {port.protocol}, and HTTP requests go there",
            where,
            hint="route to an HTTP port, or name the port http if it speaks HTTP",
        )


def _speaks_tls(
    mesh: Mesh, virtual_service: VirtualService, destination: Destination, service: Service, port: ServicePort
) -> bool:
    rule = mesh.rules.for_service(service, virtual_service.metadata.namespace)
    if rule is None:
        return False
    tls = effective_policy(rule, port.number, destination.subset).tls
    return tls is not None and tls.mode != "DISABLE"


def _nearest(mesh: Mesh, hostname: str, namespace: str) -> str:
    """Suggest a service of the same name elsewhere, or of a similar name."""
    names = [service.hostname for service in mesh.services.visible_to(namespace)]
    first = hostname.partition(".")[0]
    elsewhere = [name for name in names if name.partition(".")[0] == first]
    close = elsewhere[:_SUGGESTIONS] or get_close_matches(hostname, names, n=1, cutoff=0.8)
    if close:
        return f"did you mean {' or '.join(close)}?"
    return "add a Service or a ServiceEntry for it; a short name means the namespace of the VirtualService"
