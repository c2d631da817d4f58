"""The whole translation: same World and view, same bytes, by whichever way one got there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.meshes import ROUTER, endpoint_slice, mesh
from translators.model.common import LabelSelector
from translators.model.destination_rule import DestinationRule, DestinationRuleSpec, Subset
from translators.model.kubernetes import EndpointConditions, EndpointSlice, Pod, PodStatus, SliceEndpoint, SlicePort
from translators.model.meta import KubeObject, ObjectKey, ObjectMeta
from translators.model.proxy import LOCALITY
from translators.model.virtual_service import (
    Destination,
    HTTPMatchRequest,
    HTTPRoute,
    HTTPRouteDestination,
    VirtualService,
    VirtualServiceSpec,
)
from translators.model.world import SERVICE_NAME_LABEL, World
from translators.resources import CLUSTER, ENDPOINT, LISTENER, ROUTE, TYPES
from translators.translate import Translation, Translator, selector_keys

if TYPE_CHECKING:
    from collections.abc import Mapping


def content(translation: Translation) -> dict[str, dict[str, bytes]]:
    return {t: {name: r.body for name, r in translation[t].resources.items()} for t in TYPES}


def fresh(world: World) -> Translation:
    return Translator().translate(world, ROUTER)


def names(index: int) -> tuple[str, str]:
    return f"svc-{index}", f"ns-{index}"


def edited_slice(index: int, octets: frozenset[int], *, ready: bool) -> EndpointSlice:
    name, namespace = names(index)
    return EndpointSlice(
        metadata=ObjectMeta(name=f"{name}-a", namespace=namespace, labels={SERVICE_NAME_LABEL: name}),
        endpoints=tuple(
            SliceEndpoint(addresses=(f"10.9.0.{octet}",), conditions=EndpointConditions(ready=ready))
            for octet in sorted(octets)
        ),
        ports=(SlicePort(name="http", port=8080),),
    )


def edited_rule(index: int, subsets: list[str]) -> DestinationRule:
    name, namespace = names(index)
    return DestinationRule(
        metadata=ObjectMeta(name=name, namespace=namespace),
        spec=DestinationRuleSpec(host=name, subsets=tuple(Subset(name=s, labels={"version": s}) for s in subsets)),
    )


def edited_routes(index: int, to: int, subset: str) -> VirtualService:
    name, namespace = names(index)
    other, other_namespace = names(to)
    destination = Destination(host=f"{other}.{other_namespace}.svc.cluster.local", subset=subset)
    return VirtualService(
        metadata=ObjectMeta(name=name, namespace=namespace),
        spec=VirtualServiceSpec(
            hosts=(f"{name}.example.com",),
            gateways=("istio-system/bench",),
            http=(HTTPRoute(route=(HTTPRouteDestination(destination=destination),)),),
        ),
    )


def edited_pod(octet: int, version: str) -> Pod:
    meta = ObjectMeta(name=f"pod-{octet}", namespace="ns-0", labels={"version": version})
    return Pod(metadata=meta, status=PodStatus(pod_ip=f"10.9.0.{octet}"))


index = st.integers(0, 3)
octets = st.frozensets(st.integers(1, 4))
subsets = st.lists(st.sampled_from(["v1", "v2"]), unique=True)
objects = st.one_of(
    st.builds(edited_slice, index, octets, ready=st.booleans()),
    st.builds(edited_pod, st.integers(1, 4), st.sampled_from(["v1", "v2"])),
    st.builds(edited_rule, index, subsets),
    st.builds(edited_routes, index, index, st.sampled_from(["", "v1", "v2", "v3"])),
)
edit = st.one_of(
    objects.map(lambda o: {o.key: o}),
    objects.map(lambda o: {o.key: None}),
)


@given(st.lists(edit, max_size=12))
@settings(max_examples=150)
def test_any_sequence_of_edits_ends_in_what_a_fresh_translator_gives(
    edits: list[Mapping[ObjectKey, KubeObject | None]],
) -> None:
    world = mesh(4)
    translator = Translator()
    served = translator.translate(world, ROUTER)
    for change in edits:
        world = world.apply(change)
        before, served = served, translator.translate(world, ROUTER, served)
        assert content(served) == content(fresh(world))
        assert served.diagnostics == fresh(world).diagnostics
        for type_url in TYPES:
            if served[type_url] is not before[type_url]:
                assert served[type_url].parent_version == before[type_url].version
                assert served[type_url].changed == {
                    name
                    for name in {*served[type_url].resources, *before[type_url].resources}
                    if content(served)[type_url].get(name) != content(before)[type_url].get(name)
                }


@given(st.permutations(range(4)), st.lists(edit, max_size=6))
def test_the_order_of_events_does_not_matter(
    order: list[int], edits: list[Mapping[ObjectKey, KubeObject | None]]
) -> None:
    world = mesh(4)
    for change in edits:
        world = world.apply(change)
    every = [
        o for by_namespace in world.objects.values() for by_name in by_namespace.values() for o in by_name.values()
    ]
    other = World()
    for step in order:
        other = other.apply({o.key: o for o in every[step::4]})
    assert content(fresh(world)) == content(fresh(other))


def test_an_endpoint_change_touches_its_own_assignment_and_nothing_else() -> None:
    world, translator = mesh(50), Translator()
    first = translator.translate(world, ROUTER)
    changed = endpoint_slice(7, last=9)
    second = translator.translate(world.apply({changed.key: changed}), ROUTER, first)
    assert {t for t in TYPES if second[t] is not first[t]} == {ENDPOINT}
    assert second[ENDPOINT].changed == {"outbound|80||svc-7.ns-7.svc.cluster.local"}


def test_endpoint_changes_that_never_cease_need_no_whole_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("translators.translate._SPARE", 20)
    world, translator = mesh(5), Translator()
    first = served = translator.translate(world, ROUTER)
    for number in range(200):
        changed = endpoint_slice(number % 5, last=2 + number % 200)
        world = world.apply({changed.key: changed})
        served = translator.translate(world, ROUTER, served)
    assert served.generation == first.generation
    assert content(served) == content(fresh(world))


def test_notes_tell_the_field_behind_each_part_and_leave_the_bytes_alone() -> None:
    world = mesh(1)
    noted = Translator().with_notes(world, ROUTER)
    assert content(noted) == content(fresh(world))
    cluster = noted[CLUSTER].resources["outbound|80||svc-0.ns-0.svc.cluster.local"]
    thresholds = "circuit_breakers.thresholds[0]"
    pool = "DestinationRule ns-0/svc-0 spec.trafficPolicy.connectionPool"
    assert {path: str(origin) for path, origin in cluster.notes if path.startswith(thresholds) or not path} == {
        "": "Service ns-0/svc-0",
        f"{thresholds}.max_connections": f"{pool}.tcp.maxConnections",
        f"{thresholds}.max_pending_requests": f"{pool}.http.http1MaxPendingRequests",
    }


@pytest.mark.parametrize("type_url", [CLUSTER, ENDPOINT, LISTENER, ROUTE])
def test_every_resource_has_an_origin(type_url: str) -> None:
    assert all(r.origins for r in fresh(mesh(3))[type_url].resources.values())
    assert fresh(mesh(3))[type_url].resources


def test_only_labels_that_a_selector_mentions_can_matter() -> None:
    assert selector_keys(World()) == frozenset()
    assert selector_keys(mesh(2)) == {"istio", "app", LOCALITY}  # its rule has outlier detection
    spec = DestinationRuleSpec(host="a", workload_selector=LabelSelector(match_labels={"client": "x"}))
    match = HTTPMatchRequest(source_labels={"source": "x"})
    objects: tuple[KubeObject, ...] = (
        DestinationRule(metadata=ObjectMeta(name="a", namespace="a"), spec=spec),
        VirtualService(
            metadata=ObjectMeta(name="a", namespace="a"), spec=VirtualServiceSpec(http=(HTTPRoute(match=(match,)),))
        ),
    )
    assert selector_keys(mesh(2).apply({o.key: o for o in objects})) == {"istio", "app", "client", "source", LOCALITY}
