"""Services of both registries, who sees them, and which wins (reference 1.4, 2.9, 3.1, 3.3, 3.4)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.translators.worlds import Scene, objects, with_objects, world
from translators.memo import Memo
from translators.model.mesh_config import MeshConfig
from translators.model.meta import ObjectKey
from translators.model.origin import Origin
from translators.model.service import Protocol, Resolution, ServicePort
from translators.model.world import World
from translators.services import service_index

REVIEWS = "reviews.default.svc.cluster.local"


def test_a_kubernetes_service() -> None:
    service = Scene(
        world("""
kind: Service
metadata: {name: reviews}
spec:
  clusterIP: 10.0.0.1
  clusterIPs: [10.0.0.1, "fd00::1"]
  selector: {app: reviews}
  ports:
  - {name: http, port: 80, targetPort: web}
  - {name: grpc-api, port: 90, targetPort: 9090}
  - {name: dns, port: 53, protocol: UDP}
""")
    ).service(REVIEWS)
    assert service.hostname == REVIEWS
    assert (service.namespace, service.name) == ("default", "reviews")
    assert service.origin == ObjectKey("Service", "default", "reviews")
    assert service.resolution is Resolution.CLIENT_SIDE_LB
    assert service.addresses == ("10.0.0.1", "fd00::1")
    assert service.selector == {"app": "reviews"}
    assert not service.mesh_external
    assert service.ports == (
        ServicePort(number=80, name="http", protocol=Protocol.HTTP, target_port="web"),
        ServicePort(number=90, name="grpc-api", protocol=Protocol.GRPC, target_port=9090),
        ServicePort(number=53, name="dns", protocol=Protocol.UDP, target_port=53),
    )


@pytest.mark.parametrize(
    ("spec", "resolution", "addresses"),
    [
        ("{clusterIP: 10.0.0.1, ports: [{port: 80}]}", Resolution.CLIENT_SIDE_LB, ("10.0.0.1",)),
        ("{clusterIP: None, ports: [{port: 80}]}", Resolution.PASSTHROUGH, ()),
        ("{ports: [{port: 80}]}", Resolution.CLIENT_SIDE_LB, ()),
        ("{type: ExternalName, externalName: example.com, ports: [{port: 80}]}", Resolution.ALIAS, ()),
    ],
)
def test_how_a_kubernetes_service_is_resolved(spec: str, resolution: Resolution, addresses: tuple[str, ...]) -> None:
    service = Scene(world(f"{{kind: Service, metadata: {{name: reviews}}, spec: {spec}}}")).service(REVIEWS)
    assert (service.resolution, service.addresses) == (resolution, addresses)


@pytest.mark.parametrize(
    ("resolution", "expected"),
    [
        ("NONE", Resolution.PASSTHROUGH),
        ("STATIC", Resolution.CLIENT_SIDE_LB),
        ("DNS", Resolution.DNS_LB),
        ("DNS_ROUND_ROBIN", Resolution.DNS_ROUND_ROBIN_LB),
    ],
)
def test_a_service_entry_makes_a_service_for_each_host(resolution: str, expected: Resolution) -> None:
    scene = Scene(
        world(f"""
kind: ServiceEntry
metadata: {{name: shop, namespace: out}}
spec:
  hosts: [a.example.com, b.example.com]
  addresses: [240.0.0.1]
  resolution: {resolution}
  ports: [{{number: 80, name: web, protocol: HTTP, targetPort: 8080}}, {{number: 81, name: raw}}]
""")
    )
    for host in ("a.example.com", "b.example.com"):
        service = scene.service(host)
        assert (service.hostname, service.name, service.namespace) == (host, host, "out")
        assert service.origin == ObjectKey("ServiceEntry", "out", "shop")
        assert service.resolution is expected
        assert service.mesh_external
        assert service.addresses == ("240.0.0.1",)
        assert service.ports == (
            ServicePort(number=80, name="web", protocol=Protocol.HTTP, target_port=8080),
            ServicePort(number=81, name="raw", protocol=Protocol.UNSUPPORTED, target_port=81),
        )


def entry(name: str, namespace: str = "default", *, host: str = "x.example.com", **spec: Any) -> str:
    metadata: dict[str, Any] = {"name": name, "namespace": namespace}
    if created := spec.pop("created", ""):
        metadata["creationTimestamp"] = created
    ports = [{"number": 80, "name": "http", "protocol": "HTTP"}]
    document = {
        "kind": "ServiceEntry",
        "metadata": metadata,
        "spec": {"hosts": [host], "resolution": "DNS", "ports": ports, **spec},
    }
    return f"---\n{document}\n"


@pytest.mark.parametrize(
    ("export_to", "default", "client", "seen"),
    [
        ([], ("*",), "elsewhere", True),
        ([], (".",), "elsewhere", False),
        ([], (".",), "default", True),
        ([], ("~",), "default", False),
        (["*"], (".",), "elsewhere", True),
        (["."], ("*",), "elsewhere", False),
        (["."], ("*",), "default", True),
        (["friend"], ("*",), "friend", True),
        (["friend"], ("*",), "elsewhere", False),
        (["friend"], ("*",), "default", False),
        (["friend", "*"], ("*",), "elsewhere", True),
        (["~"], ("*",), "default", False),
    ],
)
def test_who_sees_a_service_entry(export_to: list[str], default: tuple[str, ...], client: str, seen: bool) -> None:
    mesh = MeshConfig(default_service_export_to=default)
    index = Scene(world(entry("a", exportTo=export_to), mesh=mesh)).services
    assert (index.find("x.example.com", client) is not None) is seen
    assert [s.hostname for s in index.visible_to(client)] == (["x.example.com"] if seen else [])


@pytest.mark.parametrize(("annotation", "seen"), [("*", True), (".", False), ("~", False), ("a, other", True)])
def test_who_sees_a_kubernetes_service(annotation: str, seen: bool) -> None:
    index = Scene(
        world(f"""
kind: Service
metadata: {{name: reviews, annotations: {{networking.istio.io/exportTo: "{annotation}"}}}}
spec: {{ports: [{{port: 80}}]}}
""")
    ).services
    assert (index.find(REVIEWS, "other") is not None) is seen


KUBERNETES_REVIEWS = "kind: Service\nmetadata: {name: reviews}\nspec: {clusterIP: 10.0.0.1, ports: [{port: 80}]}\n"


def test_kubernetes_beats_a_service_entry_for_the_same_host() -> None:
    scene = Scene(world(KUBERNETES_REVIEWS + entry("squatter", host=REVIEWS)))
    assert scene.service(REVIEWS).origin.kind == "Service"
    assert [(d.code, d.origin) for d in scene.services.diagnostics] == [
        ("PF0680", Origin(ObjectKey("ServiceEntry", "default", "squatter"), "spec.hosts"))
    ]


def test_of_two_service_entries_for_one_host_the_older_wins() -> None:
    scene = Scene(world(entry("a", created="2026-02-01T00:00:00Z") + entry("b", created="2026-01-01T00:00:00Z")))
    assert scene.service("x.example.com").origin.name == "b"
    assert [d.origin for d in scene.services.diagnostics] == [
        Origin(ObjectKey("ServiceEntry", "default", "a"), "spec.hosts")
    ]


def test_in_files_the_older_is_the_first_by_name() -> None:
    scene = Scene(world(entry("b") + entry("a")))
    assert scene.service("x.example.com").origin.name == "a"


def test_a_clients_own_namespace_wins_then_kubernetes_then_the_oldest() -> None:
    text = entry("old", "ns1", host=REVIEWS, created="2020-01-01T00:00:00Z") + entry(
        "young", "ns2", host=REVIEWS, created="2021-01-01T00:00:00Z"
    )
    entries, both = Scene(world(text)), Scene(world(KUBERNETES_REVIEWS + text))
    assert entries.service(REVIEWS, "ns2").origin.name == "young"
    assert entries.service(REVIEWS, "ns3").origin.name == "old"
    assert both.service(REVIEWS, "ns3").origin.kind == "Service"
    assert both.service(REVIEWS, "ns1").origin.name == "old"
    # Different namespaces may define one host: each has its clients, so nothing is said.
    assert both.services.diagnostics == ()


@pytest.mark.parametrize(
    ("host", "namespace", "resolved"),
    [
        ("reviews", "default", "reviews.default.svc.cluster.local"),
        ("reviews", "shop", "reviews.shop.svc.cluster.local"),
        ("reviews.shop", "default", "reviews.shop"),
        ("*", "default", "*"),
        ("*.example.com", "default", "*.example.com"),
        ("fd00::1", "default", "fd00::1"),
        ("echo", "default", "echo"),
        ("echo", "shop", "echo.shop.svc.cluster.local"),
    ],
)
def test_short_names(host: str, namespace: str, resolved: str) -> None:
    index = Scene(world(entry("echo", host="echo"))).services
    assert index.resolve(host, namespace) == resolved
    assert index.is_short_entry(host, namespace) is (resolved == "echo")


def alias(name: str, target: str) -> str:
    return f"""
---
kind: Service
metadata: {{name: {name}}}
spec: {{type: ExternalName, externalName: {target}, ports: [{{port: 80}}]}}
"""


def test_an_external_name_is_the_service_it_stands_for() -> None:
    scene = Scene(
        world(
            entry("a")
            + alias("one", "x.example.com")
            + alias("two", "one.default.svc.cluster.local")
            + alias("lost", "nowhere.example.com")
            + alias("loop", "loop.default.svc.cluster.local")
        )
    )
    for name, expected in [
        ("one", "x.example.com"),
        ("two", "x.example.com"),
        ("lost", "lost.default.svc.cluster.local"),
        ("loop", "loop.default.svc.cluster.local"),
    ]:
        assert scene.service(f"{name}.default.svc.cluster.local").hostname == expected


def test_what_does_not_change_keeps_its_identity() -> None:
    memo = Memo()
    first = world(KUBERNETES_REVIEWS + entry("a") + entry("b", "ns2", host="y.example.com"))
    before = service_index(first, memo)
    unrelated = with_objects(first, "{kind: Pod, metadata: {name: p}, status: {podIP: 1.2.3.4}}")
    assert service_index(unrelated, memo) is before
    after = service_index(with_objects(first, entry("b", "ns2", host="z.example.com")), memo)
    assert after is not before
    assert after.find(REVIEWS, "default") is before.find(REVIEWS, "default")
    assert after.find("x.example.com", "default") is before.find("x.example.com", "default")


EVERYTHING = objects(
    KUBERNETES_REVIEWS
    + alias("one", "x.example.com")
    + "".join(entry(n, ns, host=h) for n in "ab" for ns in ("ns1", "ns2") for h in ("x.example.com",))
    + entry("c", "ns1", host=REVIEWS)
)


@given(st.permutations(EVERYTHING), st.data())
def test_the_order_of_objects_and_of_events_does_not_matter(order: list[Any], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(order)))
    one = World().apply({o.key: o for o in EVERYTHING})
    two = World().apply({o.key: o for o in order[:cut]}).apply({o.key: o for o in order[cut:]})
    first, second = service_index(one, Memo()), service_index(two, Memo())
    assert first.diagnostics == second.diagnostics
    for client in ("default", "ns1", "ns2", "elsewhere"):
        assert [(s.hostname, s.origin) for s in first.visible_to(client)] == [
            (s.hostname, s.origin) for s in second.visible_to(client)
        ]
