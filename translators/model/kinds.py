"""The kinds that Pilotfish reads, and the versions in which each is served."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from translators.model.destination_rule import DestinationRule
from translators.model.envoy_filter import EnvoyFilter
from translators.model.gateway import Gateway
from translators.model.kubernetes import ConfigMap, EndpointSlice, Namespace, Node, Pod, Secret, Service
from translators.model.proxy_config import ProxyConfig
from translators.model.service_entry import ServiceEntry
from translators.model.sidecar import Sidecar
from translators.model.virtual_service import VirtualService
from translators.model.workload_entry import WorkloadEntry
from translators.model.workload_group import WorkloadGroup

if TYPE_CHECKING:
    from translators.model.meta import KubeObject

ISTIO_KINDS: Final[tuple[type[KubeObject], ...]] = (
    DestinationRule,
    EnvoyFilter,
    Gateway,
    ProxyConfig,
    ServiceEntry,
    Sidecar,
    VirtualService,
    WorkloadEntry,
    WorkloadGroup,
)
"""Modelled whole: a field that is not here is a mistake of the user's."""

KUBERNETES_KINDS: Final[tuple[type[KubeObject], ...]] = (
    ConfigMap,
    EndpointSlice,
    Service,
    Namespace,
    Node,
    Pod,
    Secret,
)
"""Modelled in part: other fields are Kubernetes' business."""

KINDS: Final[dict[tuple[str, str], type[KubeObject]]] = {
    (kind.GROUP, kind.KIND): kind for kind in (*ISTIO_KINDS, *KUBERNETES_KINDS)
}
"""(group, kind) to type. The core group of Kubernetes is the empty string."""

_VERSIONS: Final[dict[str, tuple[str, ...]]] = {
    "": ("v1",),
    "discovery.k8s.io": ("v1",),
    "networking.istio.io": ("v1", "v1beta1", "v1alpha3"),
}
"""Group to the versions that are read; the newest first. Istio's three share one schema."""

_FEWER: Final[dict[str, tuple[str, ...]]] = {EnvoyFilter.KIND: ("v1alpha3",), ProxyConfig.KIND: ("v1beta1",)}
"""Kinds that exist in some of their group's versions only."""


def api_versions(kind: type[KubeObject]) -> tuple[str, ...]:
    """Return the `apiVersion`s in which a kind is read, the newest first."""
    versions = _FEWER.get(kind.KIND) or _VERSIONS[kind.GROUP]
    return tuple(f"{kind.GROUP}/{version}" if kind.GROUP else version for version in versions)


CLUSTER_SCOPED: Final = frozenset({Namespace.KIND, Node.KIND})
"""Kinds without a namespace."""
