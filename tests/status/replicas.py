"""Replicas of `pilotfish serve` on one API server, each with a token of its own, and what to serve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.apiserver.cluster import Cluster
from tests.envoy.harness.pilotfish import Pilotfish

if TYPE_CHECKING:
    from pathlib import Path

    from tests.apiserver.emulation import Emulation
    from tests.apiserver.storage import Object

LEASE_SECONDS = 3


def replica(folder: Path, server: Emulation, name: str, *arguments: str) -> Pilotfish:
    """Start a replica whose requests are told from others' by its token, which is its name."""
    server.tokens.add(name)
    folder = folder / name
    folder.mkdir()
    kubeconfig = Cluster(server.url, name).kubeconfig(folder / "kubeconfig")
    lease = ["--lease-duration", f"{LEASE_SECONDS}s"]
    return Pilotfish(folder, arguments=["--kubeconfig", str(kubeconfig), *lease, *arguments])


def gateway() -> Object:
    spec = {
        "selector": {"istio": "ingressgateway"},
        "servers": [{"port": {"number": 8080, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}],
    }
    return {"kind": "Gateway", "metadata": {"name": "gateway"}, "spec": spec}


def route(host: str = "*", name: str = "echo") -> Object:
    http = [{"route": [{"destination": {"host": "echo.example.com"}}]}]
    spec = {"hosts": [host], "gateways": ["gateway"], "http": http}
    return {"kind": "VirtualService", "metadata": {"name": name}, "spec": spec}


def echo() -> Object:
    spec = {
        "hosts": ["echo.example.com"],
        "resolution": "STATIC",
        "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}],
        "endpoints": [{"address": "10.0.0.1"}],
    }
    return {"kind": "ServiceEntry", "metadata": {"name": "echo"}, "spec": spec}


def condition(cluster: Cluster, kind: str, name: str) -> dict[str, Any]:
    """Return the condition `Reconciled` of an object; empty if it has none."""
    status = cluster.get(kind, name).get("status") or {}
    return next((c for c in status.get("conditions", []) if c["type"] == "Reconciled"), {})


def writers(server: Emulation) -> list[str]:
    """Return who wrote each status so far, in order."""
    return [asked.token for asked in server.audit if asked.subresource == "status"]
