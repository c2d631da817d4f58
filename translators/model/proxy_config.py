"""Istio's ProxyConfig: how the proxies of workloads are started (networking.istio.io/v1beta1; reference 1.8)."""

from __future__ import annotations

from typing import ClassVar

from translators.model.common import Int32, LabelSelector
from translators.model.meta import KubeObject, Struct


class ProxyImage(Struct, frozen=True, kw_only=True):
    """Which variant of the proxy's image."""

    image_type: str = ""
    """`default`, `debug` or `distroless`."""


class ProxyConfigSpec(Struct, frozen=True, kw_only=True):
    """Settings that a proxy takes at its start; no running proxy is changed by them."""

    selector: LabelSelector | None = None
    concurrency: Int32 | None = None
    """Worker threads; 0: as many as there are cores."""
    environment_variables: dict[str, str] = {}
    """Those that begin with ISTIO_META_ become metadata of the proxy's node."""
    image: ProxyImage | None = None


class ProxyConfig(KubeObject, frozen=True, kw_only=True):
    """Istio's ProxyConfig."""

    KIND: ClassVar[str] = "ProxyConfig"
    GROUP: ClassVar[str] = "networking.istio.io"

    spec: ProxyConfigSpec = ProxyConfigSpec()
