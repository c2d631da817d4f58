"""Each case of testdata/proxyless is one rule; see tests/translators/goldens.py for how to add one.

Here `show` knows `names`, the listeners' names alone, beside the four types of resources, and `only` is what the names
of shown listeners begin with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.translators import goldens, second_decoder
from tests.translators.second_decoder import first_decoder
from translators.resources import CLUSTER, ENDPOINT, LISTENER, ROUTE, Resource
from translators.translate import Translator
from translators.validation import validate

if TYPE_CHECKING:
    from pathlib import Path

    from translators.resources import ResourceSet

ROOM = "proxyless"
CASES = goldens.inputs(ROOM)
SHOWN = {"listeners": LISTENER, "routes": ROUTE, "clusters": CLUSTER, "endpoints": ENDPOINT}
SERVERS = "xds.istio.io/"


def name(path: Path) -> str:
    return path.name.removesuffix(".in.yaml")


def served(path: Path) -> ResourceSet:
    case = goldens.read(path)
    return Translator().translate(case.world, case.view)


def noted(path: Path) -> ResourceSet:
    case = goldens.read(path)
    return Translator().with_notes(case.world, case.view)


def listed(resources: ResourceSet, type_url: str) -> list[Resource]:
    return [resources[type_url].resources[name] for name in sorted(resources[type_url].resources)]


def everything(resources: ResourceSet) -> list[Resource]:
    return [resource for type_url in SHOWN.values() for resource in listed(resources, type_url)]


@pytest.mark.parametrize("path", CASES, ids=name)
def test_output_is_the_golden_one(path: Path, update_goldens: bool) -> None:
    case = goldens.read(path)
    settings = next(yaml.safe_load_all(path.read_text(encoding="utf-8")))
    made = served(path)
    tree: dict[str, Any] = {}
    for kind in case.show:
        if kind == "names":
            tree[kind] = [r.name for r in listed(made, LISTENER) if not r.name.startswith(SERVERS)]
            continue
        only = settings.get("only", "") if kind == "listeners" else ""
        tree[kind] = [goldens.resource_tree(r) for r in listed(made, SHOWN[kind]) if r.name.startswith(only)]
    tree["diagnostics"] = goldens.diagnostic_lines(made.diagnostics)
    goldens.compare(path, goldens.text(tree), update=update_goldens)


@pytest.mark.parametrize("path", CASES, ids=name)
def test_objects_are_valid(path: Path) -> None:
    world = goldens.read(path).world
    found = [o for objects in world.objects.values() for names in objects.values() for o in names.values()]
    assert [d for o in found for d in validate(o) if d.severity == "error"] == []


@pytest.mark.parametrize("path", CASES, ids=name)
def test_every_resource_survives_the_second_decoder(path: Path) -> None:
    for resource in everything(served(path)):
        assert second_decoder.check(resource.type_url, resource.body) >= 1


@pytest.mark.parametrize("path", CASES, ids=name)
def test_references_are_whole(path: Path) -> None:
    """Each client's listener names a route configuration that is there, and what routes reach is there, too."""
    made = served(path)
    for listener in listed(made, LISTENER):
        assert [t for t, _ in listener.refs] == ([] if listener.name.startswith(SERVERS) else [ROUTE])
        assert all(name in made[ROUTE].resources for _, name in listener.refs)
    named = {ref for route in listed(made, ROUTE) for ref in route.refs}
    assert {(CLUSTER, name) for name in made[CLUSTER].resources} <= named
    assert {name for cluster in listed(made, CLUSTER) for _, name in cluster.refs} == set(made[ENDPOINT].resources)
    assert all(r.origins for r in everything(made))


@pytest.mark.parametrize("path", CASES, ids=name)
def test_recording_changes_nothing_but_notes(path: Path) -> None:
    plain, recorded = served(path), noted(path)
    assert [r.body for r in everything(plain)] == [r.body for r in everything(recorded)]
    assert plain.diagnostics == recorded.diagnostics
    assert not any(r.notes for r in everything(plain))
    assert all(r.notes for r in everything(recorded))
    for resource in everything(recorded):
        assert {origin.key for _, origin in resource.notes} <= set(resource.origins)


@pytest.mark.parametrize("path", CASES, ids=name)
def test_every_route_of_a_virtual_service_says_where_it_is_from(path: Path) -> None:
    for resource in listed(noted(path), ROUTE):
        if all(key.kind != "VirtualService" for key in resource.origins):
            continue
        message = first_decoder(resource.type_url, resource.body)
        notes = {path for path, _ in resource.notes}
        host = message.virtual_hosts[0]  # type: ignore[attr-defined] # a RouteConfiguration
        assert {f"virtual_hosts[0].routes[{j}]" for j, _ in enumerate(host.routes)} <= notes


def test_every_output_has_an_input(update_goldens: bool) -> None:
    if update_goldens:
        for orphan in goldens.orphans(ROOM):
            orphan.unlink()
    assert goldens.orphans(ROOM) == []


def test_there_are_cases() -> None:
    assert len(CASES) >= 10
