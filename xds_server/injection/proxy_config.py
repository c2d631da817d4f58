"""The part of Istio's ProxyConfig that annotation proxy.istio.io/config may hold and that a stock Envoy can follow."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from xds_server.injection.life import Draining

if TYPE_CHECKING:
    from collections.abc import Mapping

_DURATION: Final = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", re.ASCII)
_MODES: Final = ("REDIRECT", "TPROXY", "NONE")
_LAST: Final = 5
"""Seconds of a pod's grace that are left to Envoy for its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyConfig:
    """Istio's defaults for what is not said (mesh/v1alpha1)."""

    concurrency: int | None = None
    drain_seconds: int = 45
    termination_drain_seconds: int = 5
    discovery_address: str = ""
    hold_application: bool = False
    """holdApplicationUntilProxyStarts, for a plain container; a native sidecar always starts first."""
    interception_mode: str = ""
    image_type: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """proxyMetadata: environment of the proxy; what begins with ISTIO_META_ becomes node metadata."""

    def draining(self, grace_seconds: int) -> Draining:
        """Return how the proxy of a pod with this terminationGracePeriodSeconds drains: `terminationDrainDuration`, or
        by EXIT_ON_ZERO_ACTIVE_CONNECTIONS until nobody is connected, but not beyond what kubelet waits for.
        """
        seconds = self.termination_drain_seconds
        if self.metadata.get("EXIT_ON_ZERO_ACTIVE_CONNECTIONS") != "true":
            return Draining(seconds=seconds)
        least = _seconds(self.metadata, "MINIMUM_DRAIN_DURATION", Draining.least_seconds)
        return Draining(seconds=max(seconds, grace_seconds - _LAST), exit_on_zero=True, least_seconds=least)


def read_proxy_config(tree: object) -> tuple[ProxyConfig, tuple[str, ...]]:
    """Read the annotation's tree. Returns it with the keys that do nothing here; raises ValueError or TypeError."""
    if tree is None:
        return ProxyConfig(), ()
    if not isinstance(tree, dict):
        msg = "it must be a mapping"
        raise TypeError(msg)
    image = tree.get("image")
    unused = {str(key) for key in tree} - _KEYS
    if isinstance(image, dict):
        unused |= {f"image.{key}" for key in image if key != "imageType"}
    concurrency = tree.get("concurrency")
    if concurrency is not None and (not isinstance(concurrency, int) or concurrency < 0):
        msg = f"concurrency is {concurrency!r}, not a number"
        raise ValueError(msg)
    mode = tree.get("interceptionMode", "")
    if mode and mode not in _MODES:
        msg = f"interceptionMode is {mode!r}, not one of {', '.join(_MODES)}"
        raise ValueError(msg)
    metadata = tree.get("proxyMetadata") or {}
    if not isinstance(metadata, dict):
        msg = "proxyMetadata must be a mapping"
        raise TypeError(msg)
    made = ProxyConfig(
        concurrency=concurrency,
        drain_seconds=_seconds(tree, "drainDuration", 45),
        termination_drain_seconds=_seconds(tree, "terminationDrainDuration", 5),
        discovery_address=_address(tree.get("discoveryAddress", "")),
        hold_application=tree.get("holdApplicationUntilProxyStarts") is True,
        interception_mode=mode,
        image_type=str(image.get("imageType", "")) if isinstance(image, dict) else "",
        metadata={str(key): str(value) for key, value in metadata.items()},
    )
    made.draining(0)  # its values are durations, or it raises
    return made, tuple(sorted(unused))


_KEYS: Final = frozenset(
    {
        "concurrency",
        "discoveryAddress",
        "drainDuration",
        "holdApplicationUntilProxyStarts",
        "image",
        "interceptionMode",
        "proxyMetadata",
        "terminationDrainDuration",
    }
)


def _seconds(tree: Mapping[str, object], key: str, default: int) -> int:
    value = tree.get(key)
    if value is None:
        return default
    match = _DURATION.fullmatch(value) if isinstance(value, str) and value else None
    if match is None:
        msg = f"{key} is {value!r}, not a duration such as 45s"
        raise ValueError(msg)
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds


def _address(value: object) -> str:
    text = str(value)
    host, colon, port = text.rpartition(":")
    if text and not (host and colon and port.isascii() and port.isdigit() and 0 < int(port) < 1 << 16):
        msg = f"discoveryAddress is {text!r}, not HOST:PORT"
        raise ValueError(msg)
    return text
