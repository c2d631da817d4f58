"""Helm and kustomize make of `deploy/` what `pilotfish install` applies. Where they are not there, a small reading of
the same files is tested in their place.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from tests.deployment.charts import rendered
from tests.require import require
from xds_server.deployment.manifests import manifests
from xds_server.deployment.values import Values, read_values, values_schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

DEPLOY: Final = Path(__file__).parents[2] / "deploy"
CHART: Final = DEPLOY / "helm" / "pilotfish"
DEFAULTS: Final = yaml.safe_load((CHART / "values.yaml").read_text())
CHOSEN: Final[dict[str, dict[str, Any]]] = {
    "defaults": {},
    "no gateway": {"gateway": {"enabled": False}},
    "no autoscalers": {
        "replicas": 3,
        "autoscaling": {"enabled": False},
        "gateway": {"replicas": 1, "autoscaling": {"enabled": False}},
    },
    "everything else": {
        "image": "example.com/pilotfish@sha256:0",
        "imagePullPolicy": "Always",
        "imagePullSecrets": [{"name": "a"}],
        "clusterDomain": "example.local",
        "autoscaling": {"minReplicas": 3, "maxReplicas": 9, "cpuPercent": 50},
        "resources": {"requests": {"cpu": "1"}, "limits": {"cpu": "2", "memory": "1Gi"}},
        "drainSeconds": 0,
        "shutdownSeconds": 60,
        "logLevel": "debug",
        "extraArgs": ["--max-streams", "7", "it's {{ odd }}: yes"],
        "nodeSelector": {"a/b": "c"},
        "tolerations": [{"key": "x", "operator": "Exists"}],
        "gateway": {
            "image": "example.com/envoy:1",
            "autoscaling": {"maxReplicas": 3},
            "resources": {"limits": {"memory": "2Gi"}},
            "serviceType": "NodePort",
            "drainSeconds": 30,
            "nodeSelector": {"d": "e"},
            "tolerations": [{"operator": "Exists"}],
        },
    },
}
_SILENT: Final = ("imagePullSecrets", "nodeSelector", "tolerations")


def merged(defaults: dict[str, Any], chosen: dict[str, Any]) -> dict[str, Any]:
    """Return values as Helm merges them: mappings key by key, all else whole."""
    made = dict(defaults)
    for key, value in chosen.items():
        both = isinstance(value, dict) and isinstance(made.get(key), dict)
        made[key] = merged(made[key], value) if both else value
    return made


def by_name(objects: Iterable[dict[str, Any] | None]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return objects by kind and name, without what is empty and need not be said."""
    found = {(one["kind"], one["metadata"]["name"]): _bare(one) for one in objects if one is not None}
    return dict(sorted(found.items()))


def _bare(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {key: _bare(item) for key, item in value.items() if not (key in _SILENT and not item)}
        if kept.keys() == {"requests", "limits"}:
            kept = {key: item for key, item in kept.items() if item}
        return kept
    return [_bare(item) for item in value] if isinstance(value, list) else value


def installed(chosen: dict[str, Any], namespace: str = "mesh") -> dict[tuple[str, str], dict[str, Any]]:
    """Return what `pilotfish install` makes of the same values, but for what a chart leaves to Helm."""
    values = merged(DEFAULTS, chosen)
    objects = manifests(read_values(values), namespace, crds=False)
    return by_name(one for one in objects if one["kind"] != "Namespace")


@pytest.mark.parametrize("name", CHOSEN)
def test_the_chart_makes_what_install_applies(name: str) -> None:
    values = merged(DEFAULTS, CHOSEN[name])
    made = [
        one
        for template in sorted((CHART / "templates").iterdir())
        for one in rendered(template.read_text(encoding="utf-8"), values, "mesh")
    ]
    assert by_name(made) == installed(CHOSEN[name])


@pytest.mark.parametrize("name", CHOSEN)
def test_so_does_helm(name: str, tmp_path: Path) -> None:
    require("helm")
    (tmp_path / "values.yaml").write_text(json.dumps(CHOSEN[name]), encoding="utf-8")
    text = _said("helm", "template", "pilotfish", CHART, "-n", "mesh", "-f", tmp_path / "values.yaml", *_VERSION)
    assert by_name(yaml.safe_load_all(text)) == installed(CHOSEN[name])


_VERSION: Final = ("--kube-version", "1.35.0")


@pytest.mark.parametrize(
    ("setting", "word"),
    [("replicas=0", "replicas"), ("replicaz=3", "replicaz"), ("logLevel=loud", "logLevel"), ("gateway.x=1", "gateway")],
)
def test_helm_refuses_values_that_do_not_fit(setting: str, word: str) -> None:
    require("helm")
    with pytest.raises(subprocess.CalledProcessError) as caught:
        _said("helm", "template", "pilotfish", CHART, "--set", setting, *_VERSION)
    assert word in caught.value.stderr


def test_helm_finds_nothing_to_say_about_the_chart() -> None:
    require("helm")
    assert "0 chart(s) failed" in _said("helm", "lint", CHART, "--strict")


def test_the_defaults_of_the_chart_are_those_of_install() -> None:
    assert read_values(DEFAULTS) == Values(image=DEFAULTS["image"])


@pytest.mark.parametrize("tree", [{"replicas": 0}, {"replicaz": 3}, {"gateway": {"drainSeconds": "5"}}, [], "x"])
def test_values_that_do_not_fit_are_refused(tree: object) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        read_values(tree)


def test_the_schema_describes_each_value() -> None:
    found = values_schema()["$defs"]
    assert found["Values"]["properties"].keys() == DEFAULTS.keys() | {"global"}
    assert found["Gateway"]["properties"].keys() == DEFAULTS["gateway"].keys()
    assert all(one["additionalProperties"] is False for one in found.values())


def test_the_page_names_each_value() -> None:
    page = (DEPLOY.parent / "docs" / "install.md").read_text(encoding="utf-8")
    gateway = page.partition("| `gateway.enabled`")[2].partition("\n\n")[0]
    assert [key for key in DEFAULTS if f"`{key}" not in page] == []
    named = set(re.findall(r"[`.](\w+)`", gateway)) | {"enabled"}
    assert DEFAULTS["gateway"].keys() <= named


def kustomized(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of a folder for kustomize that has nothing but resources."""
    found = yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8"))
    assert found.keys() == {"apiVersion", "kind", "resources"}
    for name in found["resources"]:
        path = folder / name
        yield from kustomized(path) if path.is_dir() else yaml.safe_load_all(path.read_text(encoding="utf-8"))


def test_everything_for_kustomize_is_what_install_applies() -> None:
    made = by_name(kustomized(DEPLOY / "kustomize" / "overlays" / "everything"))
    assert made == by_name(manifests(Values(image=DEFAULTS["image"])))


@pytest.mark.parametrize("folder", ["base", "crds", "gateway", "overlays/everything"])
def test_so_does_kustomize(folder: str) -> None:
    require("kustomize")
    text = _said("kustomize", "build", DEPLOY / "kustomize" / folder)
    assert by_name(yaml.safe_load_all(text)) == by_name(kustomized(DEPLOY / "kustomize" / folder))


def test_one_node_needs_one_pod_of_each() -> None:
    require("kustomize")
    made = by_name(yaml.safe_load_all(_said("kustomize", "build", DEPLOY / "kustomize" / "overlays" / "one-node")))
    deployments = {name: one["spec"]["replicas"] for (kind, name), one in made.items() if kind == "Deployment"}
    assert deployments == {"pilotfish": 1, "istio-ingressgateway": 1}
    assert not any(kind == "HorizontalPodAutoscaler" for kind, _ in made)
    assert made["Service", "istio-ingressgateway"]["spec"]["type"] == "NodePort"


def test_the_definitions_of_the_chart_are_those_for_kustomize() -> None:
    assert (CHART / "crds/crds.yaml").read_bytes() == (DEPLOY / "kustomize/crds/crds.yaml").read_bytes()


def _said(*command: object) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout
