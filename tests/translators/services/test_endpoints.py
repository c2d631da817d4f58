"""Endpoints from EndpointSlices, ServiceEntries, WorkloadEntries and pods (reference 1.4, 1.5, 2.8, 2.9)."""

from __future__ import annotations

import pytest

from tests.translators.worlds import Scene, with_objects, world
from translators.memo import Memo
from translators.model.meta import ObjectKey
from translators.model.origin import Origin
from translators.model.proxy import Locality
from translators.model.service import Endpoint, Health
from translators.services import endpoint_set, endpoints_of

REVIEWS = "reviews.default.svc.cluster.local"

SERVICE = """
kind: Service
metadata: {name: reviews}
spec:
  clusterIP: 10.0.0.1
  selector: {app: reviews}
  ports: [{name: http, port: 80, targetPort: web}, {name: metrics, port: 15020}]
"""


def slice_of(
    *endpoints: str, name: str = "reviews-a", kind: str = "IPv4", ports: str = "{name: http, port: 8080}"
) -> str:
    return f"""
---
kind: EndpointSlice
metadata: {{name: {name}, labels: {{kubernetes.io/service-name: reviews}}}}
addressType: {kind}
ports: [{ports}]
endpoints: [{", ".join(endpoints)}]
"""


def pod(name: str, ip: str, labels: str = "{app: reviews, version: v1}", node: str = "") -> str:
    return f"""
---
kind: Pod
metadata: {{name: {name}, labels: {labels}}}
spec: {{nodeName: "{node}", serviceAccountName: robot}}
status: {{podIP: {ip}}}
"""


def endpoints(text: str, host: str = REVIEWS) -> tuple[Endpoint, ...]:
    scene = Scene(world(text))
    return endpoints_of(scene.world, scene.service(host), scene.steps)


def test_an_endpoint_has_the_labels_of_its_pod_and_the_ports_of_its_slice() -> None:
    (found,) = endpoints(
        SERVICE
        + slice_of(
            "{addresses: [10.1.0.1], targetRef: {kind: Pod, name: reviews-v1-abc-x}}",
            ports="{name: http, port: 8080}, {name: dns, port: 53, protocol: UDP}, {name: other, port: 1}",
        )
        + pod("reviews-v1-abc-x", "10.1.0.1", "{app: reviews, version: v1, pod-template-hash: abc}")
    )
    assert found == Endpoint(
        address="10.1.0.1",
        ports={"http": 8080},
        labels={"app": "reviews", "version": "v1", "pod-template-hash": "abc"},
        service_account="robot",
        workload="reviews-v1;default;reviews;v1;Kubernetes",
        origin=ObjectKey("EndpointSlice", "default", "reviews-a"),
    )


@pytest.mark.parametrize(
    ("conditions", "publish", "expected"),
    [
        ("{}", False, Health.HEALTHY),
        ("{ready: true}", False, Health.HEALTHY),
        ("{ready: true, terminating: true}", False, Health.HEALTHY),
        ("{ready: false}", False, Health.UNHEALTHY),
        ("{ready: false, serving: true}", False, Health.UNHEALTHY),
        ("{ready: false, terminating: true}", False, None),
        ("{ready: false, serving: true, terminating: true}", False, None),
        ("{ready: false}", True, Health.HEALTHY),
        ("{ready: false, terminating: true}", True, None),
    ],
)
def test_readiness(conditions: str, publish: bool, expected: Health | None) -> None:
    service = SERVICE.replace("clusterIP:", f"publishNotReadyAddresses: {str(publish).lower()}\n  clusterIP:")
    found = endpoints(service + slice_of(f"{{addresses: [10.1.0.1], conditions: {conditions}}}"))
    assert [e.health for e in found] == ([] if expected is None else [expected])


WORKLOAD = """
---
kind: WorkloadEntry
metadata: {name: vm}
spec: {address: 10.1.0.1, labels: {from: entry}}
"""


@pytest.mark.parametrize(
    ("others", "labels"),
    [
        (pod("named", "9.9.9.9", "{from: ref}") + pod("other", "10.1.0.1", "{from: ip}") + WORKLOAD, {"from": "ref"}),
        (pod("other", "10.1.0.1", "{from: ip}") + WORKLOAD, {"from": "ip"}),
        (WORKLOAD, {"from": "entry"}),
        ("", {}),
        (
            pod("a-agent", "10.1.0.1", "{app: agent}") + pod("b-reviews", "10.1.0.1", "{app: reviews}"),
            {"app": "reviews"},
        ),
    ],
    ids=["pod of targetRef", "pod with that IP", "WorkloadEntry", "nothing", "host network: the selected pod"],
)
def test_whose_labels_an_endpoint_has(others: str, labels: dict[str, str]) -> None:
    text = SERVICE + slice_of("{addresses: [10.1.0.1], targetRef: {kind: Pod, name: named}}") + others
    assert [dict(e.labels) for e in endpoints(text)] == [labels]


@pytest.mark.parametrize(
    ("labels", "zone", "expected"),
    [
        ("{istio-locality: r.z.s}", "x", Locality(region="r", zone="z", sub_zone="s")),
        ("{istio-locality: r/z}", "x", Locality(region="r", zone="z")),
        ("{}", "x", Locality(region="eu", zone="eu-1", sub_zone="rack")),
    ],
)
def test_where_a_pod_is(labels: str, zone: str, expected: Locality) -> None:
    node = """
---
kind: Node
metadata:
  name: n1
  labels: {topology.kubernetes.io/region: eu, topology.kubernetes.io/zone: eu-1, topology.istio.io/subzone: rack}
"""
    text = SERVICE + slice_of(f"{{addresses: [10.1.0.1], zone: {zone}}}") + pod("p", "10.1.0.1", labels, "n1") + node
    assert [e.locality for e in endpoints(text)] == [expected]


def test_without_a_node_the_slice_says_the_zone() -> None:
    assert [e.locality for e in endpoints(SERVICE + slice_of("{addresses: [10.1.0.1], zone: z}"))] == [
        Locality(zone="z")
    ]


def test_each_address_of_a_slice_is_an_endpoint_and_slices_add_up() -> None:
    text = (
        SERVICE
        + slice_of("{addresses: [10.1.0.2, 10.1.0.1]}")
        + slice_of("{addresses: [10.1.0.3]}", name="reviews-b", ports="{name: http, port: 9090}")
    )
    assert [(e.address, dict(e.ports)) for e in endpoints(text)] == [
        ("10.1.0.2", {"http": 8080}),
        ("10.1.0.1", {"http": 8080}),
        ("10.1.0.3", {"http": 9090}),
    ]


@pytest.mark.parametrize(
    ("cluster_ips", "first", "second"),
    [("[10.0.0.1, 'fd00::1']", "10.1.0.1", "fd01::1"), ("['fd00::1', 10.0.0.1]", "fd01::1", "10.1.0.1")],
)
def test_a_dual_stack_pod_is_one_endpoint_with_two_addresses(cluster_ips: str, first: str, second: str) -> None:
    pod_a, pod_b = ("targetRef: {kind: Pod, name: " + n + "}" for n in "ab")
    text = (
        SERVICE.replace("clusterIP: 10.0.0.1", f"clusterIPs: {cluster_ips}")
        + slice_of(f"{{addresses: ['fd01::1'], {pod_a}}}", name="reviews-6", kind="IPv6")
        + slice_of(f"{{addresses: [10.1.0.1], {pod_a}}}", f"{{addresses: [10.1.0.2], {pod_b}}}", name="reviews-4")
    )
    assert sorted((e.address, e.additional_addresses) for e in endpoints(text)) == sorted(
        [(first, (second,)), ("10.1.0.2", ())]
    )


def test_an_address_that_is_no_ip_is_left_out_and_named() -> None:
    scene = Scene(world(SERVICE + slice_of("{addresses: [10.1.0.1]}", "{addresses: [db.example.com]}", kind="FQDN")))
    found = endpoint_set(scene.world, scene.service(REVIEWS), scene.steps)
    assert [e.address for e in found.endpoints] == ["10.1.0.1"]
    assert [(d.code, d.origin) for d in found.diagnostics] == [
        ("PF0681", Origin(ObjectKey("EndpointSlice", "default", "reviews-a"), "endpoints[1].addresses"))
    ]


def test_a_service_selects_workload_entries_too() -> None:
    text = (
        SERVICE.replace("targetPort: web", "targetPort: 8080")
        + slice_of("{addresses: [10.1.0.1]}")
        + """
---
{kind: WorkloadEntry, metadata: {name: vm}, spec: {address: 10.2.0.1, labels: {app: reviews}, ports: {metrics: 9}}}
---
{kind: WorkloadEntry, metadata: {name: same}, spec: {address: 10.1.0.1, labels: {app: reviews}, ports: {http: 8080}}}
---
{kind: WorkloadEntry, metadata: {name: other}, spec: {address: 10.2.0.2, labels: {app: ratings}}}
"""
    )
    assert [(e.address, dict(e.ports)) for e in endpoints(text)] == [
        ("10.1.0.1", {"http": 8080}),
        ("10.2.0.1", {"http": 8080, "metrics": 9}),
    ]


ENTRY = """
kind: ServiceEntry
metadata: {name: shop}
spec:
  hosts: [shop.example.com]
  resolution: RESOLUTION
  ports: [{number: 80, name: http, protocol: HTTP, targetPort: 8080}, {number: 90, name: grpc, protocol: GRPC}]
  SOURCE
"""


def listed(resolution: str, source: str) -> tuple[Endpoint, ...]:
    return endpoints(ENTRY.replace("RESOLUTION", resolution).replace("SOURCE", source), "shop.example.com")


def test_a_service_entry_lists_endpoints() -> None:
    first, second = listed(
        "STATIC",
        "endpoints: [{address: 1.1.1.1, ports: {http: 81}, labels: {version: v1}, weight: 3, locality: r/z/s, "
        "network: n, serviceAccount: sa}, {address: 'fd00::1'}]",
    )
    key = ObjectKey("ServiceEntry", "default", "shop")
    assert first == Endpoint(
        address="1.1.1.1",
        ports={"http": 81, "grpc": 90},
        labels={"version": "v1"},
        weight=3,
        locality=Locality(region="r", zone="z", sub_zone="s"),
        network="n",
        service_account="sa",
        workload=";default;;v1;Kubernetes",
        origin=key,
    )
    assert second == Endpoint(
        address="fd00::1", ports={"http": 8080, "grpc": 90}, workload=";default;;latest;Kubernetes", origin=key
    )


def test_a_unix_socket_has_no_port() -> None:
    (found,) = endpoints(
        "kind: ServiceEntry\nmetadata: {name: s}\nspec: {hosts: [s.example.com], resolution: STATIC, "
        "ports: [{number: 80, name: http}], endpoints: [{address: 'unix:///run/s'}]}",
        "s.example.com",
    )
    assert (found.address, dict(found.ports)) == ("unix:///run/s", {"http": 0})


@pytest.mark.parametrize(
    ("resolution", "address", "usable"),
    [
        ("STATIC", "1.1.1.1", True),
        ("STATIC", "fe80::1%eth0", False),
        ("STATIC", "echo-v1", False),
        ("DNS", "echo-v1", True),
        ("DNS", "1.1.1.1", True),
        ("DNS", "unix:///run/s", False),
        ("DNS_ROUND_ROBIN", "echo.example.com", True),
    ],
)
def test_which_addresses_go_with_a_resolution(resolution: str, address: str, usable: bool) -> None:
    found = listed(resolution, f"endpoints: [{{address: '{address}', ports: {{http: 1, grpc: 2}}}}]")
    assert [e.address for e in found] == ([address] if usable else [])


@pytest.mark.parametrize(("resolution", "addresses"), [("DNS", ["shop.example.com"]), ("NONE", [])])
def test_with_dns_the_host_itself_is_the_endpoint(resolution: str, addresses: list[str]) -> None:
    found = listed(resolution, "")
    assert [e.address for e in found] == addresses
    assert [dict(e.ports) for e in found] == [{"http": 8080, "grpc": 90}] * len(addresses)


def test_a_service_entry_selects_workload_entries_and_pods_of_its_namespace() -> None:
    text = (
        ENTRY.replace("RESOLUTION", "STATIC").replace("SOURCE", "workloadSelector: {labels: {app: shop}}")
        + pod("in", "10.3.0.1", "{app: shop, version: v2}")
        + pod("out", "10.3.0.2", "{app: other}")
        + """
---
{kind: WorkloadEntry, metadata: {name: vm}, spec: {address: 10.2.0.1, labels: {app: shop}, ports: {http: 81}}}
---
{kind: WorkloadEntry, metadata: {name: named}, spec: {address: vm.example.com, labels: {app: shop}}}
---
{kind: WorkloadEntry, metadata: {name: vm, namespace: away}, spec: {address: 10.2.0.2, labels: {app: shop}}}
---
{kind: Pod, metadata: {name: done, labels: {app: shop}}, status: {phase: Succeeded, podIP: 10.3.0.9}}
---
{kind: Pod, metadata: {name: new, labels: {app: shop}}, status: {phase: Pending}}
"""
    )
    scene = Scene(world(text))
    found = endpoint_set(scene.world, scene.service("shop.example.com"), scene.steps)
    assert [(e.address, dict(e.ports), e.workload) for e in found.endpoints] == [
        ("10.2.0.1", {"http": 81, "grpc": 90}, "vm;default;shop;latest;Kubernetes"),
        ("10.3.0.1", {"http": 8080, "grpc": 90}, "in;default;shop;v2;Kubernetes"),
    ]
    assert [d.origin for d in found.diagnostics] == [
        Origin(ObjectKey("WorkloadEntry", "default", "named"), "spec.address")
    ]


@pytest.mark.parametrize(
    ("name", "labels", "workload"),
    [
        ("reviews-v1-545db77b95-2h6xv", "{pod-template-hash: 545db77b95}", "reviews-v1"),
        ("web-0", "{statefulset.kubernetes.io/pod-name: web-0}", "web"),
        ("agent-x7k2p", "{controller-revision-hash: 5d4f}", "agent"),
        ("lonely", "{}", "lonely"),
    ],
)
def test_the_name_of_a_workload(name: str, labels: str, workload: str) -> None:
    text = SERVICE + slice_of("{addresses: [10.1.0.1]}") + pod(name, "10.1.0.1", labels)
    assert [e.workload.split(";")[0] for e in endpoints(text)] == [workload]


def test_endpoints_are_the_same_object_until_they_change() -> None:
    memo = Memo()
    first = world(SERVICE + slice_of("{addresses: [10.1.0.1]}") + pod("p", "10.1.0.1"))

    def of(scene: Scene) -> tuple[Endpoint, ...]:
        return endpoints_of(scene.world, scene.service(REVIEWS), scene.steps)

    before = of(Scene(first, memo))
    assert of(Scene(with_objects(first, pod("stranger", "10.9.0.1")), memo)) is before
    after = of(Scene(with_objects(first, pod("p", "10.1.0.1", "{app: reviews, version: v2}")), memo))
    assert [e.labels["version"] for e in after] == ["v2"]
