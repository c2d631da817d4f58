"""Each case of testdata/envoy_filters is one rule: a filter, and what it changes as a diff of the printed resources."""

from __future__ import annotations

from difflib import unified_diff
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.translators import goldens, second_decoder
from translators.model.envoy_filter import EnvoyFilter
from translators.model.world import World
from translators.resources import SHORT
from translators.translate import Translator, selector_keys
from translators.validation import validate

if TYPE_CHECKING:
    from pathlib import Path

    from translators.model.proxy import ProxyView
    from translators.resources import ResourceSet

ROOM = "envoy_filters"
CASES = goldens.inputs(ROOM)
BASE = goldens.TESTDATA / ROOM / "base.yaml"
"""The objects that every case has beside its own: a gateway with two virtual hosts, two services."""


def read(path: Path) -> goldens.Case:
    case = goldens.read(path)
    base = goldens.read(BASE).world
    namespaces = [found for world in (base, case.world) for kind in world.objects.values() for found in kind.values()]
    objects = {o.key: o for found in namespaces for o in found.values()}
    world = World(mesh=case.world.mesh).apply(objects)
    return goldens.Case(world=world, view=case.view, show=case.show, full=case.full)


def without_filters(world: World) -> World:
    return world.apply({f.key: None for f in world.each(EnvoyFilter)})


def printed(resources: ResourceSet, show: tuple[str, ...] = ("CDS", "LDS", "RDS", "ECDS")) -> list[str]:
    tree: dict[str, Any] = {}
    for type_url, short in SHORT.items():
        if short in show:
            found = resources[type_url].resources
            tree[short] = [goldens.resource_tree(found[name], full=True) for name in sorted(found)]
    return yaml.safe_dump(tree, sort_keys=False, width=160).splitlines()


def translated(world: World, view: ProxyView) -> ResourceSet:
    return Translator().translate(world, view)


@pytest.mark.parametrize("path", CASES, ids=lambda p: p.name.partition(".")[0])
def test_output_is_the_golden_one(path: Path, update_goldens: bool) -> None:
    case = read(path)
    before = translated(without_filters(case.world), case.view)
    after = translated(case.world, case.view)
    changes = [
        line
        for line in unified_diff(printed(before), printed(after), n=2, lineterm="")
        if not line.startswith(("---", "+++"))
    ]
    shown = [line if not line.startswith("@@") else "@@" for line in changes]
    said = [line for line in goldens.diagnostic_lines(after.diagnostics) if "EnvoyFilter" in line]
    text = "\n".join([*(f"# {line}" for line in said), *shown]) + "\n"
    goldens.compare(path, text, update=update_goldens)


@pytest.mark.parametrize("path", CASES, ids=lambda p: p.name.partition(".")[0])
def test_objects_are_valid_and_survive_the_second_decoder(path: Path) -> None:
    case = read(path)
    for envoy_filter in case.world.each(EnvoyFilter):
        assert [d for d in validate(envoy_filter) if d.severity == "error"] == []
    for types in translated(case.world, case.view).types.values():
        for resource in types.resources.values():
            second_decoder.check(resource.type_url, resource.body)


@pytest.mark.parametrize("path", CASES, ids=lambda p: p.name.partition(".")[0])
def test_recording_changes_nothing_but_notes(path: Path) -> None:
    case = read(path)
    translator = Translator()
    plain, noted = translator.translate(case.world, case.view), translator.with_notes(case.world, case.view)
    for type_url, types in plain.types.items():
        assert types.version == noted[type_url].version
    keys = {f.key for f in case.world.each(EnvoyFilter)}
    for types in noted.types.values():
        for resource in types.resources.values():
            if keys.intersection(resource.origins):
                assert keys.intersection(origin.key for _, origin in resource.notes)


def test_what_no_patch_is_meant_for_stays_the_same_object() -> None:
    case = read(next(path for path in CASES if path.name.startswith("cluster-merge-by-service")))
    translator = Translator()
    before = translator.translate(without_filters(case.world), case.view)
    after = translator.translate(case.world, case.view, before)
    changed = {
        (SHORT[type_url], name)
        for type_url, types in after.types.items()
        for name, resource in types.resources.items()
        if before[type_url].resources.get(name) is not resource
    }
    assert changed == {("CDS", "outbound|80||reviews.default.svc.cluster.local")}


def test_selectors_of_envoy_filters_count() -> None:
    case = read(next(path for path in CASES if path.name.startswith("workload-selector")))
    assert "team" in selector_keys(case.world)


def test_every_output_has_an_input(update_goldens: bool) -> None:
    if update_goldens:
        for orphan in goldens.orphans(ROOM):
            orphan.unlink()
    assert goldens.orphans(ROOM) == []


def test_there_are_cases() -> None:
    assert len(CASES) >= 30
