"""`pilotfish serve` as a process, and its flags and log."""

from __future__ import annotations

import logging
import re
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING
from urllib.request import urlopen

import click
import pytest
from click.testing import CliRunner

from tests.serving.running import ALL, until
from translators.model.codes import diagnose
from translators.model.meta import ObjectKey
from translators.model.origin import Location, Origin
from xds_server.cli.main import main
from xds_server.cli.serve import Address, OneLine
from xds_server.cli.span import Span
from xds_server.reports import DiagnosticLog, diagnostic_line

if TYPE_CHECKING:
    from pathlib import Path


class Served:
    """A `pilotfish serve` with its log."""

    def __init__(self, tmp_path: Path, *arguments: str) -> None:
        self.log_file = tmp_path / "serve.log"
        command = [sys.executable, "-m", "xds_server", "serve", "--xds-address", "127.0.0.1:0"]
        with self.log_file.open("wb") as log:
            self.process = subprocess.Popen([*command, "--http-address", "127.0.0.1:0", *arguments], stderr=log)

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    def __enter__(self) -> Served:  # noqa: PYI034 - no subclasses
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait(10)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serves_logs_and_stops(tmp_path: Path, number: signal.Signals) -> None:
    config = tmp_path / "config"
    config.mkdir()
    (config / "all.yaml").write_text(ALL)
    with Served(tmp_path, "--config", str(config)) as served:
        until(lambda: "ready: the first World" in served.log)
        (config / "broken.yaml").write_text("kind: [\n")
        until(lambda: "broken.yaml" in served.log)
        (config / "broken.yaml").unlink()
        until(lambda: "healed" in served.log)
        (found,) = re.findall(r"serving xds=127\.0\.0\.1:(\d+) http=127\.0\.0\.1:(\d+)", served.log)
        with urlopen(f"http://127.0.0.1:{found[1]}/healthz", timeout=5) as response:
            assert response.status == 200
        began = time.monotonic()
        served.process.send_signal(number)

        assert served.process.wait(10) == 0
        assert time.monotonic() - began < 5
        lines = served.log.splitlines()
        assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [A-Z]+ \S+ ", line) for line in lines)
        assert len([line for line in lines if "broken.yaml" in line]) == 2
        assert lines[-1].endswith("stopped")


def test_an_address_in_use_is_said_and_ends_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        for flag in ("--xds-address", "--http-address"):
            with Served(tmp_path, "--config", str(tmp_path), flag, address) as served:
                assert served.process.wait(20) == 1
                assert address.rpartition(":")[2] in served.log
                assert "Traceback" not in served.log


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--config", "x", "--xds-address", "15010"),
        ("--config", "x", "--debounce-after", "soon"),
        ("--config", "x", "--debounce-max", "-1s"),
        ("--config", "x", "--http-address", "::1:15014"),
        ("--config", "x", "--max-file-size", "0"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...]) -> None:
    assert CliRunner().invoke(main, ["serve", *arguments]).exit_code == 2


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:15010", ("127.0.0.1", 15010)),
        ("[::1]:0", ("::1", 0)),
        (":15010", ("0.0.0.0", 15010)),
        ("localhost:1", ("localhost", 1)),
    ],
)
def test_addresses(text: str, address: tuple[str, int]) -> None:
    assert Address().convert(text, None, None) == address


def test_durations() -> None:
    assert Span().convert("1m500ms", None, None) == 60.5
    with pytest.raises(click.BadParameter):
        Span().convert("-1s", None, None)


def test_a_record_is_one_line_whatever_it_holds() -> None:
    record = logging.LogRecord("a", logging.INFO, "f", 1, "one\ntwo\x1b[31m ü", None, None)

    assert OneLine().format(record).endswith("INFO a one\\ntwo\\u001b[31m ü")


def test_a_diagnostic_is_said_once_and_once_when_healed(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    origin = Origin(ObjectKey("Gateway", "default", "g"), "spec.servers[0]")
    wrong = diagnose("PF0902", "wrong", origin, hint="do right", location=Location("g.yaml", 3))
    log = DiagnosticLog()

    log.update([wrong])
    log.update([wrong._replace(location=Location("g.yaml", 4))])
    log.update([])

    assert caplog.messages == [
        "g.yaml:3 PF0902 Gateway default/g spec.servers[0]: wrong (hint: do right)",
        "healed: g.yaml:4 PF0902 Gateway default/g spec.servers[0]: wrong (hint: do right)",
    ]
    assert [r.levelname for r in caplog.records] == ["WARNING", "INFO"]


def test_a_diagnostic_without_place() -> None:
    assert diagnostic_line(diagnose("PF0903", "it failed")) == "PF0903: it failed"
