"""Names under which gRPC asks for listeners; they are Istio's (pilot/pkg/networking/grpcgen)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from translators.model.service import Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from translators.model.service import Service, ServicePort

SERVER_PREFIX: Final = "xds.istio.io/grpc/lds/inbound/"
"""What the bootstrap's `server_listener_resource_name_template` begins with; `ADDRESS:PORT` follows."""


def dialled_ports(service: Service) -> Mapping[int, ServicePort]:
    """Return the ports that may be dialled, by number: all but UDP; of one number the first counts."""
    found: dict[int, ServicePort] = {}
    for port in service.ports:
        if port.protocol is not Protocol.UDP:
            found.setdefault(port.number, port)
    return found


def short_names(hostname: str, cluster_domain: str, *, at_home: bool) -> tuple[str, ...]:
    """Return the other names that DNS in the cluster would find a service by: `echo.default.svc`, `echo.default` and,
    for a client in its own namespace (`at_home`), `echo`. A host that is none of a Kubernetes Service has none.
    """
    rest = hostname.removesuffix(f".svc.{cluster_domain}")
    name, dot, namespace = rest.partition(".")
    if rest == hostname or not dot or "." in namespace:
        return ()
    longer = (f"{rest}.svc", rest)
    return (*longer, name) if at_home else longer
