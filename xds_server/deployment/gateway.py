"""An ingress gateway: the official Envoy image, started with what `pilotfish bootstrap` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from xds_server.bootstrap import METRICS_PORT, STATUS_PORT
from xds_server.deployment.expressions import both, total
from xds_server.deployment.labels import GATEWAY, LABELS, NAME
from xds_server.deployment.objects import USER as OUR_USER
from xds_server.deployment.objects import XDS_PORT
from xds_server.deployment.parts import (
    UNPRIVILEGED,
    Manifest,
    autoscaler,
    budget,
    environment,
    field_environment,
    pod_security,
    probe,
    replicas,
    spread,
)
from xds_server.injection.life import Draining, drain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xds_server.deployment.parts import Object
    from xds_server.deployment.values import Values

SELECTOR: Final = {"app": GATEWAY, "istio": "ingressgateway"}
"""Istio's labels, which Gateways select by."""
USER: Final = 101
"""Of the official image."""
PORTS: Final = {"status-port": (STATUS_PORT, STATUS_PORT), "http2": (80, 8080), "https": (443, 8443)}
"""Name to port of the Service and of the pod: one that is not root binds no port below 1024."""

_FOLDER: Final = "/etc/envoy-bootstrap"
_BOOTSTRAP: Final = f"{_FOLDER}/envoy.yaml"
_SLACK: Final = 15


def gateway(values: Values, namespace: str) -> Iterator[Manifest]:
    """Yield the objects of the gateway."""
    chosen = values.gateway
    wanted = chosen.enabled
    yield Manifest(_object("v1", "ServiceAccount", namespace, automountServiceAccountToken=False), wanted)
    yield Manifest(_object("apps/v1", "Deployment", namespace, spec=_deployment(values, namespace)), wanted)
    ports = [{"name": name, "port": port, "targetPort": target} for name, (port, target) in PORTS.items()]
    service = {"type": chosen.service_type, "selector": SELECTOR, "ports": ports}
    yield Manifest(_object("v1", "Service", namespace, spec=service), wanted)
    yield Manifest(_object("policy/v1", "PodDisruptionBudget", namespace, spec=budget(SELECTOR)), wanted)
    scaling = autoscaler(GATEWAY, chosen.autoscaling)
    yield Manifest(
        _object("autoscaling/v2", "HorizontalPodAutoscaler", namespace, spec=scaling),
        both(wanted, chosen.autoscaling.enabled),
    )


def _object(api_version: str, kind: str, namespace: str, **more: object) -> Object:
    meta = {"name": GATEWAY, "namespace": namespace, "labels": {**LABELS, **SELECTOR}}
    return {"apiVersion": api_version, "kind": kind, "metadata": meta, **more}


def _deployment(values: Values, namespace: str) -> Object:
    annotations = {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": str(METRICS_PORT),
        "prometheus.io/path": "/stats/prometheus",
    }
    return {
        **replicas(values.gateway.autoscaling, values.gateway.replicas),
        "selector": {"matchLabels": SELECTOR},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
        "template": {
            "metadata": {"labels": {**LABELS, **SELECTOR}, "annotations": annotations},
            "spec": _pod(values, namespace),
        },
    }


def _pod(values: Values, namespace: str) -> Object:
    chosen = values.gateway
    mount = {"name": "bootstrap", "mountPath": _FOLDER}
    return {
        "serviceAccountName": GATEWAY,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "imagePullSecrets": values.image_pull_secrets,
        "terminationGracePeriodSeconds": total(chosen.drain_seconds, _SLACK),
        "securityContext": pod_security(USER),
        "affinity": spread(SELECTOR),
        "nodeSelector": chosen.node_selector,
        "tolerations": chosen.tolerations,
        "initContainers": [_bootstrap(values, namespace, mount)],
        "containers": [_envoy(values, mount)],
        "volumes": [{"name": "bootstrap", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}}],
    }


def _bootstrap(values: Values, namespace: str, mount: Object) -> Object:
    """Return the container that writes down who this pod is: the flags of `pilotfish bootstrap` by environment."""
    return {
        "name": "bootstrap",
        "image": values.image,
        "imagePullPolicy": values.image_pull_policy,
        "command": ["sh", "-c", f"pilotfish bootstrap > {_BOOTSTRAP}"],
        "env": [
            *field_environment(
                PILOTFISH_NAME="metadata.name",
                PILOTFISH_NAMESPACE="metadata.namespace",
                PILOTFISH_IP="status.podIP",
                PILOTFISH_SERVICE_ACCOUNT="spec.serviceAccountName",
                NODE_NAME="spec.nodeName",
            ),
            *environment(
                PILOTFISH_TYPE="router",
                PILOTFISH_LABEL=" ".join(f"{key}={value}" for key, value in SELECTOR.items()),
                PILOTFISH_DNS_DOMAIN=f"{namespace}.svc.{values.cluster_domain}",
                PILOTFISH_XDS_ADDRESS=f"{NAME}.{namespace}.svc.{values.cluster_domain}:{XDS_PORT}",
                PILOTFISH_UNPRIVILEGED="true",
                PILOTFISH_METADATA="NODE_NAME=$(NODE_NAME)",
            ),
        ],
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
        "securityContext": {**UNPRIVILEGED, "runAsUser": OUR_USER},
        "volumeMounts": [mount],
    }


def _envoy(values: Values, mount: Object) -> Object:
    chosen = values.gateway
    # On a read-only file system Envoy has no place for the file by which it is restarted in place, which no pod needs.
    command = ["envoy", "-c", _BOOTSTRAP, "--disable-hot-restart", "-l", "warning"]
    return {
        "name": "envoy",
        "image": chosen.image,
        "imagePullPolicy": values.image_pull_policy,
        "command": [*command, "--drain-time-s", f"{chosen.drain_seconds}", "--drain-strategy", "immediate"],
        "ports": [
            *({"name": name, "containerPort": target} for name, (_, target) in PORTS.items()),
            {"name": "http-envoy-prom", "containerPort": METRICS_PORT},
        ],
        # Envoy answers once it has its first configuration.
        "startupProbe": probe("/healthz/ready", STATUS_PORT, period=1, failures=60),
        "readinessProbe": probe("/healthz/ready", STATUS_PORT, period=3, failures=3),
        "lifecycle": {"preStop": {"exec": {"command": drain(Draining(seconds=chosen.drain_seconds), gateway=True)}}},
        "resources": chosen.resources,
        "securityContext": UNPRIVILEGED,
        "volumeMounts": [{**mount, "readOnly": True}],
    }
