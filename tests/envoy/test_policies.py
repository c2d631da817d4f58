"""How a destination is treated: load balancing, circuit breakers, outlier detection."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.envoy.harness import Behaviour, eventually, many, objects

if TYPE_CHECKING:
    from tests.envoy.harness import Mesh


def instances(mesh: Mesh, path: str = "/", count: int = 20, **how: object) -> set[str]:
    return {mesh.get(path, **how).headers["x-instance"] for _ in range(count)}


ALL = {"v1-a", "v1-b", "v2-a"}
KEYS = 40
"""So many that each instance gets one: that all miss one of three happens once in four million runs."""


@pytest.mark.parametrize("simple", ["ROUND_ROBIN", "LEAST_REQUEST", "RANDOM"])
def test_every_instance_gets_its_part(mesh: Mesh, simple: str) -> None:
    mesh.policy(f"loadBalancer: {{simple: {simple}}}")
    many(mesh.port, "/", 300, concurrency=4)
    shares = [backend.count / 300 for backend in mesh.backends]
    assert shares == pytest.approx([1 / 3] * 3, abs=0.02 if simple == "ROUND_ROBIN" else 0.15)


def test_consistent_hash_by_header_sticks(mesh: Mesh) -> None:
    mesh.policy("loadBalancer: {consistentHash: {httpHeaderName: x-user}}")
    chosen = [instances(mesh, count=5, headers={"x-user": f"user-{n}"}) for n in range(KEYS)]
    assert {len(one) for one in chosen} == {1}
    assert set.union(*chosen) == ALL


def test_consistent_hash_by_cookie_sets_one_and_sticks_to_it(mesh: Mesh) -> None:
    mesh.policy("loadBalancer: {consistentHash: {httpCookie: {name: sticky, ttl: 60s}}}")
    first = mesh.get("/")
    assert first.headers["set-cookie"].startswith("sticky=")
    cookie = first.headers["set-cookie"].partition(";")[0]
    assert instances(mesh, headers={"Cookie": cookie}) == {first.headers["x-instance"]}


def test_consistent_hash_by_query_parameter_with_maglev(mesh: Mesh) -> None:
    mesh.policy("loadBalancer: {consistentHash: {httpQueryParameterName: q, maglev: {tableSize: 131}}}")
    chosen = [instances(mesh, f"/?q={n}", count=5) for n in range(KEYS)]
    assert {len(one) for one in chosen} == {1}
    assert set.union(*chosen) == ALL


def test_consistent_hash_by_source_address(mesh: Mesh) -> None:
    mesh.policy("loadBalancer: {consistentHash: {useSourceIp: true, ringHash: {minimumRingSize: 64}}}")
    assert len(instances(mesh)) == 1


def test_the_circuit_breaker_overflows(mesh: Mesh) -> None:
    mesh.policy(
        "connectionPool: {tcp: {maxConnections: 1}, http: {http1MaxPendingRequests: 1}}",
        """
- route: [{destination: {host: echo, subset: v2}}]
  headers: {response: {set: {x-flags: "%RESPONSE_FLAGS%"}}}
""",
    )
    cluster = "outbound|80|v2|echo.default.svc.cluster.local"
    before = mesh.envoy.cluster_stat(cluster, "upstream_rq_pending_overflow")
    mesh.v2.behaviour = Behaviour(delay_seconds=0.3)
    with ThreadPoolExecutor(10) as pool:
        replies = [future.result() for future in [pool.submit(mesh.get, "/") for _ in range(10)]]
    refused = [reply for reply in replies if reply.status == 503]
    assert len(refused) >= 6  # one is sent, one waits; each of them may be followed by another while the first ones end
    assert {(reply.headers["x-flags"], reply.headers.get("x-envoy-overloaded")) for reply in refused} == {
        ("UO", "true")
    }
    assert {reply.body for reply in refused} == {
        "upstream connect error or disconnect/reset before headers. reset reason: overflow"
    }
    assert mesh.envoy.cluster_stat(cluster, "upstream_rq_pending_overflow") - before >= len(refused)


def test_the_missions_legacy_spellings_open_the_circuit_breaker_too(mesh: Mesh) -> None:
    mesh.policy(
        "connectionPool: {http: {maxConnections: 1, maxPendingRequests: 1}}",
        "- route: [{destination: {host: echo, subset: v2}}]",
    )
    mesh.v2.behaviour = Behaviour(delay_seconds=0.3)
    with ThreadPoolExecutor(8) as pool:
        replies = [future.result() for future in [pool.submit(mesh.get, "/") for _ in range(8)]]
    assert {reply.headers.get("x-envoy-overloaded") for reply in replies if reply.status == 503} == {"true"}


def test_a_port_level_policy_wins(mesh: Mesh) -> None:
    mesh.policy("""
connectionPool: {tcp: {maxConnections: 100}}
portLevelSettings:
- port: {number: 80}
  connectionPool: {tcp: {maxConnections: 7}}
""")
    assert max_connections(mesh) == 7


def max_connections(mesh: Mesh) -> int:
    found = mesh.envoy.config_dump("dynamic_active_clusters", eds=False)
    (cluster,) = (one["cluster"] for one in found if one["cluster"]["name"] == mesh.cluster)
    return int(cluster["circuit_breakers"]["thresholds"][0]["max_connections"])


OUTLIER = """
outlierDetection: {%s: 3, interval: 200ms, baseEjectionTime: 1s, maxEjectionPercent: 50}
"""


@pytest.mark.parametrize("field", ["consecutive5xxErrors", "consecutiveGatewayErrors", "consecutiveErrors"])
def test_outlier_detection_ejects_an_instance_and_takes_it_back(mesh: Mesh, field: str) -> None:
    """`consecutiveErrors` is the mission's own spelling."""
    mesh.policy(OUTLIER % field)
    mesh.v1.behaviour = Behaviour(status=503)

    def ejected() -> bool:
        many(mesh.port, "/", 30, concurrency=2)
        return mesh.envoy.cluster_stat(mesh.cluster, "outlier_detection.ejections_active") == 1

    eventually(ejected, 5.0, "the failing instance is ejected")
    while_ejected = many(mesh.port, "/", 60, concurrency=2)
    if mesh.envoy.cluster_stat(mesh.cluster, "outlier_detection.ejections_active") == 1:
        assert {status for status, _ in while_ejected} == {200}
    mesh.v1.behaviour = Behaviour()
    eventually(
        lambda: mesh.envoy.cluster_stat(mesh.cluster, "outlier_detection.ejections_active") == 0,
        5.0,
        "it is taken back",
    )
    before = mesh.v1.count
    eventually(lambda: many(mesh.port, "/", 12) and mesh.v1.count > before, 5.0, "it gets requests again")


def test_an_endpoint_added_or_removed_gets_or_loses_its_traffic(mesh: Mesh) -> None:
    mesh.config.write("services.yaml", objects.service_entry("echo", [mesh.v1, mesh.v2]))
    mesh.route("- route: [{destination: {host: echo}}]")
    mesh.v1_b.reset()
    assert instances(mesh) == {"v1-a", "v2-a"}
    mesh.config.write("services.yaml", objects.service_entry("echo", mesh.backends))
    eventually(lambda: instances(mesh) == ALL, 1.0, "the third instance gets requests")
