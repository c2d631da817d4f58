"""The extension point: changes of every kind, what cannot be done, and the example of the docs as its users run it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import warnings
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_components_pb2 import Route
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret

from tests.translators import goldens
from translators.extensions import Change, NamedExtension
from translators.model.origin import implicit
from translators.resources import CLUSTER, LISTENER, ROUTE
from translators.translate import Translation, Translator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from translators.model.proxy import ProxyView
    from translators.model.world import World

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "extensions.md").read_text(encoding="utf-8")
CASE = goldens.read(goldens.TESTDATA / "envoy_filters" / "base.yaml")
REVIEWS = "outbound|80||reviews.default.svc.cluster.local"


def translated(*changes: Change) -> Translation:
    """Translate with one extension that asks for these changes."""

    def extension(_world: World, _view: ProxyView) -> Iterator[Change]:
        yield from changes

    return Translator((NamedExtension("test", extension),)).translate(CASE.world, CASE.view)


def said(translation: Translation) -> list[str]:
    return [f"{d.code} {d.message}" for d in translation.diagnostics if d.code.startswith("PF13")]


def cluster(translation: Translation, name: str) -> Cluster:
    return Cluster.FromString(translation[CLUSTER].resources[name].body)


def test_a_resource_is_added_replaced_and_removed() -> None:
    made = translated(
        Change(message=Cluster(name="extra")),
        Change(message=Cluster(name=REVIEWS, alt_stat_name="all new")),
        Change(type_url=LISTENER, name="0.0.0.0_80"),
        Change(type_url=ROUTE, name="not there"),
    )
    assert sorted(made[CLUSTER].resources) == ["extra", REVIEWS]
    assert cluster(made, REVIEWS) == Cluster(name=REVIEWS, alt_stat_name="all new")
    assert not made[LISTENER].resources
    assert made[CLUSTER].resources["extra"].origins == (implicit("extension test").key,)
    assert said(made) == []


def test_a_resource_is_merged() -> None:
    made = translated(
        Change(message=Cluster(name=REVIEWS, alt_stat_name="patched"), merge=True),
        Change(message=Cluster(name="not there"), merge=True),
    )
    assert sorted(made[CLUSTER].resources) == [REVIEWS]
    merged = cluster(made, REVIEWS)
    assert (merged.alt_stat_name, merged.connect_timeout.seconds) == ("patched", 10)
    assert implicit("extension test").key in made[CLUSTER].resources[REVIEWS].origins


def test_messages_of_the_second_library_are_taken() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pydantic, about the library's own code
        second = import_module("envoy_data_plane.envoy.config.cluster.v3")
    made = translated(Change(message=second.Cluster(name="extra", alt_stat_name="second")))
    assert cluster(made, "extra") == Cluster(name="extra", alt_stat_name="second")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (Change(message=Cluster()), "a Cluster has no name"),
        (Change(message=Secret(name="a")), "Secret cannot be changed"),
        (Change(message=Route(name="a")), "Route cannot be changed"),
        (Change(), "nothing cannot be changed"),
        (Change(message=b"bytes"), "bytes is no message"),
    ],
    ids=["no name", "a secret", "a part of a resource", "nothing", "no message"],
)
def test_what_cannot_be_done_is_said_and_the_rest_is(change: Change, message: str) -> None:
    made = translated(change, Change(message=Cluster(name="extra")))
    (line,) = said(made)
    assert line.startswith("PF1302")
    assert message in line
    assert "extra" in made[CLUSTER].resources


def test_an_extension_that_fails_is_left_out_whole() -> None:
    broken_promise = RuntimeError("no idea")

    def broken(_world: World, _view: ProxyView) -> Iterator[Change]:
        yield Change(message=Cluster(name="extra"))
        raise broken_promise

    def sound(_world: World, _view: ProxyView) -> list[Change]:
        return [Change(message=Listener(name="sound"))]

    extensions = (NamedExtension("broken", broken), NamedExtension("sound", sound))
    made = Translator(extensions).translate(CASE.world, CASE.view)
    assert said(made) == ["PF1301 RuntimeError: no idea"]
    assert sorted(made[CLUSTER].resources) == [REVIEWS]
    assert "sound" in made[LISTENER].resources


def test_the_example_of_the_docs_works_as_it_is_installed(tmp_path: Path) -> None:
    code, project = re.findall(r"```(?:python|toml)\n(.*?)```", PAGE, re.DOTALL)
    site = tmp_path / "site"
    info = site / "max_requests-1.dist-info"
    info.mkdir(parents=True)
    (site / "max_requests.py").write_text(code, encoding="utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: max-requests\nVersion: 1\n", encoding="utf-8")
    entry = re.search(r'"pilotfish.extensions"\]\n(.*?)\n', project)
    assert entry is not None
    (info / "entry_points.txt").write_text(f"[pilotfish.extensions]\n{entry[1]}\n".replace('"', ""), encoding="utf-8")
    objects = (goldens.TESTDATA / "envoy_filters" / "base.yaml").read_text(encoding="utf-8").split("\n---\n")
    documents = [yaml.safe_load(text) for text in objects]
    for document in documents:
        document["apiVersion"] = goldens.API_VERSIONS[document["kind"]]
        if document["metadata"]["name"] == "reviews":
            document["metadata"]["annotations"] = {"example.com/max-requests": "7"}
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump_all(documents), encoding="utf-8")
    command = ["translate", "--config", str(config), "--type", "router", "--label", "istio=ingressgateway"]
    result = subprocess.run(
        [sys.executable, "-m", "xds_server", *command, "--namespace", "istio-system"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(site), str(ROOT)))},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "max-requests" in result.stdout  # the comment that names what is behind the resource
    (found,) = yaml.safe_load(result.stdout)["clusters"]
    assert found["circuit_breakers"]["thresholds"][1] == {"priority": "HIGH", "max_requests": 7}
