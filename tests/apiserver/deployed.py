"""The kinds that a deployment is made of, for the emulated API server; and its reviews of access."""

from __future__ import annotations

from typing import Any, Final

from tests.apiserver.storage import Object, Resource, StatusError

_RBAC: Final = "rbac.authorization.k8s.io"
_ADMISSION: Final = "admissionregistration.k8s.io"
DEPLOYED: Final = (
    Resource(group="", version="v1", plural="serviceaccounts", kind="ServiceAccount"),
    Resource(group="apps", version="v1", plural="deployments", kind="Deployment", status=True),
    Resource(group=_RBAC, version="v1", plural="clusterroles", kind="ClusterRole", namespaced=False),
    Resource(group=_RBAC, version="v1", plural="clusterrolebindings", kind="ClusterRoleBinding", namespaced=False),
    Resource(group=_RBAC, version="v1", plural="roles", kind="Role"),
    Resource(group=_RBAC, version="v1", plural="rolebindings", kind="RoleBinding"),
    Resource(group="policy", version="v1", plural="poddisruptionbudgets", kind="PodDisruptionBudget", status=True),
    Resource(
        group="autoscaling",
        version="v2",
        plural="horizontalpodautoscalers",
        kind="HorizontalPodAutoscaler",
        status=True,
    ),
    *(
        Resource(group=_ADMISSION, version="v1", plural=f"{kind.lower()}s", kind=kind, namespaced=False)
        for kind in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
    ),
)


def reviewed(path: str, review: Object, bindings: dict[str, list[Object]], myself: str) -> Object:
    """Answer a SubjectAccessReview, or one of the asker's own, by the rules that are given to accounts."""
    spec = review["spec"]
    user = myself if path.endswith("/selfsubjectaccessreviews") else spec.get("user", "")
    wanted = spec["resourceAttributes"]
    allowed = any(_allows(rule, wanted) for rule in bindings.get(user, ()))
    return {**review, "status": {"allowed": allowed}}


def _allows(rule: Object, wanted: Object) -> bool:
    subresource = f"/{wanted['subresource']}" if "subresource" in wanted else ""
    return (
        wanted.get("group", "") in rule["apiGroups"]
        and wanted["resource"] + subresource in rule["resources"]
        and wanted["verb"] in rule["verbs"]
        and (not rule.get("resourceNames") or wanted.get("name") in rule["resourceNames"])
        and rule.get("namespace") in (None, wanted.get("namespace"))
    )


def rules_of(storage: Any) -> dict[str, list[Object]]:
    """Return what each service account may do, by the roles that are bound to it. Hold the storage's lock."""
    found: dict[str, list[Object]] = {}
    kinds = {resource.kind: resource for resource in DEPLOYED}
    for kind in ("ClusterRoleBinding", "RoleBinding"):
        for binding in storage.all(kinds[kind]):
            role = binding["roleRef"]
            namespace = binding["metadata"].get("namespace")
            try:
                place = namespace or "" if role["kind"] == "Role" else ""
                rules = storage.get(kinds[role["kind"]], place, role["name"])["rules"]
            except StatusError:
                continue
            for subject in binding["subjects"]:
                name = f"system:serviceaccount:{subject['namespace']}:{subject['name']}"
                found.setdefault(name, []).extend({**rule, "namespace": namespace} for rule in rules)
    return found
