"""CustomResourceDefinitions of the Istio kinds, for clusters that do not have Istio's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from translators.model.kinds import ISTIO_KINDS, api_versions
from xds_server.deployment.labels import LABELS
from xds_server.deployment.schemas import schema_of

if TYPE_CHECKING:
    from translators.model.meta import KubeObject
    from xds_server.deployment.schemas import Schema


class Column(NamedTuple):
    """What `kubectl get` shows beside the name."""

    name: str
    path: str
    description: str
    type: str = "string"


class Names(NamedTuple):
    """How a kind is called in paths and by kubectl."""

    plural: str
    short: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()


_AGE: Final = Column("Age", ".metadata.creationTimestamp", "When it was created", "date")

NAMES: Final[dict[str, Names]] = {
    "DestinationRule": Names("destinationrules", ("dr",), (Column("Host", ".spec.host", "The service it is for"),)),
    "EnvoyFilter": Names("envoyfilters"),
    "Gateway": Names("gateways", ("gw",)),
    "ProxyConfig": Names("proxyconfigs"),
    "ServiceEntry": Names(
        "serviceentries",
        ("se",),
        (
            Column("Hosts", ".spec.hosts", "The names of the service"),
            Column("Location", ".spec.location", "Whether it is inside of the mesh"),
            Column("Resolution", ".spec.resolution", "How its endpoints are found"),
        ),
    ),
    "Sidecar": Names("sidecars"),
    "VirtualService": Names(
        "virtualservices",
        ("vs",),
        (
            Column("Gateways", ".spec.gateways", "The gateways and sidecars that it is for"),
            Column("Hosts", ".spec.hosts", "The hosts that it routes"),
        ),
    ),
    "WorkloadEntry": Names(
        "workloadentries", ("we",), (Column("Address", ".spec.address", "The address of the endpoint"),)
    ),
    "WorkloadGroup": Names("workloadgroups", ("wg",)),
}
"""Istio's names: https://istio.io/latest/docs/reference/config/networking/."""


def definitions() -> list[dict[str, Any]]:
    """Return the definition of each kind, by name."""
    return [definition(kind) for kind in ISTIO_KINDS]


def definition(kind: type[KubeObject]) -> dict[str, Any]:
    """Return the definition of one kind, at every version in which it is read; the newest is the one that is stored."""
    names = NAMES[kind.KIND]
    schema = _whole(kind)
    stored, *older = api_versions(kind)
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{names.plural}.{kind.GROUP}", "labels": LABELS},
        "spec": {
            "group": kind.GROUP,
            "names": {
                "categories": ["istio-io", "networking-istio-io"],
                "kind": kind.KIND,
                "listKind": f"{kind.KIND}List",
                "plural": names.plural,
                "singular": kind.KIND.lower(),
                **({"shortNames": list(names.short)} if names.short else {}),
            },
            "scope": "Namespaced",
            "versions": [_version(stored, names, schema, storage=True)]
            + [_version(one, names, schema, storage=False) for one in older],
        },
    }


def _version(api_version: str, names: Names, schema: Schema, *, storage: bool) -> dict[str, Any]:
    return {
        "name": api_version.partition("/")[2],
        "served": True,
        "storage": storage,
        "subresources": {"status": {}},
        "additionalPrinterColumns": [
            {"name": c.name, "type": c.type, "jsonPath": c.path, "description": c.description}
            for c in (*names.columns, _AGE)
        ],
        "schema": {"openAPIV3Schema": schema},
    }


def _whole(kind: type[KubeObject]) -> Schema:
    """Return the schema of an object. apiVersion, kind and metadata are the API server's own to check; status is
    whoever's who writes one, Istio included.
    """
    spec = schema_of(kind)["properties"]["spec"]
    return {
        "type": "object",
        "description": (kind.__doc__ or "").strip().splitlines()[0],
        "properties": {
            "spec": spec,
            "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        },
        # Without it, what `spec` requires would be required of nobody.
        **({"required": ["spec"]} if "required" in spec else {}),
    }
