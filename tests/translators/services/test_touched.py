"""The short way of an endpoint event: it may name too many services, never too few."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.translators.worlds import objects, with_objects, world
from translators.memo import Memo
from translators.model.kubernetes import EndpointSlice, Node, Pod
from translators.model.meta import ObjectKey
from translators.model.workload_entry import WorkloadEntry
from translators.services import endpoints_of, is_dns, service_index, services_touched

if TYPE_CHECKING:
    from translators.model.meta import KubeObject
    from translators.model.service import Endpoint
    from translators.model.world import World

SERVICES = """
{kind: Service, metadata: {name: a}, spec: {selector: {app: a}, ports: [{name: http, port: 80}]}}
---
{kind: Service, metadata: {name: b}, spec: {ports: [{name: http, port: 80}]}}
---
kind: ServiceEntry
metadata: {name: static}
spec:
  hosts: [static.example.com]
  resolution: STATIC
  ports: [{number: 80, name: http}]
  workloadSelector: {labels: {app: a}}
---
kind: ServiceEntry
metadata: {name: dns}
spec:
  hosts: [dns.example.com]
  resolution: DNS
  ports: [{number: 80, name: http}]
  workloadSelector: {labels: {app: d}}
"""


def changed_objects(text: str, before: World) -> frozenset[ObjectKey] | None:
    after = with_objects(before, text)
    changed = after.changed_since(before)
    assert changed
    return services_touched(before, after, changed)


SLICE = """
kind: EndpointSlice
metadata: {name: a-1, labels: {kubernetes.io/service-name: a}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints: [{addresses: [10.0.0.1]}]
"""
A = ObjectKey("Service", "default", "a")
B = ObjectKey("Service", "default", "b")
STATIC = ObjectKey("ServiceEntry", "default", "static")


@pytest.mark.parametrize(
    ("text", "touched"),
    [
        (SLICE.replace("10.0.0.1", "10.0.0.2"), {A}),
        (SLICE.replace("service-name: a", "service-name: b"), {A, B}),
        (SLICE.replace("kubernetes.io/service-name: a", "x: y").replace("a-1", "orphan"), set()),
        ("{kind: Pod, metadata: {name: p}, status: {podIP: 10.0.0.1}}", {A}),
        ("{kind: Pod, metadata: {name: p}, status: {podIP: 10.0.0.9}}", set()),
        ("{kind: Pod, metadata: {name: p, labels: {app: a}}, status: {podIP: 10.0.0.9}}", {STATIC}),
        ("{kind: WorkloadEntry, metadata: {name: w}, spec: {address: 10.0.0.9, labels: {app: a}}}", {A, STATIC}),
        ("{kind: WorkloadEntry, metadata: {name: w}, spec: {address: 10.0.0.1}}", {A}),
        ("{kind: WorkloadEntry, metadata: {name: w}, spec: {address: d.example.com, labels: {app: d}}}", None),
        ("{kind: Node, metadata: {name: n}}", None),
        ("{kind: Service, metadata: {name: c}, spec: {ports: [{port: 80}]}}", None),
        ("{kind: DestinationRule, metadata: {name: c}, spec: {host: a}}", None),
    ],
)
def test_what_an_event_touches(text: str, touched: set[ObjectKey] | None) -> None:
    found = changed_objects(text, world(SERVICES + "---" + SLICE))
    assert found == (None if touched is None else frozenset(touched))


def test_a_removed_slice_touches_its_service() -> None:
    before = world(SERVICES + "---" + SLICE)
    key = ObjectKey("EndpointSlice", "default", "a-1")
    assert services_touched(before, before.apply({key: None}), [key]) == frozenset({A})


LABELS = st.sampled_from(["{app: a}", "{app: b}", "{app: d}", "{}"])
IPS = st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.0.3"])
NAMES = st.sampled_from(["x", "y"])


@st.composite
def endpoint_objects(draw: st.DrawFn) -> KubeObject:
    name, ip, labels = draw(NAMES), draw(IPS), draw(LABELS)
    spec = f"address: {ip}, labels: {labels}"
    text = {
        Pod: f"{{kind: Pod, metadata: {{name: {name}, labels: {labels}}}, status: {{podIP: {ip}}}}}",
        WorkloadEntry: f"{{kind: WorkloadEntry, metadata: {{name: {name}}}, spec: {{{spec}}}}}",
        EndpointSlice: SLICE.replace("a-1", name)
        .replace("service-name: a", f"service-name: {draw(st.sampled_from('ab'))}")
        .replace("[10.0.0.1]", f"[{ip}], targetRef: {{kind: Pod, name: {draw(NAMES)}}}"),
        Node: f"{{kind: Node, metadata: {{name: {name}}}}}",
    }[draw(st.sampled_from([Pod, WorkloadEntry, EndpointSlice, Node]))]
    return objects(text)[0]


CHANGES = st.lists(st.tuples(endpoint_objects(), st.booleans()), max_size=4)


def endpoints_by_service(world: World) -> dict[tuple[ObjectKey, bool], tuple[Endpoint, ...]]:
    memo = Memo()
    return {
        (service.origin, is_dns(service)): endpoints_of(world, service, memo)
        for service in service_index(world, memo).visible_to("default")
    }


@given(CHANGES, CHANGES)
def test_no_service_whose_endpoints_change_is_missed(
    earlier: list[tuple[KubeObject, bool]], later: list[tuple[KubeObject, bool]]
) -> None:
    before = world(SERVICES).apply({o.key: o for o, _ in earlier})
    after = before.apply({o.key: o if put else None for o, put in later})
    changed = after.changed_since(before)
    assert changed is not None
    touched = services_touched(before, after, changed)
    if touched is None:
        return
    old, new = endpoints_by_service(before), endpoints_by_service(after)
    differing = {key for key in old if old[key] != new[key]}
    assert {origin for origin, _ in differing} <= touched
    assert not any(dns for _, dns in differing)
