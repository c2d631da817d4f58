from __future__ import annotations

import asyncio
import json
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import yaml
from rich.console import Console

from xds_server.demo.children import Child, ChildDiedError
from xds_server.demo.echo import CONTROL_PATH, Echo
from xds_server.demo.envoy import EnvoyNotFoundError, find_envoy
from xds_server.demo.folder import BACKEND_PORTS, GATEWAY_PORT, packaged, prepare
from xds_server.demo.load import Answer, Load, Tally
from xds_server.demo.ports import PortTakenError, ReservedPort, is_free
from xds_server.demo.screen import bar, guide, introduction, progress, screen, shares
from xds_server.demo.stack import Addresses, Stack
from xds_server.demo.verdict import ROUTED_PATH, SPLIT_PATH, Xds, conclude
from xds_server.demo.watch import Picture, TypeLine, ejected_ports, target_split

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

AT = Addresses(gateway=8080, admin=15000, xds=15010, http=15014, backends=BACKEND_PORTS)


# --- the folder


def documents(folder: Path) -> list[dict[str, Any]]:
    return [one for file in sorted(folder.glob("*.yaml")) for one in yaml.safe_load_all(file.read_text())]


def test_the_packaged_objects_are_the_missions() -> None:
    objects = {(one["kind"], one["metadata"]["name"]): one["spec"] for one in _packaged()}
    assert objects["Gateway", "example-gateway"] == {
        "selector": {"istio": "ingressgateway"},
        "servers": [{"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}],
    }
    assert objects["VirtualService", "example-virtualservice"]["http"] == [
        {
            "match": [{"uri": {"exact": "/product/v2"}}],
            "route": [{"destination": {"host": "product-service-v2", "port": {"number": 80}}}],
        },
        {
            "route": [
                {"destination": {"host": "product-service", "subset": "v1"}, "weight": 75},
                {"destination": {"host": "product-service", "subset": "v2"}, "weight": 25},
            ]
        },
    ]
    assert objects["DestinationRule", "product-service"] == {
        "host": "product-service",
        "trafficPolicy": {
            "connectionPool": {
                "http": {"maxConnections": 100, "maxPendingRequests": 100},
                "tcp": {"maxConnections": 100},
            },
            "outlierDetection": {
                "consecutiveErrors": 5,
                "interval": "1s",
                "baseEjectionTime": "30s",
                "maxEjectionPercent": 50,
            },
        },
    }


def _packaged() -> Iterator[dict[str, Any]]:
    for text in packaged().values():
        yield from yaml.safe_load_all(text)


def test_the_folder_gets_the_ports_of_the_run(tmp_path: Path) -> None:
    # The new ports are among the old ones, in another order: none may be replaced twice.
    prepare(tmp_path / "config", gateway_port=9081, backend_ports=(9082, 9083, 9084, 8080))
    found = documents(tmp_path / "config")
    (service,) = (one for one in found if one["kind"] == "Service")
    assert service["spec"]["ports"] == [{"name": "http2", "port": 80, "targetPort": 9081}]
    entries = [one["spec"]["endpoints"] for one in found if one["kind"] == "ServiceEntry"]
    assert [[one["ports"]["http"] for one in endpoints] for endpoints in entries] == [
        [9082, 9083, 9084, 8080],
        [9084, 8080],
    ]
    assert [entry for endpoints in entries for entry in endpoints if entry["address"] != "127.0.0.1"] == []


def test_a_folder_with_edits_keeps_them_and_gets_new_ports(tmp_path: Path) -> None:
    prepare(tmp_path, gateway_port=8080, backend_ports=BACKEND_PORTS)
    (tmp_path / "virtualservice.yaml").write_text("# mine\n")
    prepare(tmp_path, gateway_port=8081, backend_ports=BACKEND_PORTS)
    assert (tmp_path / "virtualservice.yaml").read_text() == "# mine\n"
    assert "targetPort: 8081" in (tmp_path / "ingressgateway.yaml").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(packaged())


def test_the_packaged_ports_are_the_documented_ones() -> None:
    assert f"targetPort: {GATEWAY_PORT}" in packaged()["ingressgateway.yaml"]
    assert all(f"http: {port}" in packaged()["backends.yaml"] for port in BACKEND_PORTS)


# --- counting


def tally(counts: dict[tuple[str, str], int], errors: dict[int, int] | None = None) -> Tally:
    made = Tally(clock=lambda: 0.0)
    for (path, version), number in counts.items():
        for _ in range(number):
            made.add(Answer(0.0, 200, version, f"{version}-a", path))
    for status, number in (errors or {}).items():
        for _ in range(number):
            made.add(Answer(0.0, status, "", "", SPLIT_PATH))
    return made


GOOD = {(SPLIT_PATH, "v1"): 3750, (SPLIT_PATH, "v2"): 1250, (ROUTED_PATH, "v2"): 500}


@pytest.mark.parametrize(
    ("counts", "errors", "nacks", "faults"),
    [
        (GOOD, {}, 0, []),
        ({**GOOD, (SPLIT_PATH, "v1"): 3890, (SPLIT_PATH, "v2"): 1110}, {}, 0, []),
        (
            {**GOOD, (SPLIT_PATH, "v1"): 4000, (SPLIT_PATH, "v2"): 1000},
            {},
            0,
            ["80.0% of /product went to v1, not 75% ± 3%", "20.0% of /product went to v2, not 25% ± 3%"],
        ),
        (
            {**GOOD, (SPLIT_PATH, "v1"): 3749},
            {},
            0,
            ["4,999 requests on /product, fewer than 5,000"],
        ),
        ({**GOOD, (ROUTED_PATH, "v1"): 1}, {}, 0, ["/product/v2 was answered by v1, v2, not by v2 alone"]),
        (GOOD, {503: 2, 0: 1}, 0, ["2 × 503", "1 × no answer"]),
        (GOOD, {}, 1, ["Envoy refused 1 xDS responses"]),
    ],
)
def test_the_verdict(counts: dict[tuple[str, str], int], errors: dict[int, int], nacks: int, faults: list[str]) -> None:
    verdict = conclude(tally(counts, errors), xds=Xds(acks=9, nacks=nacks), envoy_version="1.40.0", gateway_url="u")
    assert verdict.faults == faults


def test_the_last_line() -> None:
    verdict = conclude(tally(GOOD), xds=Xds(acks=9), envoy_version="1.40.0", gateway_url="http://127.0.0.1:8080")
    assert json.loads(json.dumps(verdict.summary())) == {
        "requests": 5000,
        "split": {"v1": 0.75, "v2": 0.25},
        "errors": {},
        "envoy_version": "1.40.0",
        "gateway_url": "http://127.0.0.1:8080",
        "xds": {"acks": 9, "nacks": 0},
    }


def test_the_window_is_three_seconds() -> None:
    now = [0.0]
    made = Tally(clock=lambda: now[0])
    for at in range(10):
        now[0] = float(at)
        made.add(Answer(now[0], 200, "v1", "v1-a", "/"))
    assert [answer.at for answer in made.recent()] == [6.0, 7.0, 8.0, 9.0]
    assert made.rate == pytest.approx(4 / 3)
    assert made.requests == 10


def test_shares_are_of_good_answers_on_one_path() -> None:
    answers = [
        Answer(0, 200, "v1", "", "/a"),
        Answer(0, 200, "v2", "", "/a"),
        Answer(0, 503, "v2", "", "/a"),
        Answer(0, 200, "v2", "", "/b"),
    ]
    assert shares(answers, "/a") == {"v1": 0.5, "v2": 0.5}
    assert shares(answers, "/c") == {}


# --- what the servers say


ROUTES = [
    {
        "name": "http.8080",
        "virtual_hosts": [
            {
                "name": "*:80",
                "routes": [
                    {"match": {"prefix": "/", "headers": [{"name": "x"}]}, "route": {"cluster": "outbound|80||no"}},
                    {
                        "match": {"path": "/product/v2"},
                        "route": {"cluster": "outbound|80||product-service-v2.default.svc.cluster.local"},
                    },
                    {
                        "match": {"prefix": "/"},
                        "route": {
                            "weighted_clusters": {
                                "clusters": [
                                    {"name": "outbound|80|v1|product-service.default.svc.cluster.local", "weight": 75},
                                    {"name": "outbound|80|v2|product-service.default.svc.cluster.local", "weight": 25},
                                ]
                            }
                        },
                    },
                ],
            }
        ],
    }
]


def test_the_target_is_read_from_the_routes_that_are_served() -> None:
    assert target_split(ROUTES, SPLIT_PATH) == {"v1": 0.75, "v2": 0.25}
    assert target_split(ROUTES, ROUTED_PATH) == {"v2": 1.0}
    assert target_split([], SPLIT_PATH) == {}
    assert target_split([{"virtual_hosts": [{"routes": [{"match": {"prefix": "/"}, "redirect": {}}]}]}], "/") == {}


def test_ejected_endpoints_are_found_by_port() -> None:
    host = {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 9081}}}
    sick = host | {"health_status": {"failed_outlier_check": True, "eds_health_status": "HEALTHY"}}
    assert ejected_ports({"cluster_statuses": [{"host_statuses": [sick]}]}) == {9081}
    assert ejected_ports({"cluster_statuses": [{"host_statuses": [host]}, {}]}) == frozenset()


# --- the screen


def stack(notes: tuple[str, ...] = ()) -> Stack:
    echoes = tuple(
        Echo(version=version, instance=instance)
        for version, instance in (("v1", "v1-a"), ("v1", "v1-b"), ("v2", "v2-a"), ("v2", "v2-b"))
    )
    return Stack(
        folder=Path("/tmp/pilotfish-demo/config"),  # noqa: S108 - shown only
        addresses=AT,
        echoes=echoes,
        children=(),
        envoy_version="1.40.0",
        proxy_id="router~127.0.0.1~gw.istio-system~istio-system.svc.cluster.local",
        notes=notes,
    )


PICTURE = Picture(
    connected=True,
    xds=Xds(acks=4, nacks=0),
    types=(TypeLine(name="CDS", status="SYNCED", resources=4, version="0123abcd", error=""),),
    targets={SPLIT_PATH: {"v1": 0.75, "v2": 0.25}, ROUTED_PATH: {"v2": 1.0}},
)


def drawn(picture: Picture, counted: Tally, remaining: float | None = None, width: int = 120) -> str:
    return printed(screen(stack(), counted, picture, remaining=remaining), width)


def printed(what: RenderableType, width: int = 120) -> str:
    console = Console(width=width, color_system=None, record=True, file=open("/dev/null", "w", encoding="utf-8"))  # noqa: PTH123, SIM115
    console.print(what)
    console.file.close()
    return console.export_text()


def test_the_screen_says_where_requests_go_what_to_try_and_where_to_look() -> None:
    text = drawn(PICTURE, tally(GOOD)) + printed(guide(stack()))
    for expected in (
        "3,750",
        "75.0%",
        "75%",
        "/product/v2",
        "100.0%",
        "CDS 4 0123abcd",
        "4 acks, 0 nacks",
        "/tmp/pilotfish-demo/config/virtualservice.yaml",  # noqa: S108
        "curl -X POST 'http://127.0.0.1:9081/_behaviour?status=503'",
        "http://127.0.0.1:8080/product",
        "http://127.0.0.1:15000/config_dump",
        "http://127.0.0.1:15014/metrics",
        "pilotfish proxy-status --server http://127.0.0.1:15014",
        "Ctrl-C ends it",
    ):
        assert expected in text
    assert "7 s to go" in drawn(PICTURE, tally(GOOD), remaining=7.2)


def test_the_screen_names_what_is_wrong() -> None:
    wrong = Picture(
        connected=True,
        xds=Xds(acks=4, nacks=1),
        types=(TypeLine(name="RDS", status="ERROR", resources=1, version="", error="no such cluster"),),
        ejected=frozenset({9082}),
        diagnostics=tuple(f"PF070{n} virtualservice.yaml:{n}: no subset v{n}" for n in range(5)),
    )
    text = drawn(wrong, tally(GOOD, {503: 3}))
    for expected in ("v1-b:9082 0 ejected", "3 in all (3 × 503)", "1 nacks", "no subset v0", "and 3 more"):
        assert expected in text
    assert "not connected" in drawn(Picture(), tally({}))


@pytest.mark.parametrize("width", [60, 80, 200])
def test_the_screen_fits(width: int) -> None:
    for text in (drawn(PICTURE, tally(GOOD), width=width), printed(guide(stack()), width)):
        assert max(len(line) for line in text.splitlines()) <= width


@pytest.mark.parametrize(
    ("share", "goal", "drawing"),
    [
        (0.0, None, "░" * 24),
        (1.0, None, "█" * 24),
        (0.75, 0.75, "█" * 18 + "┃" + "░" * 5),
        (0.5, 1.0, "█" * 12 + "░" * 11 + "┃"),
    ],
)
def test_bars(share: float, goal: float | None, drawing: str) -> None:
    assert bar(share, goal, "cyan").plain == drawing


def test_plain_lines() -> None:
    assert introduction(stack(("port 8080 is taken, so the gateway listens on 33333",))) == [
        "gateway_url: http://127.0.0.1:8080",
        "folder: /tmp/pilotfish-demo/config  (edit a file in it, and traffic follows)",
        "admin_url: http://127.0.0.1:15000",
        "control_plane_url: http://127.0.0.1:15014",
        "note: port 8080 is taken, so the gateway listens on 33333",
    ]
    line = progress(tally(GOOD, {503: 1}), PICTURE, 4.0)
    assert line == "  4.0 s    5,501 requests  /product: v1  75.0%  v2  25.0%  errors 1  xDS acks 4  nacks 0"


# --- backends, load, ports, processes


async def test_an_echo_says_what_it_saw_and_fails_on_request() -> None:
    echo = Echo(version="v1", instance="v1-a")
    port = await echo.start("127.0.0.1", 0)
    url = f"http://127.0.0.1:{port}"
    async with aiohttp.ClientSession() as client:
        async with client.put(f"{url}/a?b=1", headers={"Host": "shop.example", "X-A": "1"}, data=b"body") as response:
            answer = await response.json()
            assert (response.status, response.headers["x-version"], response.headers["x-instance"]) == (
                200,
                "v1",
                "v1-a",
            )
        assert (answer["method"], answer["path"], answer["host"]) == ("PUT", "/a?b=1", "shop.example")
        assert answer["headers"]["x-a"] == "1"
        async with client.post(f"{url}{CONTROL_PATH}?status=503&delay=0.01") as response:
            assert await response.json() == {"status": 503, "delay": 0.01, "close": False}
        async with client.get(url) as response:
            assert response.status == 503
        async with client.post(f"{url}{CONTROL_PATH}?close=true"):
            pass
        with pytest.raises(aiohttp.ClientError):
            await client.patch(url)  # aiohttp would send an idempotent request again
        async with client.post(f"{url}{CONTROL_PATH}"):
            pass
        async with client.get(url) as response:
            assert response.status == 200
        for wrong in ("status=99", "status=x", "delay=-1", "delay=999"):
            async with client.post(f"{url}{CONTROL_PATH}?{wrong}") as response:
                assert response.status == 400
    assert echo.count == 4
    await echo.stop()
    assert is_free(port)


async def test_two_echoes_cannot_share_a_port() -> None:
    first = Echo(version="v1")
    port = await first.start("127.0.0.1", 0)
    with pytest.raises(OSError, match="in use"):
        await Echo(version="v2").start("127.0.0.1", port)
    await first.stop()


async def test_the_load_keeps_its_rate_and_its_proportions() -> None:
    echo = Echo(version="v1", instance="v1-a")
    port = await echo.start("127.0.0.1", 0)
    counted = Tally()
    load = Load(url=f"http://127.0.0.1:{port}", paths={"/a": 3, "/b": 1}, rate=400)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await load.run(counted)
    await echo.stop()
    assert counted.errors == {}
    assert 250 <= counted.requests <= 410
    assert counted.versions["/a", "v1"] / counted.requests == pytest.approx(0.75, abs=0.03)


async def test_the_load_counts_failures_and_goes_on() -> None:
    with ReservedPort(host="127.0.0.1") as nobody:
        counted = Tally()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await Load(url=f"http://127.0.0.1:{nobody.port}", paths={"/": 1}, rate=100).run(counted)
    assert counted.errors["no answer"] == counted.requests > 10


def test_a_reserved_port_is_nobody_elses_until_it_is_given_back() -> None:
    with ReservedPort() as reserved:
        assert not is_free(reserved.port, "0.0.0.0")
        with pytest.raises(PortTakenError, match=f"port {reserved.port} is taken"):
            ReservedPort(reserved.port)
        with socket.socket() as envoy:  # Envoy binds like this
            envoy.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            envoy.bind(("0.0.0.0", reserved.port))
    assert is_free(reserved.port, "0.0.0.0")


async def test_a_child_that_dies_is_reported_with_its_last_words() -> None:
    child = await Child.start("the child", [sys.executable, "-c", "print('my last words'); raise SystemExit(3)"])
    with pytest.raises(ChildDiedError, match=r"the child ended with status 3\n  my last words"):
        await child.wait()
    await child.stop()


async def test_a_child_that_does_not_listen_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xds_server.demo.children._STOP_SECONDS", 0.1)
    program = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    )
    child = await Child.start("stubborn", [sys.executable, "-c", program])
    async with asyncio.timeout(10):
        while not child.tail:  # noqa: ASYNC110 - it is another process that we wait for
            await asyncio.sleep(0.01)
        await child.stop()
    assert child.process.returncode == -9


def test_an_envoy_is_found_by_its_path_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EnvoyNotFoundError, match="not an executable file"):
        find_envoy(tmp_path / "none")
    own = tmp_path / "envoy"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    assert find_envoy(own) == own
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_envoy() == own
    monkeypatch.setenv("PATH", "")
    with pytest.raises(EnvoyNotFoundError, match=r"pip install 'pilotfish\[demo\]'.*--envoy"):
        find_envoy()
