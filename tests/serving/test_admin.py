"""HTTP: health, readiness, metrics, debug endpoints and the API, of an App that runs."""

from __future__ import annotations

import json
import time
import urllib.request
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError

import pytest

from tests.serving.proxy import NODE, connected
from tests.serving.running import ALL, Running, running, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CLUSTER_NAME = "outbound|80||echo"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    folder = tmp_path / "config"
    folder.mkdir()
    (folder / "all.yaml").write_text(ALL)
    return folder


@pytest.fixture
def server(config: Path) -> Iterator[Running]:
    with running(config) as server, connected(server.xds):
        until(lambda: len(server.json("/api/v1/proxies")) == 1)
        until(lambda: {t["status"] for t in server.json("/api/v1/proxies")[0]["types"].values()} == {"SYNCED"})
        yield server


def errors(server: Running) -> list[dict[str, Any]]:
    return [d for d in server.json("/api/v1/diagnostics") if d["severity"] == "error"]


def test_not_ready_while_a_configured_folder_was_never_there(tmp_path: Path) -> None:
    folder = tmp_path / "later"
    with running(folder, ready=False) as server:
        until(lambda: server.json("/api/v1/diagnostics"))
        status, body = server.get("/readyz?verbose")
        assert (status, json.loads(body)["ready"], json.loads(body)["sources"]) == (503, False, {"files": False})
        assert server.get("/readyz")[0] == 503
        assert server.get("/healthz") == (200, "ok\n")

        folder.mkdir()
        until(lambda: server.get("/readyz")[0] == 200)
        assert server.json("/api/v1/diagnostics") == []


def test_readyz_tells_the_chosen_ports(server: Running) -> None:
    state = server.json("/readyz?verbose")

    assert state["ready"] is True
    assert state["sources"] == {"files": True}
    assert state["addresses"] == server.app.addresses
    assert state["proxies"] == 1


def test_proxies(server: Running) -> None:
    (proxy,) = server.json("/api/v1/proxies")

    assert (proxy["id"], proxy["type"], proxy["namespace"]) == (NODE, "router", "istio-system")
    assert proxy["envoy_version"] == "1.40.0"
    assert list(proxy["types"]) == ["CDS", "EDS", "LDS", "RDS"]
    assert (proxy["acks"], proxy["nacks"]) == (4, 0)
    clusters = proxy["types"]["CDS"]
    assert clusters["status"] == "SYNCED"
    assert clusters["resources"] == len(server.json(f"/api/v1/proxies/{NODE}/clusters"))
    assert (clusters["version_sent"], clusters["nonce_sent"]) == (clusters["version_acked"], clusters["nonce_acked"])


@pytest.mark.parametrize(
    ("what", "key", "name"),
    [
        ("clusters", "name", CLUSTER_NAME),
        ("endpoints", "cluster_name", CLUSTER_NAME),
        ("listeners", "name", "0.0.0.0_8080"),
        ("routes", "name", "http.8080"),
    ],
)
def test_resources_of_a_proxy(server: Running, what: str, key: str, name: str) -> None:
    resources = server.json(f"/api/v1/proxies/{NODE}/{what}")

    assert name in [r[key] for r in resources]
    assert all(r["@type"].startswith("type.googleapis.com/envoy.config.") for r in resources)
    assert server.json(f"/api/v1/proxies/gw-1.istio-system/{what}") == resources


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/api/v1/proxies/nobody/clusters", "no proxy 'nobody' is connected"),
        (f"/api/v1/proxies/{NODE}/windows", "not 'windows'"),
        ("/debug/config_dump?proxyID=nobody", "no proxy 'nobody' is connected"),
    ],
)
def test_what_is_not_there(server: Running, path: str, said: str) -> None:
    status, body = server.get(path)

    assert status == 404
    assert said in json.loads(body)["error"]


def test_config_dump_has_envoys_shape(server: Running) -> None:
    configs = server.json("/debug/config_dump?proxyID=gw-1.istio-system")["configs"]
    by_type = {c["@type"].rpartition(".")[2]: c for c in configs}

    assert list(by_type) == ["ClustersConfigDump", "EndpointsConfigDump", "ListenersConfigDump", "RoutesConfigDump"]
    (listener,) = by_type["ListenersConfigDump"]["dynamic_listeners"]
    assert listener["active_state"]["listener"]["name"] == listener["name"] == "0.0.0.0_8080"
    (endpoints,) = by_type["EndpointsConfigDump"]["dynamic_endpoint_configs"]
    assert endpoints["endpoint_config"]["cluster_name"] == CLUSTER_NAME


def test_debug_endpoints(server: Running) -> None:
    (state,) = server.json("/debug/syncz")
    assert (state["proxy"], state["proxy_type"]) == ("gw-1.istio-system", "router")
    assert state["cluster_sent"] == state["cluster_acked"] != ""
    ads = server.json("/debug/adsz")
    assert (ads["totalClients"], ads["clients"][0]["labels"]) == (1, {"istio": "ingressgateway"})
    (service,) = server.json("/debug/registryz")
    assert (service["hostname"], service["ports"]) == ("echo", [{"name": "http", "port": 80, "protocol": "HTTP"}])
    (endpoints,) = server.json("/debug/endpointz")
    assert (endpoints["svc"], [e["Address"] for e in endpoints["ep"]]) == ("echo:http", ["10.0.0.1", "10.0.0.2"])
    objects = server.json("/debug/configz")
    assert [(o["kind"], o["metadata"]["name"]) for o in objects] == [
        ("Gateway", "gateway"),
        ("ServiceEntry", "echo"),
        ("VirtualService", "routes"),
    ]
    for entry in server.json("/debug/list"):
        path = entry["name"] + ("?proxyID=gw-1.istio-system" if "config_dump" in entry["name"] else "")
        assert server.get(path)[0] == 200


def test_metrics(server: Running) -> None:
    status, body = server.get("/metrics")
    lines = dict(line.rsplit(" ", 1) for line in body.splitlines() if not line.startswith("#"))

    assert status == 200
    assert lines['pilot_xds{version="1.40.0"}'] == "1.0"
    assert lines["pilot_services"] == "1.0"
    assert lines["pilot_virt_services"] == "1.0"
    assert float(lines['pilot_xds_pushes{type="cds"}']) >= 1
    assert float(lines['pilot_xds_push_time_count{type="lds"}']) >= 1
    assert float(lines["pilot_proxy_convergence_time_count"]) >= 1
    assert lines['pilot_total_xds_rejects{type="lds"}'] == "0.0"
    assert lines['pilot_inbound_updates{type="svc"}'] == "1.0"
    assert any(line.startswith("pilot_info{") for line in lines)


def test_a_rejection_names_the_object_and_its_place(config: Path) -> None:
    with running(config) as server, connected(server.xds, error="no such filter"):
        until(lambda: errors(server))
        (found,) = errors(server)
        status, body = server.get("/metrics")

    assert (found["code"], found["severity"], found["object"]["kind"]) == ("PF0801", "error", "Gateway")
    assert "no such filter" in found["message"]
    assert found["path"] == "spec.servers[0]"
    assert (found["file"], found["line"]) == (str(config / "all.yaml"), 7)
    assert "goes without" in found["hint"]
    assert status == 200
    assert 'pilotfish_quarantined_resources{type="lds"} 1.0' in body
    assert 'pilotfish_quarantined_resources{type="cds"} 0.0' in body
    assert 'pilot_total_xds_rejects{type="lds"} 1.0' in body
    assert f'pilot_xds_lds_reject{{err="no such filter",node="{NODE}"}} 1.0' in body


def test_what_a_proxy_rejected_is_listed_with_it(config: Path) -> None:
    with running(config) as server, connected(server.xds, error="no such filter"):
        until(lambda: errors(server))
        (proxy,) = server.json("/api/v1/proxies")
        (case,) = proxy["quarantine"]

    assert (case["type"], case["name"], case["error"]) == ("LDS", "0.0.0.0_8080", "no such filter")
    assert (case["rejections"], case["served"]) == (1, "")
    assert case["objects"] == [
        {"kind": "Gateway", "namespace": "default", "name": "gateway", "place": f"{config / 'all.yaml'}:2"}
    ]
    since, retry = (datetime.fromisoformat(case[when]) for when in ("since", "retry_at"))
    assert (retry - since).total_seconds() == pytest.approx(60, abs=0.01)
    assert abs(since.timestamp() - time.time()) < 60
    assert proxy["types"]["LDS"]["rejected"] == ["0.0.0.0_8080"]


@pytest.mark.parametrize(
    ("path", "content_type", "status"),
    [
        (f"/api/v1/proxies/{NODE}/retry", "application/json", 200),
        (f"/api/v1/proxies/{NODE}/retry", "text/plain", 415),
        (f"/api/v1/proxies/{NODE}/retry", "application/x-www-form-urlencoded", 415),
        ("/api/v1/proxies/nobody/retry", "application/json", 404),
    ],
)
def test_a_retry_is_asked_for_as_no_web_page_can(config: Path, path: str, content_type: str, status: int) -> None:
    """Browsers send forms and plain text to other sites without asking, and JSON only if the site has allowed it."""
    with running(config) as server, connected(server.xds, error="no such filter"):
        until(lambda: errors(server))
        asked = urllib.request.Request(  # noqa: S310 - http, on loopback
            f"{server.url}{path}", data=b"{}", headers={"Content-Type": content_type}
        )
        try:
            with urllib.request.urlopen(asked, timeout=10) as reply:  # noqa: S310 - as above
                answered, tried = reply.status, json.load(reply)["tried"]
        except HTTPError as error:
            answered, tried = error.code, 0
        preflight = urllib.request.Request(f"{server.url}{path}", method="OPTIONS")  # noqa: S310 - as above
        with pytest.raises(HTTPError, match="405"):
            urllib.request.urlopen(preflight, timeout=10)  # noqa: S310 - as above
        rejected = server.json("/api/v1/proxies")[0]["nacks"]
        if status == 200:
            until(lambda: server.json("/api/v1/proxies")[0]["nacks"] == 2)

    assert (answered, tried) == (status, int(status == 200))
    assert status == 200 or rejected == 1


def test_a_bad_edit_is_reported_and_the_last_good_version_served(server: Running, config: Path) -> None:
    before = server.json(f"/api/v1/proxies/{NODE}/routes")
    (config / "all.yaml").write_text(ALL.replace("host: echo", "hots: echo"))
    until(lambda: errors(server))

    assert server.json(f"/api/v1/proxies/{NODE}/routes") == before
    (config / "all.yaml").write_text(ALL)
    until(lambda: not errors(server))


def test_a_mesh_config_is_followed(config: Path, tmp_path: Path) -> None:
    mesh = tmp_path / "mesh.yaml"
    mesh.write_text("connectTimeout: 3s\n")
    with running(config, mesh_config=mesh) as server, connected(server.xds):
        assert server.json("/readyz?verbose")["sources"] == {"files": True, "mesh-config": True}

        def timeout() -> object:
            status, body = server.get("/api/v1/proxies/gw-1.istio-system/clusters")
            found = {c["name"]: c for c in json.loads(body)} if status == 200 else {}
            return found.get(CLUSTER_NAME, {}).get("connect_timeout")

        until(lambda: timeout() == "3s")
        mesh.write_text("connectTimeout: 4s\n")
        until(lambda: timeout() == "4s")
        mesh.write_text("connectTimeout: soon\n")
        until(lambda: errors(server))
        assert timeout() == "4s"
