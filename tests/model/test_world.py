"""Worlds share structure, keep identity, and know what changed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from translators.model.kubernetes import EndpointSlice, Pod, PodIP, PodStatus, Service, ServiceSpec
from translators.model.mesh_config import MeshConfig
from translators.model.meta import ObjectKey, ObjectMeta
from translators.model.world import SERVICE_NAME_LABEL, World


def service(name: str, namespace: str = "default", cluster_ip: str = "") -> Service:
    return Service(metadata=ObjectMeta(name=name, namespace=namespace), spec=ServiceSpec(cluster_ip=cluster_ip))


def endpoint_slice(name: str, of: str) -> EndpointSlice:
    return EndpointSlice(metadata=ObjectMeta(name=name, namespace="default", labels={SERVICE_NAME_LABEL: of}))


def pod(name: str, *ips: str) -> Pod:
    meta = ObjectMeta(name=name, namespace="default")
    return Pod(metadata=meta, status=PodStatus(pod_ips=tuple(PodIP(ip=ip) for ip in ips)))


def test_an_equal_object_keeps_the_known_ones_identity() -> None:
    first = service("a")
    world = World().apply({first.key: first})
    again = world.apply({first.key: service("a")})
    assert again is world
    assert world.get(first.key) is first


def test_unchanged_namespaces_are_the_same_maps() -> None:
    a, b = service("a", "one"), service("b", "two")
    before = World().apply({a.key: a, b.key: b})
    after = before.apply({a.key: service("a", "one", "10.0.0.1")})
    assert after.kind(Service)["two"] is before.kind(Service)["two"]
    assert after.kind(Service)["one"] is not before.kind(Service)["one"]


def test_each_is_sorted_and_deleting_leaves_nothing() -> None:
    objects = [service(n, ns) for n in "ba" for ns in ("two", "one")]
    world = World().apply({o.key: o for o in objects})
    assert [o.key[1:] for o in world.each(Service)] == [("one", "a"), ("one", "b"), ("two", "a"), ("two", "b")]
    assert dict(world.apply({o.key: None for o in objects}).objects) == {}


def test_changed_since_adds_up_steps() -> None:
    a, b = service("a"), service("b")
    first = World()
    second = first.apply({a.key: a})
    third = second.apply({b.key: b})
    assert third.changed_since(first) == frozenset({a.key, b.key})
    assert third.changed_since(second) == frozenset({b.key})
    assert third.changed_since(third) == frozenset()


def test_changed_since_does_not_know_what_is_unrelated_too_old_or_behind_a_setting() -> None:
    world = first = World()
    assert world.changed_since(World()) is None
    for index in range(40):
        world = world.apply({service(f"s{index}").key: service(f"s{index}")})
    assert world.changed_since(first) is None
    assert world.with_mesh(MeshConfig(root_namespace="other")).changed_since(world) is None
    assert world.with_mesh(MeshConfig()) is world


keys = st.sampled_from(["a", "b", "c"])
slices = st.builds(endpoint_slice, keys, st.sampled_from(["x", "y", ""]))
pods = st.builds(lambda name, ips: pod(name, *ips), keys, st.sets(st.sampled_from(["1", "2"])))
steps = st.lists(
    st.one_of(
        slices.map(lambda o: {o.key: o}),
        pods.map(lambda o: {o.key: o}),
        keys.map(lambda name: {ObjectKey("EndpointSlice", "default", name): None}),
        keys.map(lambda name: {ObjectKey("Pod", "default", name): None}),
    )
)


@given(steps)
def test_indexes_are_what_a_fresh_world_would_have(changes: list[dict[ObjectKey, EndpointSlice | Pod | None]]) -> None:
    world = World()
    for change in changes:
        world = world.apply(change)
    objects = [*world.each(EndpointSlice), *world.each(Pod)]
    fresh = World().apply({o.key: o for o in objects})
    assert world.slices_of_service == fresh.slices_of_service
    assert world.pods_by_ip == fresh.pods_by_ip
    assert world.objects == fresh.objects
