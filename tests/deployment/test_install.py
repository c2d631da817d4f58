"""`pilotfish install`: what it prints, and what an API server holds once it was applied."""

from __future__ import annotations

import json
from importlib import metadata
from typing import TYPE_CHECKING

import pytest
import yaml
from click.testing import CliRunner

from tests.apiserver.cluster import ISTIO, Cluster, definition
from tests.deployment.test_chart import by_name
from xds_server.cli.main import main
from xds_server.deployment.applying import path_of
from xds_server.deployment.labels import LABELS
from xds_server.deployment.manifests import manifests
from xds_server.deployment.values import Values

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

    from tests.apiserver.emulation import Emulation


def install(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["install", *map(str, arguments)], catch_exceptions=False)


def test_it_prints_what_is_in_the_deploy_folder() -> None:
    result = install()
    assert result.exit_code == 0
    made = by_name(yaml.safe_load_all(result.stdout))
    assert made == by_name(manifests(Values(image=f"pilotfish:{metadata.version('pilotfish')}")))


def test_what_is_chosen_is_in_what_is_printed(tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text("image: a\nreplicas: 7\nautoscaling: {enabled: false}\n", encoding="utf-8")
    result = install("--namespace", "mesh", "--values", file, "--image", "b", "--no-gateway", "--no-crds")
    made = by_name(yaml.safe_load_all(result.stdout))
    assert {kind for kind, _ in made} & {"CustomResourceDefinition", "HorizontalPodAutoscaler"} == set()
    assert [name for kind, name in made if kind == "Deployment"] == ["pilotfish"]
    spec = made["Deployment", "pilotfish"]["spec"]
    assert (spec["replicas"], spec["template"]["spec"]["containers"][0]["image"]) == (7, "b")
    assert {one["metadata"].get("namespace", "mesh") for one in made.values()} == {"mesh"}


@pytest.mark.parametrize(
    ("arguments", "word"),
    [(("--kubeconfig", "x"), "--apply"), (("--values", "none"), "none"), (("--replicas", "1"), "--replicas")],
)
def test_wrong_usage(arguments: tuple[str, ...], word: str) -> None:
    result = install(*arguments)
    assert result.exit_code == 2
    assert word in result.stderr


def test_a_misspelt_value_is_named(tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text("gateway: {replicaz: 1}\n", encoding="utf-8")
    result = install("--values", file)
    assert result.exit_code == 2
    assert "replicaz" in result.stderr
    assert "$.gateway" in result.stderr


class TestApply:
    """Against the emulation, and the real API server where there is one."""

    @pytest.fixture(params=["emulation", "apiserver"])
    def bare(self, request: pytest.FixtureRequest) -> Cluster:
        if request.param == "emulation":
            server: Emulation = request.getfixturevalue("emulation")
            return Cluster(server.url, "emulated")
        real: Cluster = request.getfixturevalue("real_cluster")
        return real

    def test_all_is_there_and_a_second_time_changes_nothing(self, bare: Cluster, tmp_path: Path) -> None:
        config = bare.kubeconfig(tmp_path / "config")
        namespace = f"install-{tmp_path.name[-20:].strip('_').replace('_', '-')}"
        first = install("--apply", "--kubeconfig", config, "--namespace", namespace, "--no-crds")
        assert first.exit_code == 0, first.output
        objects = manifests(Values(), namespace, crds=False)
        assert len(first.stdout.splitlines()) == len(objects)
        assert all(line.endswith(": created") for line in first.stdout.splitlines())
        for one in objects:
            held = bare.request("GET", path_of(one))
            assert LABELS.items() <= held["metadata"]["labels"].items()
        second = install("--apply", "--kubeconfig", config, "--namespace", namespace, "--no-crds")
        assert all(line.endswith(": unchanged") for line in second.stdout.splitlines()), second.stdout
        # Nobody runs pods here. What else there is to check is well: that the account may do what it does, above all.
        checked = CliRunner().invoke(main, ["check", "--kubeconfig", str(config), "-n", namespace, "-o", "json"])
        assert {one["code"] for one in json.loads(checked.stdout)} - {"PF0143"} == {"PF0146", "PF0147", "PF0148"}

    def test_definitions_of_others_are_left_alone(self, emulation: Emulation, tmp_path: Path) -> None:
        cluster = Cluster(emulation.url, "emulated")
        theirs = next(one for one in ISTIO if one.kind == "Gateway")
        cluster.apply(definition(theirs))
        result = install("--apply", "--kubeconfig", cluster.kubeconfig(tmp_path / "config"))
        lines = [line for line in result.stdout.splitlines() if line.startswith("CustomResourceDefinition")]
        assert [line for line in lines if "created" not in line] == [
            "CustomResourceDefinition gateways.networking.istio.io: left alone: it is not ours"
        ]
        held = cluster.request(
            "GET", f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{theirs.plural}.{theirs.group}"
        )
        assert held["spec"] == definition(theirs)["spec"]

    def test_a_refusal_is_said(self, emulation: Emulation, tmp_path: Path) -> None:
        emulation.forbidden.add(("patch", "namespaces"))
        config = Cluster(emulation.url, "emulated").kubeconfig(tmp_path / "config")
        result = install("--apply", "--kubeconfig", config)
        assert result.exit_code == 1
        assert "403 Forbidden" in result.stderr

    def test_an_api_server_that_is_away_is_said(self, emulation: Emulation, tmp_path: Path) -> None:
        config = Cluster(emulation.url, "emulated").kubeconfig(tmp_path / "config")
        emulation.stop()
        result = install("--apply", "--kubeconfig", config)
        assert result.exit_code == 1
        assert emulation.url in result.stderr
