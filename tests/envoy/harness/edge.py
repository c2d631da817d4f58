"""A gateway at the edge for tests of its servers: ports that need no Service, certificates, and echo backends."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import yaml

from tests.envoy.harness import objects
from tests.envoy.harness.backend import Backend, Loop
from tests.envoy.harness.certificates import Authority
from tests.envoy.harness.envoy_process import EnvoyProcess, assert_clean, wait_warm
from tests.envoy.harness.pilotfish import Folder, Pilotfish
from tests.envoy.harness.waiting import eventually
from xds_server.demo.ports import ReservedPort

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Edge:
    """Backends v1 and v2 behind the service `echo` (subsets v1 and v2), three free ports, and an authority."""

    def __init__(self, folder: Path, *, delta: bool = True, metadata: dict[str, str] | None = None) -> None:
        self._loop = Loop()
        self.v1, self.v2 = Backend(self._loop, "v1"), Backend(self._loop, "v2")
        self._reserved = [ReservedPort() for _ in range(3)]
        self.ports = [reserved.port for reserved in self._reserved]
        self.authority = Authority(folder / "certs")
        self.config = Folder(folder / "config")
        self.config.write("services.yaml", objects.service_entry("echo", (self.v1, self.v2)))
        self.config.write("rule.yaml", objects.destination_rule("echo", "echo", subsets=("v1", "v2")))
        self.pilotfish = Pilotfish(folder)
        self._folders = (folder / f"envoy-{number}" for number in itertools.count())
        self._delta = delta
        self._metadata = metadata
        self.envoy = self._start()

    def _start(self) -> EnvoyProcess:
        return EnvoyProcess.start(
            next(self._folders), xds_port=self.pilotfish.xds_port, delta=self._delta, metadata=self._metadata
        )

    def restart_envoy(self) -> None:
        """Stop the Envoy, and start it again; returns when it is ready."""
        self.envoy.stop()
        self.envoy = self._start()

    def close(self) -> None:
        """Stop everything."""
        self.envoy.stop()
        self.pilotfish.stop()
        for backend in (self.v1, self.v2):
            backend.stop()
        self._loop.close()
        for reserved in self._reserved:
            reserved.close()

    def server(self, port: int, name: str, protocol: str, tls: str = "", hosts: str = '["*"]') -> dict[str, Any]:
        """Return a server on the port of that index; `tls` and `hosts` are YAML."""
        server: dict[str, Any] = {
            "port": {"number": self.ports[port], "name": name, "protocol": protocol},
            "hosts": yaml.safe_load(hosts),
        }
        return server | ({"tls": yaml.safe_load(tls)} if tls else {})

    def serve(self, servers: list[dict[str, Any]], *routes: dict[str, Any], name: str = "edge.yaml") -> None:
        """Write a Gateway with these servers, and other objects, all at once. `until` waits for them."""
        gateway = objects.istio("Gateway", "gateway", {"selector": {"istio": "ingressgateway"}, "servers": servers})
        self.config.write(name, gateway, *routes)

    def until(self, condition: Callable[[], object], what: str, deadline: float = 5.0) -> None:
        """Wait for the traffic to be as it should, and assert that Envoy has refused nothing on the way."""
        eventually(condition, deadline, what)
        wait_warm(self.envoy)
        assert_clean(self.envoy)
