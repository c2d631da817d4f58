"""Each case of testdata/gateways is one rule; see tests/translators/goldens.py for how to add one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.translators import goldens, second_decoder
from tests.translators.gateways.translation import gateway_output
from tests.translators.second_decoder import first_decoder
from translators.memo import Memo, Recording
from translators.resources import CLUSTER, LISTENER, ROUTE, SECRET
from translators.validation import validate

if TYPE_CHECKING:
    from pathlib import Path

    from translators.gateways import GatewayOutput
    from translators.resources import Resource

ROOM = "gateways"
CASES = goldens.inputs(ROOM)
REFUSED = {"weights-all-zero.in.yaml"}
"""Cases whose object validation refuses; the translation must cope even so."""


def resources_of(made: GatewayOutput) -> tuple[Resource, ...]:
    return (*made.listeners, *made.routes, *made.secrets)


def name(path: Path) -> str:
    return path.name.removesuffix(".in.yaml")


@pytest.mark.parametrize("path", CASES, ids=name)
def test_output_is_the_golden_one(path: Path, update_goldens: bool) -> None:
    case = goldens.read(path)
    made = gateway_output(case, Memo())
    resources = {"listeners": made.listeners, "routes": made.routes, "secrets": made.secrets}
    tree = {
        kind: [goldens.chains_tree(r) for r in made.listeners]
        if kind == "chains"
        else [goldens.resource_tree(r, full=case.full) for r in resources[kind]]
        for kind in case.show
    }
    tree["clusters"] = [d.cluster_name for d in made.destinations]
    tree["diagnostics"] = goldens.diagnostic_lines(made.diagnostics)
    goldens.compare(path, goldens.text(tree), update=update_goldens)


@pytest.mark.parametrize("path", CASES, ids=name)
def test_objects_are_valid(path: Path) -> None:
    case = goldens.read(path)
    errors = [d for objects in case.world.objects.values() for names in objects.values() for o in names.values()
              for d in validate(o) if d.severity == "error"]  # fmt: skip
    assert (errors == []) is (path.name not in REFUSED)


@pytest.mark.parametrize("path", CASES, ids=name)
def test_every_resource_survives_the_second_decoder(path: Path) -> None:
    made = gateway_output(goldens.read(path), Memo())
    for resource in resources_of(made):
        assert second_decoder.check(resource.type_url, resource.body) >= 1


@pytest.mark.parametrize("path", CASES, ids=name)
def test_joined_bytes_are_those_of_a_whole_message(path: Path) -> None:
    made = gateway_output(goldens.read(path), Memo())
    for resource in resources_of(made):
        message = first_decoder(resource.type_url, resource.body)
        assert message.SerializeToString(deterministic=True) == resource.body


@pytest.mark.parametrize("path", CASES, ids=name)
def test_references_are_whole(path: Path) -> None:
    """Listeners name their route configurations, Secrets and clusters, route configurations their clusters; nothing is
    there that is not named, and all have an origin.
    """
    made = gateway_output(goldens.read(path), Memo())
    by_listeners = dict.fromkeys(ref for r in made.listeners for ref in r.refs)  # HTTP/3 shares routes
    assert [ref for ref in by_listeners if ref[0] == ROUTE] == [(ROUTE, r.name) for r in made.routes]
    of_files = {(t, name) for t, name in by_listeners if t == SECRET and name.startswith("file-")}
    assert of_files == {(SECRET, r.name) for r in made.secrets}
    named = {ref for r in (*made.listeners, *made.routes) for ref in r.refs if ref[0] == CLUSTER}
    assert {(CLUSTER, d.cluster_name) for d in made.destinations} <= named
    assert all(r.origins for r in resources_of(made))
    assert [{r.type_url for r in part} <= {t} for part, t in (
        (made.listeners, LISTENER), (made.routes, ROUTE), (made.secrets, SECRET)
    )] == [True, True, True]  # fmt: skip


@pytest.mark.parametrize("path", CASES, ids=name)
def test_recording_changes_nothing_but_notes(path: Path) -> None:
    """With a recorder the bytes are the same, and every route says which field it comes from."""
    case = goldens.read(path)
    plain, recorded = gateway_output(case, Memo()), gateway_output(case, Recording())
    assert [r.body for r in resources_of(plain)] == [r.body for r in resources_of(recorded)]
    assert plain.diagnostics == recorded.diagnostics
    assert not any(r.notes for r in resources_of(plain))
    for resource in recorded.routes:
        message = first_decoder(resource.type_url, resource.body)
        noted = {note for note, _ in resource.notes}
        for i, host in enumerate(message.virtual_hosts):  # type: ignore[attr-defined] # a RouteConfiguration
            assert {f"virtual_hosts[{i}].routes[{j}]" for j, _ in enumerate(host.routes)} <= noted
        assert {origin.key for _, origin in resource.notes} <= set(resource.origins)


def test_every_output_has_an_input(update_goldens: bool) -> None:
    if update_goldens:
        for orphan in goldens.orphans(ROOM):
            orphan.unlink()
    assert goldens.orphans(ROOM) == []


def test_there_are_cases() -> None:
    assert len(CASES) >= 40
