"""What a change costs and to whom it matters: sharing, scopes, and the same bytes by whichever way one got there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.meshes import endpoint_slice, service
from translators.model.common import WorkloadSelector
from translators.model.destination_rule import DestinationRule, DestinationRuleSpec, Subset
from translators.model.kubernetes import Pod, PodStatus, Service, ServicePort, ServiceSpec
from translators.model.mesh_config import MeshConfig
from translators.model.meta import KubeObject, ObjectKey, ObjectMeta
from translators.model.proxy import Proxy, ProxyView, view_of
from translators.model.sidecar import IstioEgressListener, Sidecar, SidecarSpec
from translators.model.virtual_service import Destination, HTTPRoute, HTTPRouteDestination, VirtualService
from translators.model.virtual_service import VirtualServiceSpec as Spec
from translators.model.world import World
from translators.resources import CLUSTER, ENDPOINT, LISTENER, ROUTE, TYPES
from translators.translate import Translation, Translator

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMESPACES: Final = 3


def content(translation: Translation) -> dict[str, dict[str, object]]:
    return {t: {name: (r.body, r.refs) for name, r in translation[t].resources.items()} for t in TYPES}


def namespace_of(index: int) -> str:
    return f"ns-{index % NAMESPACES}"


def view(namespace: str, **labels: str) -> ProxyView:
    return ProxyView(
        type="sidecar",
        namespace=namespace,
        labels=tuple(sorted(labels.items())),
        dns_domain=f"{namespace}.svc.cluster.local",
    )


VIEWS: Final = (view("ns-0", app="svc-0"), view("ns-0", app="svc-3"), view("ns-1", app="svc-1"))


def base(count: int = 4) -> World:
    objects = [o for i in range(count) for o in service(i) if not isinstance(o, VirtualService)]
    moved = [_in_few_namespaces(o) for o in objects]
    return World().apply({o.key: o for o in moved})


def _in_few_namespaces(obj: KubeObject) -> KubeObject:
    return _moved(obj, namespace_of(int(obj.metadata.namespace.removeprefix("ns-"))))


def _moved(obj: KubeObject, namespace: str) -> KubeObject:
    return msgspec.structs.replace(obj, metadata=msgspec.structs.replace(obj.metadata, namespace=namespace))


def edited_service(index: int, kind: str, number: int) -> Service:
    name = f"svc-{index}"
    return Service(
        metadata=ObjectMeta(name=name, namespace=namespace_of(index)),
        spec=ServiceSpec(
            cluster_ip="None" if kind == "headless" else f"10.96.0.{index}",
            ports=(
                ServicePort(
                    name="http",
                    app_protocol="tcp" if kind == "headless" else kind,
                    port=number,
                    target_port="named",
                ),
            ),
            selector={"app": name},
        ),
    )


def edited_slice(index: int, last: int) -> KubeObject:
    return _in_few_namespaces(endpoint_slice(index, last=last))


def edited_routes(
    index: int,
    to: int,
    private: bool = False,  # noqa: FBT002 - drawn by hypothesis
    name: str = "",
    subset: str = "",
) -> VirtualService:
    destination = Destination(host=f"svc-{to}.{namespace_of(to)}.svc.cluster.local", subset=subset)
    return VirtualService(
        metadata=ObjectMeta(name=f"svc-{index}", namespace=namespace_of(index)),
        spec=Spec(
            hosts=(f"svc-{index}",),
            export_to=(".",) if private else (),
            http=(HTTPRoute(name=name, route=(HTTPRouteDestination(destination=destination),)),),
        ),
    )


def edited_rule(index: int, subsets: tuple[str, ...]) -> DestinationRule:
    return DestinationRule(
        metadata=ObjectMeta(name=f"svc-{index}", namespace=namespace_of(index)),
        spec=DestinationRuleSpec(
            host=f"svc-{index}", subsets=tuple(Subset(name=name, labels={"version": name}) for name in subsets)
        ),
    )


def edited_sidecar(name: str, namespace: str, hosts: tuple[str, ...], app: str) -> Sidecar:
    return Sidecar(
        metadata=ObjectMeta(name=name, namespace=namespace),
        spec=SidecarSpec(
            workload_selector=WorkloadSelector(labels={"app": app}) if app else None,
            egress=(IstioEgressListener(hosts=hosts),),
        ),
    )


def edited_pod(octet: int, version: str) -> Pod:
    meta = ObjectMeta(name=f"pod-{octet}", namespace="ns-0", labels={"version": version})
    return Pod(metadata=meta, status=PodStatus(pod_ip=f"10.0.0.{octet}"))


index = st.integers(0, 3)
objects = st.one_of(
    st.builds(edited_service, index, st.sampled_from(["http", "tcp", "odd", "headless"]), st.sampled_from([80, 81])),
    st.builds(edited_slice, index, st.integers(2, 4)),
    st.builds(edited_pod, st.integers(1, 4), st.sampled_from(["v1", "v2"])),
    st.builds(
        edited_routes, index, index, st.booleans(), st.sampled_from(["", "a", "b"]), st.sampled_from(["", "v1", "v2"])
    ),
    st.builds(edited_rule, index, st.sampled_from([(), ("v1",), ("v1", "v2")])),
    st.builds(
        edited_sidecar,
        st.sampled_from(["a", "b"]),
        st.sampled_from(["ns-0", "ns-1", "istio-system"]),
        st.sampled_from([("./*",), ("ns-1/*", "ns-2/*"), ("*/svc-2.ns-2.svc.cluster.local",), ("*/*",), ("~/*",)]),
        st.sampled_from(["", "svc-0"]),
    ),
)
edit = st.one_of(objects.map(lambda o: {o.key: o}), objects.map(lambda o: {o.key: None}))


meshes = st.sampled_from([MeshConfig(), MeshConfig(proxy_http_port=15080)])


@given(st.lists(edit, max_size=10), meshes)
@settings(max_examples=100, deadline=None)
def test_any_sequence_of_edits_ends_in_what_a_fresh_translator_gives(
    edits: list[Mapping[ObjectKey, KubeObject | None]], mesh: MeshConfig
) -> None:
    world = base().with_mesh(mesh)
    translator = Translator()
    served = {v: translator.translate(world, v) for v in VIEWS}
    for change in edits:
        world = world.apply(change)
        for v in VIEWS:
            before, after = served[v], translator.translate(world, v, served[v])
            served[v] = after
            fresh = Translator().translate(world, v)
            assert content(after) == content(fresh)
            assert after.diagnostics == fresh.diagnostics
            for type_url in TYPES:
                if after[type_url] is not before[type_url]:
                    old, new = content(before)[type_url], content(after)[type_url]
                    assert after[type_url].parent_version == before[type_url].version
                    assert after[type_url].changed == {n for n in {*old, *new} if old.get(n) != new.get(n)}
                    assert after[type_url].version == fresh[type_url].version


@given(
    st.lists(
        st.one_of(
            st.builds(
                edited_routes,
                st.integers(0, 1),
                st.integers(0, 2),
                st.just(value=False),
                st.sampled_from(["", "a", "b"]),
                st.sampled_from(["", "v1", "v2"]),
            ),
            st.builds(edited_slice, st.integers(0, 2), st.integers(2, 4)),
        ),
        min_size=2,
        max_size=12,
    ),
    meshes,
)
@settings(max_examples=60, deadline=None)
def test_edits_of_routes_and_endpoints_in_any_order(edits: list[KubeObject], mesh: MeshConfig) -> None:
    """The two short ways, in turns: neither may undo what the other did."""
    rules = [edited_rule(0, ("v1", "v2")), edited_rule(1, ("v1",))]
    world = base(3).with_mesh(mesh).apply({o.key: o for o in (*rules, edited_routes(0, 1), edited_routes(1, 2))})
    translator = Translator()
    served = {v: translator.translate(world, v) for v in VIEWS}
    for number, change in enumerate(edits):
        world = world.apply({change.key: change})
        for v in VIEWS[: 1 + number % 3]:
            served[v] = translator.translate(world, v, served[v])
            fresh = Translator().translate(world, v)
            assert content(served[v]) == content(fresh)
            assert served[v].diagnostics == fresh.diagnostics


def test_an_edit_to_routes_alone_takes_no_whole_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    world = base(30).apply({o.key: o for o in (edited_routes(0, 1), edited_routes(1, 2))})
    translator = Translator()
    served = {v: translator.translate(world, v) for v in VIEWS}
    monkeypatch.setattr("translators.translate.whole_pass", None)
    change = edited_routes(1, 2, name="renamed")
    world = world.apply({change.key: change})
    after = {v: translator.translate(world, v, served[v]) for v in VIEWS}
    assert all(b"renamed" in after[v][ROUTE].resources["80"].body for v in VIEWS)
    assert after[VIEWS[0]][ROUTE].resources["80"] is after[VIEWS[1]][ROUTE].resources["80"], "they share it"
    assert after[VIEWS[0]][CLUSTER] is served[VIEWS[0]][CLUSTER]


def test_workloads_that_may_reach_the_same_share_it() -> None:
    world, translator = base(30), Translator()
    first, second = (translator.translate(world, view("ns-0", app=app)) for app in ("svc-0", "svc-3"))
    assert first.shared is second.shared
    assert first[ROUTE] is not second[ROUTE] or first[ROUTE].resources is second[ROUTE].resources
    assert first[ENDPOINT].resources is second[ENDPOINT].resources
    assert {n for n in first[CLUSTER].resources if n not in second[CLUSTER].resources} == set()
    same = [n for n, r in first[CLUSTER].resources.items() if second[CLUSTER].resources.get(n) is r]
    assert len(same) >= 30


def test_replicas_share_a_view_unless_nothing_is_redirected() -> None:
    def proxy(ip: str, mode: str) -> Proxy:
        return Proxy(
            id="x",
            type="sidecar",
            name=ip,
            namespace="ns-0",
            ip_addresses=(ip,),
            interception_mode=mode,
            labels={"a": ip},
        )

    redirected = {view_of(proxy(f"10.0.0.{i}", "REDIRECT"), frozenset()) for i in range(3)}
    bound = {view_of(proxy(f"10.0.0.{i}", "NONE"), frozenset()) for i in range(3)}
    assert (len(redirected), len(bound)) == (1, 3)


def test_a_change_outside_of_a_scope_touches_nothing() -> None:
    scope = edited_sidecar("a", "ns-0", ("./*",), "")
    world, translator = base(30).apply({scope.key: scope}), Translator()
    first = translator.translate(world, VIEWS[0])
    assert "outbound|80||svc-1.ns-1.svc.cluster.local" not in first[CLUSTER].resources
    elsewhere = edited_service(1, "tcp", 99)
    second = translator.translate(world.apply({elsewhere.key: elsewhere}), VIEWS[0], first)
    assert all(second[t] is first[t] for t in TYPES)
    own = edited_service(3, "tcp", 99)
    third = translator.translate(world.apply({own.key: own}), VIEWS[0], second)
    assert third[CLUSTER].changed == {
        "outbound|80||svc-3.ns-0.svc.cluster.local",
        "outbound|99||svc-3.ns-0.svc.cluster.local",
    }


@pytest.mark.parametrize("number", [7, 8])
def test_an_endpoint_touches_its_own_assignment_and_nothing_else(number: int) -> None:
    world, translator = base(30), Translator()
    first = translator.translate(world, VIEWS[0])
    changed = edited_slice(number, 9)
    second = translator.translate(world.apply({changed.key: changed}), VIEWS[0], first)
    assert {t for t in TYPES if second[t] is not first[t]} == {ENDPOINT}
    assert second[ENDPOINT].changed == {f"outbound|80||svc-{number}.{namespace_of(number)}.svc.cluster.local"}


def test_an_endpoint_of_a_headless_service_has_a_listener_of_its_own() -> None:
    headless = edited_service(0, "headless", 80)
    world, translator = base().apply({headless.key: headless}), Translator()
    first = translator.translate(world, VIEWS[2])
    assert "10.0.0.2_80" in first[LISTENER].resources
    changed = edited_slice(0, 9)
    second = translator.translate(world.apply({changed.key: changed}), VIEWS[2], first)
    assert second[LISTENER].changed == {"10.0.0.2_80", "10.0.0.9_80"}


def test_one_change_makes_few_resources_anew() -> None:
    """In a big mesh: a route for one service touches one route configuration, and a new service its own resources."""
    world, translator = base(300), Translator()
    first = translator.translate(world, VIEWS[0])
    routes = edited_routes(5, 6, private=False)
    second = translator.translate(world.apply({routes.key: routes}), VIEWS[0], first)
    assert {t: second[t].changed for t in TYPES if second[t] is not first[t]} == {ROUTE: {"80"}}


def test_a_scope_saves_what_it_leaves_out() -> None:
    """2,000 services, of which each namespace sees 20 through a Sidecar: at most 5 % of the bytes (issue 3)."""
    many, each = 2000, 20
    spread = [
        _moved(o, f"ns-{i % (many // each)}")
        for i in range(many)
        for o in service(i)
        if not isinstance(o, VirtualService)
    ]
    world = World().apply({o.key: o for o in spread})
    whole = Translator().translate(world, VIEWS[0])
    scope = edited_sidecar("default", "istio-system", ("./*",), "")
    part = Translator().translate(world.apply({scope.key: scope}), VIEWS[0])
    assert sum(n.startswith("outbound|80||") for n in part[CLUSTER].resources) == each
    assert sum(n.startswith("outbound|80||") for n in whole[CLUSTER].resources) == many
    share = _bytes(part) / _bytes(whole)
    assert share <= 0.05, f"{share:.3f} of the bytes"


def _bytes(translation: Translation) -> int:
    """Return what a delta client is sent to hold all of it."""
    return sum(len(r.delta_fragment) for t in TYPES for r in translation[t].resources.values())


def test_namespaces_that_reach_the_same_share_its_clusters() -> None:
    """Names differ by namespace, clusters do not, unless a rule is for the clients of one namespace."""
    world, translator = base(30), Translator()
    first, second = (translator.translate(world, v).shared for v in (VIEWS[0], VIEWS[2]))
    assert first is not None
    assert second is not None
    assert first.types[CLUSTER] is second.types[CLUSTER]
    assert first.types[ENDPOINT] is second.types[ENDPOINT]
    assert first.types[ROUTE] is not second.types[ROUTE]
    rule = DestinationRule(
        metadata=ObjectMeta(name="own", namespace="ns-1"),
        spec=DestinationRuleSpec(
            host="svc-0.ns-0.svc.cluster.local", subsets=(Subset(name="v9", labels={"version": "v9"}),)
        ),
    )
    world = world.apply({rule.key: rule})
    first, second = (translator.translate(world, v).shared for v in (VIEWS[0], VIEWS[2]))
    assert first is not None
    assert second is not None
    only = set(second.types[CLUSTER].resources) - set(first.types[CLUSTER].resources)
    assert only == {"outbound|80|v9|svc-0.ns-0.svc.cluster.local"}
