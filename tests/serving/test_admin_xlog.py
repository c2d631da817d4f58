"""`/api/v1/xlog` and `/debug/xlog`, of an App that runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.serving.proxy import NODE, connected
from tests.serving.running import ALL, Running, running, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def config(tmp_path: Path) -> Path:
    folder = tmp_path / "config"
    folder.mkdir()
    (folder / "all.yaml").write_text(ALL)
    return folder


@pytest.fixture
def server(config: Path) -> Iterator[Running]:
    with running(config) as server, connected(server.xds):
        until(lambda: len(_records(server, "?")) == 13)  # opened, and four times: asked, answered, acknowledged
        yield server


def _records(server: Running, query: str) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = server.json(f"/api/v1/xlog{query}")["records"]
    return records


def test_what_was_said_and_which_object_led_to_it(server: Running, config: Path) -> None:
    before = server.json("/api/v1/xlog")["seq"]
    (config / "all.yaml").write_text(ALL.replace("10.0.0.2", "10.0.0.3"))
    until(lambda: len(_records(server, f"?since={before}")) == 2)

    push, ack = _records(server, f"?since={before}")
    assert (push["event"], push["type"], push["resources"]) == ("response", "EDS", ["outbound|80||echo"])
    assert (push["why"], push["objects"]) == ("push", ["ServiceEntry default/echo"])
    assert (ack["event"], ack["nonce"]) == ("ack", push["nonce"])


def test_polling_misses_nothing_and_repeats_nothing(server: Running) -> None:
    whole = _records(server, "")
    seen: list[dict[str, Any]] = []
    since = 0
    while since < whole[-1]["seq"]:
        answer = server.json(f"/api/v1/xlog?since={since}&limit=5")
        assert len(answer["records"]) <= 5
        seen += answer["records"]
        since = answer["seq"]

    assert seen == whole
    assert server.json(f"/api/v1/xlog?since={since}")["records"] == []
    assert _records(server, "?limit=3") == whole[-3:]


@pytest.mark.parametrize(
    ("proxy", "found"), [(NODE, True), ("gw-1.istio-system", True), ("gw", True), ("router~", True), ("w-1", False)]
)
def test_one_proxy_alone(server: Running, proxy: str, found: bool) -> None:
    assert bool(_records(server, f"?proxy={proxy}")) is found
    assert bool(server.json(f"/debug/xlog?proxyID={proxy}")) is found


def test_the_overview_outlives_the_stream(config: Path) -> None:
    with running(config) as server:
        with connected(server.xds, error="no"):
            until(lambda: any(r["event"] == "nack" for r in _records(server, "")))
            until(lambda: server.json("/debug/xlog")[0]["responses"]["waiting"] == 0)
        until(lambda: not server.json("/debug/xlog")[0]["open"])
        (talk,) = server.json("/debug/xlog")

    assert (talk["proxy"], talk["variant"], talk["envoy_version"]) == (NODE, "delta", "1.40.0")
    assert talk["responses"] == {"acked": 3, "nacked": 1, "superseded": 0, "ended": 0, "waiting": 0}


@pytest.mark.parametrize("query", ["since=x", "since=-1", "limit=1e3", f"since={'9' * 30}"])
def test_a_query_that_makes_no_sense(server: Running, query: str) -> None:
    status, body = server.get(f"/api/v1/xlog?{query}")
    assert (status, "is not a number" in json.loads(body)["error"]) == (400, True)


def test_the_file_holds_the_end_too(config: Path, tmp_path: Path) -> None:
    path = tmp_path / "xlog.jsonl"
    with running(config, xlog_file=path) as server, connected(server.xds):
        until(lambda: len(_records(server, "")) == 13)

    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["seq"] for line in lines] == list(range(1, 15))
    assert (lines[-1]["event"], lines[-1]["proxy"]) == ("closed", NODE)
