"""The MutatingWebhookConfiguration: which new pods the API server shows to `serve --injection`.

Its selectors are those of Istio's own webhooks for the default revision, and say what `injection.decision` says.
https://istio.io/latest/docs/setup/additional-setup/sidecar-injection/#controlling-the-injection-policy
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from translators.model.meta import REVISION_LABEL
from xds_server.deployment.labels import LABELS
from xds_server.injection.decision import IGNORED_NAMESPACES, INJECT, NAMESPACE
from xds_server.webhook.names import CONFIGURATION, PATH, PORT, SERVICE

if TYPE_CHECKING:
    from xds_server.deployment.parts import Object

_DEFAULT: Final = "default"
"""The revision."""


def webhook_configuration(namespace: str) -> Object:
    """Return it. Its `caBundle` is written by whoever serves the webhook."""
    ours = [
        _absent(NAMESPACE),
        _absent(REVISION_LABEL),
        _is("kubernetes.io/metadata.name", *sorted(IGNORED_NAMESPACES), no=True),
    ]
    not_refused = _is(INJECT, "false", no=True)
    selectors = {
        "namespace": ([_is(NAMESPACE, "enabled")], [not_refused]),
        "rev.namespace": ([_absent(NAMESPACE), _is(REVISION_LABEL, _DEFAULT)], [not_refused]),
        "object": (ours, [_absent(REVISION_LABEL), _is(INJECT, "true")]),
        "rev.object": (ours, [_is(REVISION_LABEL, _DEFAULT), not_refused]),
    }
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": CONFIGURATION, "labels": LABELS},
        "webhooks": [_webhook(name, namespace, *both) for name, both in selectors.items()],
    }


def _webhook(name: str, namespace: str, namespaces: list[Object], pods: list[Object]) -> Object:
    return {
        "name": f"{name}.sidecar-injector.pilotfish.io",
        "clientConfig": {"service": {"name": SERVICE, "namespace": namespace, "path": PATH, "port": PORT}},
        "rules": [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}],
        "namespaceSelector": {"matchExpressions": namespaces},
        "objectSelector": {"matchExpressions": pods},
        # Better late than without a mesh: a pod that asks for a sidecar is not created while nobody gives it one.
        "failurePolicy": "Fail",
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }


def _is(key: str, *values: str, no: bool = False) -> Object:
    return {"key": key, "operator": "NotIn" if no else "In", "values": list(values)}


def _absent(key: str) -> Object:
    return {"key": key, "operator": "DoesNotExist"}
