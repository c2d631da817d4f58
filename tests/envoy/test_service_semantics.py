"""What a Kubernetes Service says about its endpoints: one node only, the node first, two families of addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.envoy.harness import Backend, Loop, Mesh, assert_clean, eventually, gateway_proxy, many
from translators.model.proxy import Locality

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HERE = Locality(zone="z1")
PLACES = {"v1-a": ("n1", "z1"), "v1-b": ("n2", "z1"), "v2-a": ("n3", "z2")}
"""The node and the zone of each backend; the gateway runs on n1."""


@pytest.fixture(scope="module")
def mesh_on_a_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    mesh = Mesh(tmp_path_factory.mktemp("mesh-on-a-node"), delta=True, proxy=gateway_proxy(locality=HERE, node="n1"))
    yield mesh
    mesh.close()


@pytest.fixture
def mesh(mesh_on_a_node: Mesh) -> Mesh:
    mesh_on_a_node.reset()
    return mesh_on_a_node


def service(**spec: object) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "echo", "namespace": "default"},
        "spec": {"clusterIP": "10.96.0.1", "ports": [{"name": "http", "port": 80}], **spec},
    }


def slice_of(name: str, port: int, endpoint: Mapping[str, object], family: str = "IPv4") -> dict[str, Any]:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": name, "namespace": "default", "labels": {"kubernetes.io/service-name": "echo"}},
        "addressType": family,
        "ports": [{"name": "http", "port": port}],
        "endpoints": [endpoint],
    }


def place(mesh: Mesh, *backends: Backend, **spec: object) -> None:
    """Write the Service with these backends, each on its node."""
    slices = []
    for backend in backends:
        node, zone = PLACES[backend.instance]
        endpoint = {"addresses": ["127.0.0.1"], "nodeName": node, "zone": zone}
        slices.append(slice_of(backend.instance, backend.port, endpoint))
    mesh.config.write("services.yaml", service(**spec), *slices)


def answers(mesh: Mesh) -> set[str | int]:
    """Return which backends answer, or the statuses of requests that none does."""
    for backend in mesh.backends:
        backend.forget()
    statuses = {status for status, _ in many(mesh.port, "/", 40, concurrency=2)}
    return {b.instance for b in mesh.backends if b.count} | (statuses - {200})


def until(mesh: Mesh, expected: set[str | int]) -> None:
    eventually(lambda: answers(mesh) == expected, 2.0, f"requests are answered by {sorted(map(str, expected))}")
    assert_clean(mesh.envoy)


def priorities(mesh: Mesh) -> dict[int, int]:
    """Return the priority of each port that Envoy has an endpoint at."""
    hosts = mesh.envoy.clusters()[mesh.cluster]
    return {h["address"]["socket_address"]["port_value"]: h.get("priority", 0) for h in hosts}


def test_a_local_service_stays_on_the_node(mesh: Mesh) -> None:
    place(mesh, *mesh.backends, internalTrafficPolicy="Local")
    until(mesh, {"v1-a"})
    assert mesh.envoy.cluster_stat(mesh.cluster, "membership_total") == 1
    place(mesh, mesh.v1_b, mesh.v2, internalTrafficPolicy="Local")
    until(mesh, {503})
    place(mesh, mesh.v1_b, mesh.v2, internalTrafficPolicy="Cluster")
    until(mesh, {"v1-b", "v2-a"})
    place(mesh, *mesh.backends, internalTrafficPolicy="Local")
    until(mesh, {"v1-a"})


def test_the_same_node_comes_first_then_the_zone(mesh: Mesh) -> None:
    place(mesh, *mesh.backends, trafficDistribution="PreferSameNode")
    until(mesh, {"v1-a"})
    assert priorities(mesh) == {mesh.v1.port: 0, mesh.v1_b.port: 1, mesh.v2.port: 2}
    place(mesh, mesh.v1_b, mesh.v2, trafficDistribution="PreferSameNode")
    until(mesh, {"v1-b"})
    place(mesh, mesh.v2, trafficDistribution="PreferSameNode")
    until(mesh, {"v2-a"})
    place(mesh, *mesh.backends, trafficDistribution="PreferSameZone")
    until(mesh, {"v1-a", "v1-b"})


def test_one_endpoint_has_two_families_of_addresses(mesh: Mesh) -> None:
    """A pod whose IPv4 address does not answer is reached at its IPv6 address, and it is one endpoint."""
    loop = Loop()
    six = Backend(loop, "v6", address="::1")
    target = {"targetRef": {"kind": "Pod", "name": "echo-1"}}
    try:
        mesh.config.write(
            "services.yaml",
            service(clusterIPs=["10.96.0.1", "fd00::1"], ipFamilies=["IPv4", "IPv6"]),
            slice_of("four", six.port, {"addresses": ["127.0.0.1"], **target}),
            slice_of("six", six.port, {"addresses": ["::1"], **target}, "IPv6"),
        )
        eventually(lambda: six.count or not many(mesh.port, "/", 1), 2.0, "the IPv6 address is tried as well")
        six.forget()
        assert {status for status, _ in many(mesh.port, "/", 20, concurrency=2)} == {200}
        assert six.count == 20
        assert mesh.envoy.cluster_stat(mesh.cluster, "membership_total") == 1
        assert_clean(mesh.envoy)
    finally:
        six.stop()
        loop.close()
