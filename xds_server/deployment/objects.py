"""The control plane's objects: account, roles, Deployment, Service, and what keeps enough of it running."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from xds_server.deployment.access import ACCESS
from xds_server.deployment.expressions import total, words
from xds_server.deployment.labels import LABELS, NAME
from xds_server.deployment.parts import (
    UNPRIVILEGED,
    Manifest,
    autoscaler,
    budget,
    environment,
    pod_security,
    probe,
    replicas,
    spread,
)
from xds_server.deployment.webhook import webhook_configuration
from xds_server.webhook.names import PORT as WEBHOOK_PORT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xds_server.deployment.parts import Object
    from xds_server.deployment.values import Values

SELECTOR: Final = {"app": NAME}
XDS_PORT: Final = 15010
HTTP_PORT: Final = 15014
PORTS: Final = {"grpc-xds": XDS_PORT, "http-monitoring": HTTP_PORT, "https-webhook": WEBHOOK_PORT}
"""Name to port of what `serve` serves: of the container, and of the Service."""
USER: Final = 1337
"""The Dockerfile's."""

_SLACK: Final = 15
"""Seconds between the end of a graceful stop and the moment at which it would be killed."""


def control_plane(values: Values, namespace: str) -> Iterator[Manifest]:
    """Yield the objects, each before those that need it."""
    yield Manifest(_object("v1", "ServiceAccount", namespace, automountServiceAccountToken=False))
    yield from (Manifest(role) for role in _roles(namespace))
    yield Manifest(_object("v1", "Service", namespace, spec={"selector": SELECTOR, "ports": _ports()}))
    yield Manifest(webhook_configuration(namespace))
    yield Manifest(_object("apps/v1", "Deployment", namespace, spec=_deployment(values, namespace)))
    yield Manifest(_object("policy/v1", "PodDisruptionBudget", namespace, spec=budget(SELECTOR)))
    scaling = autoscaler(NAME, values.autoscaling)
    yield Manifest(
        _object("autoscaling/v2", "HorizontalPodAutoscaler", namespace, spec=scaling), values.autoscaling.enabled
    )


def _ports() -> list[Object]:
    return [{"name": name, "port": port, "targetPort": port} for name, port in PORTS.items()]


def cluster_role_name(namespace: str) -> str:
    """Return the name of the ClusterRole: one for each namespace that Pilotfish is installed in."""
    return f"{NAME}-{namespace}"


def _object(api_version: str, kind: str, namespace: str, name: str = NAME, **more: object) -> Object:
    place = {"namespace": namespace} if namespace else {}
    meta = {"name": name, **place, "labels": {**LABELS, **SELECTOR}}
    return {"apiVersion": api_version, "kind": kind, "metadata": meta, **more}


def _roles(namespace: str) -> Iterator[Object]:
    api = "rbac.authorization.k8s.io"
    account = [{"kind": "ServiceAccount", "name": NAME, "namespace": namespace}]
    for kind, own, place, name in (
        ("ClusterRole", False, "", cluster_role_name(namespace)),
        ("Role", True, namespace, NAME),
    ):
        rules = [access.rule() for access in ACCESS if access.own_namespace is own]
        yield _object(f"{api}/v1", kind, place, name, rules=rules)
        role = {"apiGroup": api, "kind": kind, "name": name}
        yield _object(f"{api}/v1", f"{kind}Binding", place, name, roleRef=role, subjects=account)


def _deployment(values: Values, namespace: str) -> Object:
    labels = {**LABELS, **SELECTOR}
    return {
        **replicas(values.autoscaling, values.replicas),
        "selector": {"matchLabels": SELECTOR},
        # A new server is ready before an old one goes: proxies always find one.
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
        "template": {"metadata": {"labels": labels}, "spec": _pod(values, namespace)},
    }


def _pod(values: Values, namespace: str) -> Object:
    container = {
        "name": NAME,
        "image": values.image,
        "imagePullPolicy": values.image_pull_policy,
        "args": words("serve", values.extra_args),
        "env": environment(
            PILOTFISH_IN_CLUSTER="true",
            PILOTFISH_XDS_ADDRESS=f"0.0.0.0:{XDS_PORT}",
            PILOTFISH_HTTP_ADDRESS=f"0.0.0.0:{HTTP_PORT}",
            PILOTFISH_INJECTION="true",
            PILOTFISH_WEBHOOK_ADDRESS=f"0.0.0.0:{WEBHOOK_PORT}",
            PILOTFISH_PROXY_XDS_ADDRESS=f"{NAME}.{namespace}.svc.{values.cluster_domain}:{XDS_PORT}",
            PILOTFISH_PILOTFISH_IMAGE=values.image,
            PILOTFISH_IMAGE_PULL_POLICY=values.image_pull_policy,
            PILOTFISH_ROOT_NAMESPACE=namespace,
            PILOTFISH_CLUSTER_DOMAIN=values.cluster_domain,
            PILOTFISH_DRAIN_DELAY=f"{values.drain_seconds}s",
            PILOTFISH_SHUTDOWN_GRACE=f"{values.shutdown_seconds}s",
            PILOTFISH_LOG_LEVEL=values.log_level,
        ),
        "ports": [{"name": name, "containerPort": port} for name, port in PORTS.items()],
        # It is not ready before every kind was listed, which may take a while in a big cluster, and is no reason to
        # start again.
        "startupProbe": probe("/healthz", HTTP_PORT, period=1, failures=60),
        "readinessProbe": probe("/readyz", HTTP_PORT, period=3, failures=2),
        "livenessProbe": probe("/healthz", HTTP_PORT, period=10, failures=6),
        "resources": values.resources,
        "securityContext": UNPRIVILEGED,
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - the only folder that it may write to
    }
    return {
        "serviceAccountName": NAME,
        "automountServiceAccountToken": True,
        "imagePullSecrets": values.image_pull_secrets,
        # The Service is called pilotfish, so its links would be read as flags: PILOTFISH_PORT and the like.
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": total(values.drain_seconds, values.shutdown_seconds, _SLACK),
        "securityContext": pod_security(USER),
        "affinity": spread(SELECTOR),
        "nodeSelector": values.node_selector,
        "tolerations": values.tolerations,
        "containers": [container],
        "volumes": [{"name": "tmp", "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}}],
    }
