"""ClusterLoadAssignments (reference 2.8, A.6): what is in them, in which order, and what it takes to make them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.translators.clusters.shown import shown
from tests.translators.worlds import GATEWAY, Scene, with_objects, world
from translators.assignments import build_assignment
from translators.clusters import cluster_resources
from translators.memo import Memo, Recording
from translators.model.mesh_config import MeshConfig
from translators.model.meta import ObjectKey
from translators.model.origin import Origin
from translators.model.proxy import Locality
from translators.model.service import Endpoint, Health
from translators.recorder import SILENT
from translators.services import services_touched

if TYPE_CHECKING:
    from translators.resources import Resource

REVIEWS = "reviews.default.svc.cluster.local"
SERVICE = "{kind: Service, metadata: {name: reviews}, spec: {ports: [{name: http, port: 80}, {name: grpc, port: 90}]}}"
RULE = """
---
kind: DestinationRule
metadata: {name: reviews}
spec:
  host: reviews
  subsets: [{name: v1, labels: {version: v1}}, {name: all, labels: {}}, {name: old, labels: {version: v0, tier: x}}]
"""
MESH = MeshConfig()
SLICE = ObjectKey("EndpointSlice", "default", "reviews-a")


def assignment(
    *endpoints: Endpoint, subset: str = "", rules: str = RULE, port: int = 80, steps: Any = None
) -> Resource:
    scene = Scene(world(SERVICE + rules))
    service = scene.service(REVIEWS)
    rule = scene.rules.for_service(service, "default")
    of_service = service.port(port)
    assert of_service is not None
    if steps is not None:
        made: Resource = steps.step(build_assignment, service, of_service, subset, rule, MESH, endpoints)
        return made
    return build_assignment(service, of_service, subset, rule, MESH, endpoints, recorder=SILENT)


def at(address: str, **fields: Any) -> Endpoint:
    return Endpoint(**{"address": address, "ports": {"http": 8080}, "origin": SLICE, **fields})


def places(resource: Resource) -> list[tuple[dict[str, str], int, list[tuple[str, int, int]]]]:
    """Return locality, weight, and the (address, port, weight) of its endpoints, for each group."""
    found = []
    for group in shown(resource).get("endpoints", ()):
        members = []
        for item in group["lb_endpoints"]:
            socket = item["endpoint"]["address"]["socket_address"]
            members.append((socket["address"], socket["port_value"], item["load_balancing_weight"]))
        found.append((group["locality"], group["load_balancing_weight"], members))
    return found


def test_a_known_cluster_without_endpoints_has_an_empty_assignment() -> None:
    resource = assignment()
    assert resource.name == f"outbound|80||{REVIEWS}"
    assert shown(resource) == {"cluster_name": resource.name}
    assert resource.origins == (ObjectKey("Service", "default", "reviews"),)


def test_localities_and_addresses_are_sorted_and_weights_add_up() -> None:
    there, here = Locality(region="b", zone="1"), Locality(region="a", zone="2", sub_zone="x")
    found = places(
        assignment(
            at("10.0.0.3", locality=there, weight=2),
            at("10.0.0.2", locality=here),
            at("10.0.0.1", locality=there, weight=5),
            at("10.0.0.4"),
        )
    )
    assert found == [
        ({}, 1, [("10.0.0.4", 8080, 1)]),
        ({"region": "a", "zone": "2", "sub_zone": "x"}, 1, [("10.0.0.2", 8080, 1)]),
        ({"region": "b", "zone": "1"}, 7, [("10.0.0.1", 8080, 5), ("10.0.0.3", 8080, 2)]),
    ]


@pytest.mark.parametrize(
    ("subset", "addresses"),
    [
        ("", ["10.0.0.1", "10.0.0.2", "10.0.0.3"]),
        ("all", ["10.0.0.1", "10.0.0.2", "10.0.0.3"]),
        ("v1", ["10.0.0.1", "10.0.0.2"]),
        ("old", []),
    ],
)
def test_a_subset_has_the_endpoints_with_all_of_its_labels(subset: str, addresses: list[str]) -> None:
    resource = assignment(
        at("10.0.0.1", labels={"version": "v1"}),
        at("10.0.0.2", labels={"version": "v1", "tier": "x"}),
        at("10.0.0.3", labels={"version": "v0"}),
        subset=subset,
    )
    assert [address for _, _, members in places(resource) for address, _, _ in members] == addresses
    assert resource.name == f"outbound|80|{subset}|{REVIEWS}"
    rule = ObjectKey("DestinationRule", "default", "reviews")
    assert (rule in resource.origins) is bool(subset)


def test_an_endpoint_that_does_not_serve_the_port_is_left_out() -> None:
    both, one = at("10.0.0.1", ports={"http": 1, "grpc": 2}), at("10.0.0.2", ports={"http": 3})
    assert places(assignment(both, one, port=90)) == [({}, 1, [("10.0.0.1", 2, 1)])]
    assert places(assignment(both, one, port=80)) == [({}, 2, [("10.0.0.1", 1, 1), ("10.0.0.2", 3, 1)])]


@pytest.mark.parametrize(
    ("percent", "addresses"), [(0, ["10.0.0.1", "10.0.0.2"]), (1, ["10.0.0.1"])], ids=["unset", "a minimum"]
)
def test_unhealthy_endpoints_are_sent_unless_a_minimum_of_healthy_ones_is_asked_for(
    percent: int, addresses: list[str]
) -> None:
    rules = f"""
---
kind: DestinationRule
metadata: {{name: r}}
spec:
  host: reviews
  trafficPolicy: {{outlierDetection: {{interval: 1s, minHealthPercent: {percent}}}}}
"""
    resource = assignment(at("10.0.0.1"), at("10.0.0.2", health=Health.UNHEALTHY), rules=rules)
    assert [address for _, _, members in places(resource) for address, _, _ in members] == addresses


def test_health_and_metadata() -> None:
    resource = assignment(
        at("10.0.0.1", workload="w;ns;app;v1;Kubernetes", additional_addresses=("fd00::1",)),
        at("10.0.0.2", health=Health.DRAINING),
    )
    (group,) = shown(resource)["endpoints"]
    assert group["lb_endpoints"] == [
        {
            "endpoint": {
                "address": {"socket_address": {"address": "10.0.0.1", "port_value": 8080}},
                "additional_addresses": [{"address": {"socket_address": {"address": "fd00::1", "port_value": 8080}}}],
            },
            "health_status": "HEALTHY",
            "metadata": {"filter_metadata": {"istio": {"workload": "w;ns;app;v1;Kubernetes"}}},
            "load_balancing_weight": 1,
        },
        {
            "endpoint": {"address": {"socket_address": {"address": "10.0.0.2", "port_value": 8080}}},
            "health_status": "DRAINING",
            "load_balancing_weight": 1,
        },
    ]


MANY = tuple(
    at(f"10.0.0.{n}", weight=n % 3 + 1, locality=Locality(region=f"r{n % 2}"), labels={"version": f"v{n % 2}"})
    for n in range(8)
)


@given(st.permutations(MANY))
def test_the_order_of_endpoints_does_not_matter(order: list[Endpoint]) -> None:
    fresh = [msgspec.structs.replace(e, locality=Locality(region=e.locality.region)) for e in order]
    assert assignment(*fresh).body == assignment(*MANY).body


def test_each_endpoint_names_where_it_comes_from() -> None:
    other = ObjectKey("EndpointSlice", "default", "reviews-b")
    labels = {"version": "v1"}
    resource = assignment(
        at("10.0.0.2", labels=labels), at("10.0.0.1", labels=labels, origin=other), subset="v1", steps=Recording()
    )
    service, rule = ObjectKey("Service", "default", "reviews"), ObjectKey("DestinationRule", "default", "reviews")
    assert resource.origins == (service, rule, SLICE, other)
    assert resource.notes == (
        ("", Origin(service)),
        ("endpoints", Origin(rule, "spec.subsets[0].labels")),
        ("endpoints[0].lb_endpoints[0]", Origin(other)),
        ("endpoints[0].lb_endpoints[1]", Origin(SLICE)),
    )


def slice_text(name: str, *addresses: str) -> str:
    return f"""
---
kind: EndpointSlice
metadata: {{name: {name}-a, labels: {{kubernetes.io/service-name: {name}}}}}
addressType: IPv4
ports: [{{name: http, port: 8080}}]
endpoints: [{{addresses: [{", ".join(addresses)}]}}]
"""


def test_an_endpoint_event_changes_the_assignments_of_its_service_and_nothing_else() -> None:
    memo = Memo()
    text = SERVICE + RULE + slice_text("reviews", "10.0.0.1") + "\n---\n"
    text += "{kind: Service, metadata: {name: ratings}, spec: {ports: [{name: http, port: 80}]}}"
    before = Scene(world(text + slice_text("ratings", "10.1.0.1")), memo)
    destinations = before.everything()
    old = before.output(destinations)
    after = Scene(with_objects(before.world, slice_text("ratings", "10.1.0.2")), memo)

    changed = after.world.changed_since(before.world)
    assert changed is not None
    touched = services_touched(before.world, after.world, changed)
    assert touched == frozenset({ObjectKey("Service", "default", "ratings")})
    affected = [d for d in destinations if d.service.origin in touched]
    quick = cluster_resources(after.world, GATEWAY, affected, before.rules, memo).assignments

    whole = after.output(after.everything())
    assert {r.name: r.body for r in quick} == {r.name: r.body for r in whole.assignments if "ratings" in r.name}
    assert [r for r in whole.assignments if "reviews" in r.name] == [r for r in old.assignments if "reviews" in r.name]
    assert whole.clusters == old.clusters
    assert [r.name for r in quick] == ["outbound|80||ratings.default.svc.cluster.local"]
    assert [r.body for r in quick] != [r.body for r in old.assignments if "ratings" in r.name]


def test_services_without_eds_have_no_assignment() -> None:
    scene = Scene(
        world("""
kind: ServiceEntry
metadata: {name: dns}
spec: {hosts: [x.example.com], resolution: DNS, ports: [{number: 80, name: http, protocol: HTTP}]}
""")
    )
    assert cluster_resources(scene.world, GATEWAY, scene.everything(), scene.rules, scene.steps).assignments == ()
