"""Probes of the app, led to the proxy, so that kubelet's checks pass where the mesh lets nobody else in.

Istio's paths on port 15020, `/app-health/<container>/livez`, `readyz` and `startupz`. What Istio's agent does there,
Envoy does by itself: its bootstrap holds a listener that is made from the table which this module writes.
"""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Final

from xds_server.injection.settings import PROBES_PORT

if TYPE_CHECKING:
    from xds_server.injection.settings import Mapping

PATHS: Final = {"livenessProbe": "livez", "readinessProbe": "readyz", "startupProbe": "startupz"}


def rewrite(container: Mapping) -> tuple[Mapping, dict[str, Mapping]]:
    """Return a container with its probes led to the proxy, and path to what the proxy is to ask in its place.

    Commands (`exec`) need no network and stay; so does a probe of a named port that the container does not have.
    """
    table: dict[str, Mapping] = {}
    made = dict(container)
    for kind, last in PATHS.items():
        probe = container.get(kind)
        if not isinstance(probe, dict):
            continue
        target = _target(probe, container)
        if target is None:
            continue
        path = f"/app-health/{container['name']}/{last}"
        table[path] = {**target, "timeoutSeconds": probe.get("timeoutSeconds", 1)}
        if "httpGet" not in target:
            table[path]["periodSeconds"] = probe.get("periodSeconds", 10)
        made[kind] = _led(probe, path)
    return made, table


def as_text(table: dict[str, Mapping]) -> str:
    """Return the table as the value of ISTIO_KUBE_APP_PROBERS."""
    return json.dumps(table, separators=(",", ":"), sort_keys=True)


def _led(probe: Mapping, path: str) -> Mapping:
    made: Mapping = {}
    for key, value in probe.items():
        if key not in ("httpGet", "tcpSocket", "grpc"):
            made[key] = copy.deepcopy(value)
            continue
        get: Mapping = {"path": path, "port": PROBES_PORT}
        if key == "httpGet" and isinstance(value, dict) and "httpHeaders" in value:
            get["httpHeaders"] = copy.deepcopy(value["httpHeaders"])
        made["httpGet"] = get
    return made


def _target(probe: Mapping, container: Mapping) -> Mapping | None:
    """Return what a probe asks, with a port that is a number and only what Envoy needs to know."""
    for kind in ("httpGet", "tcpSocket", "grpc"):
        asked = probe.get(kind)
        if not isinstance(asked, dict):
            continue
        # With a host of its own it asks somebody else, as Istio leaves it.
        port = _port(asked.get("port"), container)
        if asked.get("host") or port is None or port == PROBES_PORT:
            return None
        target: Mapping = {"port": port}
        if kind == "httpGet":
            target["path"] = asked.get("path") or "/"
            if asked.get("scheme"):
                target["scheme"] = asked["scheme"]
        elif kind == "grpc" and asked.get("service"):
            target["service"] = asked["service"]
        return {kind: target}
    return None


def _port(port: object, container: Mapping) -> int | None:
    if isinstance(port, int):
        return port
    if isinstance(port, str) and port.isascii() and port.isdigit():
        return int(port)
    ports = container.get("ports")
    for one in ports if isinstance(ports, list) else ():
        if isinstance(one, dict) and one.get("name") == port and isinstance(one.get("containerPort"), int):
            return one["containerPort"]  # type: ignore[return-value] # checked in the line above
    return None
