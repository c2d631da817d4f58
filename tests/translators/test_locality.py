"""What a proxy's place changes, and what it must not change: proxies that see the same share their translation."""

from __future__ import annotations

import pytest

from tests.translators.worlds import Scene, with_objects, world
from translators.model.proxy import LOCALITY, Locality, Proxy, ProxyView, view_of
from translators.model.world import World
from translators.translate import selector_keys

ENTRY = """
kind: ServiceEntry
metadata: {name: echo}
spec:
  hosts: [echo.example]
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP}]
  endpoints:
  - {address: 10.0.0.1, locality: r1/z1, labels: {version: v1}}
  - {address: 10.0.0.2, locality: r1/z2, labels: {version: v2}}
"""
OUTLIER = "outlierDetection: {consecutive5xxErrors: 5}"


def rule(policy: str) -> str:
    return f"{{kind: DestinationRule, metadata: {{name: echo}}, spec: {{host: echo.example, {policy}}}}}"


def policy(text: str) -> str:
    return rule(f"trafficPolicy: {{{text}}}")


def setting(text: str) -> str:
    return f"loadBalancer: {{localityLbSetting: {text}}}"


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        (policy("loadBalancer: {simple: RANDOM}"), set()),
        (policy(OUTLIER), {LOCALITY}),
        (policy(f"portLevelSettings: [{{port: {{number: 80}}, {OUTLIER}}}]"), {LOCALITY}),
        (rule(f"subsets: [{{name: v1, trafficPolicy: {{{OUTLIER}}}}}]"), {LOCALITY}),
        (policy(setting("{distribute: [{from: r1/*, to: {r1/*: 100}}]}")), {LOCALITY}),
        (policy(setting("{failover: [{from: r1, to: r2}]}")), {LOCALITY}),
        (policy(setting("{failoverPriority: [version, app=shop]}")), {"version"}),
        (
            policy(setting("{failoverPriority: [topology.kubernetes.io/zone]}")),
            {LOCALITY, "topology.kubernetes.io/zone"},
        ),
        (policy(setting("{failoverPriority: [version], enabled: false}")), set()),
        (
            "{kind: Service, metadata: {name: a}, spec: {trafficDistribution: PreferClose}}",
            {
                LOCALITY,
                "topology.istio.io/network",
                "topology.kubernetes.io/region",
                "topology.kubernetes.io/zone",
            },
        ),
        ("{kind: Service, metadata: {name: a}, spec: {}}", set()),
    ],
)
def test_what_about_a_proxy_matters(text: str, keys: set[str]) -> None:
    assert selector_keys(world(text)) == keys


def test_a_view_has_a_place_only_where_it_matters() -> None:
    proxies = [
        Proxy(id=zone, type=kind, name="", namespace="a", locality=Locality(region="r1", zone=zone))
        for kind in ("router", "sidecar")
        for zone in ("z1", "z2")
    ]
    assert len({view_of(proxy, frozenset()) for proxy in proxies}) == 2
    assert len({view_of(proxy, frozenset({LOCALITY})) for proxy in proxies}) == 4


def at(zone: str, namespace: str = "default", **labels: str) -> ProxyView:
    return ProxyView(
        type="router",
        namespace=namespace,
        locality=Locality(region="r1", zone=zone),
        labels=tuple(sorted(labels.items())),
    )


def test_equal_places_share_the_assignment_of_one_step() -> None:
    scene = Scene(with_objects(World(), f"{ENTRY}\n---\n{policy(OUTLIER)}"))
    everything = scene.everything()
    one, same, other = (scene.output(everything, view) for view in (at("z1"), at("z1", "elsewhere", x="y"), at("z2")))
    assert one.assignments[0] is same.assignments[0]
    assert one.assignments[0].body != other.assignments[0].body
    assert one.clusters[0] is other.clusters[0]


def test_without_a_policy_that_looks_at_it_the_place_changes_nothing() -> None:
    scene = Scene(world(ENTRY))
    one, other = (scene.output(scene.everything(), view) for view in (at("z1"), at("z2")))
    assert one.assignments[0] is other.assignments[0]


def test_failover_by_labels_looks_at_those_labels_alone() -> None:
    scene = Scene(
        with_objects(World(), f"{ENTRY}\n---\n{policy(f'{OUTLIER}, ' + setting('{failoverPriority: [version]}'))}")
    )
    everything = scene.everything()
    one, same, other = (
        scene.output(everything, view)
        for view in (at("z1", version="v1"), at("z2", version="v1"), at("z1", version="v2"))
    )
    assert one.assignments[0] is same.assignments[0]
    assert one.assignments[0].body != other.assignments[0].body
