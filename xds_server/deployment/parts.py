"""Parts that the control plane's objects and the gateway's have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from xds_server.deployment.expressions import unless

if TYPE_CHECKING:
    from xds_server.deployment.values import Autoscaling

Object = dict[str, Any]

UNPRIVILEGED: Final[Object] = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
}
"""Of each container; with `pod_security`, what the Pod Security Standards call restricted."""


class Manifest(NamedTuple):
    """An object, and whether it is wanted."""

    object: Object
    wanted: bool = True


def pod_security(user: int) -> Object:
    """Return the security context of a pod that runs as a user who is not root."""
    return {
        "runAsNonRoot": True,
        "runAsUser": user,
        "runAsGroup": user,
        "fsGroup": user,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def probe(path: str, port: int, *, period: int, failures: int) -> Object:
    """Return a probe by HTTP; period in seconds."""
    return {
        "httpGet": {"path": path, "port": port},
        "periodSeconds": period,
        "failureThreshold": failures,
        "timeoutSeconds": 3,
    }


def spread(selector: dict[str, str]) -> Object:
    """Return an affinity that puts the pods of a selector on different nodes, where there are several."""
    term = {"labelSelector": {"matchLabels": selector}, "topologyKey": "kubernetes.io/hostname"}
    preferred = [{"weight": 100, "podAffinityTerm": term}]
    return {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}}


def budget(selector: dict[str, str]) -> Object:
    """Return the spec of a PodDisruptionBudget: one pod at a time. A minimum would keep a single pod on its node."""
    return {"maxUnavailable": 1, "selector": {"matchLabels": selector}}


def replicas(scaling: Autoscaling, count: int) -> Object:
    """Return the field, where no autoscaler writes it."""
    return unless(scaling.enabled, "replicas", count)


def autoscaler(name: str, scaling: Autoscaling) -> Object:
    """Return the spec of a HorizontalPodAutoscaler for a Deployment."""
    target = {"type": "Utilization", "averageUtilization": scaling.cpu_percent}
    return {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
        "minReplicas": scaling.min_replicas,
        "maxReplicas": scaling.max_replicas,
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
    }


def environment(**values: object) -> list[Object]:
    """Return environment variables."""
    return [{"name": name, "value": value} for name, value in values.items()]


def field_environment(**paths: str) -> list[Object]:
    """Return environment variables that the downward API fills in."""
    return [{"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}} for name, path in paths.items()]
