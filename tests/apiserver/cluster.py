"""A cluster as a test sees it: objects in and out, a kubeconfig, whichever API server is behind it."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Final

from tests.apiserver.resources import BUILT_IN
from tests.apiserver.storage import Object, Resource, StatusError
from translators.model.kinds import ISTIO_KINDS, api_versions

if TYPE_CHECKING:
    from pathlib import Path

_PLURALS: Final = {"ProxyConfig": "proxyconfigs", "ServiceEntry": "serviceentries", "WorkloadEntry": "workloadentries"}
ISTIO: Final = tuple(
    Resource(
        group=kind.GROUP,
        version=api_versions(kind)[0].partition("/")[2],
        plural=_PLURALS.get(kind.KIND, f"{kind.KIND.lower()}s"),
        kind=kind.KIND,
        status=True,
    )
    for kind in ISTIO_KINDS
)
RESOURCES: Final = {resource.kind: resource for resource in (*BUILT_IN, *ISTIO)}


def definition(resource: Resource) -> Object:
    """Return a CustomResourceDefinition that takes anything."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {
        "name": resource.version,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{resource.plural}.{resource.group}"},
        "spec": {
            "group": resource.group,
            "scope": "Namespaced",
            "names": {"kind": resource.kind, "plural": resource.plural, "singular": resource.kind.lower()},
            "versions": [version],
        },
    }


class Cluster:
    """A client without an event loop. Every method raises StatusError for an answer that is no success."""

    def __init__(self, url: str, token: str, ca: Path | None = None) -> None:
        self.url = url
        self.token = token
        self.ca = ca
        self._tls = ssl.create_default_context(cafile=str(ca)) if ca is not None else None

    def kubeconfig(self, path: Path, *, url: str = "", token: str = "") -> Path:
        """Write a kubeconfig for this cluster, perhaps by way of another address."""
        cluster: Object = {"server": url or self.url}
        if self.ca is not None:
            cluster["certificate-authority"] = str(self.ca)
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "test", "user": {"token": token or self.token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "current-context": "test",
        }
        path.write_text(json.dumps(config), encoding="utf-8")
        return path

    def request(self, method: str, path: str, body: object = None, content_type: str = "application/json") -> Object:
        request = urllib.request.Request(  # noqa: S310 - of the test's own server
            f"{self.url}{path}",
            method=method,
            data=json.dumps(body).encode() if body is not None else None,
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": content_type},
        )
        try:
            with urllib.request.urlopen(request, timeout=30, context=self._tls) as answer:  # noqa: S310 - as above
                found: Object = json.loads(answer.read())
                return found
        except urllib.error.HTTPError as error:
            with error:
                text = error.read()
            try:
                status = json.loads(text)
            except ValueError:
                status = {}
            said = str(status.get("message", text[:200]))
            raise StatusError(error.code, str(status.get("reason", "")), said) from error

    def create(self, found: Object) -> Object:
        return self.request("POST", path_of(found, whole=True), full(found))

    def get(self, kind: str, name: str, namespace: str = "default") -> Object:
        return self.request("GET", path_of({"kind": kind, "metadata": {"name": name, "namespace": namespace}}))

    def list(self, kind: str, query: str = "") -> Object:
        return self.request("GET", f"{base_of(RESOURCES[kind])}{query}")

    def replace(self, found: Object) -> Object:
        return self.request("PUT", path_of(found), full(found))

    def apply(self, *objects: Object) -> None:
        """Create each object, or make it what is said here."""
        for one in objects:
            try:
                self.create(one)
            except StatusError as error:
                if error.reason != "AlreadyExists":
                    raise
                meta = one["metadata"]
                before = self.get(one["kind"], meta["name"], meta.get("namespace", "default"))
                version = before["metadata"]["resourceVersion"]
                self.replace({**one, "metadata": {**meta, "resourceVersion": version}})

    def delete(self, kind: str, name: str, namespace: str = "default") -> Object:
        return self.request("DELETE", path_of({"kind": kind, "metadata": {"name": name, "namespace": namespace}}))

    def set_status(self, kind: str, name: str, status: Object, namespace: str = "default") -> Object:
        path = path_of({"kind": kind, "metadata": {"name": name, "namespace": namespace}})
        return self.request("PATCH", f"{path}/status", {"status": status}, "application/merge-patch+json")

    def install(self) -> None:
        """Install CRDs for all Istio kinds."""
        self.apply(*(definition(resource) for resource in ISTIO))


def full(found: Object) -> Object:
    """Return an object with its apiVersion."""
    return {"apiVersion": RESOURCES[found["kind"]].api_version, **found}


def base_of(resource: Resource, namespace: str | None = None) -> str:
    root = f"/apis/{resource.api_version}" if resource.group else f"/api/{resource.version}"
    return f"{root}/namespaces/{namespace}/{resource.plural}" if namespace else f"{root}/{resource.plural}"


def path_of(found: Object, *, whole: bool = False) -> str:
    """Return the path of an object, or of all of its kind in its namespace."""
    resource = RESOURCES[found["kind"]]
    namespace = found["metadata"].get("namespace", "default") if resource.namespaced else None
    base = base_of(resource, namespace)
    return base if whole else f"{base}/{found['metadata']['name']}"
