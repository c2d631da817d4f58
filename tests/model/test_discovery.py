"""discoverySelectors: objects of namespaces that are not selected are not there, and come and go with a label."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.translators.worlds import objects, with_objects, world
from translators.model.decode import decode_mesh_config
from translators.model.discovery import NamespaceSelector, SelectorRequirement, is_discovered
from translators.model.kubernetes import EndpointSlice, Pod, Service
from translators.model.mesh_config import MeshConfig
from translators.model.meta import ObjectKey
from translators.model.world import World

if TYPE_CHECKING:
    from random import Random

    from translators.model.meta import KubeObject

REQUIRES = SelectorRequirement
MESH = MeshConfig(discovery_selectors=(NamespaceSelector(match_labels={"mesh": "yes"}),))
IN = "{kind: Namespace, metadata: {name: a, labels: {mesh: 'yes'}}}"
OUT = "{kind: Namespace, metadata: {name: a}}"
SHOP = """
{kind: Service, metadata: {name: shop, namespace: a}, spec: {ports: [{port: 80}]}}
---
kind: EndpointSlice
metadata: {name: shop-1, namespace: a, labels: {kubernetes.io/service-name: shop}}
ports: [{port: 8080}]
endpoints: [{addresses: [10.1.0.1], targetRef: {kind: Pod, name: shop-x}}]
---
{kind: Pod, metadata: {name: shop-x, namespace: a}, status: {podIP: 10.1.0.1}}
---
{kind: Node, metadata: {name: n1}}
"""
SERVICE = ObjectKey("Service", "a", "shop")


def parts(found: World) -> tuple[object, ...]:
    """All of a World that its objects and settings decide."""
    return (found.objects, found.hidden, found.slices_of_service, found.slices_naming, found.pods_by_ip)


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        (NamespaceSelector(), True),
        (NamespaceSelector(match_labels={"env": "prod"}), True),
        (NamespaceSelector(match_labels={"env": "test"}), False),
        (NamespaceSelector(match_labels={"kubernetes.io/metadata.name": "a"}), True),
        (NamespaceSelector(match_expressions=(REQUIRES(key="env", values=("test", "prod")),)), True),
        (NamespaceSelector(match_expressions=(REQUIRES(key="env", operator="NotIn", values=("prod",)),)), False),
        (NamespaceSelector(match_expressions=(REQUIRES(key="env", operator="Exists"),)), True),
        (NamespaceSelector(match_expressions=(REQUIRES(key="env", operator="DoesNotExist"),)), False),
        (
            NamespaceSelector(
                match_labels={"env": "prod"}, match_expressions=(REQUIRES(key="other", operator="Exists"),)
            ),
            False,
        ),
    ],
)
def test_a_selector(selector: NamespaceSelector, selected: bool) -> None:
    assert is_discovered("a", {"env": "prod"}, (selector,)) is selected
    assert is_discovered("a", {"env": "prod"}, (NamespaceSelector(match_labels={"no": "one"}), selector)) is selected


def test_selectors_are_read_from_mesh_config() -> None:
    mesh, problems = decode_mesh_config(
        {"discoverySelectors": [{"matchExpressions": [{"key": "env", "operator": "In", "values": ["prod"]}]}]}
    )
    assert problems == ()
    assert mesh is not None
    assert mesh.discovery_selectors[0].match_expressions == (REQUIRES(key="env", values=("prod",)),)


def test_a_label_moves_a_namespace_in_and_out() -> None:
    hidden = world(OUT + "\n---\n" + SHOP, mesh=MESH)
    assert hidden.get(SERVICE) is None
    assert (dict(hidden.slices_of_service), dict(hidden.pods_by_ip), dict(hidden.slices_naming)) == ({}, {}, {})
    assert hidden.get(ObjectKey("Node", "", "n1")) is not None
    shown = with_objects(hidden, IN)
    assert len(list(shown.each(Service))) == len(list(shown.each(Pod))) == len(list(shown.each(EndpointSlice))) == 1
    assert set(shown.slices_naming) == {("a", "shop-x"), ("a", "10.1.0.1")}
    changed = shown.changed_since(hidden)
    assert changed is not None
    assert SERVICE in changed
    again = with_objects(shown, OUT)
    assert parts(again) == parts(hidden)
    assert SERVICE in (again.changed_since(shown) or ())


def test_a_change_that_nobody_sees_is_none() -> None:
    before = world(OUT + "\n---\n" + SHOP, mesh=MESH)
    after = with_objects(before, SHOP.replace("port: 80}", "port: 81}"))
    assert after.changed_since(before) == frozenset()
    assert with_objects(after, IN).get(SERVICE) != with_objects(before, IN).get(SERVICE)


def test_other_selectors_move_all_namespaces() -> None:
    plain = world(OUT + "\n---\n" + SHOP)
    hidden = plain.with_mesh(MESH)
    assert parts(hidden) == parts(world(OUT + "\n---\n" + SHOP, mesh=MESH))
    assert hidden.changed_since(plain) is None
    assert parts(hidden.with_mesh(MeshConfig())) == parts(plain)


@given(st.randoms(use_true_random=False))
def test_the_way_does_not_matter(chance: Random) -> None:
    """Whatever came before, a World is what its objects, its labels and its selectors make of it."""
    pool = objects(IN + "\n---\n" + OUT.replace("name: a", "name: b") + "\n---\n" + SHOP + "\n---\n" + OUT)
    pool += objects(SHOP.replace("namespace: a", "namespace: b").replace("10.1.0.1", "10.1.0.2"))
    pool += objects(SHOP.replace("10.1.0.1", "10.1.0.3"))
    known: dict[ObjectKey, KubeObject | None] = {}
    found = World(mesh=MESH)
    for _ in range(20):
        some = {o.key: o if chance.random() < 0.7 else None for o in chance.sample(pool, chance.randint(1, 4))}
        known.update(some)
        if chance.random() < 0.1:
            found = found.with_mesh(chance.choice((MESH, MeshConfig())))
        found = found.apply(some)
        fresh = World(mesh=found.mesh).apply({k: o for k, o in known.items() if o is not None})
        assert parts(found) == parts(fresh)
