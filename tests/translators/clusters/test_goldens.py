"""Each case of testdata/clusters is one rule; see tests/translators/goldens.py for how to add one."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.envoy.harness.certificates import Authority
from tests.require import envoy_binary, require
from tests.translators import goldens, second_decoder
from tests.translators.second_decoder import first_decoder
from tests.translators.worlds import Scene
from translators.clusters.upstream_tls import SYSTEM_CERTIFICATES
from translators.memo import Memo, Recording
from translators.model.meta import ObjectKey
from translators.resources import CLUSTER, ENDPOINT
from translators.validation import validate

if TYPE_CHECKING:
    from pathlib import Path

    from translators.clusters import ClusterOutput
    from translators.memo import Steps

ROOM = "clusters"
CASES = goldens.inputs(ROOM)


def name(path: Path) -> str:
    return path.name.removesuffix(".in.yaml")


def output(case: goldens.Case, steps: Steps) -> ClusterOutput:
    scene = Scene(case.world, steps)
    return scene.output(scene.everything(case.view), case.view)


@pytest.mark.parametrize("path", CASES, ids=name)
def test_output_is_the_golden_one(path: Path, update_goldens: bool) -> None:
    case = goldens.read(path)
    made = output(case, Memo())
    tree = {
        "clusters": [goldens.resource_tree(r) for r in made.clusters],
        "endpoints": [goldens.resource_tree(r) for r in made.assignments],
        "diagnostics": goldens.diagnostic_lines(made.diagnostics),
    }
    goldens.compare(path, goldens.text(tree), update=update_goldens)


@pytest.mark.parametrize("path", CASES, ids=name)
def test_objects_are_valid(path: Path) -> None:
    world = goldens.read(path).world
    problems = [
        d for kind in world.objects.values() for names in kind.values() for o in names.values() for d in validate(o)
    ]
    assert [d for d in problems if d.severity == "error"] == []


@pytest.mark.parametrize("path", CASES, ids=name)
def test_every_resource_survives_the_second_decoder(path: Path) -> None:
    made = output(goldens.read(path), Memo())
    for resource in (*made.clusters, *made.assignments):
        assert second_decoder.check(resource.type_url, resource.body) >= 1


@pytest.mark.parametrize("path", CASES, ids=name)
def test_references_are_whole(path: Path) -> None:
    """Each EDS cluster has exactly one assignment of its name, and every resource an object that it comes from."""
    case = goldens.read(path)
    made = output(case, Memo())
    assert [ref for r in made.clusters for ref in r.refs] == [(ENDPOINT, r.name) for r in made.assignments]
    for resource in (*made.clusters, *made.assignments):
        message: Any = first_decoder(resource.type_url, resource.body)
        assert resource.name == (message.name if resource.type_url == CLUSTER else message.cluster_name)
        assert resource.origins
        assert all(case.world.get(key) is not None for key in resource.origins)


@pytest.mark.parametrize("path", CASES, ids=name)
def test_recording_changes_nothing_but_notes(path: Path) -> None:
    case = goldens.read(path)
    plain, recorded = output(case, Memo()), output(case, Recording())
    assert [r.body for r in (*plain.clusters, *plain.assignments)] == [
        r.body for r in (*recorded.clusters, *recorded.assignments)
    ]
    assert plain.diagnostics == recorded.diagnostics
    assert not any(r.notes for r in (*plain.clusters, *plain.assignments))
    for resource in (*recorded.clusters, *recorded.assignments):
        assert resource.notes[0][0] == ""
        assert {origin.key for _, origin in resource.notes} <= set(resource.origins)


@pytest.mark.parametrize("path", CASES, ids=name)
def test_the_order_of_destinations_does_not_matter(path: Path) -> None:
    case = goldens.read(path)
    scene = Scene(case.world)
    destinations = scene.everything(case.view)
    once = scene.output(destinations, case.view)
    again = scene.output([*reversed(destinations), *destinations], case.view)
    assert (again.clusters, again.assignments) == (once.clusters, once.assignments)
    assert set(again.diagnostics) == set(once.diagnostics)


def certificate_files(folder: Path) -> dict[str, Path]:
    """Return a file for each that the cases name, since Envoy reads them even to validate."""
    authority = Authority(folder / "certificates")
    names = ("ca.pem", "cert.pem", "key.pem", "crl.pem")
    files = (authority.path, *authority.issue("client", "client.example"), authority.revoke())
    of_cases = {f"/etc/certs/{name}": file for name, file in zip(names, files, strict=True)}
    return of_cases | {SYSTEM_CERTIFICATES: authority.path}


def test_envoy_accepts_every_cluster(tmp_path: Path) -> None:
    require("envoy")
    clusters = []
    files = certificate_files(tmp_path)
    for path in CASES:
        for resource in output(goldens.read(path), Memo()).clusters:
            clusters.append(goldens.resource_tree(resource) | {"name": f"{name(path)}/{resource.name}"})
            if "eds_cluster_config" in clusters[-1]:
                clusters[-1]["eds_cluster_config"]["service_name"] = clusters[-1]["name"]
    assert len(clusters) > len(CASES)
    text = json.dumps(clusters)
    for named, real in files.items():
        assert named in text
        text = text.replace(f'"{named}"', json.dumps(str(real)))
    clusters = json.loads(text)
    xds = {"name": "xds", "type": "STATIC", "connect_timeout": "1s", "load_assignment": {"cluster_name": "xds"}}
    bootstrap = {
        "node": {"id": "router~127.0.0.1~gw.default~default.svc.cluster.local", "cluster": "gw"},
        "dynamic_resources": {
            "ads_config": {"api_type": "GRPC", "grpc_services": [{"envoy_grpc": {"cluster_name": "xds"}}]}
        },
        "static_resources": {"clusters": [xds, *clusters]},
    }
    config = tmp_path / "envoy.json"
    config.write_text(json.dumps(bootstrap))
    # A static bootstrap is read strictly: an unknown field would fail it.
    done = subprocess.run(
        [str(envoy_binary()), "--mode", "validate", "-c", str(config), "--use-dynamic-base-id"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr[-2000:] if done.returncode else "") == (0, "")


def test_every_output_has_an_input(update_goldens: bool) -> None:
    if update_goldens:
        for orphan in goldens.orphans(ROOM):
            orphan.unlink()
    assert goldens.orphans(ROOM) == []


def test_there_are_cases() -> None:
    assert len(CASES) >= 30


def test_a_part_of_a_cluster_names_the_field_that_made_it() -> None:
    (path,) = (p for p in CASES if name(p) == "policy-full")
    (resource,) = output(goldens.read(path), Recording()).clusters
    key = ObjectKey("DestinationRule", "default", "reviews")
    top = "spec.trafficPolicy"
    paths = {note: origin.path for note, origin in resource.notes if origin.key == key}
    options = 'typed_extension_protocol_options["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"]'
    assert (
        paths.items()
        >= {
            "connect_timeout": f"{top}.connectionPool.tcp.connectTimeout",
            "circuit_breakers.thresholds[0].max_connections": f"{top}.connectionPool.tcp.maxConnections",
            "circuit_breakers.thresholds[0].max_pending_requests": f"{top}.connectionPool.http.http1MaxPendingRequests",
            "outlier_detection.consecutive_5xx": f"{top}.outlierDetection.consecutive5xxErrors",
            "common_lb_config.healthy_panic_threshold": f"{top}.outlierDetection.minHealthPercent",
            "lb_policy": f"{top}.loadBalancer.simple",
            "round_robin_lb_config": f"{top}.loadBalancer.warmup",
            "circuit_breakers.thresholds[0].retry_budget": f"{top}.retryBudget",
        }.items()
    )
    assert {origin.path for note, origin in resource.notes if note == options} >= {
        f"{top}.connectionPool.http.idleTimeout",
        f"{top}.connectionPool.tcp.maxConnectionDuration",
        f"{top}.outlierDetection.outlierDetectionHttpErrorCodes",
    }
