"""All that is installed, in the order in which it is applied; and the files of `deploy/`, which hold the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import msgspec

from xds_server.deployment.crds import definitions
from xds_server.deployment.expressions import RELEASE_NAMESPACE, chart_values
from xds_server.deployment.gateway import gateway
from xds_server.deployment.labels import LABELS, NAME
from xds_server.deployment.objects import control_plane
from xds_server.deployment.rendering import as_template, as_yaml, wanted
from xds_server.deployment.values import Values, values_schema

if TYPE_CHECKING:
    from xds_server.deployment.parts import Object

NAMESPACE: Final = "istio-system"
"""Istio's, which is also the default of `serve --root-namespace`."""

_MADE: Final = "# Made by Pilotfish (xds_server/deployment): `pytest tests/deployment --update-goldens`.\n"


def manifests(values: Values, namespace: str = NAMESPACE, *, crds: bool = True) -> list[Object]:
    """Return the objects to apply."""
    return [
        namespace_object(namespace),
        *(definitions() if crds else ()),
        *wanted(control_plane(values, namespace)),
        *wanted(gateway(values, namespace)),
    ]


def namespace_object(name: str) -> Object:
    """Return the Namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": LABELS}}


def files(version: str) -> dict[str, str]:
    """Return the generated files below `deploy/`, by path. `version` is that of Pilotfish."""
    values = Values(image=f"pilotfish:{version}")
    crds = as_yaml(definitions())
    chart = {"apiVersion": "v2", "name": NAME, "description": _ABOUT, "type": "application"}
    chart |= {"version": version, "appVersion": version, "kubeVersion": ">=1.23.0-0"}
    return {
        "kustomize/crds/crds.yaml": _MADE + crds,
        "kustomize/base/namespace.yaml": _MADE + as_yaml([namespace_object(NAMESPACE)]),
        "kustomize/base/pilotfish.yaml": _MADE + as_yaml(wanted(control_plane(values, NAMESPACE))),
        "kustomize/gateway/gateway.yaml": _MADE + as_yaml(wanted(gateway(values, NAMESPACE))),
        "helm/pilotfish/Chart.yaml": _MADE + as_yaml([chart]),
        "helm/pilotfish/crds/crds.yaml": _MADE + crds,
        "helm/pilotfish/values.yaml": _MADE + _ABOUT_VALUES + as_yaml([_tree(values)]),
        "helm/pilotfish/values.schema.json": json.dumps(values_schema(), indent=2) + "\n",
        "helm/pilotfish/templates/pilotfish.yaml": as_template(control_plane(chart_values(), RELEASE_NAMESPACE)),
        "helm/pilotfish/templates/gateway.yaml": as_template(gateway(chart_values(), RELEASE_NAMESPACE)),
    }


_ABOUT: Final = "An Envoy control plane that reads Kubernetes and Istio objects, and an ingress gateway."
_ABOUT_VALUES: Final = "# What each of these means: docs/install.md.\n"


def _tree(values: Values) -> dict[str, Any]:
    tree: dict[str, Any] = msgspec.to_builtins(values)
    return tree
