"""`proxy-status` and `proxy-config` against an App that runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click
import pytest
import yaml
from click.testing import CliRunner

from tests.serving.proxy import NODE, connected
from tests.serving.running import ALL, Running, running, until
from xds_server.cli.main import main
from xds_server.cli.server_client import as_table, find_proxy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.testing import Result

NAME = "gw-1.istio-system"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    config = tmp_path_factory.mktemp("config")
    (config / "all.yaml").write_text(ALL)
    with running(config) as server, connected(server.xds):
        until(lambda: len(server.json("/api/v1/proxies")) == 1)
        until(lambda: {t["status"] for t in server.json("/api/v1/proxies")[0]["types"].values()} == {"SYNCED"})
        yield server


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def columns(text: str) -> list[list[str]]:
    return [[cell for cell in line.split("   ") if cell.strip()] for line in text.splitlines()]


@pytest.mark.parametrize("verb", ["proxy-status", "ps"])
def test_status_table(server: Running, verb: str) -> None:
    result = run(verb, "--server", server.url)

    assert result.exit_code == 0, result.output
    header, row = (line.split() for line in result.output.splitlines())
    assert header == ["NAME", "TYPE", "CDS", "LDS", "EDS", "RDS", "SDS", "ACKS", "NACKS", "ENVOY"]
    assert row[:7] == [NAME, "router", "SYNCED", "SYNCED", "SYNCED", "SYNCED", "NOT"]
    assert row[-1] == "1.40.0"


def test_status_of_one_as_json_and_yaml(server: Running) -> None:
    as_json = run("ps", "gw-1", "--server", server.url, "-o", "json")
    as_yaml = run("ps", "gw-1", "--server", server.url, "-o", "yaml")

    assert [p["id"] for p in json.loads(as_json.stdout)] == [NODE]
    assert [p["id"] for p in yaml.safe_load(as_yaml.stdout)] == [NODE]


def test_a_rejection_stands_below_the_table(tmp_path_factory: pytest.TempPathFactory) -> None:
    config = tmp_path_factory.mktemp("rejected")
    (config / "all.yaml").write_text(ALL)
    with running(config) as server, connected(server.xds, error="no such filter"):
        until(lambda: [p for p in server.json("/api/v1/proxies") if p["nacks"]])
        result = run("ps", "--server", server.url)

        until(lambda: [p for p in server.json("/api/v1/proxies") if p["quarantine"]])
        asked = run("analyze", "--server", server.url)
        retry = run("ps", "gw-1", "--server", server.url, "--retry")
        until(lambda: server.json("/api/v1/proxies")[0]["nacks"] == 2)

    assert "ERROR" in result.output.splitlines()[1]
    assert result.output.splitlines()[-1] == f"{NAME} LDS: no such filter"
    header, row = ([cell.strip() for cell in line] for line in columns(result.output)[3:5])
    assert header == ["REJECTED BY", "TYPE", "RESOURCE", "SINCE", "NEXT TRY", "SERVED", "MADE FROM"]
    assert [*row[:3], *row[5:]] == [
        NAME,
        "LDS",
        "0.0.0.0_8080",
        "nothing",
        f"Gateway default/gateway ({config / 'all.yaml'}:2)",
    ]
    assert (retry.exit_code, retry.stderr) == (0, "1 resource is tried again.\n")
    assert asked.exit_code == 1
    first, hint, *_, summary = asked.output.splitlines()
    assert first.startswith("error[PF0801] Gateway default/gateway spec.servers[0]:")
    assert first.endswith(f"no such filter ({config / 'all.yaml'}:7)")
    assert "--retry" in hint
    assert summary == f"1 error, 1 remark in {server.url}."


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["analyze"], "say what to check"),
        (["analyze", ".", "--server", "http://127.0.0.1:1"], "say what to check"),
        (["analyze", "--server", "http://127.0.0.1:1", "."], "say what to check"),
        (["ps", "--retry"], "for one PROXY"),
    ],
)
def test_wrong_usage(server: Running, arguments: list[str], said: str) -> None:
    result = run(*arguments, *([] if "analyze" in arguments else ["--server", server.url]))

    assert result.exit_code == 2
    assert said in result.output


@pytest.mark.parametrize(
    ("what", "table"),
    [
        (
            "clusters",
            [
                ["SERVICE FQDN", "PORT", "SUBSET", "DIRECTION", "TYPE", "DESTINATION RULE"],
                ["echo", "80", "-", "outbound", "EDS"],
            ],
        ),
        (
            "endpoints",
            [
                ["ENDPOINT", "STATUS", "WEIGHT", "PRIORITY", "CLUSTER"],
                ["10.0.0.1:80", "HEALTHY", "1", "0", "outbound|80||echo"],
                ["10.0.0.2:80", "HEALTHY", "1", "0", "outbound|80||echo"],
            ],
        ),
        (
            "listeners",
            [
                ["NAME", "ADDRESS", "PORT", "MATCH", "DESTINATION"],
                ["0.0.0.0_8080", "0.0.0.0", "8080", "ALL", "Route: http.8080"],
            ],
        ),
        (
            "routes",
            [
                ["NAME", "VHOST NAME", "DOMAINS", "MATCH", "DESTINATION", "VIRTUAL SERVICE"],
                ["http.8080", "*:8080", "*", "/*", "outbound|80||echo", "routes.default"],
            ],
        ),
        ("secrets", [["RESOURCE NAME", "TYPE"]]),
    ],
)
def test_config_table(server: Running, what: str, table: list[list[str]]) -> None:
    result = run("proxy-config", what, NAME, "--server", server.url)

    assert result.exit_code == 0, result.output
    shown = [[cell.strip() for cell in row] for row in columns(result.output)]
    assert shown[0] == table[0]
    assert [row for row in shown if row in table] == table


@pytest.mark.parametrize("proxy", [NODE, NAME, "gw", "router~10"])
def test_config_as_json_is_what_the_api_says(server: Running, proxy: str) -> None:
    result = run("pc", "clusters", proxy, "--server", server.url, "-o", "json")

    assert json.loads(result.stdout) == server.json(f"/api/v1/proxies/{NODE}/clusters")


def test_an_unknown_proxy(server: Running) -> None:
    result = run("pc", "clusters", "nobody", "--server", server.url)

    assert (result.exit_code, result.stdout) == (1, "")
    assert f"no proxy 'nobody' is connected (connected: {NAME})" in result.stderr


@pytest.mark.parametrize("arguments", [("ps",), ("pc", "routes", "gw")])
def test_no_server(arguments: tuple[str, ...]) -> None:
    result = run(*arguments, "--server", "http://127.0.0.1:1")

    assert result.exit_code == 1
    assert "no answer from http://127.0.0.1:1" in result.stderr
    assert "pilotfish serve" in result.stderr


def test_not_our_server(server: Running) -> None:
    result = run("ps", "--server", f"{server.url}/healthz?")

    assert result.exit_code == 1
    assert "not a Pilotfish server" in result.stderr


def test_a_server_that_is_no_url() -> None:
    assert run("ps", "--server", "localhost").exit_code == 2


def test_no_proxy_is_connected(tmp_path_factory: pytest.TempPathFactory) -> None:
    with running(tmp_path_factory.mktemp("empty")) as server:
        result = run("ps", "--server", server.url)

    assert (result.exit_code, result.output) == (0, "No proxy is connected.\n")


IDS = [{"id": f"router~1~{n}~d"} for n in ("gw-1.a", "gw-10.a", "gw-1.b")] + [{"id": "bare"}]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [("gw-1.a", 0), ("gw-10", 1), ("gw-1.b", 2), ("router~1~gw-1.a~d", 0), ("bare", 3), ("ba", 3)],
)
def test_a_proxy_by_id_name_or_prefix(wanted: str, found: int) -> None:
    assert find_proxy(IDS, wanted) is IDS[found]


def test_an_ambiguous_prefix_lists_what_it_fits() -> None:
    with pytest.raises(click.ClickException, match=r"'gw-1' fits 3 proxies: gw-1.a, gw-1.b, gw-10.a"):
        find_proxy(IDS, "gw-1")


def test_table_has_no_trailing_blanks() -> None:
    assert as_table(("A", "B"), [("long", ""), ("x", "y")]) == "A      B\nlong\nx      y"
