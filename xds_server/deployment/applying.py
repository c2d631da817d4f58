"""Objects into a cluster, by server-side apply: what others wrote into them stays, unless it is in the way.

https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import msgspec

from xds_server.deployment.labels import LABELS, NAME
from xds_server.kube_api import KubeApiError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from xds_server.deployment.parts import Object
    from xds_server.kube_api import KubeApi

APPLY_PATCH: Final = "application/apply-patch+yaml"
"""JSON is YAML."""

_PLURALS: Final = {
    "ClusterRole": "clusterroles",
    "ClusterRoleBinding": "clusterrolebindings",
    "CustomResourceDefinition": "customresourcedefinitions",
    "Deployment": "deployments",
    "HorizontalPodAutoscaler": "horizontalpodautoscalers",
    "MutatingWebhookConfiguration": "mutatingwebhookconfigurations",
    "Namespace": "namespaces",
    "PodDisruptionBudget": "poddisruptionbudgets",
    "Role": "roles",
    "RoleBinding": "rolebindings",
    "Service": "services",
    "ServiceAccount": "serviceaccounts",
}
_NOT_FOUND: Final = 404

Outcome = Literal["created", "changed", "unchanged", "left alone: it is not ours"]


class Applied(NamedTuple):
    """What became of one object."""

    kind: str
    name: str
    outcome: Outcome


class _Meta(msgspec.Struct, frozen=True, rename="camel"):
    resource_version: str = ""
    labels: dict[str, str] | None = None


class _Header(msgspec.Struct, frozen=True):
    metadata: _Meta = _Meta()


async def apply(api: KubeApi, objects: Sequence[Object]) -> AsyncIterator[Applied]:
    """Apply objects in their order, and yield what became of each. A definition that is somebody else's, such as
    Istio's own, is left alone.

    Raises KubeApiError for the first that is refused.
    """
    for one in objects:
        yield Applied(one["kind"], one["metadata"]["name"], await _apply(api, one))


async def _apply(api: KubeApi, one: Object) -> Outcome:
    path = path_of(one)
    before = await _header(api, path)
    if before is not None and one["kind"] == "CustomResourceDefinition" and not _ours(before):
        return "left alone: it is not ours"
    query = (("fieldManager", NAME), ("force", "true"))
    answer = await api.request("PATCH", path, query=query, body=one, content_type=APPLY_PATCH)
    after = msgspec.json.decode(answer, type=_Header)
    if before is None:
        return "created"
    return "unchanged" if before.metadata.resource_version == after.metadata.resource_version else "changed"


async def _header(api: KubeApi, path: str) -> _Header | None:
    try:
        return msgspec.json.decode(await api.request("GET", path), type=_Header)
    except KubeApiError as error:
        if error.status == _NOT_FOUND:
            return None
        raise


def _ours(found: _Header) -> bool:
    return LABELS.items() <= (found.metadata.labels or {}).items()


def path_of(one: Object) -> str:
    """Return the path of an object. Raises KeyError for a kind that is never installed."""
    version, meta = one["apiVersion"], one["metadata"]
    place = f"/namespaces/{meta['namespace']}" if "namespace" in meta else ""
    return f"/{'apis' if '/' in version else 'api'}/{version}{place}/{_PLURALS[one['kind']]}/{meta['name']}"
