"""What is said about policies that nothing can use, hosts that are defined twice, workloads that belong to nothing."""

from __future__ import annotations

import pytest

from tests.translators.analysis.test_analysis import GATEWAY, REVIEWS, Case, case, said, world_of

PODS = "Pod a: {labels: {app: web}, status: {podIP: 10.0.0.9}}\n"
TCP = """
ServiceEntry db: {hosts: [db.example], addresses: [10.0.0.5], ports: [{number: 3306, name: mysql, protocol: MYSQL}],
  resolution: STATIC, endpoints: [{address: 10.0.0.1}]}
"""
ANYWHERE = """
ServiceEntry any: {hosts: ["*.example"], ports: [{number: 80, name: http, protocol: HTTP}], resolution: NONE}
"""


def rule(host: str, policy: str, more: str = "") -> str:
    return f"\nDestinationRule r: {{host: {host}, trafficPolicy: {{{policy}}}{more}}}\n"


ZONES = """
ServiceEntry z: {hosts: [z.example], ports: [{number: 80, name: http, protocol: HTTP}], resolution: STATIC,
  endpoints: [{address: 10.0.0.1, locality: r1/z1}]}
"""
OUTLIER = "outlierDetection: {interval: 1s}"
RANDOM = "loadBalancer: {simple: RANDOM}"
CLIENTS = ", workloadSelector: {matchLabels: {app: web}}"
HTTP2_ONLY = "connectionPool: {http: {maxConcurrentStreams: 5, http2KeepAlive: {interval: 1s, timeout: 1s}}}"
IN = "Service istio-system/in: {ports: [{port: P}], selector: {istio: ingressgateway}}"
POOL = "DestinationRule default/r spec.trafficPolicy.connectionPool"
BALANCER = "DestinationRule default/r spec.trafficPolicy.loadBalancer"

CASES = (
    case(
        "clients that are there",
        REVIEWS + PODS + rule("reviews", RANDOM, CLIENTS := ", workloadSelector: {matchLabels: {app: web}}"),
    ),
    case(
        "clients that are not",
        REVIEWS + PODS.replace("web", "db") + rule("reviews", RANDOM, CLIENTS),
        "PF0730 DestinationRule default/r spec.workloadSelector",
    ),
    case("clients where nobody knows any", REVIEWS + rule("reviews", RANDOM, CLIENTS)),
    case(
        "a port that is not there",
        REVIEWS + rule("reviews", "portLevelSettings: [{port: {number: 8080}, loadBalancer: {simple: RANDOM}}]"),
        "PF0731 DestinationRule default/r spec.trafficPolicy.portLevelSettings[0].port",
    ),
    case(
        "a port that is there",
        REVIEWS + rule("reviews", "portLevelSettings: [{port: {number: 80}, loadBalancer: {simple: RANDOM}}]"),
    ),
    case(
        "settings of HTTP/2 for HTTP/1.1",
        REVIEWS + rule("reviews", HTTP2_ONLY),
        f"PF0732 {POOL}.http.http2KeepAlive",
        f"PF0732 {POOL}.http.maxConcurrentStreams",
    ),
    case(
        "settings of HTTP/2 for HTTP/2",
        REVIEWS.replace("protocol: HTTP", "protocol: GRPC") + rule("reviews", HTTP2_ONLY),
    ),
    case(
        "settings of HTTP/2 for what is upgraded",
        REVIEWS + rule("reviews", HTTP2_ONLY.replace("{http: {", "{http: {h2UpgradePolicy: UPGRADE, ")),
    ),
    case(
        "settings of HTTP/2 for a port that has its own",
        REVIEWS
        + rule(
            "reviews", f"{HTTP2_ONLY}, portLevelSettings: [{{port: {{number: 80}}, loadBalancer: {{simple: RANDOM}}}}]"
        ),
    ),
    case(
        "settings of HTTP for TCP",
        TCP + rule("db.example", "connectionPool: {http: {maxRetries: 3}}"),
        f"PF0732 {POOL}.http",
    ),
    case(
        "a hash of HTTP for TCP",
        TCP + rule("db.example", "loadBalancer: {consistentHash: {httpHeaderName: x}}"),
        f"PF0732 {BALANCER}.consistentHash",
    ),
    case("a hash of TCP for TCP", TCP + rule("db.example", "loadBalancer: {consistentHash: {useSourceIp: true}}")),
    case(
        "a choice where there is none",
        ANYWHERE + rule('"*.example"', "loadBalancer: {simple: RANDOM}"),
        f"PF0732 {BALANCER}",
    ),
    case(
        "localities without endpoints",
        ZONES
        + rule("z.example", f"{OUTLIER}, loadBalancer: {{localityLbSetting: {{failover: [{{from: r1, to: r2}}]}}}}"),
        f"PF0738 {BALANCER}.localityLbSetting.failover[0].to",
    ),
    case(
        "a share for a locality without endpoints",
        ZONES
        + rule(
            "z.example", "loadBalancer: {localityLbSetting: {distribute: [{from: r1/*, to: {r1/z1: 50, r1/z2: 50}}]}}"
        ),
        f"PF0738 {BALANCER}.localityLbSetting.distribute[0].to",
    ),
    case(
        "two policies for one host",
        REVIEWS
        + rule("reviews", "loadBalancer: {simple: RANDOM}")
        + rule("reviews", "loadBalancer: {simple: ROUND_ROBIN}").replace("DestinationRule r", "DestinationRule s"),
        "PF0591 DestinationRule default/s spec.trafficPolicy",
    ),
    case(
        "one host in two namespaces",
        TCP + TCP.replace("ServiceEntry db", "ServiceEntry other/db"),
        "PF0733 ServiceEntry other/db spec.hosts[0]",
    ),
    case(
        "one host in two namespaces, of which one keeps it",
        TCP + TCP.replace("ServiceEntry db: {", "ServiceEntry other/db: {exportTo: ['.'], "),
    ),
    case(
        "a selector without workloads",
        "ServiceEntry s: {hosts: [s.example], ports: [{number: 80, name: http, protocol: HTTP}], resolution: STATIC,"
        " workloadSelector: {labels: {app: s}}}\n" + PODS,
        "PF0734 ServiceEntry default/s spec.workloadSelector",
    ),
    case(
        "a workload and its service",
        "ServiceEntry s: {hosts: [s.example], ports: [{number: 80, name: http, protocol: HTTP}], resolution: STATIC,"
        " workloadSelector: {labels: {app: s}}}\nWorkloadEntry w: {address: 10.0.0.1, labels: {app: s}}",
    ),
    case(
        "a workload of a Kubernetes Service",
        "Service s: {ports: [{port: 80, name: http}], selector: {app: s}}\n"
        "WorkloadEntry w: {address: 10.0.0.1, labels: {app: s}}",
    ),
    case(
        "a workload of nothing",
        "WorkloadEntry w: {address: 10.0.0.1, labels: {app: s}}",
        "PF0735 WorkloadEntry default/w spec.labels",
    ),
    case(
        "endpoints of nothing",
        "EndpointSlice e: {labels: {kubernetes.io/service-name: x}, addressType: IPv4, endpoints: []}",
        "PF0736 EndpointSlice default/e metadata.labels",
    ),
    case(
        "a port that does not say its protocol",
        "Service s: {ports: [{port: 80, name: http}, {port: 81, name: x}, {port: 3306, name: y}], selector: {app: s}}",
        "PF0727 Service default/s spec.ports[1].name",
    ),
    case(
        "a port that the Service before the gateway has not",
        GATEWAY
        + "Service istio-system/in: {ports: [{port: 443, targetPort: 8443}], selector: {istio: ingressgateway}}",
        "PF0737 Gateway default/gw spec.servers[0].port.number",
    ),
    case(
        "a port that the Service before the gateway maps to",
        GATEWAY + IN.replace("P", "8080, targetPort: 80"),
    ),
)


@pytest.mark.parametrize("row", CASES, ids=lambda row: row.title)
def test_findings(row: Case) -> None:
    found = said(world_of(row.objects))
    assert tuple(f"{d.code} {d.origin}" for d in found) == row.expected
    assert all(d.message and d.hint for d in found)
