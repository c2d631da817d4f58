from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from xds_server.bootstrap import BootstrapSettings, may_bind_low_ports, split_address
from xds_server.cli.bootstrap import command

ROUTER = ["--type", "router", "--name", "gw-1", "--namespace", "istio-system", "--xds-address", "10.0.0.9:15010"]


def printed(*arguments: str) -> dict[str, Any]:
    result = CliRunner().invoke(command, [*ROUTER, *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    tree: dict[str, Any] = yaml.safe_load(result.stdout)
    return tree


def wrong_usage(*arguments: str) -> str:
    result = CliRunner().invoke(command, list(arguments))
    assert result.exit_code == 2, result.output
    return result.stderr


def test_the_node_is_istios() -> None:
    tree = printed(
        "--ip", "10.1.2.3", "--ip", "fd00::1",
        "--label", "app=gw", "--label", "istio=ingressgateway",
        "--service-account", "gw-sa",
        "--metadata", "CLUSTER_ID=east",
        "--metadata", "MESH_ID=m",
        "--locality", "eu/eu-1/rack-2",
        "--network", "net-1",
        "--interception-mode", "NONE",
        "--dns-domain", "shops.example",
        "--unprivileged",
    )  # fmt: skip
    assert tree["node"] == {
        "id": "router~10.1.2.3~gw-1.istio-system~shops.example",
        "cluster": "gw.istio-system",
        "locality": {"region": "eu", "zone": "eu-1", "sub_zone": "rack-2"},
        "metadata": {
            "CLUSTER_ID": "east",
            "ENVOY_PROMETHEUS_PORT": "15090",
            "ENVOY_STATUS_PORT": "15021",
            "INSTANCE_IPS": "10.1.2.3,fd00::1",
            "INTERCEPTION_MODE": "NONE",
            "LABELS": {"app": "gw", "istio": "ingressgateway"},
            "MESH_ID": "m",
            "NAME": "gw-1",
            "NAMESPACE": "istio-system",
            "NETWORK": "net-1",
            "SERVICE_ACCOUNT": "gw-sa",
            "UNPRIVILEGED_POD": "true",
        },
    }


def test_the_defaults_of_a_node() -> None:
    node = printed("--privileged")["node"]
    assert node["id"] == "router~127.0.0.1~gw-1.istio-system~istio-system.svc.cluster.local"
    assert node["cluster"] == "gw-1.istio-system"
    assert "locality" not in node
    assert "UNPRIVILEGED_POD" not in node["metadata"]


def test_lds_and_cds_come_over_delta_ads_and_never_time_out() -> None:
    dynamic = printed()["dynamic_resources"]
    source = {"ads": {}, "initial_fetch_timeout": "0s", "resource_api_version": "V3"}
    assert dynamic["cds_config"] == source
    assert dynamic["lds_config"] == source
    ads = dynamic["ads_config"]
    assert ads["api_type"] == "DELTA_GRPC"
    assert ads["transport_api_version"] == "V3"
    assert ads["set_node_on_first_message_only"] is True
    assert ads["grpc_services"][0]["envoy_grpc"]["cluster_name"] == "xds-grpc"


def test_sotw_on_request() -> None:
    assert printed("--sotw")["dynamic_resources"]["ads_config"]["api_type"] == "GRPC"


@pytest.mark.parametrize(
    ("address", "kind", "host"),
    [
        ("10.0.0.9:15010", "STATIC", "10.0.0.9"),
        ("[fd00::9]:15010", "STATIC", "fd00::9"),
        ("pilotfish:15010", "STRICT_DNS", "pilotfish"),
        ("istiod.istio-system.svc:15010", "STRICT_DNS", "istiod.istio-system.svc"),
    ],
)
def test_the_control_plane_is_looked_up_only_if_it_has_a_name(address: str, kind: str, host: str) -> None:
    cluster = printed("--xds-address", address)["static_resources"]["clusters"][0]
    assert (cluster["name"], cluster["type"]) == ("xds-grpc", kind)
    endpoint = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]
    assert endpoint["address"]["socket_address"] == {"address": host, "port_value": 15010}


def test_ports() -> None:
    tree = printed("--admin-port", "19000", "--status-port", "19021", "--metrics-port", "0")
    assert tree["admin"]["address"]["socket_address"] == {"address": "127.0.0.1", "port_value": 19000}
    static = tree["static_resources"]
    assert [one["name"] for one in static["clusters"]] == ["xds-grpc", "agent"]
    assert [one["address"]["socket_address"]["port_value"] for one in static["listeners"]] == [19021]
    assert "ENVOY_PROMETHEUS_PORT" not in tree["node"]["metadata"]


def test_no_admin_means_no_listener_that_needs_it() -> None:
    tree = printed("--admin-port", "0")
    assert "admin" not in tree
    assert "listeners" not in tree["static_resources"]


def test_json_says_the_same_as_yaml() -> None:
    result = CliRunner().invoke(command, [*ROUTER, "-o", "json"], catch_exceptions=False)
    assert json.loads(result.stdout) == printed()


@pytest.mark.parametrize(
    "how", [["--grpc"], ["--grpc", "--type", "sidecar"], ["--type", "sidecar", "--metadata", "GENERATOR=grpc"]]
)
def test_grpc(how: list[str]) -> None:
    node = ["--name", "shop-1", "--namespace", "shops", "--label", "app=shop", "--locality", "eu/eu-1"]
    result = CliRunner().invoke(
        command, [*how, *node, "--ip", "10.1.2.3", "--xds-address", "[fd00::9]:15010"], catch_exceptions=False
    )
    assert json.loads(result.stdout) == {
        "xds_servers": [
            {
                "server_uri": "[fd00::9]:15010",
                "channel_creds": [{"type": "insecure"}],
                "server_features": ["xds_v3"],
            }
        ],
        "node": {
            "id": "sidecar~10.1.2.3~shop-1.shops~shops.svc.cluster.local",
            "cluster": "shop.shops",
            "locality": {"region": "eu", "zone": "eu-1"},
            "metadata": {
                "GENERATOR": "grpc",
                "INSTANCE_IPS": "10.1.2.3",
                "INTERCEPTION_MODE": "REDIRECT",
                "LABELS": {"app": "shop"},
                "NAME": "shop-1",
                "NAMESPACE": "shops",
            },
        },
        "server_listener_resource_name_template": "xds.istio.io/grpc/lds/inbound/%s",
    }


def test_flags_come_from_the_environment_too() -> None:
    environment = {
        "PILOTFISH_TYPE": "sidecar",
        "PILOTFISH_NAME": "web",
        "PILOTFISH_XDS_ADDRESS": "pilotfish:1",
        "PILOTFISH_SOTW": "1",
    }
    result = CliRunner().invoke(command, [], env=environment, catch_exceptions=False)
    tree = yaml.safe_load(result.stdout)
    assert tree["node"]["id"] == "sidecar~127.0.0.1~web.default~default.svc.cluster.local"
    assert tree["dynamic_resources"]["ads_config"]["api_type"] == "GRPC"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--xds-address", "a:1"], "--type"),
        (["--type", "router"], "--xds-address"),
        (["--type", "waypoint", "--xds-address", "a:1"], "'waypoint'"),
        (["--type", "router", "--xds-address", "a"], "HOST:PORT"),
        (["--type", "router", "--xds-address", "fd00::1:15010"], "brackets"),
        (["--type", "router", "--xds-address", "a:0"], "not a port"),
        (["--type", "router", "--xds-address", "a:70000"], "not a port"),
        (["--type", "router", "--xds-address", "a:1", "--label", "x"], "key=value"),
        (["--type", "router", "--xds-address", "a:1", "--ip", "300.1.1.1"], "not an IP"),
        (["--type", "router", "--xds-address", "a:1", "--locality", "a/b/c/d"], "region/zone/subzone"),
        (["--type", "router", "--xds-address", "a:1", "--admin-port", "0", "--status-port", "1"], "--admin-port"),
    ],
)
def test_wrong_usage_is_named_and_ends_with_2(arguments: list[str], said: str) -> None:
    assert said in wrong_usage(*arguments)


@pytest.mark.parametrize("address", ["", ":1", "[]:1", "a:", "a:b", "a:-1", "a:\uff11"])
def test_addresses_that_are_none(address: str) -> None:
    with pytest.raises(ValueError, match="not"):
        split_address(address)


@pytest.mark.parametrize(
    ("euid", "capability", "start", "may"),
    [
        (0, False, 1024, True),
        (1000, False, 1024, False),
        (1000, True, 1024, True),
        (1000, False, 0, True),  # in a Docker container
        (1000, False, 80, True),
        (1000, False, 81, False),
    ],
)
def test_who_may_bind_port_80(euid: int, *, capability: bool, start: int, may: bool) -> None:
    assert may_bind_low_ports(euid=euid, net_bind_service=capability, unprivileged_port_start=start) is may


def test_a_listener_that_could_reach_no_admin_is_refused() -> None:
    with pytest.raises(ValueError, match="admin port"):
        BootstrapSettings(xds_host="a", xds_port=1, admin_port=0)
