"""Each field of a traffic policy, and what it makes of a cluster (reference 1.3, 2.7)."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.translators.clusters.shown import shown
from tests.translators.worlds import GATEWAY, SIDECAR, Scene, world
from translators.model.common import Duration
from translators.model.destination_rule import ConnectionPoolSettings, TcpKeepalive, TCPSettings
from translators.model.mesh_config import MeshConfig, MeshTrafficPolicy
from translators.services import Destination

HTTP = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
UNLIMITED = 4294967295


def cluster(
    policy: str, *, port: str = "{name: http, port: 80}", view: Any = GATEWAY, **settings: Any
) -> dict[str, Any]:
    """Return the cluster of a service under a DestinationRule with this traffic policy."""
    text = f"{{kind: Service, metadata: {{name: reviews}}, spec: {{clusterIP: 10.0.0.1, ports: [{port}]}}}}"
    if policy:
        spec = f"{{host: reviews, trafficPolicy: {policy}}}"
        text += f"\n---\n{{kind: DestinationRule, metadata: {{name: reviews}}, spec: {spec}}}"
    scene = Scene(world(text, **settings))
    service = scene.service("reviews.default.svc.cluster.local")
    (resource,) = scene.output([Destination(service=service, port=service.ports[0])], view).clusters
    return shown(resource)


def limits(**changes: int) -> dict[str, Any]:
    names = ("max_connections", "max_pending_requests", "max_requests", "max_retries")
    return {"thresholds": [dict.fromkeys(names, UNLIMITED) | changes]}


def http_options(**options: Any) -> dict[str, Any]:
    return {HTTP: {"@type": f"type.googleapis.com/{HTTP}", **options}}


HTTP1: dict[str, Any] = {"explicit_http_config": {"http_protocol_options": {}}}


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("{loadBalancer: {simple: UNSPECIFIED}}", {"lb_policy": "LEAST_REQUEST"}),
        ("{loadBalancer: {simple: LEAST_REQUEST}}", {"lb_policy": "LEAST_REQUEST"}),
        ("{loadBalancer: {simple: LEAST_CONN}}", {"lb_policy": "LEAST_REQUEST"}),
        ("{loadBalancer: {simple: ROUND_ROBIN}}", {}),
        ("{loadBalancer: {simple: RANDOM}}", {"lb_policy": "RANDOM"}),
        ("{loadBalancer: {simple: PASSTHROUGH}}", {"lb_policy": "CLUSTER_PROVIDED"}),
        (
            "{loadBalancer: {consistentHash: {httpHeaderName: x-user}}}",
            {"lb_policy": "RING_HASH", "ring_hash_lb_config": {"minimum_ring_size": "1024"}},
        ),
        (
            "{loadBalancer: {consistentHash: {useSourceIp: true, ringHash: {minimumRingSize: 2048}}}}",
            {"lb_policy": "RING_HASH", "ring_hash_lb_config": {"minimum_ring_size": "2048"}},
        ),
        (
            "{loadBalancer: {consistentHash: {useSourceIp: true, minimumRingSize: 4096}}}",
            {"lb_policy": "RING_HASH", "ring_hash_lb_config": {"minimum_ring_size": "4096"}},
        ),
        ("{loadBalancer: {consistentHash: {useSourceIp: true, maglev: {}}}}", {"lb_policy": "MAGLEV"}),
        (
            "{loadBalancer: {consistentHash: {useSourceIp: true, maglev: {tableSize: 1021}}}}",
            {"lb_policy": "MAGLEV", "maglev_lb_config": {"table_size": "1021"}},
        ),
        (
            "{loadBalancer: {warmup: {duration: 10s}}}",
            {
                "lb_policy": "LEAST_REQUEST",
                "least_request_lb_config": {"slow_start_config": {"slow_start_window": "10s"}},
            },
        ),
        (
            "{loadBalancer: {simple: ROUND_ROBIN, warmup: {duration: 1m, minimumPercent: 20, aggression: 1.5}}}",
            {
                "round_robin_lb_config": {
                    "slow_start_config": {
                        "slow_start_window": "60s",
                        "min_weight_percent": {"value": 20.0},
                        "aggression": {"default_value": 1.5, "runtime_key": "upstream.slow_start.aggression"},
                    }
                },
            },
        ),
        (
            "{loadBalancer: {simple: LEAST_REQUEST, warmupDurationSecs: 5s}}",
            {
                "lb_policy": "LEAST_REQUEST",
                "least_request_lb_config": {"slow_start_config": {"slow_start_window": "5s"}},
            },
        ),
        ("{loadBalancer: {simple: RANDOM, warmup: {duration: 10s}}}", {"lb_policy": "RANDOM"}),
    ],
)
def test_load_balancer(policy: str, expected: dict[str, Any]) -> None:
    found = cluster(policy)
    assert {
        k: v for k, v in found.items() if k == "lb_policy" or (k.endswith("lb_config") and k != "common_lb_config")
    } == expected


def test_passthrough_sends_to_the_original_destination() -> None:
    found = cluster("{loadBalancer: {simple: PASSTHROUGH}}", view=SIDECAR)
    assert found["type"] == "ORIGINAL_DST"
    assert not {"eds_cluster_config", "common_lb_config", "load_assignment"} & found.keys()


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("", limits()),
        ("{connectionPool: {tcp: {maxConnections: 1}}}", limits(max_connections=1)),
        ("{connectionPool: {http: {http1MaxPendingRequests: 2}}}", limits(max_pending_requests=2)),
        ("{connectionPool: {http: {http2MaxRequests: 3}}}", limits(max_requests=3)),
        ("{connectionPool: {http: {maxRetries: 4}}}", limits(max_retries=4)),
        ("{connectionPool: {http: {maxConnections: 5}}}", limits(max_connections=5)),
        ("{connectionPool: {http: {maxPendingRequests: 6}}}", limits(max_pending_requests=6)),
        ("{connectionPool: {tcp: {maxConnections: 1}, http: {maxConnections: 5}}}", limits(max_connections=1)),
        (
            "{connectionPool: {http: {http1MaxPendingRequests: 2, maxPendingRequests: 6}}}",
            limits(max_pending_requests=2),
        ),
        ("{connectionPool: {tcp: {maxConnections: 0}, http: {http2MaxRequests: 0, maxRetries: 0}}}", limits()),
    ],
)
def test_limits(policy: str, expected: dict[str, Any]) -> None:
    assert cluster(policy)["circuit_breakers"] == expected


@pytest.mark.parametrize(("version", "number"), [("V1", {}), ("V2", {"version": "V2"})])
def test_the_proxy_protocol(version: str, number: dict[str, str]) -> None:
    found = cluster(f"{{proxyProtocol: {{version: {version}}}}}")["transport_socket"]
    assert found["name"] == "envoy.transport_sockets.upstream_proxy_protocol"
    assert found["typed_config"]["config"] == number
    assert found["typed_config"]["transport_socket"]["name"] == "envoy.transport_sockets.raw_buffer"


def test_a_retry_budget() -> None:
    found = cluster("{retryBudget: {percent: 30, minRetryConcurrency: 5}}")["circuit_breakers"]["thresholds"][0]
    assert found["retry_budget"] == {"budget_percent": {"value": 30.0}, "min_retry_concurrency": 5}
    found = cluster("{retryBudget: {}}")["circuit_breakers"]["thresholds"][0]
    assert found["retry_budget"] == {"budget_percent": {"value": 20.0}}


@pytest.mark.parametrize(
    ("policy", "mesh", "expected"),
    [
        ("", {}, "10s"),
        ("", {"connect_timeout": Duration(2_500_000_000)}, "2.500s"),
        ("{connectionPool: {tcp: {connectTimeout: 30ms}}}", {}, "0.030s"),
        ("{connectionPool: {tcp: {connectTimeout: 1m}}}", {"connect_timeout": Duration(5)}, "60s"),
        ("{connectionPool: {tcp: {maxConnections: 1}}}", {"connect_timeout": Duration(2_000_000_000)}, "2s"),
    ],
)
def test_connect_timeout(policy: str, mesh: dict[str, Any], expected: str) -> None:
    assert cluster(policy, mesh=MeshConfig(**mesh))["connect_timeout"] == expected


OF_MESH = TcpKeepalive(probes=9, time=Duration(60_000_000_000))


@pytest.mark.parametrize(
    ("policy", "mesh", "expected"),
    [
        ("", None, None),
        ("{connectionPool: {tcp: {tcpKeepalive: {}}}}", None, {}),
        (
            "{connectionPool: {tcp: {tcpKeepalive: {probes: 3, time: 2h, interval: 75s}}}}",
            None,
            {"keepalive_probes": 3, "keepalive_time": 7200, "keepalive_interval": 75},
        ),
        ("", OF_MESH, {"keepalive_probes": 9, "keepalive_time": 60}),
        (
            "{connectionPool: {tcp: {tcpKeepalive: {probes: 3, interval: 5s}}}}",
            OF_MESH,
            {"keepalive_probes": 3, "keepalive_time": 60, "keepalive_interval": 5},
        ),
    ],
)
def test_keepalive(policy: str, mesh: TcpKeepalive | None, expected: dict[str, Any] | None) -> None:
    found = cluster(policy, mesh=MeshConfig(tcp_keepalive=mesh))
    assert found.get("upstream_connection_options") == (None if expected is None else {"tcp_keepalive": expected})


NO_SUCCESS_RATE = {"enforcing_success_rate": 0}


@pytest.mark.parametrize(
    ("outlier", "expected"),
    [
        ("{}", NO_SUCCESS_RATE),
        ("{consecutive5xxErrors: 7}", NO_SUCCESS_RATE | {"consecutive_5xx": 7, "enforcing_consecutive_5xx": 100}),
        ("{consecutive5xxErrors: 0}", NO_SUCCESS_RATE | {"consecutive_5xx": 0, "enforcing_consecutive_5xx": 0}),
        ("{consecutiveErrors: 5}", NO_SUCCESS_RATE | {"consecutive_5xx": 5, "enforcing_consecutive_5xx": 100}),
        (
            "{consecutiveErrors: 5, consecutive5xxErrors: 7}",
            NO_SUCCESS_RATE | {"consecutive_5xx": 7, "enforcing_consecutive_5xx": 100},
        ),
        (
            "{consecutiveGatewayErrors: 3}",
            NO_SUCCESS_RATE | {"consecutive_gateway_failure": 3, "enforcing_consecutive_gateway_failure": 100},
        ),
        (
            "{consecutiveGatewayErrors: 0}",
            NO_SUCCESS_RATE | {"consecutive_gateway_failure": 0, "enforcing_consecutive_gateway_failure": 0},
        ),
        (
            "{interval: 1s, baseEjectionTime: 1m30s, maxEjectionPercent: 50}",
            NO_SUCCESS_RATE | {"interval": "1s", "base_ejection_time": "90s", "max_ejection_percent": 50},
        ),
        (
            "{splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 4}",
            NO_SUCCESS_RATE
            | {
                "split_external_local_origin_errors": True,
                "enforcing_local_origin_success_rate": 0,
                "consecutive_local_origin_failure": 4,
                "enforcing_consecutive_local_origin_failure": 100,
            },
        ),
    ],
)
def test_outlier_detection(outlier: str, expected: dict[str, Any]) -> None:
    assert cluster(f"{{outlierDetection: {outlier}}}")["outlier_detection"] == expected


@pytest.mark.parametrize(
    ("policy", "percent"),
    [("", 0.0), ("{outlierDetection: {interval: 1s}}", 0.0), ("{outlierDetection: {minHealthPercent: 40}}", 40.0)],
)
def test_the_panic_threshold(policy: str, percent: float) -> None:
    assert cluster(policy)["common_lb_config"] == {"healthy_panic_threshold": {"value": percent} if percent else {}}


def status(code: str) -> dict[str, Any]:
    return {"http_response_headers_match": {"headers": [{"name": ":status", "string_match": {"exact": code}}]}}


HTTP2: dict[str, Any] = {"explicit_http_config": {"http2_protocol_options": {}}}
BOTH: dict[str, Any] = {"use_downstream_protocol_config": {"http_protocol_options": {}, "http2_protocol_options": {}}}


@pytest.mark.parametrize(
    ("policy", "port", "expected"),
    [
        ("", "http", None),
        ("", "tcp", None),
        ("", "undeclared", None),
        ("", "http2", HTTP2),
        ("", "grpc", HTTP2),
        ("", "grpc-web", HTTP2),
        ("{connectionPool: {http: {http1MaxPendingRequests: 1}}}", "http", None),
        ("{connectionPool: {http: {http1MaxPendingRequests: 1}}}", "grpc", HTTP2),
        ("{connectionPool: {http: {h2UpgradePolicy: UPGRADE}}}", "http", HTTP2),
        ("{connectionPool: {http: {h2UpgradePolicy: UPGRADE}}}", "tcp", None),
        ("{connectionPool: {http: {h2UpgradePolicy: DO_NOT_UPGRADE}}}", "http", None),
        ("{connectionPool: {http: {useClientProtocol: true}}}", "http", BOTH),
        (
            "{connectionPool: {http: {idleTimeout: 5s}}}",
            "http",
            HTTP1 | {"common_http_protocol_options": {"idle_timeout": "5s"}},
        ),
        (
            "{connectionPool: {http: {maxRequestsPerConnection: 3}, tcp: {maxConnectionDuration: 1h}}}",
            "grpc",
            HTTP2
            | {
                "common_http_protocol_options": {
                    "max_requests_per_connection": 3,
                    "max_connection_duration": "3600s",
                }
            },
        ),
        ("{connectionPool: {http: {maxConcurrentStreams: 7}}}", "http", None),
        (
            "{connectionPool: {http: {maxConcurrentStreams: 7, http2KeepAlive: {interval: 30s, timeout: 5s}}}}",
            "http2",
            {
                "explicit_http_config": {
                    "http2_protocol_options": {
                        "max_concurrent_streams": 7,
                        "connection_keepalive": {"interval": "30s", "timeout": "5s"},
                    }
                }
            },
        ),
        (
            "{outlierDetection: {outlierDetectionHttpErrorCodes: [503]}}",
            "http",
            HTTP1 | {"outlier_detection": {"error_matcher": status("503")}},
        ),
        (
            "{outlierDetection: {outlierDetectionHttpErrorCodes: [503, 429, 503]}}",
            "http",
            HTTP1 | {"outlier_detection": {"error_matcher": {"or_match": {"rules": [status("429"), status("503")]}}}},
        ),
    ],
)
def test_http_protocol_options(policy: str, port: str, expected: dict[str, Any] | None) -> None:
    found = cluster(policy, port=f"{{name: {port}, port: 80}}").get("typed_extension_protocol_options")
    assert found == (None if expected is None else http_options(**expected))


@pytest.mark.parametrize(
    ("policy", "mesh", "upgraded"),
    [
        ("", "UPGRADE", True),
        ("", "DO_NOT_UPGRADE", False),
        ("{connectionPool: {http: {h2UpgradePolicy: DO_NOT_UPGRADE}}}", "UPGRADE", False),
        ("{connectionPool: {http: {h2UpgradePolicy: DEFAULT}}}", "UPGRADE", True),
    ],
)
def test_the_mesh_may_upgrade_to_http2(policy: str, mesh: Any, upgraded: bool) -> None:
    found = cluster(policy, mesh=MeshConfig(h2_upgrade_policy=mesh))
    assert found.get("typed_extension_protocol_options") == (http_options(**HTTP2) if upgraded else None)


def test_a_sidecar_speaks_what_its_client_speaks_to_an_undeclared_port() -> None:
    found = cluster("", port="{name: x, port: 80}", view=SIDECAR)
    assert found["typed_extension_protocol_options"] == http_options(**BOTH)


def test_the_missions_destination_rule() -> None:
    policy = yaml.safe_load("""
connectionPool:
  http: {maxConnections: 100, maxPendingRequests: 100}
  tcp: {maxConnections: 100}
outlierDetection: {consecutiveErrors: 5, interval: 1s, baseEjectionTime: 30s, maxEjectionPercent: 50}
""")
    found = cluster(str(policy))
    assert found["circuit_breakers"] == limits(max_connections=100, max_pending_requests=100)
    assert found["outlier_detection"] == {
        "consecutive_5xx": 5,
        "interval": "1s",
        "base_ejection_time": "30s",
        "max_ejection_percent": 50,
        "enforcing_consecutive_5xx": 100,
        "enforcing_success_rate": 0,
    }


def test_the_meshs_default_policy() -> None:
    default = MeshTrafficPolicy(connection_pool=ConnectionPoolSettings(tcp=TCPSettings(max_connections=5)))
    assert cluster("", mesh=MeshConfig(default_traffic_policy=default))["circuit_breakers"] == limits(max_connections=5)


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("", "outbound|80||reviews.default.svc.cluster.local"),
        ("%SERVICE%_%SERVICE_PORT%", "reviews.default_80"),
        (
            "%SERVICE_NAME% %SERVICE_FQDN% %SERVICE_PORT_NAME% %TARGET_PORT% [%SUBSET_NAME%]",
            "reviews reviews.default.svc.cluster.local http 80 []",
        ),
    ],
)
def test_the_name_that_a_cluster_is_counted_under(pattern: str, name: str) -> None:
    assert cluster("", mesh=MeshConfig(outbound_cluster_stat_name=pattern))["alt_stat_name"] == f"{name};"


@pytest.mark.parametrize("tls", ["{mode: ISTIO_MUTUAL}", "{mode: SIMPLE}", "{mode: MUTUAL, credentialName: c}"])
def test_tls_that_passes_through_is_neither_refused_nor_wrapped_again(tls: str) -> None:
    text = "{kind: Service, metadata: {name: db}, spec: {clusterIP: 10.0.0.1, ports: [{name: http, port: 80}]}}\n---\n"
    spec = f"{{host: db, trafficPolicy: {{tls: {tls}}}}}"
    scene = Scene(world(f"{text}{{kind: DestinationRule, metadata: {{name: db}}, spec: {spec}}}"))
    service = scene.service("db.default.svc.cluster.local")
    output = scene.output([Destination(service=service, port=service.ports[0], sni_dnat=True)])
    found = shown(output.clusters[0])
    assert (found["name"], found["type"]) == ("outbound_.80_._.db.default.svc.cluster.local", "EDS")
    assert not {"transport_socket", "typed_extension_protocol_options"} & found.keys()
    assert [a.name for a in output.assignments] == [found["name"]]
    assert output.diagnostics == ()
