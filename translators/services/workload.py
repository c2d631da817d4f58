"""What is known about the workload behind an endpoint: its name, where it runs."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from translators.model.proxy import Locality

if TYPE_CHECKING:
    from collections.abc import Mapping

    from translators.model.kubernetes import Node, Pod

CLUSTER_ID: Final = "Kubernetes"
"""Istio's default id of the one cluster that there is."""

_LOCALITY_LABEL: Final = "istio-locality"
REGION_LABEL: Final = "topology.kubernetes.io/region"
ZONE_LABEL: Final = "topology.kubernetes.io/zone"
SUBZONE_LABEL: Final = "topology.istio.io/subzone"
_NOWHERE: Final = Locality()

_CANONICAL_NAME: Final = "service.istio.io/canonical-name"
_CANONICAL_REVISION: Final = "service.istio.io/canonical-revision"
_ORDINAL: Final = re.compile(r"-\d+$")


@lru_cache(maxsize=4096)
def locality_of(text: str) -> Locality:
    """Read `region/zone/subzone`; parts may be missing."""
    region, _, rest = text.partition("/")
    zone, _, sub_zone = rest.partition("/")
    return Locality(region=region, zone=zone, sub_zone=sub_zone) if text else _NOWHERE


def locality_at(labels: Mapping[str, str], node: Node | None, zone: str = "") -> Locality:
    """Return where a workload is: its label `istio-locality`, else what its node's labels say, else `zone`."""
    said = labels.get(_LOCALITY_LABEL)
    if said:
        return locality_of(said if "/" in said else said.replace(".", "/"))
    if node is not None:
        of_node = node.metadata.labels
        region, node_zone = of_node.get(REGION_LABEL, ""), of_node.get(ZONE_LABEL, "")
        if region or node_zone:
            return locality_of(f"{region}/{node_zone}/{of_node.get(SUBZONE_LABEL, '')}".rstrip("/"))
    return locality_of(f"/{zone}" if zone else "")


def workload_of(name: str, namespace: str, labels: Mapping[str, str]) -> str:
    """Return `workload;namespace;canonical name;canonical revision;cluster` (reference 2.8)."""
    get = labels.get
    canonical = get(_CANONICAL_NAME) or get("app.kubernetes.io/name") or get("app") or name
    revision = get(_CANONICAL_REVISION) or get("app.kubernetes.io/version") or get("version") or "latest"
    return f"{name};{namespace};{canonical};{revision};{CLUSTER_ID}"


def workload_name(pod: Pod) -> str:
    """Return the name of what made a pod, as well as its name and labels tell: the Deployment of
    `reviews-v1-545db77b95-2h6xv`, the StatefulSet of `web-0`, else the pod itself.
    """
    name, labels = pod.metadata.name, pod.metadata.labels
    if template := labels.get("pod-template-hash"):
        head, found, _ = name.rpartition(f"-{template}-")
        return head if found else name
    if "statefulset.kubernetes.io/pod-name" in labels:
        return _ORDINAL.sub("", name)
    if "controller-revision-hash" in labels:
        return name.rpartition("-")[0] or name
    return name
