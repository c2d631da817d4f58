from __future__ import annotations

from typing import Any

import msgspec
import pytest

from translators.model.common import Duration
from translators.model.coverage import NOTICES
from translators.model.decode import decode, decode_bytes, decode_mesh_config, flatten
from translators.model.destination_rule import DestinationRule
from translators.model.gateway import Gateway
from translators.model.kinds import KINDS, api_versions
from translators.model.kubernetes import ConfigMap, EndpointSlice, Node, Pod, Secret, Service
from translators.model.meta import ObjectKey
from translators.model.origin import Severity
from translators.model.virtual_service import VirtualService
from translators.model.walk import MOST_DIAGNOSTICS

ISTIO = "networking.istio.io/v1"


def virtual_service(spec: object, **metadata: object) -> dict[str, object]:
    return {"apiVersion": ISTIO, "kind": "VirtualService", "metadata": {"name": "reviews", **metadata}, "spec": spec}


def destination_rule(spec: object) -> dict[str, object]:
    return {"apiVersion": ISTIO, "kind": "DestinationRule", "metadata": {"name": "reviews"}, "spec": spec}


def mirrored(value: object) -> dict[str, object]:
    return {"http": [{"mirrorPercentage": {"value": value}}]}


def problems(tree: object) -> list[tuple[str, str]]:
    return [(d.code, d.origin.path if d.origin else "") for d in decode(tree).diagnostics]


def good(tree: object) -> Any:
    decoded = decode(tree)
    assert decoded.diagnostics == ()
    assert decoded.object is not None
    assert decoded.object.key == decoded.key
    return decoded.object


def test_a_virtual_service_is_read_whole() -> None:
    spec = {
        "hosts": ["reviews"],
        "gateways": ["ingress"],
        "http": [
            {
                "name": "primary",
                "match": [
                    {
                        "uri": {"prefix": "/r"},
                        "headers": {"x-user": {"exact": "jason"}, "x-any": {}},
                        "queryParams": {"v": {"regex": "[0-9]+"}},
                        "ignoreUriCase": True,
                        "port": 80,
                    }
                ],
                "route": [
                    {"destination": {"host": "reviews", "subset": "v1", "port": {"number": 9080}}, "weight": 75},
                    {"destination": {"host": "reviews"}, "weight": 25, "headers": {"request": {"set": {"a": "b"}}}},
                ],
                "timeout": "1m30s",
                "retries": {"attempts": 3, "perTryTimeout": "250ms", "retryOn": "5xx"},
                "fault": {"abort": {"httpStatus": 503, "percentage": {"value": 1}}},
                "mirrorPercentage": {"value": 12.5},
                "directResponse": {"status": 200, "body": {"bytes": "aGk="}},
            }
        ],
    }
    vs = good(virtual_service(spec, namespace="shop", labels={"a": "b"}))
    assert isinstance(vs, VirtualService)
    assert vs.key == ObjectKey("VirtualService", "shop", "reviews")
    route = vs.spec.http[0]
    assert route.match[0].headers["x-any"].exact is None
    assert route.match[0].query_params["v"].regex == "[0-9]+"
    assert [(d.destination.subset, d.weight) for d in route.route if d.destination] == [("v1", 75), ("", 25)]
    assert route.timeout == 90 * 10**9
    assert route.retries is not None
    assert route.retries.per_try_timeout == Duration.parse("0.25s")
    assert route.fault is not None
    assert route.fault.abort is not None
    assert route.fault.abort.percentage is not None
    assert route.fault.abort.percentage.value == 1.0
    assert route.direct_response is not None
    assert route.direct_response.body is not None
    assert route.direct_response.body.bytes == b"hi"


def test_names_of_the_proto_files_are_taken_too() -> None:
    http = {"retries": {"per_try_timeout": "1s"}, "mirror_percentage": {"value": 1}}
    camel = {"retries": {"perTryTimeout": "1s"}, "mirrorPercentage": {"value": 1}}
    assert good(virtual_service({"http": [http]})) == good(virtual_service({"http": [camel]}))
    rule = good(destination_rule({"traffic_policy": {"outlier_detection": {"consecutive_5xx_errors": 7}}}))
    assert rule.spec.traffic_policy.outlier_detection.consecutive_5xx_errors == 7
    assert problems(virtual_service({"exportTo": ["."], "export_to": ["."]})) == [("PF0210", "spec.exportTo")]


def test_nulls_are_absent_and_whole_floats_are_numbers() -> None:
    vs = good(virtual_service({"hosts": None, "http": [{"match": None, "route": [{"weight": 75.0}]}]}, labels=None))
    assert vs.spec.hosts == ()
    assert vs.spec.http[0].route[0].weight == 75
    assert problems(virtual_service({"hosts": ["a", None]})) == [("PF0205", "spec.hosts[1]")]


def test_no_namespace_means_default_and_cluster_scoped_kinds_have_none() -> None:
    assert good(virtual_service({})).metadata.namespace == "default"
    node = good({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1", "namespace": "nonsense"}})
    assert node.key == ObjectKey("Node", "", "n1")


@pytest.mark.parametrize("version", ["v1", "v1beta1", "v1alpha3"])
def test_the_three_versions_of_istio_are_one(version: str) -> None:
    tree = virtual_service({"hosts": ["a"]}) | {"apiVersion": f"networking.istio.io/{version}"}
    assert good(tree) == good(virtual_service({"hosts": ["a"]}))


@pytest.mark.parametrize(
    ("spec", "expected", "words"),
    [
        ({"hosts": "a"}, ("PF0205", "spec.hosts"), "expected a list"),
        ({"hosts": [1.1]}, ("PF0205", "spec.hosts[0]"), "the number 1.1"),
        ({"hosts": ["a\0b"]}, ("PF0206", "spec.hosts[0]"), "NUL"),
        ({"http": [{"timeout": 5}]}, ("PF0205", "spec.http[0].timeout"), '"5s"'),
        ({"http": [{"timeout": "5"}]}, ("PF0206", "spec.http[0].timeout"), "1h30m"),
        ({"http": [{"match": [{"port": "80"}]}]}, ("PF0205", "spec.http[0].match[0].port"), "remove the quotes"),
        ({"http": [{"match": [{"port": -1}]}]}, ("PF0206", "spec.http[0].match[0].port"), "from 0 to 4294967295"),
        ({"http": [{"match": [{"port": 1 << 32}]}]}, ("PF0206", "spec.http[0].match[0].port"), "4294967296"),
        ({"http": [{"match": [{"port": 10**5000}]}]}, ("PF0206", "spec.http[0].match[0].port"), "thousands of digits"),
        ({"http": [{"match": [{"port": True}]}]}, ("PF0205", "spec.http[0].match[0].port"), "the boolean true"),
        ({"http": [{"route": [{"weight": 1.5}]}]}, ("PF0205", "spec.http[0].route[0].weight"), "whole number"),
        ({"http": {"route": []}}, ("PF0205", "spec.http"), "put a dash"),
        (
            {"http": [{"match": [{"ignoreUriCase": "true"}]}]},
            ("PF0205", "spec.http[0].match[0].ignoreUriCase"),
            "quote",
        ),
        (mirrored(float("nan")), ("PF0206", "spec.http[0].mirrorPercentage.value"), "finite"),
        (mirrored(10**400), ("PF0206", "spec.http[0].mirrorPercentage.value"), "finite"),
        (mirrored("5"), ("PF0205", "spec.http[0].mirrorPercentage.value"), "expected a number"),
        (
            {"http": [{"directResponse": {"body": {"bytes": "?"}}}]},
            ("PF0206", "spec.http[0].directResponse.body.bytes"),
            "base64",
        ),
        (
            {"http": [{"redirect": {"derivePort": "FROM_REQUESTPORT"}}]},
            ("PF0206", "spec.http[0].redirect.derivePort"),
            "FROM_REQUEST_PORT",
        ),
        (
            {"http": [{"match": [{"headers": {"x.y": {"exact": 3}}}]}]},
            ("PF0205", 'spec.http[0].match[0].headers["x.y"].exact'),
            "in quotes",
        ),
        ({"http": [{"match": [{"sourceLabels": {1: "a"}}]}]}, ("PF0205", "spec.http[0].match[0].sourceLabels"), "key"),
        ({7: "a"}, ("PF0205", "spec"), "key"),
        (["hosts"], ("PF0205", "spec"), "expected a mapping, got a list"),
    ],
)  # fmt: skip
def test_every_wrong_type_has_its_place(spec: object, expected: tuple[str, str], words: str) -> None:
    decoded = decode(virtual_service(spec))
    assert decoded.object is None
    assert decoded.key == ObjectKey("VirtualService", "default", "reviews")
    errors = [d for d in decoded.diagnostics if d.severity is Severity.ERROR]
    assert [(d.code, d.origin.path if d.origin else "") for d in errors] == [expected]
    assert words in f"{errors[0].message} {errors[0].hint}"


def test_all_mistakes_are_named_at_once() -> None:
    spec = {"hosts": 1, "gatways": [], "http": [{"match": [{"uri": {"exat": "/"}}], "timeout": True}, 3]}
    assert problems(virtual_service(spec)) == [
        ("PF0205", "spec.hosts"),
        ("PF0204", "spec.gatways"),
        ("PF0204", "spec.http[0].match[0].uri.exat"),
        ("PF0205", "spec.http[0].timeout"),
        ("PF0205", "spec.http[1]"),
    ]


@pytest.mark.parametrize(
    ("tree", "path", "hint"),
    [
        (virtual_service({"gatways": []}), "spec.gatways", 'did you mean "gateways"?'),
        (virtual_service({"http": [{"Timeout": "1s"}]}), "spec.http[0].Timeout", 'did you mean "timeout"?'),
        (virtual_service({}, lables={}), "metadata.lables", 'did you mean "labels"?'),
        (virtual_service({}) | {"sepc": {}}, "sepc", 'did you mean "spec"?'),
        (virtual_service({"zzz": 1}), "spec.zzz", ""),
        (virtual_service({"x" * 100_000: 1}), f"spec.{'x' * 100_000}", ""),
    ],
)
def test_an_unknown_field_is_a_warning_with_the_nearest_name(tree: object, path: str, hint: str) -> None:
    decoded = decode(tree)
    assert decoded.object is not None
    assert [(d.code, d.severity, d.hint) for d in decoded.diagnostics] == [("PF0204", Severity.WARNING, hint)]
    assert decoded.diagnostics[0].origin is not None
    assert decoded.diagnostics[0].origin.path == path
    assert len(decoded.diagnostics[0].message) < 200


def test_what_the_api_server_writes_is_no_mistake() -> None:
    metadata = {
        "uid": "1",
        "resourceVersion": "2",
        "generation": 3,
        "managedFields": [],
        "creationTimestamp": "2020-01-01T00:00:00Z",
    }
    vs = good(virtual_service({}, **metadata) | {"status": {"conditions": []}})
    assert vs.metadata.creation_timestamp == "2020-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("tree", "code", "words"),
    [
        ({"a": 1}, "PF0201", "no apiVersion and no kind"),
        ({"apiVersion": "v1"}, "PF0201", "no kind"),
        ({"apiVersion": 1, "kind": "Service"}, "PF0201", "apiVersion must be a string"),
        ([], "PF0201", "got a list"),
        ("text", "PF0201", 'got the string "text"'),
        (False, "PF0201", "got the boolean false"),
        ({"apiVersion": ISTIO, "kind": "VirtualServise"}, "PF0202", 'did you mean "VirtualService"?'),
        ({"apiVersion": "v1", "kind": "VirtualService"}, "PF0202", "networking.istio.io"),
        ({"apiVersion": "config.istio.io/v1alpha2", "kind": "QuotaSpec"}, "PF0202", "QuotaSpec of config.istio.io"),
        ({"apiVersion": "networking.istio.io/v2", "kind": "Gateway"}, "PF0203", "use networking.istio.io/v1, "),
        ({"apiVersion": "v1", "kind": "List", "items": {}}, "PF0201", "must be a list"),
        ({"apiVersion": ISTIO, "kind": "Gateway"}, "PF0209", "no metadata.name"),
        ({"apiVersion": ISTIO, "kind": "Gateway", "metadata": {"name": ""}}, "PF0209", "no metadata.name"),
        ({"apiVersion": ISTIO, "kind": "Gateway", "metadata": {"name": 5}}, "PF0209", "the number 5"),
        ({"apiVersion": ISTIO, "kind": "Gateway", "metadata": {"name": "A|b"}}, "PF0209", "lower case"),
        ({"apiVersion": ISTIO, "kind": "Gateway", "metadata": {"name": "a\n"}}, "PF0209", ""),
        ({"apiVersion": ISTIO, "kind": "Gateway", "metadata": {"name": "a", "namespace": "a.b"}}, "PF0209", ""),
        ({"apiVersion": ISTIO, "kind": "Gateway", "metadata": []}, "PF0209", "must be a mapping"),
    ],
)
def test_what_is_no_object_of_ours_is_told_apart(tree: object, code: str, words: str) -> None:
    decoded = decode(tree)
    assert decoded.object is None
    assert [d.code for d in decoded.diagnostics] == [code]
    assert words in f"{decoded.diagnostics[0].message} {decoded.diagnostics[0].hint}"


@pytest.mark.parametrize("tree", [None, {}])
def test_an_empty_document_is_nothing(tree: object) -> None:
    assert decode(tree).diagnostics == ()
    assert decode(tree).object is None


def test_fields_of_yesterday_take_effect_and_name_todays() -> None:
    decoded = decode(
        destination_rule(
            {
                "host": "product-service",
                "trafficPolicy": {
                    "connectionPool": {"http": {"maxConnections": 100, "maxPendingRequests": 10}},
                    "outlierDetection": {"consecutiveErrors": 5},
                },
            }
        )
    )
    assert isinstance(decoded.object, DestinationRule)
    policy = decoded.object.spec.traffic_policy
    assert policy is not None
    assert policy.connection_pool is not None
    assert policy.connection_pool.http is not None
    assert (policy.connection_pool.http.max_connections, policy.connection_pool.http.max_pending_requests) == (100, 10)
    assert policy.outlier_detection is not None
    assert policy.outlier_detection.consecutive_errors == 5
    assert [(d.code, d.severity, d.hint) for d in decoded.diagnostics] == [
        ("PF0207", Severity.WARNING, "use connectionPool.tcp.maxConnections"),
        ("PF0207", Severity.WARNING, "use connectionPool.http.http1MaxPendingRequests"),
        ("PF0207", Severity.WARNING, "use outlierDetection.consecutive5xxErrors"),
    ]


def test_thousands_of_mistakes_are_counted_not_listed() -> None:
    diagnostics = decode(virtual_service({f"x{i}": 1 for i in range(5_000)})).diagnostics
    assert len(diagnostics) == MOST_DIAGNOSTICS + 1
    assert diagnostics[-1].code == "PF0211"
    assert "4900 more" in diagnostics[-1].message


def test_an_error_behind_a_hundred_warnings_still_counts() -> None:
    decoded = decode(virtual_service({**{f"x{i}": 1 for i in range(200)}, "hosts": 1}))
    assert decoded.object is None


def test_kubernetes_kinds_are_partial() -> None:
    service = good(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web", "annotations": {"a": "b"}},
            "spec": {
                "clusterIP": "None",
                "clusterIPs": ["None"],
                "ipFamilyPolicy": "SingleStack",
                "sessionAffinity": "None",
                "internalTrafficPolicy": "Cluster",
                "ports": [{"port": 80, "targetPort": "http"}, {"port": 81, "targetPort": 8081, "nodePort": 30000}],
                "selector": {"app": "web"},
            },
        }
    )
    assert isinstance(service, Service)
    assert (service.spec.cluster_ip, service.spec.cluster_ips) == ("None", ("None",))
    assert [p.target_port for p in service.spec.ports] == ["http", 8081]


def test_lists_are_flattened_and_typed_items_inherit_their_kind() -> None:
    one, two = virtual_service({}, name="one"), virtual_service({}, name="two")
    bare = {k: v for k, v in two.items() if k not in ("apiVersion", "kind")}
    typed = {"apiVersion": ISTIO, "kind": "VirtualServiceList", "items": [bare]}
    found = list(flatten({"apiVersion": "v1", "kind": "List", "items": [one, typed, None]}))
    assert [path for _, path in found] == ["items[0]", "items[1].items[0]", "items[2]"]
    assert [decode(tree).key for tree, _ in found] == [good(one).key, good(two).key, None]


@pytest.mark.parametrize(
    ("kind", "tree"),
    [
        (Pod, {"metadata": {"name": "p", "namespace": "x"}, "status": {"podIP": "10.0.0.1", "podIPs": [{"ip": "::"}]}}),
        (EndpointSlice, {"metadata": {"name": "e", "namespace": "x"}, "endpoints": None, "ports": None}),
        (Node, {"metadata": {"name": "n", "labels": {"topology.kubernetes.io/zone": "z"}}}),
        (Secret, {"metadata": {"name": "s", "namespace": "x"}, "data": {"tls.key": "aGk="}}),
        (ConfigMap, {"metadata": {"name": "c", "namespace": "x"}, "data": {"a": "b"}, "binaryData": {"b": "aGk="}}),
        (Gateway, {"metadata": {"name": "g", "namespace": "x"}, "spec": {"servers": [{"port": {"number": 80}}]}}),
    ],
)  # fmt: skip
def test_bytes_and_trees_give_equal_objects(kind: Any, tree: dict[str, object]) -> None:
    version = f"{kind.GROUP}/v1" if kind.GROUP else "v1"
    full = {"apiVersion": version, "kind": kind.KIND, **tree}
    expected = decode(full)
    assert expected.object is not None
    assert decode_bytes(msgspec.json.encode(full)) == expected
    assert decode_bytes(msgspec.json.encode(tree), kind) == expected


def test_bytes_find_every_mistake_as_well() -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "status": {"podIP": 1, "podIPs": [{"ip": 2}]}}
    decoded = decode_bytes(msgspec.json.encode(pod))
    assert [d.origin.path for d in decoded.diagnostics if d.origin] == ["status.podIP", "status.podIPs[0].ip"]


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b'{"a": 1', b"[" * 100_000, b'"\\ud800"', b'{"kind": 1}', b"[]"])
def test_bytes_that_are_no_object_are_an_error(data: bytes) -> None:
    decoded = decode_bytes(data)
    assert decoded.object is None
    assert [d.code for d in decoded.diagnostics] == ["PF0201"]


def test_a_pods_addresses() -> None:
    pod = good(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "p"},
            "status": {"podIPs": [{"ip": "a"}, {}], "podIP": "b"},
        }
    )
    assert pod.status.ips == ("b", "a")


def test_a_secret_does_not_show_itself() -> None:
    tree = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s"},
        "data": {"tls.key": "c2VjcmV0"},
        "stringData": {"a": "b"},
    }
    secret = good(tree)
    assert (secret.value("tls.key"), secret.value("a"), secret.value("c")) == (b"secret", b"b", None)
    assert repr(secret) == "Secret(default/s, ['a', 'tls.key'])"
    assert "c2VjcmV0" not in str(decode(tree | {"data": {"tls.key": "c2VjcmV0!"}}).diagnostics)


def test_a_mesh_config_has_istios_defaults() -> None:
    mesh, diagnostics = decode_mesh_config({"connectTimeout": "3s", "defaultHttpRetryPolicy": {"attempts": 1}})
    assert mesh is not None
    assert diagnostics == ()
    assert mesh.connect_timeout == Duration.parse("3s")
    assert mesh.default_service_export_to == ("*",)


@pytest.mark.parametrize(
    ("tree", "path", "code"),
    [
        ({"conectTimeout": "3s"}, "conectTimeout", "PF0204"),
        ({"connectTimeout": 3}, "connectTimeout", "PF0205"),
        ({"ingressClass": "nginx"}, "ingressClass", "PF0208"),
        ({"extensionProviders": [{"name": "x"}]}, "extensionProviders", "PF0208"),
        ([], "", "PF0205"),
    ],
)
def test_mistakes_in_a_mesh_config(tree: object, path: str, code: str) -> None:
    mesh, diagnostics = decode_mesh_config(tree)
    assert [(d.code, d.origin.path if d.origin else "") for d in diagnostics] == [(code, path)]
    assert (mesh is None) == (diagnostics[0].severity is Severity.ERROR)


def _place(tree: dict[str, Any], path: str) -> None:
    """Set the field at a path of the coverage table to something that is neither a default nor of its type."""
    at: Any = tree
    names = path.split(".")
    for name in names[:-1]:
        at = at.setdefault(name[:-2], [{}])[0] if name.endswith("[]") else at.setdefault(name, {})
    at[names[-1]] = "something"


@pytest.mark.parametrize(("kind", "path"), [(k, p) for k, paths in NOTICES.items() for p in paths if k != "MeshConfig"])
def test_every_entry_of_the_coverage_table_speaks(kind: str, path: str) -> None:
    version = next(api_versions(known)[0] for known in KINDS.values() if kind == known.KIND)
    tree: dict[str, Any] = {"apiVersion": version, "kind": kind, "metadata": {"name": "x"}}
    _place(tree, path)
    notices = [d.origin.path for d in decode(tree).diagnostics if d.origin and d.code in ("PF0207", "PF0208")]
    assert notices == [path.replace("[]", "[0]")]


@pytest.mark.parametrize("path", sorted(NOTICES["MeshConfig"]))
def test_every_entry_for_the_mesh_speaks(path: str) -> None:
    tree: dict[str, Any] = {}
    _place(tree, path)
    assert {"PF0207", "PF0208"} & {d.code for d in decode_mesh_config(tree)[1]}
