"""Where an API server serves each kind, if at all: its path, at the newest version that both sides know.

https://kubernetes.io/docs/reference/using-api/api-concepts/#api-discovery
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from translators.model.kinds import ISTIO_KINDS, api_versions
from translators.model.kubernetes import EndpointSlice, Namespace, Node, Pod, Service
from xds_server.kube_api import KubeApiError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from translators.model.meta import KubeObject
    from xds_server.kube_api import KubeApi

WATCHED: Final[tuple[type[KubeObject], ...]] = (Service, EndpointSlice, Pod, Node, Namespace, *ISTIO_KINDS)
"""The kinds of which every object is followed, wherever it is."""

_NOT_FOUND: Final = 404

T = TypeVar("T")


class _Version(msgspec.Struct, frozen=True, rename="camel"):
    group_version: str = ""


class _Group(msgspec.Struct, frozen=True):
    versions: list[_Version] = []


class _Resource(msgspec.Struct, frozen=True):
    name: str = ""
    kind: str = ""


class _Resources(msgspec.Struct, frozen=True):
    resources: list[_Resource] = []


def path_of(api_version: str, plural: str) -> str:
    """Return the path of all objects of a kind: `/api/v1/services`, `/apis/discovery.k8s.io/v1/endpointslices`."""
    return f"/{'apis' if '/' in api_version else 'api'}/{api_version}/{plural}"


async def discover(api: KubeApi, group: str) -> Mapping[str, str]:
    """Return the paths at which the kinds of a group are served, by kind; those that are not are left out.

    Raises KubeApiError where the server does not say.
    """
    kinds = [kind for kind in WATCHED if group == kind.GROUP]
    served = ["v1"] if not group else await _versions(api, group)
    found: dict[str, str] = {}
    for version in (version for version in _preferred(kinds) if version in served):
        for resource in (await _resources(api, version)).resources:
            wanted = resource.kind not in found and "/" not in resource.name
            if wanted and any(resource.kind == k.KIND and version in api_versions(k) for k in kinds):
                found[resource.kind] = path_of(version, resource.name)
    return found


def _preferred(kinds: list[type[KubeObject]]) -> list[str]:
    """Return the versions in which some of these kinds are read, the newest first."""
    return list(dict.fromkeys(version for kind in kinds for version in api_versions(kind)))


async def _versions(api: KubeApi, group: str) -> list[str]:
    try:
        answer = await api.request("GET", f"/apis/{group}")
    except KubeApiError as error:
        if error.status == _NOT_FOUND:
            return []
        raise
    return [version.group_version for version in _decoded(answer, _Group).versions]


async def _resources(api: KubeApi, api_version: str) -> _Resources:
    try:
        answer = await api.request("GET", path_of(api_version, "").rstrip("/"))
    except KubeApiError as error:
        if error.status == _NOT_FOUND:
            return _Resources()
        raise
    return _decoded(answer, _Resources)


def _decoded(answer: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(answer, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise KubeApiError(0, "Unreadable", f"discovery is answered with something else: {error}") from error
