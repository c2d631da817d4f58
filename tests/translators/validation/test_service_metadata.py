"""Annotations, labels and policies of Services: what has no effect is said, and nothing else."""

from __future__ import annotations

import pytest

from tests.translators.validation.cases import load, said

SPEC = "spec: {{ports: [{{name: http, port: 80}}]{more}}}"


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ("annotations: {networking.istio.io/exportTo: 'a, b'}", ()),
        ("annotations: {networking.istio.io/exportTo: 'a, B'}", ("PF0284 metadata.annotations",)),
        ("annotations: {networking.istio.io/traffic-distribution: PreferClose}", ()),
        ("annotations: {networking.istio.io/traffic-distribution: Near}", ("PF0625 metadata.annotations",)),
        ("annotations: {networking.istio.io/cross-cluster: 'true'}", ("PF1141 metadata.annotations",)),
        ("annotations: {traffic.istio.io/nodeSelector: '{}'}", ("PF1141 metadata.annotations",)),
        ("annotations: {service.kubernetes.io/topology-mode: Auto}", ("PF1141 metadata.annotations",)),
        ("annotations: {kubectl.kubernetes.io/last-applied-configuration: '{}'}", ()),
        ("labels: {istio.io/persistent-session: cookie}", ("PF1141 metadata.labels",)),
        ("labels: {topology.istio.io/network: n1}", ("PF1141 metadata.labels",)),
        ("labels: {app: shop}", ()),
    ],
)
def test_annotations_and_labels(metadata: str, expected: tuple[str, ...]) -> None:
    assert said(load("Service", SPEC.format(more=""), version="v1", metadata=f"{{name: x, {metadata}}}")) == expected


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (", internalTrafficPolicy: Local", ()),
        (", internalTrafficPolicy: Cluster", ()),
        (", internalTrafficPolicy: Rack", ("PF1142 spec.internalTrafficPolicy",)),
        (", trafficDistribution: PreferSameNode", ()),
        (", trafficDistribution: Near", ("PF0625 spec.trafficDistribution",)),
    ],
)
def test_policies(more: str, expected: tuple[str, ...]) -> None:
    assert said(load("Service", SPEC.format(more=more), version="v1")) == expected


def test_a_namespace_may_ask_for_a_distribution() -> None:
    metadata = "{name: x, annotations: {networking.istio.io/traffic-distribution: Near}}"
    assert said(load("Namespace", "{}", version="v1", metadata=metadata)) == ("PF0625 metadata.annotations",)
