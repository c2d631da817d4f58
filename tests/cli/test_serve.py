"""`pilotfish serve` as a process, and its flags and log."""

from __future__ import annotations

import logging
import re
import resource
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.request import urlopen

import click
import grpc
import pytest
from click.testing import CliRunner
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub

from tests.serving.running import ALL, until
from translators.model.codes import diagnose
from translators.model.meta import ObjectKey
from translators.model.origin import Location, Origin
from xds_server.cli import serve
from xds_server.cli.main import main
from xds_server.cli.serve import Address, OneLine
from xds_server.cli.span import Span
from xds_server.reports import DiagnosticLog, diagnostic_line
from xds_server.transport.limits import StreamLimits

if TYPE_CHECKING:
    from pathlib import Path

    from xds_server.app import Settings


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


def test_a_drain_says_so_first_and_a_second_signal_cuts_it_short(tmp_path: Path) -> None:
    (tmp_path / "all.yaml").write_text(ALL)
    with Served(tmp_path, "--config", str(tmp_path / "all.yaml"), "--drain-delay", "60s") as served:
        until(lambda: "ready: the first World" in served.log)
        (found,) = re.findall(r"serving xds=127\.0\.0\.1:(\d+) http=127\.0\.0\.1:(\d+)", served.log)
        with grpc.insecure_channel(f"127.0.0.1:{found[0]}") as channel:

            def health() -> int:
                check: Any = HealthStub(channel)
                return int(check.Check(health_pb2.HealthCheckRequest(), timeout=5).status)

            assert health() == health_pb2.HealthCheckResponse.SERVING
            served.process.send_signal(signal.SIGTERM)
            until(lambda: health() == health_pb2.HealthCheckResponse.NOT_SERVING)
        with pytest.raises(HTTPError, match="503"):
            urlopen(f"http://127.0.0.1:{found[1]}/readyz", timeout=5)
        with urlopen(f"http://127.0.0.1:{found[1]}/healthz", timeout=5) as response:
            assert response.status == 200
        assert served.process.poll() is None
        served.process.send_signal(signal.SIGTERM)

        assert served.process.wait(10) == 0


def test_limits_come_from_flags_and_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given: list[Settings] = []
    monkeypatch.setattr(serve, "_run", given.append)
    monkeypatch.setattr(serve, "configure_logging", lambda _level: None)  # of this process
    result = CliRunner().invoke(
        main,
        [
            "serve",
            "--config",
            str(tmp_path),
            "--max-streams",
            "7",
            "--max-connection-age",
            "5m",
            "--write-timeout",
            "2s",
        ],
        env={"PILOTFISH_MAX_STREAMS_PER_SECOND": "2.5", "PILOTFISH_DRAIN_DELAY": "3s", "PILOTFISH_MAX_STREAMS": "9"},
    )

    assert result.exit_code == 0, result.output
    assert given[0].limits == StreamLimits(streams=7, streams_per_second=2.5, connection_age=300.0, write_deadline=2.0)
    assert (given[0].drain_delay, given[0].shutdown_grace) == (3.0, 2.0)


def test_the_limits_without_flags_are_the_defaults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given: list[Settings] = []
    monkeypatch.setattr(serve, "_run", given.append)
    monkeypatch.setattr(serve, "configure_logging", lambda _level: None)  # of this process
    assert CliRunner().invoke(main, ["serve", "--config", str(tmp_path)]).exit_code == 0
    assert given[0].limits == StreamLimits()
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == resource.getrlimit(resource.RLIMIT_NOFILE)[1]
