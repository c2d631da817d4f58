"""What a pod's annotations say about its sidecar: Istio's names, read once, each with its rule.

Istio refuses a pod whose annotations it cannot read, rather than let it run in a way that nobody asked for; so do we.
"""

from __future__ import annotations

import ipaddress
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import yaml

from translators.model.codes import diagnose
from xds_server.injection.proxy_config import ProxyConfig, read_proxy_config
from xds_server.injection.quantities import is_quantity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from translators.model.origin import Diagnostic
    from xds_server.injection.settings import InjectionSettings
    from xds_server.injection.settings import Mapping as Tree

PROXY_CONFIG: Final = "proxy.istio.io/config"
REWRITE_PROBES: Final = "sidecar.istio.io/rewriteAppHTTPProbers"
NATIVE: Final = "sidecar.istio.io/nativeSidecar"
_SIDECAR: Final = "sidecar.istio.io/"
_TRAFFIC: Final = "traffic.sidecar.istio.io/"
_READINESS: Final = "readiness.status.sidecar.istio.io/"
_OURS: Final = (_SIDECAR, _TRAFFIC, _READINESS, "status.sidecar.istio.io/", "proxy.istio.io/")
_NO_EFFECT: Final = frozenset({f"{_SIDECAR}inject", f"{_SIDECAR}status"})
"""Read elsewhere."""

LOG_LEVELS: Final = ("trace", "debug", "info", "warning", "error", "critical", "off")


class Refused(Exception):  # noqa: N818 - what has happened to the pod
    """A pod is not injected and, by the webhook, not let in."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(f"{diagnostic.code}: {diagnostic.message}")
        self.diagnostic = diagnostic


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """A pod's own settings; what is empty or None is left to the mesh's."""

    image: str = ""
    image_type: str = ""
    cpu: str = ""
    cpu_limit: str = ""
    memory: str = ""
    memory_limit: str = ""
    log_level: str = ""
    component_log_level: str = ""
    interception_mode: str = "REDIRECT"
    native: bool | None = None
    rewrite_probes: bool | None = None
    interception: Mapping[str, str] = field(default_factory=dict)
    """Flag of `pilotfish iptables` to its value."""
    readiness: Mapping[str, int] = field(default_factory=dict)
    """Field of the readiness probe to its value."""
    volumes: tuple[Tree, ...] = ()
    volume_mounts: tuple[Tree, ...] = ()
    proxy_config: ProxyConfig = field(default_factory=ProxyConfig)


def read_overrides(annotations: Mapping[str, str]) -> tuple[Overrides, tuple[Diagnostic, ...]]:
    """Read a pod's annotations. Returns them with warnings about those that do nothing; raises Refused."""
    found: dict[str, object] = {}
    interception: dict[str, str] = {}
    readiness: dict[str, int] = {}
    notes = []
    config = ProxyConfig()
    if text := annotations.get(PROXY_CONFIG):
        config, unused = _proxy_config(text)
        notes += [_unused(f"{PROXY_CONFIG}: {key}") for key in unused]
    for name, value in sorted(annotations.items()):
        if name in _NO_EFFECT or name == PROXY_CONFIG or not name.startswith(_OURS):
            continue
        try:
            if name in _FIELDS:
                key, read = _FIELDS[name]
                found[key] = read(value)
            elif name in _FLAGS:
                flag, check = _FLAGS[name]
                interception[flag] = check(value)
            elif name in _READINESS_FIELDS:
                readiness[_READINESS_FIELDS[name]] = _number(value)
            else:
                notes.append(_unused(name))
        except (ValueError, TypeError) as error:
            message = f"annotation {name} is {value!r}: {error}"
            raise Refused(diagnose("PF0161", message)) from error
    if "interception_mode" not in found:
        found["interception_mode"] = config.interception_mode or "REDIRECT"
    found.setdefault("image_type", config.image_type)
    made = Overrides(interception=interception, readiness=readiness, proxy_config=config, **found)  # type: ignore[arg-type] # each by its own reader
    return made, tuple(notes)


def native(overrides: Overrides, settings: InjectionSettings) -> bool:
    """Whether a pod's Envoy is to be a native sidecar."""
    return settings.native if overrides.native is None else overrides.native


def _proxy_config(text: str) -> tuple[ProxyConfig, tuple[str, ...]]:
    try:
        return read_proxy_config(yaml.safe_load(text))
    except (yaml.YAMLError, ValueError, TypeError) as error:
        message = f"annotation {PROXY_CONFIG} cannot be read: {' '.join(str(error).split())}"
        raise Refused(diagnose("PF0162", message)) from error


def _unused(name: str) -> Diagnostic:
    return diagnose("PF0163", f"annotation {name} does nothing here")


def _text(value: str) -> str:
    if not value or any(c.isspace() for c in value):
        msg = "it must be one word"
        raise ValueError(msg)
    return value


def _quantity(value: str) -> str:
    if not is_quantity(value):
        msg = "it is no quantity such as 100m or 128Mi"
        raise ValueError(msg)
    return value


def _one_of(*allowed: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value not in allowed:
            msg = f"it must be one of {', '.join(allowed)}"
            raise ValueError(msg)
        return value

    return read


def _bool(value: str) -> bool:
    # Go's strconv.ParseBool, by which Istio reads them.
    if value in {"1", "t", "T", "TRUE", "true", "True"}:
        return True
    if value in {"0", "f", "F", "FALSE", "false", "False"}:
        return False
    msg = "it must be true or false"
    raise ValueError(msg)


def _number(value: str) -> int:
    if not (value.isascii() and value.isdigit()):
        msg = "it must be a number"
        raise ValueError(msg)
    return int(value)


def _ports(value: str) -> str:
    parts = [part.strip() for part in value.split(",") if part.strip()]
    for part in parts:
        if not (part.isascii() and part.isdigit() and 0 < int(part) < 1 << 16):
            msg = f"{part!r} is no port"
            raise ValueError(msg)
    return ",".join(parts)


def _ports_or_all(value: str) -> str:
    return "*" if value.strip() == "*" else _ports(value)


def _ranges(value: str) -> str:
    parts = [part.strip() for part in value.split(",") if part.strip()]
    for part in parts:
        if part != "*":
            ipaddress.ip_network(part, strict=False)
    return ",".join(parts)


def _names(value: str) -> str:
    return ",".join(part.strip() for part in value.split(",") if part.strip())


def _named(value: str) -> tuple[Tree, ...]:
    """Read `{"name": {…}, …}` or `[{"name": …}, …]` (both are Istio's)."""
    found = json.loads(value)
    if isinstance(found, dict):
        found = [{"name": name, **rest} for name, rest in found.items() if isinstance(rest, dict)]
    if not isinstance(found, list) or not all(isinstance(one, dict) and "name" in one for one in found):
        msg = "it must be JSON, a list of objects with a name"
        raise ValueError(msg)
    return tuple(found)


_FIELDS: Final[dict[str, tuple[str, Callable[[str], object]]]] = {
    f"{_SIDECAR}proxyImage": ("image", _text),
    f"{_SIDECAR}proxyImageType": ("image_type", _text),
    f"{_SIDECAR}proxyCPU": ("cpu", _quantity),
    f"{_SIDECAR}proxyCPULimit": ("cpu_limit", _quantity),
    f"{_SIDECAR}proxyMemory": ("memory", _quantity),
    f"{_SIDECAR}proxyMemoryLimit": ("memory_limit", _quantity),
    f"{_SIDECAR}logLevel": ("log_level", _one_of(*LOG_LEVELS)),
    f"{_SIDECAR}componentLogLevel": ("component_log_level", _text),
    f"{_SIDECAR}interceptionMode": ("interception_mode", _one_of("REDIRECT", "TPROXY", "NONE")),
    NATIVE: ("native", _bool),
    REWRITE_PROBES: ("rewrite_probes", _bool),
    f"{_SIDECAR}userVolume": ("volumes", _named),
    f"{_SIDECAR}userVolumeMount": ("volume_mounts", _named),
}
_FLAGS: Final[dict[str, tuple[str, Callable[[str], str]]]] = {
    f"{_TRAFFIC}includeInboundPorts": ("--include-inbound-ports", _ports_or_all),
    f"{_TRAFFIC}excludeInboundPorts": ("--exclude-inbound-ports", _ports),
    f"{_TRAFFIC}includeOutboundIPRanges": ("--include-outbound-ranges", _ranges),
    f"{_TRAFFIC}excludeOutboundIPRanges": ("--exclude-outbound-ranges", _ranges),
    f"{_TRAFFIC}includeOutboundPorts": ("--include-outbound-ports", _ports),
    f"{_TRAFFIC}excludeOutboundPorts": ("--exclude-outbound-ports", _ports),
    f"{_TRAFFIC}excludeInterfaces": ("--exclude-interfaces", _names),
    f"{_TRAFFIC}kubevirtInterfaces": ("--kubevirt-interfaces", _names),
}
_READINESS_FIELDS: Final = {
    f"{_READINESS}initialDelaySeconds": "initialDelaySeconds",
    f"{_READINESS}periodSeconds": "periodSeconds",
    f"{_READINESS}failureThreshold": "failureThreshold",
}
