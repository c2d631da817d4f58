"""The xlog on disk: JSON lines, bounded, and no trouble for anybody when the disk is."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envoy.service.discovery.v3.discovery_pb2 import DeltaDiscoveryRequest

from translators.resources import ROUTE
from xds_server.protocol import Conversation, Xlog
from xds_server.transport.xlog_file import BUFFERED, XlogFile

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

DEADLINE = 10.0


def _until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.01)


def _talk(xlog: Xlog) -> Conversation:
    return xlog.open("gw", "peer", "delta", "", 0.0)


def _ask(talk: Conversation, times: int = 1) -> None:
    for _ in range(times):
        talk.received(DeltaDiscoveryRequest(type_url=ROUTE), (), 1.0)


def _lines(*paths: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for path in paths for line in path.read_text().splitlines() if line]


def test_every_record_becomes_a_line(tmp_path: Path) -> None:
    path, xlog = tmp_path / "xlog.jsonl", Xlog(1000.0)
    file = XlogFile(path, 1 << 20)
    file.start(xlog)
    talk = _talk(xlog)
    _ask(talk, 2500)
    talk.close("bye", 2.0)
    _until(lambda: path.exists() and '"closed"' in path.read_text())
    _ask(_talk(xlog))
    file.stop(xlog)

    lines = _lines(path)
    assert [line["seq"] for line in lines] == list(range(1, 2505))
    assert lines[0] == {
        "seq": 1,
        "time": "1970-01-01T00:16:40.000Z",
        "stream": 1,
        "proxy": "gw",
        "event": "opened",
        "peer": "peer",
        "variant": "delta",
        "service": "ADS",
        "envoy_version": "",
    }
    assert xlog.sink is None
    assert not [thread for thread in threading.enumerate() if thread.name == "xlog"]


def test_a_file_that_was_there_is_added_to(tmp_path: Path) -> None:
    path = tmp_path / "xlog.jsonl"
    for _ in range(2):
        xlog = Xlog()
        file = XlogFile(path, 1 << 20)
        file.start(xlog)
        _talk(xlog)
        file.stop(xlog)

    assert [line["seq"] for line in _lines(path)] == [1, 1]


def test_the_file_is_bounded(tmp_path: Path) -> None:
    path, xlog = tmp_path / "xlog.jsonl", Xlog()
    size = 300_000
    file = XlogFile(path, size)
    file.start(xlog)
    talk = _talk(xlog)
    _ask(talk, 10_000)
    file.stop(xlog)

    assert sorted(p.name for p in tmp_path.iterdir()) == ["xlog.jsonl", "xlog.jsonl.1"]
    assert all(0 < p.stat().st_size <= size for p in tmp_path.iterdir())
    seqs = [line["seq"] for line in _lines(tmp_path / "xlog.jsonl.1", path)]
    assert seqs == list(range(seqs[0], 10_002))


def test_a_write_that_fails_is_said_once_and_tried_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    folder, xlog = tmp_path / "later", Xlog()
    file = XlogFile(folder / "xlog.jsonl", 1 << 20)
    file.start(xlog)
    talk = _talk(xlog)
    _until(lambda: caplog.records)
    for _ in range(3):
        _ask(talk)
        _until(lambda: not file._waiting)
    folder.mkdir()
    _ask(talk)
    _until(lambda: len(caplog.records) == 2)
    file.stop(xlog)

    assert [(r.levelname, "Serving goes on" in r.getMessage()) for r in caplog.records] == [
        ("WARNING", True),
        ("INFO", False),
    ]
    assert _lines(folder / "xlog.jsonl")[-1]["seq"] == 5


def test_a_full_disk_costs_lines_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    xlog = Xlog()
    file = XlogFile(Path("/dev/full"), 1 << 20)
    file.start(xlog)
    _ask(_talk(xlog), 100)
    _until(lambda: caplog.records)
    file.stop(xlog)

    assert "No space left on device" in caplog.text


def test_a_pipe_that_nobody_reads_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path, xlog = tmp_path / "pipe", Xlog()
    os.mkfifo(path)
    file = XlogFile(path, 1 << 20)
    file.start(xlog)
    _talk(xlog)
    _until(lambda: caplog.records)
    file.stop(xlog)

    assert "No such device or address" in caplog.text
    assert not [thread for thread in threading.enumerate() if thread.name == "xlog"]


def test_a_disk_that_hangs_costs_the_oldest_records(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path, xlog = tmp_path / "xlog.jsonl", Xlog()
    file = XlogFile(path, 64 << 20)
    hangs, held = threading.Event(), threading.Event()
    write = file._write

    def slow(chunk: bytes) -> None:
        held.set()
        hangs.wait(DEADLINE)
        write(chunk)

    monkeypatch.setattr(file, "_write", slow)
    file.start(xlog)
    talk = _talk(xlog)
    assert held.wait(DEADLINE)
    _ask(talk, BUFFERED + 500)
    assert len(file._waiting) == BUFFERED
    hangs.set()
    file.stop(xlog)

    seqs = [line["seq"] for line in _lines(path)]
    assert seqs[:2] == [1, 502]
    assert seqs[-1] == xlog.seq
