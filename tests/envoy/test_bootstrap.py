"""Bootstraps, judged by the real Envoy."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from tests.envoy.harness import (
    Backend,
    EnvoyProcess,
    Loop,
    Pilotfish,
    ReservedPort,
    envoy_binary,
    eventually,
    objects,
    request,
)
from xds_server.cli.bootstrap import command

if TYPE_CHECKING:
    from pathlib import Path


def bootstrap_text(*arguments: str) -> str:
    result = CliRunner().invoke(command, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("output", ["yaml", "json"])
@pytest.mark.parametrize("kind", ["router", "sidecar"])
@pytest.mark.parametrize(
    "flags",
    [
        ["--xds-address", "127.0.0.1:15010"],
        ["--xds-address", "[::1]:15010", "--sotw"],
        ["--xds-address", "pilotfish:15010", "--admin-port", "0"],
        ["--xds-address", "pilotfish:15010", "--status-port", "0"],
        ["--xds-address", "pilotfish:15010", "--metrics-port", "0", "--unprivileged", "--interception-mode", "TPROXY"],
        [
            "--xds-address", "pilotfish:15010", "--label", "app=a", "--label", "n=1", "--locality", "eu/eu-1/r",
            "--ip", "10.0.0.1", "--ip", "fd00::1", "--metadata", "X=true", "--network", "n", "--service-account", "s",
        ],
    ],
    ids=["ip", "ipv6-sotw", "no-admin", "no-status", "no-metrics", "everything"],
)  # fmt: skip
def test_envoy_accepts_it_without_a_warning(kind: str, flags: list[str], output: str, tmp_path: Path) -> None:
    file = tmp_path / f"bootstrap.{output}"
    file.write_text(bootstrap_text("--type", kind, *flags, "-o", output))
    result = subprocess.run(
        [envoy_binary(), "--mode", "validate", "-l", "warning", "-c", file],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == f"configuration '{file}' OK"
    assert result.stderr == ""


def test_status_and_metrics_answer_and_name_clusters_whole(tmp_path: Path) -> None:
    server = Pilotfish(tmp_path)
    loop = Loop()
    backend = Backend(loop, "v1")
    with (
        ReservedPort(host="127.0.0.1") as admin,
        ReservedPort() as status,
        ReservedPort() as metrics,
        ReservedPort() as port,
    ):
        server.config.write("gateway.yaml", objects.gateway(), objects.gateway_service(port.port))
        server.config.write("echo.yaml", objects.service_entry("echo", [backend]))
        server.config.write("route.yaml", objects.virtual_service("echo", "[{route: [{destination: {host: echo}}]}]"))
        file = tmp_path / "bootstrap.yaml"
        file.write_text(
            bootstrap_text(
                "--type", "router", "--label", "istio=ingressgateway", "--namespace", "istio-system", "--unprivileged",
                "--xds-address", f"127.0.0.1:{server.xds_port}", "--admin-port", str(admin.port),
                "--status-port", str(status.port), "--metrics-port", str(metrics.port),
            )
        )  # fmt: skip
        admin.close()  # Envoy's admin interface does not share its port
        envoy = EnvoyProcess.run(tmp_path, ["-c", str(file), "--concurrency", "1"])
        try:
            assert eventually(lambda: request(status.port, "/healthz/ready").status == 200)
            assert request(status.port, "/").status == 404
            eventually(lambda: request(port.port, "/").version == "v1")
            text = request(metrics.port, "/stats/prometheus").body
        finally:
            envoy.stop()
            server.stop()
            backend.stop()
            loop.close()
    name = "outbound|80||echo.default.svc.cluster.local"
    assert re.search(rf'^envoy_cluster_upstream_rq_total{{cluster_name="{re.escape(name)}"}} [1-9]', text, re.MULTILINE)
    labels = f'response_code="200",cluster_name="{name}"', f'cluster_name="{name}",response_code="200"'
    assert any(f"envoy_cluster_upstream_rq{{{one}}}" in text for one in labels), text
    assert 'envoy_cluster_upstream_cx_active{cluster_name="xds-grpc"} 1' in text
