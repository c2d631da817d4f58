"""A gateway in zone z1: it stays in its zone, leaves it when nobody there can answer, and comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.envoy.harness import Behaviour, Mesh, eventually, gateway_proxy, many, objects
from translators.model.proxy import Locality

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.envoy.harness import Backend

ZONES = {"v1-a": "r1/z1", "v1-b": "r1/z2", "v2-a": "r2/z1"}
HERE = Locality(region="r1", zone="z1")
OUTLIER = "{consecutive5xxErrors: 2, interval: 200ms, baseEjectionTime: 1s, maxEjectionPercent: 100}"


@pytest.fixture(scope="module")
def mesh_in_a_zone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    mesh = Mesh(tmp_path_factory.mktemp("mesh-in-a-zone"), delta=True, proxy=gateway_proxy(locality=HERE))
    yield mesh
    mesh.close()


@pytest.fixture
def mesh(mesh_in_a_zone: Mesh) -> Mesh:
    mesh_in_a_zone.reset()
    return mesh_in_a_zone


def place(mesh: Mesh, *backends: Backend) -> None:
    """Write the service with these backends, each in its zone."""
    entry = objects.service_entry("echo", backends)
    for endpoint, backend in zip(entry["spec"]["endpoints"], backends, strict=True):
        endpoint["locality"] = ZONES[backend.instance]
    mesh.config.write("services.yaml", entry)


def answers(mesh: Mesh, count: int = 40) -> dict[str, float]:
    """Return each backend's share of so many requests, and let nothing but success pass."""
    for backend in mesh.backends:
        backend.forget()
    assert {status for status, _ in many(mesh.port, "/", count, concurrency=2)} == {200}
    return {backend.instance: backend.count / count for backend in mesh.backends if backend.count}


def test_the_zone_fails_over_and_comes_back(mesh: Mesh) -> None:
    place(mesh, *mesh.backends)
    mesh.policy(f"outlierDetection: {OUTLIER}")
    assert answers(mesh) == {"v1-a": 1.0}
    mesh.v1.behaviour = Behaviour(status=503)
    ejected = "outlier_detection.ejections_active"
    eventually(
        lambda: many(mesh.port, "/", 4) and mesh.envoy.cluster_stat(mesh.cluster, ejected) == 1,
        5.0,
        "the zone's endpoint is ejected",
    )
    for backend in mesh.backends:
        backend.forget()
    many(mesh.port, "/", 20, concurrency=2)
    assert mesh.v1_b.count >= 20
    assert mesh.v2.count == 0  # the other region is farther away
    mesh.v1.behaviour = Behaviour()
    eventually(lambda: answers(mesh) == {"v1-a": 1.0}, 10.0, "the zone is used again")


def test_a_zone_without_endpoints_fails_over_at_once(mesh: Mesh) -> None:
    place(mesh, *mesh.backends)
    mesh.policy(f"outlierDetection: {OUTLIER}")
    assert answers(mesh) == {"v1-a": 1.0}
    place(mesh, mesh.v1_b, mesh.v2)
    eventually(lambda: answers(mesh) == {"v1-b": 1.0}, 1.0, "the region's other zone answers")
    place(mesh, mesh.v2)
    eventually(lambda: answers(mesh) == {"v2-a": 1.0}, 1.0, "the other region answers")
    place(mesh, *mesh.backends)
    eventually(lambda: answers(mesh) == {"v1-a": 1.0}, 1.0, "the zone is used again")


def test_regions_fail_over_as_they_are_told(mesh: Mesh) -> None:
    place(mesh, mesh.v2)
    mesh.policy(f"""
outlierDetection: {OUTLIER}
loadBalancer: {{localityLbSetting: {{failover: [{{from: r1, to: r2}}]}}}}
""")
    assert answers(mesh) == {"v2-a": 1.0}


def test_requests_are_distributed(mesh: Mesh) -> None:
    place(mesh, *mesh.backends)
    mesh.policy("""
loadBalancer:
  simple: ROUND_ROBIN
  localityLbSetting: {distribute: [{from: r1/*, to: {r1/z1: 70, r2/*: 30}}]}
""")
    assert answers(mesh, 400) == pytest.approx({"v1-a": 0.7, "v2-a": 0.3}, abs=0.03)


def test_without_a_policy_every_zone_gets_its_part(mesh: Mesh) -> None:
    place(mesh, *mesh.backends)
    mesh.policy("loadBalancer: {simple: ROUND_ROBIN}")
    assert answers(mesh, 300) == pytest.approx(dict.fromkeys(ZONES, 1 / 3), abs=0.03)
