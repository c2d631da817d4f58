"""Objects of a cluster as its API server sends them: of the size that they have there, with all that nobody reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from benchmarks.meshes import namespace_of

if TYPE_CHECKING:
    from collections.abc import Iterator

Tree = dict[str, Any]

PODS: Final = 2
"""Of each service."""


def address(number: int) -> str:
    """Return an IP that stands for a number below 2 to the 24."""
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def number_of(ip: str) -> int:
    """Return the number that such an IP stands for."""
    _, high, middle, low = map(int, ip.split("."))
    return high << 16 | middle << 8 | low


def service(index: int) -> Tree:
    """Return a Service with its managedFields, about 1.5 KB."""
    name = f"svc-{index}"
    ports = [
        {"name": "http", "protocol": "TCP", "appProtocol": "http", "port": 80, "targetPort": "http"},
        {"name": "metrics", "protocol": "TCP", "port": 9090, "targetPort": 9090},
    ]
    return {
        "metadata": {
            "name": name,
            "labels": {"app": name, "app.kubernetes.io/managed-by": "Helm"},
            "annotations": {"meta.helm.sh/release-name": name, "meta.helm.sh/release-namespace": namespace_of(index)},
            "managedFields": _SERVICE_FIELDS,
        },
        "spec": {
            "clusterIP": f"172.20.{index // 250}.{index % 250}",
            "clusterIPs": [f"172.20.{index // 250}.{index % 250}"],
            "internalTrafficPolicy": "Cluster",
            "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "SingleStack",
            "ports": ports,
            "selector": {"app": name},
            "sessionAffinity": "None",
            "type": "ClusterIP",
        },
        "status": {"loadBalancer": {}},
    }


def endpoint_slice(index: int, first: int | None = None) -> Tree:
    """Return the EndpointSlice of a Service, about 2.5 KB. `first` is the number of its first endpoint's address."""
    name = f"svc-{index}"
    numbers = [PODS * index + pod for pod in range(PODS)]
    ips = [address(number) for number in numbers]
    if first is not None:
        ips[0] = address(first)
    owner = {"apiVersion": "v1", "kind": "Service", "name": name, "uid": _UID, "controller": True}
    return {
        "metadata": {
            "name": f"{name}-x7k2p",
            "generateName": f"{name}-",
            "labels": {
                "app": name,
                "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
                "kubernetes.io/service-name": name,
            },
            "annotations": {"endpoints.kubernetes.io/last-change-trigger-time": "2026-01-02T03:04:05Z"},
            "ownerReferences": [owner],
            "managedFields": _SLICE_FIELDS,
        },
        "addressType": "IPv4",
        "endpoints": [
            {
                "addresses": [ip],
                "conditions": {"ready": True, "serving": True, "terminating": False},
                "nodeName": f"node-{number % 100}",
                "targetRef": {
                    "kind": "Pod",
                    "name": f"svc-{index}-{number % PODS}",
                    "namespace": namespace_of(index),
                    "uid": _UID,
                },
                "zone": f"eu-west-1{'abc'[number % 3]}",
            }
            for ip, number in zip(ips, numbers, strict=True)
        ],
        "ports": [
            {"name": "http", "port": 8080, "protocol": "TCP", "appProtocol": "http"},
            {"name": "metrics", "port": 9090, "protocol": "TCP"},
        ],
    }


def pods(index: int) -> Iterator[Tree]:
    """Yield the pods of a Service, about 7 KB each."""
    for pod in range(PODS):
        number = PODS * index + pod
        ip = address(number)
        yield {
            "metadata": {
                "name": f"svc-{index}-{pod}",
                "generateName": f"svc-{index}-5d4f8c7b9-",
                "labels": {"app": f"svc-{index}", "pod-template-hash": "5d4f8c7b9", "version": "v1"},
                "annotations": {"prometheus.io/scrape": "true", "checksum/config": _UID * 2},
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "x", "uid": _UID}],
                "managedFields": _POD_FIELDS,
            },
            "spec": {**_POD_SPEC, "nodeName": f"node-{number % 100}"},
            "status": {**_POD_STATUS, "podIP": ip, "podIPs": [{"ip": ip}]},
        }


_UID: Final = "0b5f7c1e-93a4-4f0e-8f5a-6f0d3c2b1a09"


def _fields(manager: str, subresource: str, *paths: str) -> Tree:
    """Return an entry of managedFields for such paths as `spec/ports/k:{"port":80}`."""
    tree: Tree = {}
    for path in paths:
        node = tree
        for step in path.split("/"):
            node = node.setdefault(step if step.startswith(("k:", ".")) else f"f:{step}", {})
        node.setdefault(".", {})
    entry = {"manager": manager, "operation": "Update", "apiVersion": "v1", "time": "2026-01-02T03:04:05Z"}
    return {
        **entry,
        "fieldsType": "FieldsV1",
        "fieldsV1": tree,
        **({"subresource": subresource} if subresource else {}),
    }


_SERVICE_FIELDS: Final = [
    _fields(
        "helm",
        "",
        *(f"metadata/{what}" for what in ("labels/app", "labels/app.kubernetes.io~1managed-by", "annotations/x")),
        *(
            f'spec/ports/k:{{"port":{port},"protocol":"TCP"}}/{what}'
            for port in (80, 9090)
            for what in ("name", "port")
        ),
        *(f"spec/{what}" for what in ("internalTrafficPolicy", "selector", "sessionAffinity", "type")),
    )
]
_SLICE_FIELDS: Final = [
    _fields(
        "kube-controller-manager",
        "",
        "addressType",
        "endpoints",
        "ports",
        *(f"metadata/{what}" for what in ("annotations/x", "generateName", "labels/app", "labels/y", "labels/z")),
        f'metadata/ownerReferences/k:{{"uid":"{_UID}"}}',
    )
]
_CONTAINER: Final = ("image", "imagePullPolicy", "name", "resources", "terminationMessagePath", "volumeMounts")
_CONDITIONS: Final = ("Initialized", "Ready", "ContainersReady", "PodScheduled", "PodReadyToStartContainers")
_POD_FIELDS: Final = [
    _fields(
        "kube-controller-manager",
        "",
        *(f"metadata/{what}" for what in ("annotations/x", "generateName", "labels/app", "labels/version", "labels/y")),
        f'metadata/ownerReferences/k:{{"uid":"{_UID}"}}',
        *(f'spec/containers/k:{{"name":"{c}"}}/{what}' for c in ("app", "agent") for what in _CONTAINER),
        *(f"spec/{what}" for what in ("dnsPolicy", "restartPolicy", "schedulerName", "securityContext", "volumes")),
    ),
    _fields(
        "kubelet",
        "status",
        *(
            f'status/conditions/k:{{"type":"{condition}"}}/{what}'
            for condition in _CONDITIONS
            for what in ("lastProbeTime", "lastTransitionTime", "status", "type")
        ),
        *(f"status/{what}" for what in ("containerStatuses", "hostIP", "phase", "podIP", "podIPs", "startTime")),
    ),
]
_POD_SPEC: Final[Tree] = {
    "containers": [
        {
            "name": name,
            "image": f"images.example.com/team/{name}:1.2.3",
            "imagePullPolicy": "IfNotPresent",
            "ports": [{"name": port, "containerPort": number, "protocol": "TCP"}],
            "env": [{"name": f"SETTING_{i}", "value": f"value number {i}"} for i in range(8)],
            "resources": {"limits": {"memory": "256Mi"}, "requests": {"cpu": "100m", "memory": "256Mi"}},
            "readinessProbe": {"httpGet": {"path": "/ready", "port": port}, "periodSeconds": 10, "timeoutSeconds": 1},
            "terminationMessagePath": "/dev/termination-log",
            "volumeMounts": [{"name": "token", "mountPath": "/var/run/secrets", "readOnly": True}],
        }
        for name, port, number in (("app", "http", 8080), ("agent", "metrics", 9090))
    ],
    "dnsPolicy": "ClusterFirst",
    "restartPolicy": "Always",
    "schedulerName": "default-scheduler",
    "serviceAccountName": "default",
    "tolerations": [
        {"effect": "NoExecute", "key": f"node.kubernetes.io/{key}", "operator": "Exists", "tolerationSeconds": 300}
        for key in ("not-ready", "unreachable")
    ],
    "volumes": [{"name": "token", "projected": {"defaultMode": 420, "sources": [{"configMap": {"name": "ca"}}]}}],
}
_POD_STATUS: Final[Tree] = {
    "phase": "Running",
    "hostIP": "192.168.0.1",
    "qosClass": "Burstable",
    "startTime": "2026-01-02T03:04:05Z",
    "conditions": [
        {"type": condition, "status": "True", "lastProbeTime": None, "lastTransitionTime": "2026-01-02T03:04:05Z"}
        for condition in _CONDITIONS
    ],
    "containerStatuses": [
        {
            "name": name,
            "image": f"images.example.com/team/{name}:1.2.3",
            "imageID": f"images.example.com/team/{name}@sha256:{_UID}{_UID}",
            "containerID": f"containerd://{_UID}{_UID}",
            "ready": True,
            "restartCount": 0,
            "started": True,
            "state": {"running": {"startedAt": "2026-01-02T03:04:05Z"}},
        }
        for name in ("app", "agent")
    ],
}
