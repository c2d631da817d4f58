"""compose/quickstart against the code: every path, command, flag and port in it."""

from __future__ import annotations

import importlib
import re
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner

from tests.compose.quickstart import FOLDER, IMAGE, ROOT, compose, mounts, published, service
from xds_server.cli.main import main

NAMES = sorted(compose()["services"])


def socket_port(resource: dict[str, Any]) -> int:
    return int(resource["address"]["socket_address"]["port_value"])


def parsed(verb: str, arguments: list[str]) -> dict[str, Any]:
    """Parse arguments with a verb's click command; wrong ones raise click.UsageError."""
    with click.Context(main) as parent:
        command = main.get_command(parent, verb)
        assert command is not None, verb
        return dict(command.make_context(verb, arguments).params)


@pytest.mark.parametrize("name", NAMES)
def test_every_mounted_path_exists(name: str) -> None:
    assert [str(path) for path in mounts(name).values() if not path.exists()] == []


def test_the_control_planes_command_is_one_of_ours() -> None:
    verb, *arguments = service("pilotfish")["command"]
    here = mounts("pilotfish")
    found = parsed(verb, [str(here.get(argument, argument)) for argument in arguments])
    assert verb == "serve"
    assert [str(path) for path in found["config"]] == [str(FOLDER / "config")]
    assert set(here) <= set(arguments), "a folder is mounted that the command does not read"


def test_the_echoes_commands_are_ours() -> None:
    for name, version in (("echo-v1", "v1"), ("echo-v2", "v2")):
        python, flag, module = service(name)["entrypoint"]
        assert (python, flag) == ("python", "-m")
        echo = importlib.import_module(module).main
        found = echo.make_context("echo", list(service(name)["command"])).params
        assert (found["version"], found["host"], found["port"]) == (version, "0.0.0.0", 8000)


def test_the_dockerfile_runs_our_command_as_nobody_special() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert 'ENTRYPOINT ["pilotfish"]' in text
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", text, re.MULTILINE)
    assert set(re.findall(r"^FROM (\S+)", text, re.MULTILINE)) == {"python:3.11-slim"}
    for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE):
        assert [source for source in sources.split() if not (ROOT / source).exists()] == []
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    copied = {s for line in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE) for s in line.split()}
    assert {line[1:] for line in ignored if line.startswith("!")} == copied


def test_every_image_is_ours_or_the_official_envoy() -> None:
    images = {name: service(name)["image"] for name in NAMES}
    assert images == {
        "pilotfish": IMAGE,
        "gateway": "envoyproxy/envoy:v1.40.0",
        "echo-v1": IMAGE,
        "echo-v2": IMAGE,
    }
    assert (FOLDER / service("pilotfish")["build"]).resolve() == ROOT


def test_the_ports_fit_together() -> None:
    bootstrap = yaml.safe_load(mounts("gateway")["/etc/envoy/envoy.yaml"].read_text(encoding="utf-8"))
    command = service("gateway")["command"]
    assert command[command.index("-c") + 1] in mounts("gateway")
    # The proxy asks the control plane where it listens.
    _, *arguments = service("pilotfish")["command"]
    flags = dict(zip(arguments[::2], arguments[1::2], strict=True))
    (endpoint,) = bootstrap["static_resources"]["clusters"][0]["load_assignment"]["endpoints"][0]["lb_endpoints"]
    asked = endpoint["endpoint"]["address"]["socket_address"]
    assert (asked["address"], f"0.0.0.0:{asked['port_value']}") == ("pilotfish", flags["--xds-address"])
    assert f"0.0.0.0:{next(iter(published('pilotfish')))}" == flags["--http-address"]
    # What is published is what somebody listens on.
    static = {socket_port(listener) for listener in bootstrap["static_resources"]["listeners"]}
    gateway = yaml.safe_load((FOLDER / "config" / "ingressgateway.yaml").read_text(encoding="utf-8"))
    dynamic = {port["targetPort"] for port in gateway["spec"]["ports"]}
    assert set(published("gateway")) == static | dynamic
    entry = yaml.safe_load((FOLDER / "config" / "serviceentry.yaml").read_text(encoding="utf-8"))["spec"]
    assert [port["targetPort"] for port in entry["ports"]] == [8000]
    assert [endpoint["address"] for endpoint in entry["endpoints"]] == ["echo-v1", "echo-v2"]


def translated() -> dict[str, list[dict[str, Any]]]:
    flags = ["--type", "router", "--namespace", "istio-system", "--label", "istio=ingressgateway"]
    flags += ["--metadata", "UNPRIVILEGED_POD=true"]
    result = CliRunner().invoke(main, ["translate", "--config", str(FOLDER / "config"), *flags], catch_exceptions=False)
    assert (result.exit_code, result.stderr) == (0, "")
    found: dict[str, list[dict[str, Any]]] = yaml.safe_load(result.stdout)
    return found


def test_the_configuration_translates_without_a_word() -> None:
    found = translated()
    (listener,) = found["listeners"]
    assert (listener["name"], socket_port(listener)) == ("0.0.0.0_8080", 8080)
    clusters = {cluster["name"]: cluster for cluster in found["clusters"]}
    for version in ("v1", "v2"):
        cluster = clusters[f"outbound|80|{version}|product-service.default.svc.cluster.local"]
        assert cluster["type"] == "STRICT_DNS"
        (group,) = cluster["load_assignment"]["endpoints"]
        addresses = [one["endpoint"]["address"]["socket_address"] for one in group["lb_endpoints"]]
        assert addresses == [{"address": f"echo-{version}", "port_value": 8000}]


def test_the_configuration_has_nothing_to_complain_about() -> None:
    result = CliRunner().invoke(main, ["analyze", str(FOLDER / "config")], catch_exceptions=False)
    assert result.exit_code == 0, result.output


def test_the_readme_names_what_is_there() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]+)\)", text)
    assert [link for link in links if not (FOLDER / link).exists()] == []
    shown = {int(port) for port in re.findall(r"localhost:(\d+)", text)}
    assert shown <= {host for name in NAMES for host in published(name).values()}
    commands = set(re.findall(r"exec pilotfish pilotfish (\S+)", text))
    with click.Context(main) as context:
        assert {name for name in commands if main.get_command(context, name) is None} == set()
    named = set(re.findall(r"docker compose (?:stop|start|logs|exec) (\S+?)`?(?: |,|$)", text, re.MULTILINE))
    assert named <= set(NAMES)
