"""DestinationRule: what validation says about each mistake, and about what only looks like one."""

from __future__ import annotations

import pytest

from tests.translators.validation.cases import Case, case, load, said

RULES = (
    case("subsets", "{host: reviews, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]}"),
    case("a wildcard", "{host: '*.example.com', subsets: []}"),
    case("no host", "{}", "PF0501 spec.host"),
    case("a host with a slash", "{host: a/b}", "PF0501 spec.host"),
    case("a policy that says nothing", "{host: a, trafficPolicy: {}}", "PF0502 spec.trafficPolicy"),
    case(
        "a subset's policy that says nothing",
        "{host: a, subsets: [{name: b, trafficPolicy: {}}]}",
        "PF0502 spec.subsets[0].trafficPolicy",
    ),
    case("a subset without a name", "{host: a, subsets: [{labels: {a: b}}]}", "PF0503 spec.subsets[0].name"),
    case("a subset with a dot", "{host: a, subsets: [{name: v1.0}]}", "PF0503 spec.subsets[0].name"),
    case("a subset twice", "{host: a, subsets: [{name: v1}, {name: v1}]}", "PF0504 spec.subsets[1].name"),
    case("a subset's label", "{host: a, subsets: [{name: v1, labels: {a: b c}}]}", "PF0281 spec.subsets[0].labels"),
    case("a selector", "{host: a, workloadSelector: {matchLabels: {app: b}}, exportTo: [.]}"),
    case("an empty selector", "{host: a, workloadSelector: {}}", "PF0283 spec.workloadSelector"),
    case(
        "a selector, exported",
        "{host: a, workloadSelector: {matchLabels: {app: b}}, exportTo: ['*']}",
        "PF0505 spec.exportTo",
    ),
    case(
        "a selector with a wildcard",
        "{host: a, workloadSelector: {matchLabels: {app: '*'}}}",
        "PF0282 spec.workloadSelector.matchLabels",
    ),
    case("exported twice", "{host: a, exportTo: [b, b]}", "PF0284 spec.exportTo[1]"),
)

POLICIES = (
    case("tunnel", "tunnel: {protocol: CONNECT, targetHost: a.com, targetPort: 443}"),
    case("tunnel to an address", "tunnel: {targetHost: 10.0.0.1, targetPort: 443}"),
    case(
        "tunnel and PROXY protocol",
        "{tunnel: {targetHost: a.com, targetPort: 443}, proxyProtocol: {version: V2}}",
        "PF0506 .proxyProtocol",
    ),
    case("a tunnel by PUT", "tunnel: {protocol: PUT, targetHost: a.com, targetPort: 443}", "PF0507 .tunnel.protocol"),
    case("a tunnel to nowhere", "tunnel: {targetPort: 443}", "PF0507 .tunnel.targetHost"),
    case("a tunnel to no port", "tunnel: {targetHost: a.com}", "PF0507 .tunnel.targetPort"),
    case("a port", "portLevelSettings: [{port: {number: 80}, loadBalancer: {simple: RANDOM}}]"),
    case("no port", "portLevelSettings: [{loadBalancer: {simple: RANDOM}}]", "PF0508 .portLevelSettings[0]"),
    case(
        "port 0",
        "portLevelSettings: [{port: {}, loadBalancer: {simple: RANDOM}}]",
        "PF0508 .portLevelSettings[0].port.number",
    ),
    case("nothing for a port", "portLevelSettings: [{port: {number: 80}}]", "PF0509 .portLevelSettings[0]"),
    case(
        "a port's mistake",
        "portLevelSettings: [{port: {number: 80}, outlierDetection: {interval: 0s}}]",
        "PF0511 .portLevelSettings[0].outlierDetection.interval",
    ),
    case("a retry budget above 100", "retryBudget: {percent: 120}", "PF0510 .retryBudget.percent"),
    case("outlier detection", "outlierDetection: {consecutive5xxErrors: 5, interval: 1s, maxEjectionPercent: 100}"),
    case(
        "ejecting 101 %", "outlierDetection: {maxEjectionPercent: 101}", "PF0510 .outlierDetection.maxEjectionPercent"
    ),
    case("health below 0", "outlierDetection: {minHealthPercent: -1}", "PF0510 .outlierDetection.minHealthPercent"),
    case("no interval", "outlierDetection: {interval: 0s}", "PF0511 .outlierDetection.interval"),
    case("ejection for a µs", "outlierDetection: {baseEjectionTime: 1us}", "PF0511 .outlierDetection.baseEjectionTime"),
    case(
        "local failures, not split",
        "outlierDetection: {consecutiveLocalOriginFailures: 5}",
        "PF0512 .outlierDetection.consecutiveLocalOriginFailures",
    ),
    case(
        "local failures, split",
        "outlierDetection: {consecutiveLocalOriginFailures: 5, splitExternalLocalOriginErrors: true}",
    ),
    case(
        "an error code that is none",
        "outlierDetection: {outlierDetectionHttpErrorCodes: [500, 99]}",
        "PF0513 .outlierDetection.outlierDetectionHttpErrorCodes[1]",
    ),
    case("negative errors", "outlierDetection: {consecutiveErrors: -1}", "PF0514 .outlierDetection.consecutiveErrors"),
    case(
        "a connection pool", "connectionPool: {tcp: {maxConnections: 1, connectTimeout: 30ms}, http: {maxRetries: 0}}"
    ),
    case("the names of the past", "connectionPool: {http: {maxConnections: 100, maxPendingRequests: 100}}"),
    case("a pool that says nothing", "connectionPool: {}", "PF0515 .connectionPool"),
    case(
        "negative connections",
        "connectionPool: {tcp: {maxConnections: -1}}",
        "PF0514 .connectionPool.tcp.maxConnections",
    ),
    case(
        "negative requests",
        "connectionPool: {http: {http1MaxPendingRequests: -1, maxRequestsPerConnection: -2}}",
        "PF0514 .connectionPool.http.http1MaxPendingRequests",
        "PF0514 .connectionPool.http.maxRequestsPerConnection",
    ),
    case(
        "connecting in no time",
        "connectionPool: {tcp: {connectTimeout: 0s}}",
        "PF0511 .connectionPool.tcp.connectTimeout",
    ),
    case("idle for ever", "connectionPool: {tcp: {idleTimeout: 0s}, http: {idleTimeout: 0s}}"),
    case("idle for a µs", "connectionPool: {http: {idleTimeout: 1us}}", "PF0511 .connectionPool.http.idleTimeout"),
    case(
        "upgrading and not",
        "connectionPool: {http: {useClientProtocol: true, h2UpgradePolicy: UPGRADE}}",
        "PF0516 .connectionPool.http.useClientProtocol",
    ),
    case(
        "half a keepalive",
        "connectionPool: {http: {http2KeepAlive: {interval: 1s}}}",
        "PF0517 .connectionPool.http.http2KeepAlive.timeout",
    ),
    case("mutual TLS", "tls: {mode: MUTUAL, clientCertificate: /a, privateKey: /b, caCertificates: /c}"),
    case(
        "mutual TLS with nothing",
        "tls: {mode: MUTUAL}",
        "PF0550 .tls.clientCertificate",
        "PF0550 .tls.privateKey",
    ),
    case("ISTIO_MUTUAL with a key", "tls: {mode: ISTIO_MUTUAL, privateKey: /a}", "PF0551 .tls.privateKey"),
    case("ISTIO_MUTUAL with a secret", "tls: {mode: ISTIO_MUTUAL, credentialName: a}", "PF0551 .tls.credentialName"),
    case(
        "a secret and files",
        "tls: {mode: MUTUAL, credentialName: a, caCertificates: /c}",
        "PF0552 .tls.caCertificates",
    ),
    case("SIMPLE with a key", "tls: {mode: SIMPLE, privateKey: /a}", "PF0553 .tls.privateKey"),
    case("SIMPLE", "tls: {mode: SIMPLE, sni: a.com, caCertificates: /c, caCrl: /r, subjectAltNames: [a.com]}"),
    case("ISTIO_MUTUAL with a CRL", "tls: {mode: ISTIO_MUTUAL, caCrl: /a}", "PF0551 .tls.caCrl"),
    case("a secret and a CRL", "tls: {mode: SIMPLE, credentialName: a, caCrl: /r}", "PF0552 .tls.caCrl"),
    case("nothing verified", "tls: {mode: SIMPLE, insecureSkipVerify: true}"),
    case(
        "nothing verified, and yet",
        "tls: {mode: SIMPLE, insecureSkipVerify: true, caCertificates: /c, subjectAltNames: [a]}",
        "PF0554 .tls.caCertificates",
        "PF0554 .tls.subjectAltNames",
    ),
    case(
        "nothing verified, with a secret",
        "tls: {mode: SIMPLE, insecureSkipVerify: true, credentialName: a}",
        "PF0554 .tls.credentialName",
    ),
    case(
        "nothing verified, with the client's secret",
        "tls: {mode: MUTUAL, insecureSkipVerify: true, credentialName: a}",
    ),
    case("an SNI with a port", 'tls: {mode: SIMPLE, sni: "a.com:443"}', "PF0555 .tls.sni"),
    case("an SNI that is an address", "tls: {mode: SIMPLE, sni: 10.0.0.1}", "PF0555 .tls.sni"),
    case("an empty name", 'tls: {mode: SIMPLE, subjectAltNames: [a.com, ""]}', "PF0555 .tls.subjectAltNames[1]"),
    case("DISABLE", "tls: {mode: DISABLE}"),
    case("no mode", "tls: {sni: a.com}", "PF0556 .tls"),
)

BALANCERS = (
    case("simple", "{simple: LEAST_CONN}"),
    case("a header", "{consistentHash: {httpHeaderName: x-user}}"),
    case("a cookie", "{consistentHash: {httpCookie: {name: user, ttl: 0s}}}"),
    case("a nameless cookie", "{consistentHash: {httpCookie: {ttl: 0s}}}", "PF0520 .consistentHash.httpCookie.name"),
    case(
        "a cookie for a µs",
        "{consistentHash: {httpCookie: {name: a, ttl: 1us}}}",
        "PF0511 .consistentHash.httpCookie.ttl",
    ),
    case("a prime", "{consistentHash: {useSourceIp: true, maglev: {tableSize: 65537}}}"),
    case(
        "no prime",
        "{consistentHash: {useSourceIp: true, maglev: {tableSize: 65536}}}",
        "PF0521 .consistentHash.maglev.tableSize",
    ),
    case(
        "a prime that is too big",
        "{consistentHash: {useSourceIp: true, maglev: {tableSize: 5000077}}}",
        "PF0521 .consistentHash.maglev.tableSize",
    ),
    case(
        "ring and maglev",
        "{consistentHash: {useSourceIp: true, ringHash: {}, maglev: {}}}",
        "PF0522 .consistentHash.maglev",
    ),
    case(
        "ring in two ways",
        "{consistentHash: {useSourceIp: true, ringHash: {minimumRingSize: 1}, minimumRingSize: 2}}",
        "PF0522 .consistentHash.minimumRingSize",
    ),
    case("nothing to hash", "{consistentHash: {}}", "PF0523 .consistentHash"),
    case("two keys", "{consistentHash: {useSourceIp: true, httpHeaderName: a}}", "PF0524 .consistentHash"),
    case("simple and hash", "{simple: RANDOM, consistentHash: {useSourceIp: true}}", "PF0525 .consistentHash"),
    case("a header that is none", "{consistentHash: {httpHeaderName: 'a b'}}", "PF0526 .consistentHash.httpHeaderName"),
    case(
        "distribute and failover",
        "{localityLbSetting: {distribute: [{from: a, to: {a: 100}}], failover: [{from: a, to: b}]}}",
        "PF0530 .localityLbSetting.failover",
    ),
    case(
        "distribute and failoverPriority",
        "{localityLbSetting: {distribute: [{from: a, to: {a: 100}}], failoverPriority: [x]}}",
        "PF0530 .localityLbSetting.failoverPriority",
    ),
    case("shares", "{localityLbSetting: {distribute: [{from: a/*, to: {'a/b/*': 80, c: 20}}]}}"),
    case(
        "shares of 90",
        "{localityLbSetting: {distribute: [{from: a, to: {a: 80, b: 10}}]}}",
        "PF0531 .localityLbSetting.distribute[0].to",
    ),
    case(
        "a share of 0",
        "{localityLbSetting: {distribute: [{from: a, to: {a: 100, b: 0}}]}}",
        "PF0531 .localityLbSetting.distribute[0].to",
    ),
    case(
        "a locality with a star inside",
        "{localityLbSetting: {distribute: [{from: a*/b, to: {a: 100}}]}}",
        "PF0532 .localityLbSetting.distribute[0].from",
    ),
    case(
        "no locality",
        "{localityLbSetting: {distribute: [{to: {a: 100}}]}}",
        "PF0532 .localityLbSetting.distribute[0].from",
    ),
    case(
        "localities that overlap",
        "{localityLbSetting: {distribute: [{from: a, to: {x: 100}}, {from: a/b, to: {x: 100}}]}}",
        "PF0532 .localityLbSetting.distribute",
    ),
    case(
        "failover to itself",
        "{localityLbSetting: {failover: [{from: a, to: a}]}}",
        "PF0533 .localityLbSetting.failover[0].to",
    ),
    case(
        "failover of a zone",
        "{localityLbSetting: {failover: [{from: a/b, to: c}]}}",
        "PF0533 .localityLbSetting.failover[0].from",
    ),
    case("warmup", "{simple: ROUND_ROBIN, warmup: {duration: 60s, minimumPercent: 10, aggression: 1}}"),
    case("warmup for no time", "{warmup: {}}", "PF0540 .warmup.duration"),
    case("warmup from 200 %", "{warmup: {duration: 1s, minimumPercent: 200}}", "PF0540 .warmup.minimumPercent"),
    case("a lazy warmup", "{warmup: {duration: 1s, aggression: 0.5}}", "PF0540 .warmup.aggression"),
    case("warmup at random", "{simple: RANDOM, warmup: {duration: 1s}}", "PF0541 .warmup"),
)


def ids(row: Case) -> str:
    return row.title


def below(prefix: str, row: Case) -> tuple[str, ...]:
    """The rows leave out the path of the policy that they stand in."""
    return tuple(e.replace(" .", f" {prefix}.") for e in row.expected)


@pytest.mark.parametrize("row", RULES, ids=ids)
def test_rule(row: Case) -> None:
    assert said(load("DestinationRule", f"spec: {row.snippet}")) == row.expected


@pytest.mark.parametrize("row", POLICIES, ids=ids)
def test_policy(row: Case) -> None:
    policy = row.snippet if row.snippet.startswith("{") else f"{{{row.snippet}}}"
    top = load("DestinationRule", f"spec: {{host: a, trafficPolicy: {policy}}}")
    assert said(top) == below("spec.trafficPolicy", row)
    subset = load("DestinationRule", f"spec: {{host: a, subsets: [{{name: v1, trafficPolicy: {policy}}}]}}")
    assert said(subset) == below("spec.subsets[0].trafficPolicy", row)


@pytest.mark.parametrize("row", BALANCERS, ids=ids)
def test_load_balancer(row: Case) -> None:
    rule = load(
        "DestinationRule", f"spec: {{host: a, trafficPolicy: {{outlierDetection: {{}}, loadBalancer: {row.snippet}}}}}"
    )
    assert said(rule) == below("spec.trafficPolicy.loadBalancer", row)


def test_failover_needs_outlier_detection() -> None:
    rule = load(
        "DestinationRule",
        "spec: {host: a, trafficPolicy: {loadBalancer: {localityLbSetting: {failover: [{from: a, to: b}]}}}}",
    )
    assert said(rule) == ("PF0534 spec.trafficPolicy.loadBalancer.localityLbSetting",)
