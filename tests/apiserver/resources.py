"""The kinds that the emulated API server serves from the start, and discovery of those and of CRDs'."""

from __future__ import annotations

from typing import Any, Final

from tests.apiserver.deployed import DEPLOYED
from tests.apiserver.storage import Object, Resource

CRD: Final = Resource(
    group="apiextensions.k8s.io",
    version="v1",
    plural="customresourcedefinitions",
    kind="CustomResourceDefinition",
    namespaced=False,
    status=True,
)
BUILT_IN: Final = (
    Resource(group="", version="v1", plural="namespaces", kind="Namespace", namespaced=False, status=True),
    Resource(group="", version="v1", plural="nodes", kind="Node", namespaced=False, status=True),
    Resource(group="", version="v1", plural="services", kind="Service", status=True),
    Resource(group="", version="v1", plural="pods", kind="Pod", status=True),
    Resource(group="", version="v1", plural="secrets", kind="Secret"),
    Resource(group="", version="v1", plural="configmaps", kind="ConfigMap"),
    Resource(group="discovery.k8s.io", version="v1", plural="endpointslices", kind="EndpointSlice"),
    Resource(group="coordination.k8s.io", version="v1", plural="leases", kind="Lease"),
    Resource(
        group="admissionregistration.k8s.io",
        version="v1",
        plural="mutatingwebhookconfigurations",
        kind="MutatingWebhookConfiguration",
        namespaced=False,
    ),
    CRD,
    *DEPLOYED,
)


def of_definition(definition: Object) -> list[Resource]:
    """Return what a CustomResourceDefinition adds."""
    spec = definition["spec"]
    return [
        Resource(
            group=spec["group"],
            version=version["name"],
            plural=spec["names"]["plural"],
            kind=spec["names"]["kind"],
            namespaced=spec["scope"] == "Namespaced",
            status="status" in (version.get("subresources") or {}),
        )
        for version in spec["versions"]
        if version["served"]
    ]


def group_document(group: str, resources: list[Resource]) -> Object | None:
    """Return what `/apis/<group>` answers; None if nothing of the group is served."""
    versions = list(dict.fromkeys(r.api_version for r in resources if r.group == group))
    if not versions:
        return None
    shown = [{"groupVersion": version, "version": version.partition("/")[2]} for version in versions]
    return {"kind": "APIGroup", "apiVersion": "v1", "name": group, "versions": shown, "preferredVersion": shown[0]}


def version_document(api_version: str, resources: list[Resource]) -> Object | None:
    """Return what `/api/v1` or `/apis/<group>/<version>` answers."""
    found: list[dict[str, Any]] = []
    verbs = ["create", "delete", "get", "list", "patch", "update", "watch"]
    for resource in (r for r in resources if r.api_version == api_version):
        entry = {"name": resource.plural, "kind": resource.kind, "namespaced": resource.namespaced, "verbs": verbs}
        found.append(entry)
        if resource.status:
            found.append({**entry, "name": f"{resource.plural}/status", "verbs": ["get", "patch", "update"]})
    if not found:
        return None
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": api_version, "resources": found}
