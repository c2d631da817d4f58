"""What a proxy's place changes, and what it must not change: proxies that see the same share their translation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.translators.worlds import Scene, with_objects, world
from translators.locality import arranged, is_inside, place_of
from translators.model.destination_rule import Distribute, Failover, LocalityLoadBalancerSetting
from translators.model.proxy import LOCALITY, NODE, Locality, Proxy, ProxyView, view_of
from translators.model.service import Endpoint
from translators.model.world import World
from translators.translate import selector_keys

if TYPE_CHECKING:
    from random import Random

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
        (
            "{kind: Service, metadata: {name: a}, spec: {trafficDistribution: PreferSameNode}}",
            {
                LOCALITY,
                NODE,
                "kubernetes.io/hostname",
                "topology.istio.io/network",
                "topology.kubernetes.io/region",
                "topology.kubernetes.io/zone",
            },
        ),
        ("{kind: Service, metadata: {name: a}, spec: {internalTrafficPolicy: Local}}", {NODE}),
        ("{kind: Service, metadata: {name: a}, spec: {internalTrafficPolicy: Cluster}}", set()),
        (policy(setting("{failoverPriority: [kubernetes.io/hostname]}")), {NODE, "kubernetes.io/hostname"}),
        ("{kind: Service, metadata: {name: a}, spec: {}}", set()),
    ],
)
def test_what_about_a_proxy_matters(text: str, keys: set[str]) -> None:
    assert selector_keys(world(text)) == keys


def test_a_view_has_a_node_only_where_it_matters() -> None:
    proxy = Proxy(id="p", type="sidecar", name="p", namespace="a", node="n1")
    assert [view_of(proxy, keys).node for keys in (frozenset[str](), frozenset({NODE}))] == ["", "n1"]
    grpc = Proxy(id="p", type="sidecar", name="p", namespace="a", node="n1", generator="grpc")
    assert view_of(grpc, frozenset({NODE})).node == "n1"


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


PARTS = st.sampled_from(["", "a", "b"])
PLACES = st.builds(Locality, region=PARTS, zone=PARTS, sub_zone=PARTS)
ENDPOINTS = st.lists(
    st.builds(
        Endpoint,
        address=st.integers(1, 250).map(lambda n: f"10.0.0.{n}"),
        ports=st.just({"http": 80}),
        labels=st.dictionaries(st.sampled_from(["version"]), PARTS),
        locality=PLACES,
        weight=st.integers(1, 5),
    ),
    max_size=12,
    unique_by=lambda endpoint: endpoint.address,
)
FAILOVER = st.builds(
    LocalityLoadBalancerSetting,
    failover=st.sampled_from([(), (Failover(from_="a", to="b"),)]),
    failover_priority=st.sampled_from([(), ("version",), ("version=b", "topology.kubernetes.io/zone")]),
)


@given(ENDPOINTS, FAILOVER, PLACES, st.randoms())
def test_failover_keeps_every_endpoint_and_leaves_no_gap(
    endpoints: list[Endpoint], failover: LocalityLoadBalancerSetting, here: Locality, random: Random
) -> None:
    view = ProxyView(type="router", namespace="a", locality=here, labels=(("version", "b"),))
    place = place_of(view, failover)
    groups = arranged(endpoints, failover, place)
    assert sorted(e.address for group in groups for e in group.endpoints) == sorted(e.address for e in endpoints)
    priorities = {group.priority for group in groups}
    assert priorities == set(range(len(priorities)))
    assert len({(group.priority, group.locality) for group in groups}) == len(groups)
    assert all(group.weight == sum(e.weight for e in group.endpoints) for group in groups)
    random.shuffle(endpoints)
    assert arranged(endpoints, failover, place) == groups


SHARES = st.dictionaries(st.sampled_from(["a/*", "b/a/*", "b/b/a", "c/*"]), st.integers(1, 100), min_size=1)


@given(ENDPOINTS, SHARES, PLACES)
def test_shares_are_given_to_the_localities_they_name_alone(
    endpoints: list[Endpoint], shares: dict[str, int], here: Locality
) -> None:
    setting = LocalityLoadBalancerSetting(distribute=(Distribute(from_="*", to=shares),))
    groups = arranged(endpoints, setting, place_of(ProxyView(type="router", namespace="a", locality=here), setting))
    weights = {p: sum(g.weight for g in groups if is_inside(g.locality, p)) for p in shares}
    there = {p for p in shares if any(is_inside(e.locality, p) for e in endpoints)}
    assert {p for p, weight in weights.items() if weight} == there
    assert sum(group.weight for group in groups) == sum(weights.values())
    for first in there:
        for second in there:
            assert weights[first] * shares[second] == weights[second] * shares[first]
