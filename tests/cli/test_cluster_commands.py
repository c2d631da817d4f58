"""`analyze` and `translate` for what a cluster holds, against an API server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from tests.apiserver.cluster import Cluster
from tests.apiserver.emulation import TOKEN
from xds_server.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

    from tests.apiserver.emulation import Emulation

NAMESPACE = "shop-of-commands"
EDGE = {"selector": {"istio": NAMESPACE}}


def run(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(main, arguments, catch_exceptions=False)


@pytest.fixture
def kubeconfig(cluster: Cluster, tmp_path: Path) -> str:
    """Of a cluster with a gateway, a service, and a route to one that is not there."""
    meta = {"namespace": NAMESPACE}
    server = {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}
    route = {"route": [{"destination": {"host": "missing", "port": {"number": 80}}}]}
    cluster.apply(
        {"kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {"kind": "Service", "metadata": {**meta, "name": "here"}, "spec": {"ports": [{"port": 80}]}},
        {"kind": "Gateway", "metadata": {**meta, "name": "edge"}, "spec": {**EDGE, "servers": [server]}},
        {
            "kind": "VirtualService",
            "metadata": {**meta, "name": "shop"},
            "spec": {"hosts": ["shop.example.com"], "gateways": ["edge"], "http": [route]},
        },
    )
    return str(cluster.kubeconfig(tmp_path / "kubeconfig"))


def ours(result: Result) -> list[tuple[str, str]]:
    found = [d for d in json.loads(result.stdout) if (d.get("object") or {}).get("namespace") == NAMESPACE]
    return [(d["code"], d["object"]["name"]) for d in found]


def test_analyze_a_cluster(kubeconfig: str) -> None:
    result = run("analyze", "--kubeconfig", kubeconfig, "-o", "json")
    assert ("PF0701", "shop") in ours(result), result.output


def test_files_are_checked_as_if_they_had_been_applied(kubeconfig: str, tmp_path: Path) -> None:
    file = tmp_path / "change.yaml"
    file.write_text(f"kind: Service\napiVersion: v1\nmetadata: {{name: missing, namespace: {NAMESPACE}}}\n"
                    "spec: {ports: [{port: 80}]}\n", encoding="utf-8")  # fmt: skip
    result = run("analyze", str(file), "--kubeconfig", kubeconfig, "-o", "json")
    assert ("PF0701", "shop") not in ours(result), result.output


def test_translate_a_cluster(kubeconfig: str) -> None:
    arguments = ("--kubeconfig", kubeconfig, "--type", "router", "--label", f"istio={NAMESPACE}", "-o", "json")
    result = run("translate", *arguments, "--namespace", NAMESPACE)
    hosts = json.loads(result.stdout)["routes"][0]["virtual_hosts"]
    assert [host["name"] for host in hosts] == ["shop.example.com:80"]


def test_without_anything_to_read() -> None:
    assert "--kubeconfig" in run("translate", "--type", "router").stderr
    assert "--kubeconfig" in run("analyze").stderr


def test_a_kind_that_is_forbidden(emulation: Emulation, tmp_path: Path) -> None:
    emulation.forbidden |= {("list", "services"), ("watch", "services"), ("list", "nodes"), ("watch", "nodes")}
    kubeconfig = Cluster(emulation.url, TOKEN).kubeconfig(tmp_path / "kubeconfig")
    result = run("analyze", "--kubeconfig", str(kubeconfig))
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: Service cannot be read from the API server: 403")
    assert "Node" not in result.stderr, "without it, there is an answer"


def test_a_mesh_config_that_is_named_needs_no_other(emulation: Emulation, tmp_path: Path) -> None:
    emulation.forbidden |= {("list", "configmaps"), ("watch", "configmaps")}
    kubeconfig = Cluster(emulation.url, TOKEN).kubeconfig(tmp_path / "kubeconfig")
    mesh = tmp_path / "mesh.yaml"
    mesh.write_text("{}", encoding="utf-8")

    assert "ConfigMap cannot be read" in run("analyze", "--kubeconfig", str(kubeconfig)).stdout
    assert "ConfigMap" not in run("analyze", "--kubeconfig", str(kubeconfig), "--mesh-config", str(mesh)).stdout


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    kubeconfig = Cluster("http://127.0.0.1:9", "").kubeconfig(tmp_path / "kubeconfig")
    result = run("analyze", "--kubeconfig", str(kubeconfig))
    assert result.exit_code == 1
    assert "http://127.0.0.1:9" in result.stderr
