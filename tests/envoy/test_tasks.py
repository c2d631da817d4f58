"""What people do with Istio's traffic management, each as one story on a real Envoy: the tasks of its documentation,
with our own services.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.envoy.harness import Behaviour, eventually, many, objects

if TYPE_CHECKING:
    from tests.envoy.harness import Mesh

V1 = "- route: [{destination: {host: echo, subset: v1}}]"


def test_request_routing(mesh: Mesh) -> None:
    """Everybody has v1, but the user jason has v2."""
    mesh.route(V1)
    assert many(mesh.port, "/", 60) == {(200, "v1"): 60}
    mesh.route(f"""
- match: [{{headers: {{end-user: {{exact: jason}}}}}}]
  route: [{{destination: {{host: echo, subset: v2}}}}]
{V1}
""")
    assert many(mesh.port, "/", 60, headers={"end-user": "jason"}) == {(200, "v2"): 60}
    assert many(mesh.port, "/", 60, headers={"end-user": "somebody"}) == {(200, "v1"): 60}
    assert many(mesh.port, "/", 60) == {(200, "v1"): 60}


def test_traffic_shifting(mesh: Mesh) -> None:
    """A release in three steps, under load: nobody notices but by the answers."""
    mesh.route(V1)
    with ThreadPoolExecutor(1) as pool:
        load = pool.submit(many, mesh.port, "/load", 3000, concurrency=4, pause=0.002)
        for v1, v2 in ((90, 10), (50, 50), (0, 100)):
            mesh.route(f"""
- route:
  - {{destination: {{host: echo, subset: v1}}, weight: {v1}}}
  - {{destination: {{host: echo, subset: v2}}, weight: {v2}}}
""")
            counted = many(mesh.port, "/", 1000)
            assert counted[200, "v1"] + counted[200, "v2"] == 1000
            assert counted[200, "v2"] / 1000 == pytest.approx(v2 / 100, abs=0.08)
        assert {status for status, _ in load.result(60)} == {200}


def test_fault_injection(mesh: Mesh) -> None:
    """Requests of one user fail, to see what the application makes of it."""
    mesh.route(f"""
- match: [{{headers: {{end-user: {{exact: jason}}}}}}]
  fault: {{abort: {{httpStatus: 500, percentage: {{value: 100}}}}}}
  route: [{{destination: {{host: echo, subset: v1}}}}]
{V1}
""")
    assert many(mesh.port, "/", 20, headers={"end-user": "jason"}) == {(500, ""): 20}
    assert many(mesh.port, "/", 20) == {(200, "v1"): 20}
    assert sum(mesh.envoy.stats(r"http\.outbound.*fault\.aborts_injected").values()) >= 20


def test_request_timeouts(mesh: Mesh) -> None:
    """A slow version is given half a second: with one retry, there is time for the fast one."""
    mesh.v2.behaviour = Behaviour(delay_seconds=3)
    mesh.route("- {timeout: 500ms, route: [{destination: {host: echo, subset: v2}}]}")
    assert mesh.get("/").status == 504
    mesh.route("""
- timeout: 2s
  retries: {attempts: 3, perTryTimeout: 300ms, retryOn: "5xx"}
  route: [{destination: {host: echo}}]
""")
    assert {mesh.get("/").status for _ in range(12)} == {200}


def test_circuit_breaking(mesh: Mesh) -> None:
    """One connection and one pending request: a third request at a time is turned away at once."""
    mesh.policy("connectionPool: {tcp: {maxConnections: 1}, http: {http1MaxPendingRequests: 1}}", V1)
    mesh.v1.behaviour = mesh.v1_b.behaviour = Behaviour(delay_seconds=0.2)
    with ThreadPoolExecutor(6) as pool:
        replies = list(pool.map(lambda _: mesh.get("/"), range(6)))
    turned_away = [reply for reply in replies if reply.status == 503]
    assert turned_away
    assert {reply.headers["x-envoy-overloaded"] for reply in turned_away} == {"true"}
    assert (
        mesh.envoy.cluster_stat(f"outbound|80|v1|{mesh.cluster.rpartition('|')[2]}", "upstream_rq_pending_overflow") > 0
    )


def test_mirroring(mesh: Mesh) -> None:
    """v2 sees what v1 answers, and its own answers, errors even, are thrown away."""
    mesh.v2.behaviour = Behaviour(status=500)
    mesh.route("""
- route: [{destination: {host: echo, subset: v1}}]
  mirror: {host: echo, subset: v2}
  mirrorPercentage: {value: 100}
""")
    assert many(mesh.port, "/mirrored", 30) == {(200, "v1"): 30}
    eventually(lambda: mesh.v2.count == 30, 2.0, "v2 sees every request")


def test_delegation(mesh: Mesh) -> None:
    """The owner of a host gives a part of it to a team, which routes there as it likes, and nowhere else."""
    team = objects.istio(
        "VirtualService",
        "team",
        {
            "http": [
                {
                    "match": [{"uri": {"prefix": "/team/two"}}],
                    "route": [{"destination": {"host": "echo", "subset": "v2"}}],
                },
                {
                    "match": [{"uri": {"prefix": "/other"}}],
                    "route": [{"destination": {"host": "echo", "subset": "v2"}}],
                },
                {"route": [{"destination": {"host": "echo", "subset": "v1"}}], "rewrite": {"uri": "/"}},
            ]
        },
    )
    mesh.route(f"""
- match: [{{uri: {{prefix: /team/}}}}]
  delegate: {{name: team, namespace: default}}
{V1}
""", team)  # fmt: skip
    assert many(mesh.port, "/team/two/x", 20) == {(200, "v2"): 20}
    assert mesh.get("/team/one").json["path"] == "/one"
    assert many(mesh.port, "/other", 20) == {(200, "v1"): 20}
    assert [d["code"] for d in mesh.pilotfish.diagnostics()] == ["PF0484"]
