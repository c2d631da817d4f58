"""`pilotfish demo` as people run it."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.envoy.harness import ReservedPort, envoy_binary, eventually, many, request
from tests.envoy.harness.process import Process

if TYPE_CHECKING:
    from collections.abc import Iterator

DEMO = [sys.executable, "-m", "xds_server", "demo"]

_STARTED: list[Process] = []
"""The demos of the test that runs."""


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for everything that the demo writes; afterwards no process may be left that has to do with it."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("PILOTFISH_ENVOY", str(envoy_binary()))
    yield tmp_path
    while _STARTED:
        _STARTED.pop().stop()  # a test that failed half-way left it running
    eventually(lambda: left_over(tmp_path) == [], 5.0, "no process is left over")


def left_over(folder: Path) -> list[str]:
    """Return the command lines of processes that mention the folder."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # it ended while we looked
            continue
        if str(folder) in line:
            found.append(line)
    return found


def started(scratch: Path, *arguments: str) -> tuple[Process, str]:
    """Start a demo that runs until a signal, and return it with its gateway's URL."""
    process = Process([*DEMO, *arguments], scratch / "demo.log")
    _STARTED.append(process)

    def url() -> str:
        process.assert_runs()
        found = re.search(r"^gateway_url: (\S+)$.*^control_plane_url: \S+$", process.log, re.MULTILINE | re.DOTALL)
        return found[1] if found else ""

    return process, eventually(url, 40.0, "the demo prints its addresses")


def test_it_proves_itself_and_ends_with_its_json_line(scratch: Path) -> None:
    with ReservedPort() as taken:
        result = subprocess.run(
            [*DEMO, "--for", "10s", "--port", str(taken.port)], capture_output=True, text=True, timeout=100, check=False
        )
    assert result.returncode == 0, result.stdout + result.stderr
    lines = result.stdout.splitlines()
    (first,) = (line for line in lines[:5] if line.startswith("gateway_url: "))
    assert any(line.startswith(f"note: port {taken.port} is taken") for line in lines)
    summary = json.loads(lines[-1])
    assert summary["requests"] >= 5000
    assert summary["split"] == {"v1": pytest.approx(0.75, abs=0.03), "v2": pytest.approx(0.25, abs=0.03)}
    assert re.fullmatch(r"\d+\.\d+\.\d+", summary["envoy_version"])
    assert summary["gateway_url"] == first.removeprefix("gateway_url: ")
    assert summary["xds"]["acks"] >= 4
    assert summary["xds"]["nacks"] == 0
    assert summary["errors"] == {}
    assert list(scratch.iterdir()) == [], "temporary files were left over"


def test_another_split_fails_and_is_named(scratch: Path) -> None:
    folder = scratch / "mine"
    process, _ = started(scratch, "--folder", str(folder))
    process.send(signal.SIGINT)
    assert process.stop() == 0
    routes = folder / "virtualservice.yaml"
    routes.write_text(routes.read_text().replace("weight: 75", "weight: 50").replace("weight: 25", "weight: 50"))
    result = subprocess.run(
        [*DEMO, "--for", "4s", "--folder", str(folder)], capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 1
    assert re.search(r"^fault: \d\d\.\d% of /product went to v1, not 75% ± 3%$", result.stderr, re.MULTILINE)
    assert json.loads(result.stdout.splitlines()[-1])["split"]["v1"] == pytest.approx(0.5, abs=0.05)


def test_an_edit_moves_the_traffic(scratch: Path) -> None:
    process, url = started(scratch)
    port = int(url.rpartition(":")[2])
    folder = Path(re.findall(r"^folder: (\S+)", process.log, re.MULTILINE)[0])
    routes = folder / "virtualservice.yaml"
    assert request(port, "/product/v2").version == "v2"
    routes.write_text(routes.read_text().replace("weight: 75", "weight: 0").replace("weight: 25", "weight: 100"))
    eventually(lambda: many(port, "/product", 100) == {(200, "v2"): 100}, 2.0, "all traffic goes to v2")
    process.send(signal.SIGTERM)
    assert process.stop() == 0
    assert process.log.rstrip().endswith("stopped; nothing was left running")


def test_killed_it_leaves_nothing_running(scratch: Path) -> None:
    process, _ = started(scratch)
    assert len(left_over(scratch)) >= 2  # the control plane and the Envoy
    process.kill()


def test_an_envoy_that_dies_is_named(scratch: Path) -> None:
    broken = scratch / "broken-envoy"
    broken.write_text("#!/bin/sh\necho bad luck\nexit 7\n")
    broken.chmod(0o755)
    result = subprocess.run([*DEMO, "--envoy", broken], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 1
    assert "Error: Envoy ended with status 7" in result.stderr
    assert "bad luck" in result.stderr


def test_no_envoy_is_a_clear_error(scratch: Path) -> None:
    missing = scratch / "none"
    result = subprocess.run([*DEMO, "--envoy", missing], capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stderr) == (1, f"Error: {missing} is not an executable file\n")


def test_wrong_usage() -> None:
    for arguments in (["--for", "soon"], ["--for", "0s"], ["--port", "0"]):
        result = subprocess.run([*DEMO, *arguments], capture_output=True, text=True, timeout=60, check=False)
        assert result.returncode == 2, result.stderr
