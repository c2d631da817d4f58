"""What happens to traffic when files break, gateways go, and the control plane is not there."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.envoy.harness import EnvoyProcess, assert_clean, eventually, many, objects, request

if TYPE_CHECKING:
    from pathlib import Path

    from tests.envoy.harness import Mesh


class Traffic:
    """Requests that go on in the background, all the time."""

    def __init__(self, port: int) -> None:
        self.counted: Counter[tuple[int, str]] = Counter()
        self._port = port
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Traffic:  # noqa: PYI034 - final in practice
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.is_set():
            self.counted += many(self._port, "/", 20, concurrency=2)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("kind: [unclosed\n", "routes.yaml"),
        (
            "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: routes}\nspec: {http: 7}\n",
            "http",
        ),
        ("a: 1\n", "routes.yaml"),
        ("\0", "routes.yaml"),
    ],
    ids=["malformed", "wrong type", "no kind", "NUL byte"],
)
def test_a_broken_file_is_named_and_changes_nothing(mesh: Mesh, text: str, where: str) -> None:
    mesh.route("- route: [{destination: {host: echo, subset: v2}}]")
    mesh.config.write("routes.yaml", text)

    def named() -> bool:
        return any(where in str(one) for one in mesh.pilotfish.diagnostics() if one["severity"] == "error")

    eventually(named, 5.0, "the error is named")
    assert many(mesh.port, "/", 50) == {(200, "v2"): 50}
    mesh.route("- route: [{destination: {host: echo, subset: v1}}]")
    assert many(mesh.port, "/", 20) == {(200, "v1"): 20}
    assert not named()


def test_a_gateway_that_is_deleted_closes_its_port_and_comes_back(mesh: Mesh) -> None:
    gateway = (mesh.config.path / "gateway.yaml").read_text(encoding="utf-8")
    name = f"0.0.0.0_{mesh.port}"
    assert mesh.envoy.listeners() == {name: mesh.port}
    mesh.config.write("gateway.yaml", objects.gateway_service(mesh.port))
    try:
        eventually(lambda: name not in mesh.envoy.listeners(), 5.0, "the listener is gone")
    finally:
        mesh.config.write("gateway.yaml", gateway)
    eventually(lambda: mesh.get("/").status == 200, 5.0, "the gateway is back")
    assert_clean(mesh.envoy)


BOTH = """
- match: [{uri: {prefix: /held}}]
  route:
  - {destination: {host: echo}, weight: 1}
  - {destination: {host: echo, subset: v1}, weight: 1}
  - {destination: {host: echo, subset: v2}, weight: 1}
- route: [{destination: {host: echo, subset: %s}}]
"""
"""Sends everything to one subset, and keeps the clusters of all in use: none is removed by an edit."""


def test_changes_under_load_fail_no_request(mesh: Mesh) -> None:
    mesh.route(BOTH % "v1")
    with Traffic(mesh.port) as traffic:
        for number in range(6):
            mesh.policy(f"connectionPool: {{tcp: {{maxConnections: {1000 + number}}}}}", BOTH % f"v{1 + number % 2}")
    assert {status for status, _ in traffic.counted} == {200}
    assert {version for _, version in traffic.counted} == {"v1", "v2"}


def test_a_cluster_that_takes_the_place_of_another_costs_no_request(mesh: Mesh) -> None:
    """Each edit makes one cluster appear and another go: make before break, on the wire."""
    only = "- route: [{destination: {host: echo, subset: %s}}]"
    mesh.route(only % "v1")
    with Traffic(mesh.port) as traffic:
        for number in range(10):
            mesh.route(only % f"v{2 - number % 2}")
    assert {status for status, _ in traffic.counted} == {200}
    assert {version for _, version in traffic.counted} == {"v1", "v2"}


def test_traffic_goes_on_while_the_control_plane_restarts(mesh: Mesh) -> None:
    mesh.route(BOTH % "v1")
    with Traffic(mesh.port) as traffic:
        mesh.pilotfish.restart()
        eventually(lambda: mesh.envoy.stat("control_plane.connected_state") == 1, 10.0, "Envoy is connected again")
        mesh.route(BOTH % "v2")
    assert {status for status, _ in traffic.counted} == {200}
    assert many(mesh.port, "/", 20) == {(200, "v2"): 20}
    assert_clean(mesh.envoy)


def test_an_envoy_of_any_id_is_a_router(mesh: Mesh, tmp_path: Path) -> None:
    """A bare Envoy is served as a router in the root namespace, with the labels that it states."""
    bare = EnvoyProcess.start(
        tmp_path,
        xds_port=mesh.pilotfish.xds_port,
        proxy=objects.bare_proxy("just-an-envoy", {"istio": "ingressgateway"}),
        delta=mesh.delta,
    )
    try:
        # It shares the port with the mesh's own Envoy (SO_REUSEPORT), so ask it for its listeners instead of traffic.
        eventually(lambda: bare.listeners() == {f"0.0.0.0_{mesh.port}": mesh.port}, 5.0, "it has the listener")
        assert_clean(bare)
        assert "just-an-envoy" in [one["id"] for one in mesh.pilotfish.proxies()]
    finally:
        bare.stop()
    assert request(mesh.port, "/").status == 200
