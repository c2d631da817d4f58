from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from xds_server.demo.folder import BACKEND_PORTS, GATEWAY_PORT, packaged, prepare

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


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
