"""Each case of testdata/sidecars is one rule; see tests/translators/goldens.py for how to add one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.translators import goldens, second_decoder
from tests.translators.second_decoder import first_decoder
from tests.translators.sidecars.shown import resources, shown, translated
from translators.resources import CLUSTER, ENDPOINT, LISTENER, ROUTE, TYPES
from translators.translate import Translator
from translators.validation import validate

if TYPE_CHECKING:
    from pathlib import Path

ROOM = "sidecars"
CASES = goldens.inputs(ROOM)
SHOWN = ("listeners", "routes")


def name(path: Path) -> str:
    return path.name.removesuffix(".in.yaml")


@pytest.mark.parametrize("path", CASES, ids=name)
def test_output_is_the_golden_one(path: Path, update_goldens: bool) -> None:
    case = goldens.read(path, SHOWN)
    assert case.view.type == "sidecar"
    goldens.compare(path, goldens.text(shown(translated(case), case)), update=update_goldens)


@pytest.mark.parametrize("path", CASES, ids=name)
def test_objects_are_valid(path: Path) -> None:
    world = goldens.read(path).world
    errors = [d for objects in world.objects.values() for names in objects.values() for o in names.values()
              for d in validate(o) if d.severity == "error"]  # fmt: skip
    assert errors == []


@pytest.mark.parametrize("path", CASES, ids=name)
def test_every_resource_survives_the_second_decoder(path: Path) -> None:
    made = translated(goldens.read(path))
    for type_url in TYPES:
        for resource in resources(made, type_url):
            assert second_decoder.check(resource.type_url, resource.body) >= 1
            message = first_decoder(resource.type_url, resource.body)
            assert message.SerializeToString(deterministic=True) == resource.body


@pytest.mark.parametrize("path", CASES, ids=name)
def test_references_are_whole(path: Path) -> None:
    """What a listener names is there, and nothing that is not named; a route may name a cluster that does not exist."""
    made = translated(goldens.read(path))
    named = {ref for r in resources(made, LISTENER) for ref in r.refs}
    assert {n for t, n in named if t == ROUTE} == set(made[ROUTE].resources)
    missing = {n for t, n in named if t == CLUSTER} - set(made[CLUSTER].resources)
    assert all(d.code.startswith("PF070") for d in made.diagnostics) if missing else not missing
    assert {n for r in resources(made, CLUSTER) for t, n in r.refs if t == ENDPOINT} == set(made[ENDPOINT].resources)
    assert all(r.origins for type_url in TYPES for r in resources(made, type_url))


@pytest.mark.parametrize("path", CASES, ids=name)
def test_recording_changes_nothing_but_notes(path: Path) -> None:
    """With a recorder the bytes are the same, and every route of a service says which field it comes from."""
    case = goldens.read(path)
    plain, noted = translated(case), Translator().with_notes(case.world, case.view)
    assert plain.diagnostics == noted.diagnostics
    for type_url in TYPES:
        assert {n: r.body for n, r in plain[type_url].resources.items()} == {
            n: r.body for n, r in noted[type_url].resources.items()
        }
        assert not any(r.notes for r in resources(plain, type_url))
        for resource in resources(noted, type_url):
            assert {origin.key for _, origin in resource.notes} <= set(resource.origins)
    for resource in resources(noted, ROUTE):
        message = first_decoder(resource.type_url, resource.body)
        paths = {path for path, _ in resource.notes}
        for i, host in enumerate(message.virtual_hosts):  # type: ignore[attr-defined] # a RouteConfiguration
            if host.name not in {"allow_any", "block_all"}:
                assert {f"virtual_hosts[{i}].routes[{j}]" for j, _ in enumerate(host.routes)} <= paths


@pytest.mark.parametrize("path", CASES, ids=name)
def test_no_domain_stands_twice(path: Path) -> None:
    """Envoy refuses a route configuration in which two virtual hosts have a domain."""
    for resource in resources(translated(goldens.read(path)), ROUTE):
        hosts = first_decoder(resource.type_url, resource.body).virtual_hosts  # type: ignore[attr-defined] # see above
        domains = [domain for host in hosts for domain in host.domains]
        assert len(domains) == len(set(domains))
        assert all(host.domains for host in hosts)
        assert len({host.name for host in hosts}) == len(hosts)


def test_every_output_has_an_input(update_goldens: bool) -> None:
    if update_goldens:
        for orphan in goldens.orphans(ROOM):
            orphan.unlink()
    assert goldens.orphans(ROOM) == []
