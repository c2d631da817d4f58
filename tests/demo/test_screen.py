from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from tests.demo.counted import GOOD, tally
from xds_server.demo.echo import Echo
from xds_server.demo.folder import BACKEND_PORTS
from xds_server.demo.screen import bar, guide, introduction, progress, screen
from xds_server.demo.stack import Addresses, Stack
from xds_server.demo.verdict import ROUTED_PATH, SPLIT_PATH, Xds
from xds_server.demo.watch import Picture, TypeLine, complaint, ejected_ports, target_split

if TYPE_CHECKING:
    from rich.console import RenderableType

    from xds_server.demo.load import Tally

AT = Addresses(gateway=8080, admin=15000, xds=15010, http=15014, backends=BACKEND_PORTS)


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
        errors=tuple(f"virtualservice.yaml:{n} PF0701: no subset v{n}" for n in range(5)),
    )
    text = drawn(wrong, tally(GOOD, {503: 3}))
    for expected in ("v1-b:9082 0 ejected", "3 in all (3 × 503)", "1 nacks", "no subset v0", "and 3 more"):
        assert expected in text
    assert "not connected" in drawn(Picture(), tally({}))
    assert "3 warnings, no errors" in drawn(Picture(connected=True, warnings=3), tally(GOOD))


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "gateway.yaml:7 PF0101: not a map"),
        ({"file": ""}, "Gateway default gw PF0101: not a map"),
        ({"file": "", "object": None}, "PF0101: not a map"),
    ],
)
def test_a_complaint_is_one_line(changes: dict[str, object], line: str) -> None:
    key = {"kind": "Gateway", "namespace": "default", "name": "gw"}
    said: dict[str, object] = {"code": "PF0101", "message": "not a map", "file": "/a/gateway.yaml", "line": 7}
    assert complaint({**said, "object": key, **changes}) == line


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
