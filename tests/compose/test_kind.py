"""compose/kind against the code: every image, path, command, flag, port and permission in it."""

from __future__ import annotations

import importlib
import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner

from tests.compose.quickstart import ROOT
from tests.envoy.harness.client import request
from tests.envoy.harness.process import Process
from tests.envoy.harness.waiting import eventually
from tests.require import require
from xds_server.cli.main import main
from xds_server.demo.ports import ReservedPort

FOLDER = ROOT / "compose" / "kind"
DEMO = FOLDER / "demo"
UP = (FOLDER / "up.sh").read_text(encoding="utf-8")
IMAGE = "pilotfish:kind"
OTHERS = "a-registry.example/pilotfish:1"
"""What the manifests of the stand-in for `pilotfish install` call our image."""

STAND_IN = f"""#!/bin/bash
printf '%s\\n' "${{0##*/}} $*" >>"$CALLS"
case "${{0##*/}} $*" in
  "kind get clusters") printf '%s\\n' $CLUSTERS ;;
  *" install") printf 'spec:\\n- image: {OTHERS}\\n  image: envoyproxy/envoy:v1.40.0\\n' ;;
esac
"""


def objects() -> list[dict[str, Any]]:
    return [one for file in sorted(DEMO.glob("*.yaml")) for one in yaml.safe_load_all(file.read_text(encoding="utf-8"))]


def named(kind: str, name: str) -> dict[str, Any]:
    (found,) = (one for one in objects() if one["kind"] == kind and one["metadata"]["name"] == name)
    return found


def pod(deployment: str) -> tuple[dict[str, str], dict[str, Any]]:
    """Return the labels of a Deployment's pods, and their only container."""
    template = named("Deployment", deployment)["spec"]["template"]
    (container,) = template["spec"]["containers"]
    return template["metadata"]["labels"], container


DEPLOYMENTS = ("client", "echo-v1", "echo-v2")


@pytest.mark.parametrize("clusters", ["", "another", "pilotfish"])
def test_up_does_its_steps_in_order(tmp_path: Path, clusters: str) -> None:
    """With stand-ins for docker, kind and kubectl, which write down how they are called."""
    calls = up(tmp_path, clusters)
    verbs = [" ".join(call[:3]) for call in calls]
    created = [call for call in calls if call[:3] == ["kind", "create", "cluster"]]
    assert [call[4] for call in created] == ([] if clusters == "pilotfish" else ["pilotfish"])
    (build,) = (call for call in calls if call[1] == "build")
    assert build == ["docker", "build", "--tag", IMAGE, "../.."]
    assert ["docker", "tag", IMAGE, OTHERS] in calls
    assert ["kind", "load", "docker-image", "--name", "pilotfish", IMAGE, OTHERS] in calls
    ours = [call[call.index(IMAGE) + 1 :] for call in calls if call[:2] == ["docker", "run"]]
    assert [call[0] for call in ours] == ["install", "install", "check"]
    assert ours[1] == ["install", "--apply", "--kubeconfig", "/kubeconfig"]
    applied = [call[-1] for call in calls if "apply" in call]
    assert applied == ["demo/namespace.yaml", "demo"]
    assert verbs.index("docker build --tag") < verbs.index("kind load docker-image") < verbs.index("docker run --rm", 5)
    assert {call[2] for call in calls if call[0] == "kubectl"} == {"kind-pilotfish"}


def up(folder: Path, clusters: str) -> list[list[str]]:
    for name in ("docker", "kind", "kubectl"):
        (folder / name).write_text(STAND_IN, encoding="utf-8")
        (folder / name).chmod(0o755)
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "CLUSTERS": clusters}
    environment["CALLS"] = str(folder / "calls")
    done = subprocess.run([FOLDER / "up.sh"], env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "port-forward" in done.stdout
    return [shlex.split(line) for line in (folder / "calls").read_text(encoding="utf-8").splitlines()]


def test_a_tool_that_is_missing_is_named(tmp_path: Path) -> None:
    (tmp_path / "dirname").symlink_to("/usr/bin/dirname")
    command = ["/bin/bash", str(FOLDER / "up.sh")]
    done = subprocess.run(command, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "up.sh: docker is not installed\n")


@pytest.mark.parametrize("script", ["up.sh", "down.sh"])
def test_the_scripts_may_be_run_and_are_about_one_cluster(script: str) -> None:
    assert os.access(FOLDER / script, os.X_OK)
    text = (FOLDER / script).read_text(encoding="utf-8")
    assert set(re.findall(r"--name \"?(\$?\w+)", text)) <= {"$cluster", "pilotfish"}
    assert "set -euo pipefail" in text


@pytest.mark.parametrize(
    "line", sorted(set(re.findall(r"\bpilotfish ((?:install|check|check-inject)(?: (?:--[\w-]+|/\w+))*)", UP)))
)
def test_our_commands_are_there_with_these_flags(line: str, tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.touch()
    verb, *arguments = [str(kubeconfig) if word == "/kubeconfig" else word for word in line.split()]
    with click.Context(main) as parent:
        command = main.get_command(parent, verb)
        assert command is not None, verb
        command.make_context(verb, arguments)


def test_every_image_is_the_one_that_is_loaded() -> None:
    """It is nowhere else to be had, so nobody may look for it elsewhere."""
    containers = [pod(name)[1] for name in DEPLOYMENTS]
    assert {(one["image"], one["imagePullPolicy"]) for one in containers} == {(IMAGE, "Never")}
    assert f"image={IMAGE}\n" in UP
    assert (FOLDER / "../.." / "Dockerfile").exists()
    # `install` talks to a cluster, so its image has the client for that.
    assert '".[kubernetes]"' in (ROOT / "Dockerfile").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_the_apps_may_do_nothing_special(name: str) -> None:
    """And are not the sidecar's user, whose connections are not intercepted."""
    _, container = pod(name)
    assert container["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 1000,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_the_echoes_commands_ports_and_labels_fit(version: str) -> None:
    labels, container = pod(f"echo-{version}")
    python, flag, module = container["command"]
    assert (python, flag) == ("python", "-m")
    found = importlib.import_module(module).main.make_context("echo", list(container["args"])).params
    assert (found["version"], found["host"], found["port"]) == (version, "0.0.0.0", 8000)
    service = named("Service", "product-service")["spec"]
    (port,) = service["ports"]
    assert {port["targetPort"], container["readinessProbe"]["httpGet"]["port"], found["port"]} == {8000}
    assert [one["containerPort"] for one in container["ports"]] == [8000]
    assert service["selector"].items() <= labels.items()
    subsets = {one["name"]: one["labels"] for one in named("DestinationRule", "product-service")["spec"]["subsets"]}
    assert subsets[version].items() <= labels.items()
    assert container["lifecycle"]["preStop"]["sleep"]["seconds"] < 30  # the grace period


def test_everything_is_in_a_namespace_that_asks_for_injection() -> None:
    labels = named("Namespace", "demo")["metadata"]["labels"]
    assert labels == {"istio-injection": "enabled"}
    assert {one["metadata"]["namespace"] for one in objects() if one["kind"] != "Namespace"} == {"demo"}
    for name in DEPLOYMENTS:
        deployment = named("Deployment", name)["spec"]
        assert deployment["selector"]["matchLabels"] == deployment["template"]["metadata"]["labels"]


def translated(*flags: str) -> dict[str, list[dict[str, Any]]]:
    arguments = ["translate", "--config", str(DEMO), *flags]
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.stderr
    # Files have no endpoints, and Deployments are for others.
    assert set(re.findall(r"\[(PF\d+)\]", result.stderr)) <= {"PF0202", "PF0726"}, result.stderr
    found: dict[str, list[dict[str, Any]]] = yaml.safe_load(result.stdout)
    return found


def test_the_routes_split_at_the_gateway_and_between_pods() -> None:
    gateway = translated("--type", "router", "--namespace", "istio-system", "--label", "istio=ingressgateway")
    sidecar = translated("--type", "sidecar", "--namespace", "demo", "--label", "app=client")
    assert [one["name"] for one in gateway["listeners"]] == ["0.0.0.0_80"]
    for side in (gateway, sidecar):
        text = yaml.safe_dump(side["routes"])
        for version, weight in (("v1", 75), ("v2", 25)):
            name = f"outbound|80|{version}|product-service.demo.svc.cluster.local"
            assert re.search(rf"name: {re.escape(name)}\n +weight: {weight}\n", text), text
            assert name in {cluster["name"] for cluster in side["clusters"]}


def test_the_page_names_what_is_there() -> None:
    page = ROOT / "docs" / "kind.md"
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]+)\)", text)
    assert [link for link in links if not (page.parent / link).exists()] == []
    assert {path.name for path in DEMO.iterdir()} == {Path(link).name for link in links if "demo/" in link}
    assert [path for path in re.findall(r"\b(?:tests|compose)/[\w/]+\.\w+", text) if not (ROOT / path).exists()] == []
    assert "skip_exit" in text


@pytest.mark.timeout(1800)
def test_up_and_down_with_a_real_cluster(tmp_path: Path) -> None:
    require("kind")
    there = subprocess.run(["kind", "get", "clusters"], capture_output=True, text=True, check=True).stdout.split()
    assert "pilotfish" not in there, "a cluster of that name is somebody's; ./down.sh ends it"
    try:
        done = subprocess.run([FOLDER / "up.sh"], capture_output=True, text=True, timeout=1500, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        kubectl = ["kubectl", "--context", "kind-pilotfish"]
        with ReservedPort() as reserved:
            port = reserved.port  # let go of before kubectl takes it, which does not share ports
        command = [*kubectl, "--namespace=istio-system", "port-forward", "service/istio-ingressgateway", f"{port}:80"]
        forward = Process(command, tmp_path / "forward.log")
        try:
            eventually(lambda: request(port, "/product/v2").version == "v2", 60, "the gateway answers")
            versions = [request(port, "/product").version for _ in range(400)]
        finally:
            forward.stop()
        assert versions.count("v1") / len(versions) == pytest.approx(0.75, abs=0.1)
        code = "import urllib.request as r; print(r.urlopen('http://product-service/').headers['x-version'])"
        inside = [
            *kubectl,
            "--namespace=demo",
            "exec",
            "deployment/client",
            "--container=client",
            "--",
            "python",
            "-c",
            code,
        ]
        answered = subprocess.run(inside, capture_output=True, text=True, timeout=60, check=True).stdout
        assert answered.strip() in {"v1", "v2"}
    finally:
        subprocess.run([FOLDER / "down.sh"], capture_output=True, timeout=300, check=False)
