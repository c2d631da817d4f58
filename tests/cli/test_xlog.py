"""`pilotfish xlog` against an App that runs, and how it prints each kind of record."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from click.testing import CliRunner

from tests.serving.proxy import NODE, connected
from tests.serving.running import ALL, Running, running, until
from xds_server.cli.main import main
from xds_server.cli.xlog import _lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

NAME = "gw-1.istio-system"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    config = tmp_path_factory.mktemp("config")
    (config / "all.yaml").write_text(ALL)
    with running(config) as server, connected(server.xds):
        until(lambda: len(server.json("/api/v1/xlog")["records"]) == 13)
        yield server


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ("xlog", *arguments))


def test_the_conversation_as_a_table(server: Running) -> None:
    result = run("--server", server.url)

    assert result.exit_code == 0, result.output
    lines = [re.sub(r"ACK after [\d.]+ ms|nonce \S+|ipv4:\S+|^\S+Z", "…", line) for line in result.output.splitlines()]
    assert lines[0] == f"…  {NAME}  --      stream 1 opened: delta ADS, … Envoy 1.40.0"
    assert lines[1] == f"…  {NAME}  <- CDS  asks: everything"
    answer = rf"…  {NAME}  -> CDS  1: outbound\|80\|\|echo \[\d+ B\]  …  \(request\)"
    assert sum(bool(re.fullmatch(answer, line)) for line in lines) == 1
    assert sum("<- CDS  …  …" in line for line in lines) == 1
    assert len(lines) == 13


def test_json_and_yaml_hold_the_records_as_the_api_gives_them(server: Running) -> None:
    records = server.json("/api/v1/xlog")["records"]

    assert json.loads(run("gw-1", "--server", server.url, "-o", "json").stdout) == records
    assert yaml.safe_load(run(NODE, "--server", server.url, "-o", "yaml").stdout) == records
    assert json.loads(run("--server", server.url, "-o", "json", "-n", "2").stdout) == records[-2:]


def test_a_proxy_that_was_never_here(server: Running) -> None:
    result = run("nobody", "--server", server.url)

    assert (result.exit_code, "nothing is known of a proxy 'nobody'" in result.output) == (1, True)


def test_nothing_said_yet(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        result = run("--server", server.url)

    assert (result.exit_code, result.output) == (0, "Nothing has been said yet.\n")


@pytest.mark.parametrize("output", ["table", "json", "yaml"])
def test_following(tmp_path: Path, output: str) -> None:
    config, out = tmp_path / "config", tmp_path / "out"
    config.mkdir()
    (config / "all.yaml").write_text(ALL)
    with running(config) as server, out.open("wb") as file:
        command = [sys.executable, "-m", "xds_server", "xlog", "--follow", "-o", output, "--server", server.url]
        process = subprocess.Popen(command, stdout=file)
        try:
            with connected(server.xds):
                until(lambda: out.read_text().count("ACK" if output == "table" else "ack") == 4)
                (config / "all.yaml").write_text(ALL.replace("10.0.0.2", "10.0.0.3"))
                until(lambda: "ServiceEntry default/echo" in out.read_text())
            until(lambda: "the proxy left" in out.read_text())
            process.send_signal(signal.SIGINT)
            status = process.wait(10)
        finally:
            process.kill()
            process.wait()
        expected = server.json("/api/v1/xlog")["records"]

    text = out.read_text()
    if output == "json":
        assert [json.loads(line) for line in text.splitlines()] == expected
    elif output == "yaml":
        assert yaml.safe_load(text) == expected
    else:
        assert len(text.splitlines()) == len(expected)
    assert status == 0


def _record(event: str, **more: Any) -> dict[str, Any]:
    return {"seq": 1, "time": "T", "stream": 7, "proxy": NODE, "event": event, **more}


def _names(label: str, *names: str, count: int | None = None) -> dict[str, Any]:
    return {label: list(names), f"{label}_count": len(names) if count is None else count}


NOTHING = {**_names("subscribed"), **_names("unsubscribed"), "wildcard": None, "held": 0}
EMPTY = {**_names("resources"), **_names("removed"), **_names("objects"), "bytes": 12, "why": "request", "parent": ""}


@pytest.mark.parametrize(
    ("record", "line"),
    [
        (
            _record(
                "response",
                **{
                    **EMPTY,
                    **_names("resources", *"abcde", count=40),
                    **_names("removed", "z"),
                    **_names("objects", "Gateway ns/a", "Service ns/b"),
                    "why": "waited",
                },
                type="EDS",
                nonce="5",
            ),
            "-> EDS  40: a, b, c, d and 36 more; removed 1: z [12 B]  nonce 5  (waited: Gateway ns/a, Service ns/b)",
        ),
        (
            _record("response", **{**EMPTY, "bytes": 1234, "why": "push", "parent": "CDS"}, type="EDS", nonce="5"),
            "-> EDS  empty [1.2 kB]  nonce 5  (push; with its CDS)",
        ),
        (
            _record("nack", type="LDS", nonce="6", seconds=2.5, message="port\x1b[31m", **_names("in_doubt", "l")),
            "<- LDS  NACK after 2.50 s [l]: port\\u001b[31m  nonce 6",
        ),
        (
            _record("nack", type="LDS", nonce="6", seconds=None, message="no", **_names("in_doubt")),
            "<- LDS  NACK: no  nonce 6",
        ),
        (
            _record("request", **{**NOTHING, **_names("subscribed", "a"), **_names("unsubscribed", "b")}, type="RDS"),
            "<- RDS  asks: +1: a; -1: b",
        ),
        (
            _record("request", **{**NOTHING, "wildcard": False, "held": 3}, type="CDS"),
            "<- CDS  asks: no longer everything; holds 3",
        ),
        (_record("request", **NOTHING, type="CDS", nonce="1"), "<- CDS  asks: as before  nonce 1"),
        (_record("ignored", type="", reason="no type URL"), "<-      ignored: no type URL"),
        (_record("closed", reason="the proxy left"), "--      stream 7 closed: the proxy left"),
    ],
    ids=["response", "parent", "nack", "nack of old", "request", "unsubscribed", "again", "ignored", "closed"],
)  # fmt: skip
def test_a_line(record: dict[str, Any], line: str) -> None:
    assert list(_lines([record])) == [f"T  {NAME}  {line}"]


def test_columns_line_up() -> None:
    long, short = _record("closed", reason="bye"), _record("closed", reason="bye") | {"proxy": ""}
    assert [line.index("--") for line in _lines([long, short])] == [len(f"T  {NAME}  ")] * 2
