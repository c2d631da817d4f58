"""`translate`, `analyze`, `version` and `completion`, as a person or a script calls them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
import yaml
from click.testing import CliRunner

from xds_server.cli.main import main

if TYPE_CHECKING:
    from click.testing import Result

TESTDATA: Final = Path(__file__).parent / "testdata"
EDGE: Final = ("--type", "router", "--label", "istio=ingressgateway", "--namespace", "istio-system")
SECTIONS: Final = ["listeners", "routes", "clusters", "endpoints", "secrets"]


@pytest.fixture(autouse=True)
def in_testdata(monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths in the output are as given, so they are given as seen from the folder of the files."""
    monkeypatch.chdir(TESTDATA)


def run(*arguments: str, env: dict[str, str] | None = None) -> Result:
    return CliRunner(env=env).invoke(main, arguments, catch_exceptions=False)


def check_golden(name: str, text: str, *, update: bool) -> None:
    file = TESTDATA / name
    if update:
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


GOLDENS: Final = {
    "translate.golden.yaml": ("translate", "--config", "mesh", *EDGE),
    "translate-origins.golden.yaml": ("translate", "--config", "mesh", *EDGE, "--origins"),
    "analyze.golden.txt": ("analyze", "mesh"),
    "analyze-broken.golden.txt": ("analyze", "broken"),
    "analyze-broken.golden.json": ("analyze", "broken", "-o", "json"),
}


@pytest.mark.parametrize("name", GOLDENS)
def test_golden(name: str, update_goldens: bool) -> None:
    result = run(*GOLDENS[name])
    check_golden(name, result.stdout, update=update_goldens)
    assert result.exit_code == ("broken" in name)


def test_objects_of_another_revision(tmp_path: Path) -> None:
    file = tmp_path / "entry.yaml"
    file.write_text(
        "{apiVersion: networking.istio.io/v1, kind: ServiceEntry,\n"
        " metadata: {name: a, labels: {istio.io/rev: canary}},\n"
        " spec: {hosts: [a.com], resolution: DNS, ports: [{number: 80, name: http, protocol: HTTP}]}}\n",
        encoding="utf-8",
    )
    said = run("analyze", str(file)).stdout
    assert said.startswith('info[PF0904] ServiceEntry default/a metadata.labels["istio.io/rev"]: the object is for ')
    assert f"({file}:2)" in said
    assert "PF0904" not in run("analyze", str(file), "--revision", "canary").stdout
    assert "a.com" not in run("translate", "--config", str(file), "--type", "sidecar").stdout
    assert "a.com" in run("translate", "--config", str(file), "--type", "sidecar", "--revision", "canary").stdout


def test_goldens_without_a_test(update_goldens: bool) -> None:
    orphans = [file for file in TESTDATA.glob("*.golden.*") if file.name not in GOLDENS]
    for file in orphans if update_goldens else ():
        file.unlink()
    assert [file for file in orphans if file.exists()] == []


def test_translate_prints_the_same_resources_in_both_formats() -> None:
    plain = run("translate", "--config", "mesh", *EDGE, "-o", "json")
    commented = run("translate", "--config", "mesh", *EDGE)
    finer = run("translate", "--config", "mesh", *EDGE, "--origins")
    resources = json.loads(plain.stdout)
    assert list(resources) == SECTIONS
    assert yaml.safe_load(commented.stdout) == resources
    assert yaml.safe_load(finer.stdout) == resources
    assert [c["name"] for c in resources["clusters"]] == ["outbound|80|v1|shop.default.svc.cluster.local"]
    assert resources["routes"][0]["@type"] == "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"


def test_translate_prints_diagnostics_on_stderr() -> None:
    result = run("translate", "--config", "mesh", *EDGE)
    assert result.exit_code == 0
    assert result.stderr == (
        "warning[PF0207] DestinationRule default/shop spec.trafficPolicy.connectionPool.http.maxConnections: "
        "today this is called connectionPool.tcp.maxConnections; it is read as that (mesh/shop.yaml:38)\n"
        "  hint: use connectionPool.tcp.maxConnections\n"
    )


def test_translate_for_grpc() -> None:
    grpc = run("translate", "--config", "mesh", "--grpc", "-o", "json")
    same = run("translate", "--config", "mesh", "--type", "sidecar", "--metadata", "GENERATOR=grpc", "-o", "json")
    assert grpc.exit_code == 0
    assert grpc.stdout == same.stdout
    resources = json.loads(grpc.stdout)
    assert "shop.default.svc.cluster.local:80" in {listener["name"] for listener in resources["listeners"]}
    assert [r["name"] for r in resources["routes"]] == ["outbound|80||shop.default.svc.cluster.local"]
    assert yaml.safe_load(run("translate", "--config", "mesh", "--grpc", "--origins").stdout) == resources


def test_translate_with_errors_prints_what_is_left_and_fails() -> None:
    result = run("translate", "--config", "broken", *EDGE, "-o", "json")
    assert result.exit_code == 1
    assert [listener["name"] for listener in json.loads(result.stdout)["listeners"]] == ["0.0.0.0_80"]
    assert "error[PF0421] VirtualService default/shop spec.http[0].match[0].uri.regex:" in result.stderr
    assert "(broken/broken.yaml:20)" in result.stderr


@pytest.mark.parametrize(
    ("flags", "note"),
    [
        (
            ("--type", "router", "--label", "app=x"),
            (
                "note: there are no listeners. The proxy's labels: app=x. "
                "Gateway default/edge wants --label istio=ingressgateway"
            ),
        ),
    ],
)
def test_translate_says_why_there_is_nothing(flags: tuple[str, ...], note: str) -> None:
    result = run("translate", "--config", "mesh", *flags)
    assert result.exit_code == 0
    assert yaml.safe_load(result.stdout) == {section: [] for section in SECTIONS}
    assert result.stderr.splitlines()[-1] == note


def test_translate_of_nothing(tmp_path: Path) -> None:
    result = run("translate", "--config", str(tmp_path), "--type", "router")
    assert (result.exit_code, result.stderr) == (
        0,
        "note: there are no listeners, since the files hold no valid Gateway\n",
    )


def test_translate_of_nothing_for_grpc(tmp_path: Path) -> None:
    result = run("translate", "--config", str(tmp_path), "--grpc", "--namespace", "shops")
    assert (result.exit_code, result.stderr) == (
        0,
        "note: namespace shops sees no service, so that a gRPC client there finds none\n",
    )


def test_a_folder_that_is_not_there() -> None:
    result = run("translate", "--config", "nowhere", "--type", "router")
    assert result.exit_code == 1
    assert "error[PF0108]" in result.stderr


def test_a_mesh_config_that_cannot_be_used(tmp_path: Path) -> None:
    file = tmp_path / "mesh.yaml"
    file.write_text("connectTimeout: 10\n")
    result = run("translate", "--config", "mesh", "--mesh-config", str(file), *EDGE)
    assert result.exit_code == 1
    assert "error[PF0205] MeshConfig mesh connectTimeout: expected a duration, got the number 10" in result.stderr


def test_a_mesh_config_is_used(tmp_path: Path) -> None:
    file = tmp_path / "mesh.yaml"
    file.write_text("connectTimeout: 7s\n")
    result = run("translate", "--config", "mesh", "--mesh-config", str(file), *EDGE, "-o", "json")
    assert [c["connect_timeout"] for c in json.loads(result.stdout)["clusters"]] == ["7s"]


def test_the_environment_stands_in_for_flags() -> None:
    env = {"PILOTFISH_CONFIG": "mesh", "PILOTFISH_TYPE": "router", "PILOTFISH_LABEL": "istio=ingressgateway"}
    assert json.loads(run("translate", env={**env, "PILOTFISH_OUTPUT": "json"}).stdout)["listeners"] != []


@pytest.mark.parametrize(
    "arguments",
    [
        ("translate", "--config", "mesh"),
        ("translate", "--type", "router"),
        ("translate", "--config", "mesh", "--type", "waypoint"),
        ("translate", "--config", "mesh", "--type", "router", "--label", "x"),
        ("translate", "--config", "mesh", "--type", "router", "--label", "=x"),
        ("translate", "--config", "mesh", "--type", "router", "--ip", "localhost"),
        ("translate", "--config", "mesh", "--type", "router", "--locality", "a/b/c/d"),
        ("analyze",),
        ("completion", "tcsh"),
        ("version", "-o", "xml"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Usage:" in result.stderr


def test_analyze_when_all_is_well() -> None:
    result = run("analyze", "mesh/gateway.yaml")
    assert (result.exit_code, result.stdout) == (0, "All is well: nothing to say about 1 object.\n")


def test_analyze_in_yaml_and_json_says_the_same() -> None:
    as_yaml, as_json = run("analyze", "broken", "-o", "yaml"), run("analyze", "broken", "-o", "json")
    assert yaml.safe_load(as_yaml.stdout) == json.loads(as_json.stdout)
    assert as_yaml.exit_code == as_json.exit_code == 1


def test_version() -> None:
    found = json.loads(run("version", "-o", "json").stdout)
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert set(found) >= {"pilotfish", "grpcio", "xds-protos"}
    assert [line.split()[0] for line in run("version").stdout.splitlines()] == list(found)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script(shell: str) -> None:
    result = run("completion", shell)
    assert result.exit_code == 0
    assert f"_PILOTFISH_COMPLETE={shell}_complete" in result.stdout


def test_completion_completes() -> None:
    """What the script makes the shell run."""
    done = subprocess.run(
        [sys.executable, "-m", "xds_server"],
        env={"COMP_WORDS": "pilotfish tra", "COMP_CWORD": "1", "_PILOTFISH_COMPLETE": "bash_complete"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.split() == ["plain,translate"]
