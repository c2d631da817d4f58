"""A mesh for gRPC: `pilotfish serve` on a folder, servers of three versions, and a client in another process."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.envoy.harness import Pilotfish, ReservedPort, eventually, objects
from tests.proxyless.harness import GrpcClient, GrpcServers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

ECHO = "echo.default.svc.cluster.local:80"
VERSIONS = ("v1", "v2", "v3")


def entry(name: str, ports: dict[str, int]) -> objects.Object:
    """Return the ServiceEntry `<name>.default.svc.cluster.local:80` with an endpoint for each version."""
    endpoints = [
        {"address": "127.0.0.1", "ports": {"grpc": port}, "labels": {"version": version}}
        for version, port in ports.items()
    ]
    spec = {
        "hosts": [f"{name}.default.svc.cluster.local"],
        "location": "MESH_INTERNAL",
        "resolution": "STATIC",
        "ports": [{"number": 80, "name": "grpc", "protocol": "GRPC"}],
        "endpoints": endpoints,
    }
    return objects.istio("ServiceEntry", name, spec)


def routes(http: str) -> objects.Object:
    """Return a VirtualService of the mesh for `echo`."""
    return objects.istio("VirtualService", "echo", {"hosts": ["echo"], "http": yaml.safe_load(http)})


class GrpcMesh:
    """The folder, the server, the backends and the client. `write` replaces what the tests edit."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.ports = {version: stack.enter_context(ReservedPort()).port for version in VERSIONS}
        (folder / "config").mkdir()
        self.pilotfish = Pilotfish(folder)
        stack.callback(self.pilotfish.stop)
        self.config = self.pilotfish.config
        servers = GrpcServers(folder / "servers.log", self.ports)
        stack.callback(servers.stop)
        self.client = stack.enter_context(GrpcClient(self.pilotfish.xds_port, folder / "client.log"))

    def some(self, *versions: str) -> dict[str, int]:
        return {version: self.ports[version] for version in versions}

    def write(self, *, http: str = "", policy: str = "", versions: Iterable[str] = VERSIONS) -> None:
        """Replace the objects of `echo`, all at once."""
        documents: list[Any] = [entry("echo", self.some(*versions))]
        documents.append(objects.destination_rule("echo", "echo", policy, subsets=VERSIONS))
        if http:
            documents.append(routes(http))
        self.config.write("echo.yaml", *documents)

    def answers(self, count: int = 20, **how: Any) -> dict[str, int]:
        return self.client.call(ECHO, count, **how)

    def until_only(self, *versions: str, **how: Any) -> None:
        """Wait until these versions answer, and no others."""
        eventually(lambda: set(self.answers(**how)) == set(versions), 5.0, f"{' and '.join(versions)} answer")


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GrpcMesh]:
    with ExitStack() as stack:
        yield GrpcMesh(tmp_path_factory.mktemp("grpc"), stack)
