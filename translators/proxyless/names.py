"""Names under which gRPC asks for listeners; they are Istio's (pilot/pkg/networking/grpcgen)."""

from __future__ import annotations

from typing import Final

SERVER_PREFIX: Final = "xds.istio.io/grpc/lds/inbound/"
"""What the bootstrap's `server_listener_resource_name_template` begins with; `ADDRESS:PORT` follows."""


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
