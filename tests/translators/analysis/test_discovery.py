"""Namespaces that discoverySelectors leave out are told, with what there would be in them."""

from __future__ import annotations

from tests.translators.worlds import world
from translators.analysis import analyze
from translators.model.discovery import NamespaceSelector
from translators.model.mesh_config import MeshConfig
from translators.translate import Translator

OBJECTS = """
{kind: Namespace, metadata: {name: inside, labels: {mesh: "yes"}}}
---
{kind: Service, metadata: {name: a, namespace: inside}, spec: {ports: [{name: http, port: 80}]}}
---
{kind: Service, metadata: {name: b, namespace: outside}, spec: {ports: [{name: http, port: 80}]}}
---
{kind: Pod, metadata: {name: b, namespace: outside}}
---
{kind: Service, metadata: {name: c, namespace: istio-system}, spec: {ports: [{name: http, port: 80}]}}
"""


def test_what_is_left_out_is_said() -> None:
    mesh = MeshConfig(discovery_selectors=(NamespaceSelector(match_labels={"mesh": "yes"}),))
    found = analyze(world(OBJECTS, mesh=mesh), Translator())
    assert [(d.code, str(d.origin.key), d.message.rpartition(": ")[2]) for d in found if d.origin] == [
        ("PF1145", "Namespace istio-system", "1 object, and with them what holds for the whole mesh, are not read"),
        ("PF1143", "Namespace outside", "2 objects of it are not read"),
    ]
    assert analyze(world(OBJECTS), Translator()) == ()


def test_made_up_proxies_need_no_node() -> None:
    local = OBJECTS.replace("spec: {ports", "spec: {internalTrafficPolicy: Local, ports")
    assert analyze(world(local), Translator()) == ()
