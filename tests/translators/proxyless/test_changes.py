"""What a change costs and touches, and which proxies share a translation."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.meshes import endpoint_slice, mesh
from translators.model.destination_rule import DestinationRule, DestinationRuleSpec, Subset
from translators.model.kubernetes import (
    EndpointConditions,
    EndpointSlice,
    Service,
    ServicePort,
    ServiceSpec,
    SliceEndpoint,
    SlicePort,
)
from translators.model.meta import KubeObject, ObjectKey, ObjectMeta
from translators.model.proxy import GRPC, LOCALITY, Locality, Proxy, ProxyView, view_of
from translators.model.virtual_service import (
    Destination,
    HTTPRoute,
    HTTPRouteDestination,
    VirtualService,
    VirtualServiceSpec,
)
from translators.model.world import SERVICE_NAME_LABEL, World
from translators.resources import CLUSTER, ENDPOINT, LISTENER, ROUTE, TYPES
from translators.translate import Translation, Translator

if TYPE_CHECKING:
    from collections.abc import Mapping

VIEW = ProxyView(type="sidecar", namespace="ns-1", generator=GRPC)
SERVER = "xds.istio.io/grpc/lds/inbound/0.0.0.0:"


def content(translation: Translation) -> dict[str, dict[str, bytes]]:
    return {t: {name: r.body for name, r in translation[t].resources.items()} for t in TYPES}


def fresh(world: World) -> Translation:
    return Translator().translate(world, VIEW)


def edited_slice(index: int, octets: frozenset[int], port: int) -> EndpointSlice:
    name, namespace = f"svc-{index}", f"ns-{index}"
    return EndpointSlice(
        metadata=ObjectMeta(name=f"{name}-a", namespace=namespace, labels={SERVICE_NAME_LABEL: name}),
        endpoints=tuple(
            SliceEndpoint(addresses=(f"10.9.0.{octet}",), conditions=EndpointConditions(ready=True))
            for octet in sorted(octets)
        ),
        ports=(SlicePort(name="http", port=port),),
    )


def edited_service(index: int, target: int | str) -> Service:
    spec = ServiceSpec(cluster_ip="10.0.0.9", ports=(ServicePort(name="http", port=80, target_port=target),))
    return Service(metadata=ObjectMeta(name=f"svc-{index}", namespace=f"ns-{index}"), spec=spec)


def edited_rule(index: int, subsets: list[str]) -> DestinationRule:
    return DestinationRule(
        metadata=ObjectMeta(name=f"svc-{index}", namespace=f"ns-{index}"),
        spec=DestinationRuleSpec(
            host=f"svc-{index}", subsets=tuple(Subset(name=s, labels={"version": s}) for s in subsets)
        ),
    )


def edited_routes(index: int, to: int, subset: str) -> VirtualService:
    destination = Destination(host=f"svc-{to}.ns-{to}.svc.cluster.local", subset=subset)
    http = HTTPRoute(route=(HTTPRouteDestination(destination=destination),))
    return VirtualService(
        metadata=ObjectMeta(name=f"mesh-{index}", namespace=f"ns-{index}"),
        spec=VirtualServiceSpec(hosts=(f"svc-{index}",), http=(http,)),
    )


index = st.integers(0, 3)
objects = st.one_of(
    st.builds(edited_slice, index, st.frozensets(st.integers(1, 4)), st.sampled_from([8080, 9090])),
    st.builds(edited_service, index, st.sampled_from([8080, 9090, "api"])),
    st.builds(edited_rule, index, st.lists(st.sampled_from(["v1", "v2"]), unique=True)),
    st.builds(edited_routes, index, index, st.sampled_from(["", "v1", "v2", "v3"])),
)
edit = st.one_of(objects.map(lambda o: {o.key: o}), objects.map(lambda o: {o.key: None}))


@given(st.lists(edit, max_size=10))
@settings(max_examples=100)
def test_any_sequence_of_edits_ends_in_what_a_fresh_translator_gives(
    edits: list[Mapping[ObjectKey, KubeObject | None]],
) -> None:
    world, translator = mesh(4), Translator()
    served = translator.translate(world, VIEW)
    for change in edits:
        world = world.apply(change)
        served = translator.translate(world, VIEW, served)
        assert content(served) == content(fresh(world))
        assert served.diagnostics == fresh(world).diagnostics
        # Whatever a route names is there, though it may be empty: a client would wait 15 s for what is not.
        named = {name for r in served[ROUTE].resources.values() for t, name in r.refs if t == CLUSTER}
        assert named <= set(served[CLUSTER].resources)
        assert set(served[CLUSTER].resources) == set(served[ENDPOINT].resources)


def test_an_endpoint_change_touches_its_own_assignment_and_nothing_else() -> None:
    world, translator = mesh(50), Translator()
    first = translator.translate(world, VIEW)
    changed = endpoint_slice(7, last=9)
    second = translator.translate(world.apply({changed.key: changed}), VIEW, first)
    assert {t for t in TYPES if second[t] is not first[t]} == {ENDPOINT}
    assert second[ENDPOINT].changed == {"outbound|80||svc-7.ns-7.svc.cluster.local"}


def test_the_endpoints_of_a_named_target_port_decide_about_listeners() -> None:
    service = edited_service(1, "api")
    world = mesh(4).apply({service.key: service})
    translator = Translator()
    before = translator.translate(world, VIEW)
    moved = edited_slice(1, frozenset({1}), 9090)
    after = translator.translate(world.apply({moved.key: moved}), VIEW, before)
    assert f"{SERVER}9090" not in before[LISTENER].resources
    assert f"{SERVER}9090" in after[LISTENER].resources


def test_a_new_service_leaves_the_resources_of_the_others_as_they_are() -> None:
    world, translator = mesh(5), Translator()
    before = translator.translate(world, VIEW)
    new = Service(metadata=ObjectMeta(name="new", namespace="ns-1"), spec=edited_service(1, 8080).spec)
    after = translator.translate(world.apply({new.key: new}), VIEW, before)
    for type_url in (LISTENER, ROUTE, CLUSTER, ENDPOINT):
        resources = before[type_url].resources.items()
        rebuilt = [name for name, r in resources if after[type_url].resources[name] is not r]
        # The servers' listeners say which services they are for.
        assert all(name.startswith("xds.istio.io/") for name in rebuilt)


def test_proxies_of_a_namespace_share_a_view_and_an_envoy_has_another() -> None:
    proxy = Proxy(
        id="a", type="sidecar", name="a", namespace="n", ip_addresses=("10.0.0.1",), labels={"x": "1"}, generator=GRPC
    )
    view = view_of(proxy, frozenset())
    assert view == ProxyView(type="sidecar", namespace="n", generator=GRPC)
    other = replace(proxy, id="b", type="router", ip_addresses=("10.0.0.2",), labels={"x": "2"}, unprivileged_pod=True)
    assert view_of(other, frozenset()) == view
    assert view_of(replace(proxy, namespace="m"), frozenset()) != view
    elsewhere = replace(proxy, locality=Locality(region="eu"))
    assert view_of(elsewhere, frozenset()) == view
    assert view_of(elsewhere, frozenset({LOCALITY})) != view_of(proxy, frozenset({LOCALITY}))
    assert view_of(replace(proxy, generator=""), frozenset()).generator == ""
    assert view_of(replace(proxy, generator="event"), frozenset()).generator == ""
