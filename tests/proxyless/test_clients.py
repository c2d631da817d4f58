"""A gRPC channel to `xds:///…`, with no proxy anywhere: it finds its backends, and follows every edit."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from tests.envoy.harness import eventually, objects
from tests.proxyless.conftest import ECHO, VERSIONS, entry
from tests.proxyless.harness import GrpcClient
from xds_server.cli.main import main

if TYPE_CHECKING:
    from tests.proxyless.conftest import GrpcMesh

NO_RETRIES = "retries: {attempts: 0}"
"""So that a failed RPC is one."""


@pytest.mark.parametrize("name", ["echo", "echo.default", "echo.default.svc", "echo.default.svc.cluster.local"])
def test_a_channel_reaches_the_backends_under_every_name(mesh: GrpcMesh, name: str) -> None:
    mesh.write()
    eventually(lambda: set(mesh.client.do("call", target=f"{name}:80", count=20)["answers"]) == set(VERSIONS))
    mesh.client.assert_accepted()


def test_all_types_are_held_and_acknowledged(mesh: GrpcMesh) -> None:
    mesh.write(http="[{route: [{destination: {host: echo, subset: v1}}]}]")
    mesh.until_only("v1")
    mesh.client.assert_accepted()
    held = mesh.client.held()
    host = "echo.default.svc.cluster.local"
    assert {
        f"Listener {host}:80",
        f"RouteConfiguration outbound|80||{host}",
        f"Cluster outbound|80|v1|{host}",
        f"ClusterLoadAssignment outbound|80|v1|{host}",
    } <= set(held)


def test_traffic_follows_edits_without_a_failed_rpc(mesh: GrpcMesh) -> None:
    def split(**weights: int) -> str:
        to = ", ".join(f"{{destination: {{host: echo, subset: {v}}}, weight: {w}}}" for v, w in weights.items())
        return f"[{{{NO_RETRIES}, route: [{to}]}}]"

    def share(version: str) -> float:
        latest: dict[str, int] = mesh.client.do("peek")["latest"]
        return latest.get(version, 0) / max(1, sum(latest.values()))

    mesh.write(http=split(v1=100, v2=0))
    mesh.until_only("v1")
    mesh.client.do("load", target=ECHO)
    try:
        mesh.write(http=split(v1=50, v2=50))
        eventually(lambda: 0.2 < share("v2") < 0.8, 5.0, "half of the RPCs go to v2")
        mesh.write(http=split(v2=100))
        eventually(lambda: share("v2") == 1.0, 5.0, "all RPCs go to v2")
        mesh.write(http=split(v3=100))
        eventually(lambda: share("v3") == 1.0, 5.0, "all RPCs go to a subset that is new to the client")
        mesh.write()
        eventually(lambda: 0.1 < share("v1") < 0.6, 5.0, "without a VirtualService, RPCs go to all endpoints")
        mesh.write(versions=["v1", "v2"])
        eventually(lambda: share("v3") == 0.0, 5.0, "no RPC goes to an endpoint that was removed")
        mesh.write(versions=VERSIONS, policy="loadBalancer: {consistentHash: {httpHeaderName: x-user}}")
        eventually(lambda: share("v3") > 0.1, 5.0, "RPCs go to an endpoint that was added")
    finally:
        seen = mesh.client.do("stop")
    assert seen["failures"] == {}
    mesh.client.assert_accepted()


def test_a_service_that_does_not_exist_fails_and_is_there_once_it_is_created(mesh: GrpcMesh) -> None:
    (mesh.config.path / "later.yaml").unlink(missing_ok=True)
    target = "later:80"
    with GrpcClient(mesh.pilotfish.xds_port, mesh.folder / "later.log") as client:
        # gRPC waits 15 s for what it never saw, whatever it is told (xds-protocol rule 27).
        assert "later:80: does not exist" in client.failure(target, timeout=30.0)
        assert client.held() == {f"Listener {target}": "DOES_NOT_EXIST does not exist"}
        mesh.config.write("later.yaml", entry("later", mesh.some("v1")))
        eventually(lambda: client.do("call", target=target)["answers"] == {"v1": 1}, 5.0, "it is there")
        client.assert_accepted()
        mesh.config.remove("later.yaml")
        eventually(lambda: "does not exist" in str(client.do("call", target=target)["failures"]), 5.0, "it is gone")


def test_an_rpc_waits_for_a_service_that_comes_within_15_seconds(mesh: GrpcMesh) -> None:
    (mesh.config.path / "soon.yaml").unlink(missing_ok=True)
    with GrpcClient(mesh.pilotfish.xds_port, mesh.folder / "patient.log") as patient:
        patient.do("load", target="soon:80", timeout=14.0)
        eventually(lambda: patient.held() == {"Listener soon:80": "REQUESTED"}, 10.0)
        mesh.config.write("soon.yaml", entry("soon", mesh.some("v2")))
        eventually(lambda: patient.do("peek")["answers"].get("v2"), 5.0)
        assert patient.do("stop")["failures"] == {}
    mesh.config.remove("soon.yaml")


def test_a_destination_that_does_not_exist_fails_its_rpcs_and_no_others(mesh: GrpcMesh) -> None:
    http = """
    - match: [{uri: {exact: /echo.Echo/Gone}}]
      route: [{destination: {host: echo, subset: none}}]
    - route: [{destination: {host: echo, subset: v1}}]
    """
    mesh.write(http=http)
    mesh.until_only("v1")
    gone = mesh.client.failure(ECHO, method="/echo.Echo/Gone", timeout=20.0)
    assert gone.startswith("UNAVAILABLE")
    assert mesh.answers() == {"v1": 20}


ACTIONS = """
- match: [{headers: {X-Version: {exact: "2"}}}]
  route: [{destination: {host: echo, subset: v2}}]
- match: [{uri: {prefix: /echo.Echo/}, withoutHeaders: {x-known: {exact: "1"}}, headers: {x-part: {}}}]
  route: [{destination: {host: echo, subset: v3}}]
- match: [{queryParams: {q: {exact: a}}}]
  route: [{destination: {host: echo, subset: v2}}]
- match: [{method: {exact: GET}}]
  route: [{destination: {host: echo, subset: v2}}]
- match: [{uri: {exact: /echo.Echo/Abort}}]
  fault: {abort: {grpcStatus: NOT_FOUND, percentage: {value: 100}}}
  route: [{destination: {host: echo}}]
- match: [{uri: {exact: /echo.Echo/Late}}]
  fault: {delay: {fixedDelay: 5s, percentage: {value: 100}}}
  timeout: 0.2s
  route: [{destination: {host: echo}}]
- match: [{uri: {exact: /echo.Echo/Redirect}}]
  redirect: {authority: elsewhere}
- match: [{method: {exact: POST}, uri: {regex: "/echo[.]Echo/.*"}}]
  route: [{destination: {host: echo, subset: v1}}]
"""


def test_matches_and_actions(mesh: GrpcMesh) -> None:
    mesh.write(http=ACTIONS)
    mesh.until_only("v2", metadata={"x-version": "2"})
    assert mesh.answers() == {"v1": 20}
    assert mesh.answers(metadata={"x-part": "a"}) == {"v3": 20}
    assert mesh.answers(metadata={"x-part": "a", "x-known": "2"}) == {"v3": 20}
    assert mesh.answers(metadata={"x-part": "a", "x-known": "1"}) == {"v1": 20}
    assert mesh.client.failure(ECHO, method="/echo.Echo/Abort").startswith("NOT_FOUND")
    assert mesh.client.failure(ECHO, method="/echo.Echo/Redirect").startswith("UNAVAILABLE")
    assert mesh.client.failure(ECHO, method="/echo.Echo/Late").startswith("DEADLINE_EXCEEDED")
    assert mesh.client.failure(ECHO, method="/other.Service/Say").startswith("UNAVAILABLE")
    mesh.client.assert_accepted()
    said = {(d["code"], d["path"]) for d in mesh.pilotfish.diagnostics()}
    assert {
        ("PF0490", "spec.http[2].match[0].queryParams"),
        ("PF0490", "spec.http[3].match[0].method"),
        ("PF0491", "spec.http[6].redirect"),
    } <= said


def test_retries(mesh: GrpcMesh) -> None:
    to = "route: [{destination: {host: echo, subset: v1}}]"
    mesh.write(http=f"[{{{to}}}]")
    mesh.until_only("v1")
    assert mesh.answers(method="/echo.Echo/Flaky") == {"v1": 20}  # two retries, as for an Envoy
    mesh.write(http=f"[{{retries: {{attempts: 0}}, {to}}}]")

    def no_retries() -> bool:
        done = mesh.client.do("call", target=ECHO, count=9, method="/echo.Echo/Flaky")
        return (done["answers"], done["failures"]) == ({"v1": 3}, {"UNAVAILABLE: flaky": 6})

    eventually(no_retries, 5.0, "two of three RPCs fail")


def test_services_that_are_looked_up_in_dns(mesh: GrpcMesh) -> None:
    spec = entry("named", mesh.some("v1", "v2"))
    spec["spec"]["resolution"] = "DNS"
    for endpoint in spec["spec"]["endpoints"]:
        endpoint["address"] = "localhost"
    half = {version: {"destination": {"host": "named", "subset": version}, "weight": 50} for version in ("v1", "v2")}
    split = objects.istio("VirtualService", "named", {"hosts": ["named"], "http": [{"route": list(half.values())}]})
    mesh.config.write("named.yaml", spec, objects.destination_rule("named", "named", subsets=("v1", "v2")), split)
    with GrpcClient(mesh.pilotfish.xds_port, mesh.folder / "named.log") as client:
        eventually(lambda: client.do("call", target="named:80", count=20)["answers"].keys() == {"v1", "v2"}, 10.0)
        client.assert_accepted()
    mesh.config.remove("named.yaml")


def test_a_consistent_hash_sticks(mesh: GrpcMesh) -> None:
    mesh.write(policy="loadBalancer: {consistentHash: {httpHeaderName: X-User}}")
    mesh.until_only(*VERSIONS)

    def sticks() -> bool:
        one = {user: set(mesh.answers(metadata={"x-user": user})) for user in map(str, range(12))}
        return all(len(versions) == 1 for versions in one.values()) and len(set.union(*one.values())) > 1

    eventually(sticks, 10.0, "each user has one backend")
    mesh.client.assert_accepted()


def test_a_client_is_shown_as_an_envoy_is(mesh: GrpcMesh) -> None:
    mesh.write(http="[{route: [{destination: {host: echo, subset: v2}}]}]")
    mesh.until_only("v2")

    def said(*arguments: str) -> list[list[str]]:
        url = f"http://127.0.0.1:{mesh.pilotfish.http_port}"
        result = CliRunner().invoke(main, [*arguments, "--server", url], catch_exceptions=False)
        return [re.split(r"\s{2,}", line.strip()) for line in result.stdout.splitlines()]

    # A process has a stream for each name that it dials.
    status = [row for row in said("ps") if row[0] == "client.default"]
    assert {tuple(row[1:5]) for row in status} == {("sidecar", "SYNCED", "SYNCED", "SYNCED")}
    assert all("C-core" in row[-1] for row in status)
    route = "outbound|80||echo.default.svc.cluster.local"
    assert ["echo:80", "ALL", f"Route: {route}"] in said("pc", "listeners", "client")
    (row,) = (row for row in said("pc", "routes", "client") if row[0] == route)
    assert row[-2:] == ["outbound|80|v2|echo.default.svc.cluster.local", "echo.default"]
