"""A whole server on an emulated API server: what ends up in the statuses of objects."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.apiserver.cluster import Cluster
from tests.apiserver.emulation import TOKEN
from tests.envoy.harness.waiting import eventually
from tests.serving.running import Running, running
from tests.status.client import Gateway
from tests.status.replicas import condition, echo, gateway, route, writers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.apiserver.emulation import Emulation


@pytest.fixture
def client(emulation: Emulation) -> Cluster:
    found = Cluster(emulation.url, TOKEN)
    found.install()
    found.apply(gateway(), route(), echo())
    return found


@contextmanager
def served(client: Cluster, folder: Path) -> Iterator[Running]:
    with running(kubeconfig=client.kubeconfig(folder / "kubeconfig"), lease_duration=3.0) as server:
        yield server


def said(client: Cluster, kind: str = "VirtualService", name: str = "echo") -> tuple[str, str, int]:
    found = condition(client, kind, name)
    return found.get("status", ""), found.get("message", ""), found.get("observedGeneration", 0)


def codes(client: Cluster, kind: str = "VirtualService", name: str = "echo") -> set[str]:
    messages = client.get(kind, name).get("status", {}).get("validationMessages", [])
    return {message["type"]["code"] for message in messages}


def found(server: Running) -> set[str]:
    return {one["code"] for one in server.json("/api/v1/diagnostics")}


def metric(server: Running, name: str) -> float:
    lines = [line for line in server.get("/metrics")[1].splitlines() if line.startswith(name)]
    return float(lines[0].rpartition(" ")[2])


def test_each_object_is_told_what_became_of_it(client: Cluster, tmp_path: Path, emulation: Emulation) -> None:
    with served(client, tmp_path) as server, Gateway(server.xds), Gateway(server.xds, "gw-2"):
        objects = (("VirtualService", "echo"), ("Gateway", "gateway"), ("ServiceEntry", "echo"))
        expected = {("True", "2/2 proxies up to date", 1)}
        eventually(lambda: {said(client, *one) for one in objects} == expected, 30.0, "of each kind")
        client.apply(route("a.example.com"))
        eventually(lambda: said(client) == ("True", "2/2 proxies up to date", 2), 10.0, "the next generation")
        written = len(writers(emulation))
        assert metric(server, 'pilotfish_status_writes{result="written"}') == written
        client.apply(route("a.example.com", "other"))
        eventually(lambda: said(client, name="other")[0] == "True", 10.0, "another object")
        assert len(writers(emulation)) == written + 1, "nothing is written where nothing has changed"
        assert metric(server, "pilotfish_status_leader") == 1


def test_a_proxy_that_says_nothing_holds_up_the_condition(client: Cluster, tmp_path: Path) -> None:
    with served(client, tmp_path) as server, Gateway(server.xds), Gateway(server.xds, "gw-2") as late:
        eventually(lambda: said(client) == ("True", "2/2 proxies up to date", 1), 30.0, "both have it")
        late.mute = True
        client.apply(route("a.example.com"))
        eventually(lambda: said(client) == ("False", "1/2 proxies up to date", 2), 15.0, "it is in progress")
        assert condition(client, "VirtualService", "echo")["reason"] == "Propagating"
    assert said(client)[0] == "False"


def test_a_proxy_that_rejects_it(client: Cluster, tmp_path: Path) -> None:
    with served(client, tmp_path) as server, Gateway(server.xds, "gw-2"):
        eventually(lambda: said(client, "Gateway", "gateway")[0] == "True", 30.0, "one has it")
        bad = Gateway(server.xds)
        bad.rejects = "cannot bind"
        with bad:
            eventually(lambda: said(client, "Gateway", "gateway")[0] == "False", 20.0, "one rejects it")
            found = condition(client, "Gateway", "gateway")
            assert found["reason"] == "Rejected"
            assert found["message"].startswith("1/2 proxies up to date; 1 rejected it: router~10.0.0.9~gw-1.")
            assert "cannot bind" in found["message"]
            eventually(lambda: "PF0801" in codes(client, "Gateway", "gateway"), 20.0, "it is among the messages")


def test_an_object_that_is_not_valid(client: Cluster, tmp_path: Path) -> None:
    with served(client, tmp_path) as server:
        eventually(lambda: said(client) == ("True", "no connected proxy uses it", 1), 20.0, "nobody is there")
        broken: dict[str, Any] = route()
        broken["spec"] = {**broken["spec"], "hosts": "a"}
        client.apply(broken)
        eventually(lambda: condition(client, "VirtualService", "echo").get("reason") == "Invalid", 10.0, "is not valid")
        assert said(client)[2] == 2
        assert said(client)[1].endswith("; an earlier version is served")
        assert codes(client) == {one["code"] for one in server.json("/api/v1/diagnostics")}
        client.apply(route("b.example.com"))
        eventually(lambda: said(client)[::2] == ("True", 3), 10.0, "it is valid again")
        eventually(lambda: codes(client) == set(), 10.0, "nothing is said of it any more")


def test_another_writer_is_not_fought(client: Cluster, tmp_path: Path, emulation: Emulation) -> None:
    with served(client, tmp_path) as server:
        eventually(lambda: said(client)[0] == "True", 20.0, "it is written")
        theirs = [{"type": "Reconciled", "status": "False", "message": "mine"}, {"type": "Healthy", "status": "True"}]
        client.set_status("VirtualService", "echo", {"conditions": theirs})
        eventually(lambda: "PF0131" in found(server), 10.0, "it is said")
        assert client.get("VirtualService", "echo")["status"]["conditions"] == theirs
        client.apply(route("a.example.com"))
        eventually(lambda: said(client) == ("True", "no connected proxy uses it", 2), 10.0, "there is news to write")
        assert client.get("VirtualService", "echo")["status"]["conditions"][1] == theirs[1]
        eventually(lambda: "PF0131" not in found(server), 10.0, "all is well")
    assert len(writers(emulation)) < 10


def test_what_may_not_be_written_is_said(client: Cluster, tmp_path: Path, emulation: Emulation) -> None:
    emulation.forbidden |= {("patch", "virtualservices/status"), ("list", "configmaps")}
    with served(client, tmp_path) as server:
        eventually(lambda: "PF0130" in found(server), 30.0, "the status of a kind may not be written")
        eventually(lambda: said(client, "Gateway", "gateway")[0] == "True", 10.0, "that of the others is")
        eventually(lambda: "PF0133" in found(server), 20.0, "nor may reports be read")
        emulation.forbidden.clear()
        eventually(lambda: said(client)[0] == "True", 60.0, "once it may be, it is")
        eventually(lambda: not found(server) & {"PF0130", "PF0133"}, 30.0, "and nothing is wrong")


def test_without_an_api_server_everything_goes_on(client: Cluster, tmp_path: Path, emulation: Emulation) -> None:
    with served(client, tmp_path) as server:
        eventually(lambda: said(client)[0] == "True", 20.0, "it is written")
        emulation.stop()
        eventually(lambda: metric(server, "pilotfish_status_leader") == 0, 10.0, "it cannot renew its Lease")
        with Gateway(server.xds) as one:
            eventually(lambda: len(one.answered) == 4, 10.0, "proxies are served all the same")
            emulation.start()
            eventually(lambda: said(client)[1] == "1/1 proxies up to date", 60.0, "it writes again")
