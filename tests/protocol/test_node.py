"""Who a client is (interfaces.md, "Identity of a proxy")."""

from __future__ import annotations

import pytest
from envoy.config.core.v3.base_pb2 import Node
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st

from translators.model.proxy import Locality, Proxy
from xds_server.protocol import proxy_of

ROOT = "istio-system"


def _node(node_id: str, metadata: dict[str, object] | None = None, *, version: str = "") -> Node:
    node = Node(id=node_id, user_agent_version=version)
    json_format.ParseDict(metadata or {}, node.metadata)
    return node


METADATA: dict[str, object] = {
    "NAMESPACE": "prod",
    "LABELS": {"version": "v1", "app": "reviews"},
    "INSTANCE_IPS": "10.1.2.3,fe80::1",
    "NETWORK": "net1",
    "NODE_NAME": "n1",
    "CLUSTER_ID": "Kubernetes",
    "SERVICE_ACCOUNT": "reviews",
    "INTERCEPTION_MODE": "TPROXY",
    "UNPRIVILEGED_POD": "true",
    "GENERATOR": "grpc",
}


def test_istios_id_and_metadata() -> None:
    node = _node(
        "sidecar~10.1.2.3~reviews-v1-abc.prod~prod.svc.cluster.local",
        METADATA,
    )
    node.locality.region, node.locality.zone, node.locality.sub_zone = "eu", "eu-1", "rack-7"
    node.user_agent_build_version.version.major_number = 1
    node.user_agent_build_version.version.minor_number = 40
    assert proxy_of(node, ROOT) == Proxy(
        id=node.id,
        type="sidecar",
        name="reviews-v1-abc",
        namespace="prod",
        ip_addresses=("10.1.2.3", "fe80::1"),
        dns_domain="prod.svc.cluster.local",
        labels={"app": "reviews", "version": "v1"},
        metadata={key: text for key, text in METADATA.items() if isinstance(text, str)},
        locality=Locality(region="eu", zone="eu-1", sub_zone="rack-7"),
        network="net1",
        node="n1",
        cluster_id="Kubernetes",
        service_account="reviews",
        unprivileged_pod=True,
        interception_mode="TPROXY",
        generator="grpc",
        envoy_version="1.40.0",
    )


IDENTITIES = [
    ("router~10.0.0.1~gw.edge~edge.svc.cluster.local", {}, ("router", "gw", "edge", ("10.0.0.1",))),
    ("router~10.0.0.1~gw.v2.edge~edge.svc.cluster.local", {}, ("router", "gw.v2", "edge", ("10.0.0.1",))),
    ("router~10.0.0.1~gw.edge~x", {"NAMESPACE": "other"}, ("router", "gw", "other", ("10.0.0.1",))),
    ("router~10.0.0.1~gw~edge.svc.cluster.local", {}, ("router", "gw", "edge", ("10.0.0.1",))),
    ("router~10.0.0.1~gw~", {}, ("router", "gw", ROOT, ("10.0.0.1",))),
    ("router~nonsense~gw.edge~x", {}, ("router", "gw", "edge", ())),
    ("router~::1~gw.edge~x", {"INSTANCE_IPS": " 10.0.0.9 , bad,"}, ("router", "gw", "edge", ("10.0.0.9",))),
    # Any other id: a router in the root namespace, whatever it says its namespace is.
    ("envoy-1", {"NAMESPACE": "other", "INSTANCE_IPS": "10.0.0.9"}, ("router", "envoy-1", ROOT, ("10.0.0.9",))),
    ("waypoint~10.0.0.1~w.edge~x", {}, ("router", "waypoint~10.0.0.1~w.edge~x", ROOT, ())),
    ("sidecar~10.0.0.1~a.b", {}, ("router", "sidecar~10.0.0.1~a.b", ROOT, ())),
    ("sidecar~10.0.0.1~~x", {}, ("router", "sidecar~10.0.0.1~~x", ROOT, ())),
]


@pytest.mark.parametrize(("node_id", "metadata", "expected"), IDENTITIES, ids=[row[0] for row in IDENTITIES])
def test_identity(node_id: str, metadata: dict[str, object], expected: tuple[object, ...]) -> None:
    proxy = proxy_of(_node(node_id, metadata), ROOT)
    assert (proxy.type, proxy.name, proxy.namespace, proxy.ip_addresses) == expected
    assert proxy.id == node_id


GRPC_IDENTITIES = [
    ("sidecar~10.0.0.1~a.b~b.svc.cluster.local", {}, ("sidecar", "a", "b", ("10.0.0.1",))),
    # Any other id: a client in the namespace that it states, unlike an Envoy.
    ("my-client", {"NAMESPACE": "b", "INSTANCE_IPS": "10.0.0.9"}, ("sidecar", "my-client", "b", ("10.0.0.9",))),
    ("my-client", {}, ("sidecar", "my-client", ROOT, ())),
]


@pytest.mark.parametrize(("node_id", "metadata", "expected"), GRPC_IDENTITIES)
def test_identity_of_grpc_clients(node_id: str, metadata: dict[str, object], expected: tuple[object, ...]) -> None:
    proxy = proxy_of(_node(node_id, {**metadata, "GENERATOR": "grpc"}), ROOT)
    assert (proxy.type, proxy.name, proxy.namespace, proxy.ip_addresses) == expected
    assert (proxy.id, proxy.generator) == (node_id, "grpc")


def test_labels_of_any_client() -> None:
    proxy = proxy_of(_node("envoy-1", {"LABELS": {"istio": "ingressgateway"}}), ROOT)
    assert proxy.labels == {"istio": "ingressgateway"}


MALFORMED = [
    ({"LABELS": "x"}, {}),
    ({"LABELS": ["a", "b"]}, {}),
    ({"LABELS": None}, {}),
    ({"LABELS": {"a": ["b"], "c": {"d": "e"}, "f": None, "g": "h"}}, {"g": "h"}),
    ({"LABELS": {"canary": True, "weight": 3, "ratio": 0.5}}, {"canary": "true", "ratio": "0.5", "weight": "3"}),
    ({"NETWORK": ["n"], "INSTANCE_IPS": {"a": "b"}, "UNPRIVILEGED_POD": [True], "INTERCEPTION_MODE": "x"}, {}),
]


@pytest.mark.parametrize(("metadata", "labels"), MALFORMED)
def test_malformed_metadata_is_passed_over(metadata: dict[str, object], labels: dict[str, str]) -> None:
    proxy = proxy_of(_node("envoy-1", metadata), ROOT)
    assert proxy.labels == labels
    assert (proxy.network, proxy.ip_addresses, proxy.unprivileged_pod) == ("", (), False)
    assert proxy.interception_mode == "REDIRECT"


@pytest.mark.parametrize(
    ("value", "expected"), [("true", True), (True, True), ("false", False), ("", False), (1, False)]
)
def test_unprivileged(value: object, expected: bool) -> None:
    assert proxy_of(_node("envoy-1", {"UNPRIVILEGED_POD": value}), ROOT).unprivileged_pod is expected


@pytest.mark.parametrize(("value", "expected"), [("1", True), (1, True), ("true", True), ("0", False), ("", False)])
def test_http10(value: object, expected: bool) -> None:
    assert proxy_of(_node("envoy-1", {"HTTP10": value}), ROOT).http10 is expected


def test_version_of_clients_that_give_it_as_text() -> None:
    assert proxy_of(_node("grpc", version="C-core 58.0.0"), ROOT).envoy_version == "C-core 58.0.0"


def test_numbers_without_a_finite_value() -> None:
    node = _node("envoy-1")
    for name in ("nan", "inf", "-inf"):
        node.metadata["LABELS"] = {"x": float(name)}
        assert proxy_of(node, ROOT).labels == {"x": name}


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=4), children, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(["NAMESPACE", "LABELS", "INSTANCE_IPS", "NETWORK", "UNPRIVILEGED_POD", "INTERCEPTION_MODE"])


@given(node_id=st.text(alphabet="ab.~:1", max_size=20), metadata=st.dictionaries(KEYS, JSON, max_size=6))
def test_nothing_raises(node_id: str, metadata: dict[str, object]) -> None:
    node = Node(id=node_id)
    json_format.ParseDict(metadata, node.metadata)
    assert proxy_of(node, ROOT).id == node_id
