"""Names of Envoy resources, in Istio's form (reference 2.1): istioctl, dashboards and people's habits rely on them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from translators.model.service import Service, ServicePort


def cluster_name(port: int, subset: str, hostname: str, direction: str = "outbound") -> str:
    """Return `outbound|80|v1|reviews.default.svc.cluster.local`; the EDS name is the same."""
    return f"{direction}|{port}|{subset}|{hostname}"


def sni_dnat_name(port: int, subset: str, hostname: str) -> str:
    """Return `outbound_.80_.v1_.reviews.default.svc.cluster.local`: what a sidecar asks for in the mesh's own TLS, and
    the cluster that a gateway in mode AUTO_PASSTHROUGH has for it.
    """
    return f"outbound_.{port}_.{subset}_.{hostname}"


FILE_SECRETS: Final = ("file-cert:", "file-root:")
"""How the names of Secrets begin that hold paths of files on the proxy (ADR 0006)."""

STAT_PATTERNS: Final = (
    "%SERVICE%",
    "%SERVICE_FQDN%",
    "%SERVICE_NAME%",
    "%SERVICE_PORT%",
    "%SERVICE_PORT_NAME%",
    "%SUBSET_NAME%",
    "%TARGET_PORT%",
)
"""What MeshConfig's `outboundClusterStatName` may hold."""


def stat_name(pattern: str, service: Service, port: ServicePort, subset: str) -> str:
    """Return the name that a cluster is counted under, by MeshConfig's `outboundClusterStatName`; empty: its own."""
    if not pattern:
        return cluster_name(port.number, subset, service.hostname)
    values = (
        service.hostname if service.mesh_external else f"{service.name}.{service.namespace}",
        service.hostname,
        service.name,
        str(port.number),
        port.name,
        subset,
        str(port.target_port),
    )
    for name, value in zip(STAT_PATTERNS, values, strict=True):
        pattern = pattern.replace(name, value)
    return pattern


def istio_config_path(group: str, kind: str, namespace: str, name: str) -> str:
    """Return what Istio writes to `metadata.filter_metadata.istio.config`:
    `/apis/networking.istio.io/v1/namespaces/default/virtual-service/reviews`.
    """
    return f"/apis/{group}/v1/namespaces/{namespace}/{_dashed(kind)}/{name}"


@cache  # there are few kinds, and many routes
def _dashed(kind: str) -> str:
    return "".join(f"-{c.lower()}" if c.isupper() else c for c in kind).lstrip("-")
