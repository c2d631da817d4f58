"""What a whole mesh has in common: the images, ports and defaults that annotations may override for one pod."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

Tree: TypeAlias = "dict[str, Tree] | list[Tree] | str | int | bool | float | None"
Mapping: TypeAlias = "dict[str, Tree]"

PROXY: Final = "istio-proxy"
INTERCEPTION: Final = "istio-init"
BOOTSTRAP: Final = "pilotfish-bootstrap"
"""Names of the containers that injection adds; the first two are Istio's."""

USER_ID: Final = 1337
ADMIN_PORT: Final = 15000
OUTBOUND_PORT: Final = 15001
INBOUND_PORT: Final = 15006
PROBES_PORT: Final = 15020
STATUS_PORT: Final = 15021
METRICS_PORT: Final = 15090

TEMPLATES: Final = "inject.istio.io/templates"


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectionSettings:
    """Settings of `pilotfish inject` and of the webhook."""

    proxy_image: str = "envoyproxy/envoy:v1.40.0"
    """An official Envoy image, with a shell for the hook that drains it."""
    pilotfish_image: str = "pilotfish"
    """Image of the init containers, which render the bootstrap and lead the traffic through Envoy."""
    image_pull_policy: str = ""
    """Kubernetes' default where it is empty."""
    xds_address: str = "pilotfish.istio-system.svc:15010"
    """Where proxies find the control plane; annotations may say another."""
    cluster_domain: str = "cluster.local"
    cluster_id: str = "Kubernetes"
    network: str = ""
    revision: str = "default"
    native: bool = True
    """Whether Envoy is a native sidecar (an init container that stays), as Kubernetes knows them since 1.29."""
    log_level: str = "warning"
    rewrite_probes: bool = True
    cpu: str = "100m"
    memory: str = "128Mi"
    cpu_limit: str = "2"
    memory_limit: str = "1Gi"
