"""Names of Envoy resources, in Istio's form (reference 2.1): istioctl, dashboards and people's habits rely on them."""

from __future__ import annotations

from functools import cache


def cluster_name(port: int, subset: str, hostname: str, direction: str = "outbound") -> str:
    """Return `outbound|80|v1|reviews.default.svc.cluster.local`; the EDS name is the same."""
    return f"{direction}|{port}|{subset}|{hostname}"


def istio_config_path(group: str, kind: str, namespace: str, name: str) -> str:
    """Return what Istio writes to `metadata.filter_metadata.istio.config`:
    `/apis/networking.istio.io/v1/namespaces/default/virtual-service/reviews`.
    """
    return f"/apis/{group}/v1/namespaces/{namespace}/{_dashed(kind)}/{name}"


@cache  # there are few kinds, and many routes
def _dashed(kind: str) -> str:
    return "".join(f"-{c.lower()}" if c.isupper() else c for c in kind).lstrip("-")
