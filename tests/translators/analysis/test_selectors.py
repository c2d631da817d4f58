"""Selectors that select no workload are told, once workloads are known."""

from __future__ import annotations

from tests.translators.worlds import world
from translators.analysis import analyze
from translators.translate import Translator

OBJECTS = """
{kind: Sidecar, metadata: {name: near, namespace: shop},
 spec: {workloadSelector: {labels: {app: a}}, egress: [{hosts: ["./*"]}]}}
---
{kind: Sidecar, metadata: {name: far, namespace: shop},
 spec: {workloadSelector: {labels: {app: b}}, egress: [{hosts: ["./*"]}]}}
---
{kind: EnvoyFilter, metadata: {name: all, namespace: istio-system},
 spec: {workloadSelector: {labels: {app: b}},
  configPatches: [{applyTo: CLUSTER, patch: {operation: ADD, value: {name: x}}}]}}
---
{kind: EnvoyFilter, metadata: {name: none, namespace: istio-system},
 spec: {workloadSelector: {labels: {app: c, version: v1}},
  configPatches: [{applyTo: CLUSTER, patch: {operation: ADD, value: {name: y}}}]}}
---
{kind: ProxyConfig, metadata: {name: vm, namespace: shop},
 spec: {selector: {matchLabels: {app: vm}}, concurrency: 1}}
---
{kind: ProxyConfig, metadata: {name: lost, namespace: shop},
 spec: {selector: {matchLabels: {app: lost}}, concurrency: 1}}
---
{kind: WorkloadEntry, metadata: {name: vm, namespace: shop},
 spec: {address: 10.9.0.1, labels: {app: vm}}}
"""
PODS = """
---
{kind: Pod, metadata: {name: a, namespace: shop, labels: {app: a}}}
---
{kind: Pod, metadata: {name: b, namespace: elsewhere, labels: {app: b}}}
"""


def test_a_selector_that_selects_nothing_is_said() -> None:
    found = [d for d in analyze(world(OBJECTS + PODS), Translator()) if d.code == "PF0739"]
    assert [(str(d.origin), d.message) for d in found] == [
        ("EnvoyFilter istio-system/none spec.workloadSelector", said("any namespace", "app=c, version=v1")),
        ("ProxyConfig shop/lost spec.selector", said("namespace shop", "app=lost")),
        ("Sidecar shop/far spec.workloadSelector", said("namespace shop", "app=b")),
    ]


def test_nothing_is_said_where_no_pods_are_known() -> None:
    assert not [d for d in analyze(world(OBJECTS), Translator()) if d.code == "PF0739"]


def said(where: str, labels: str) -> str:
    return f"no known workload of {where} has the labels {labels}"
