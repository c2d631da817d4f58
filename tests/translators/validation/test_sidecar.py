"""Sidecar: what validation says about each mistake, and about what only looks like one."""

from __future__ import annotations

import pytest

from tests.translators.validation.cases import Case, case, load, said

EGRESS = "egress: [{hosts: ['./*']}]"
PORT = "port: {number: 80, protocol: HTTP, name: http}"

CASES = (
    case("egress", EGRESS),
    case("a policy alone", "outboundTrafficPolicy: {}"),
    case("a pool alone", "inboundConnectionPool: {tcp: {maxConnections: 1}}"),
    case("nothing", "{}", "PF1001 spec"),
    case("a selector alone", "workloadSelector: {labels: {a: b}}", "PF1001 spec"),
    case("an empty selector", f"workloadSelector: {{}}\n{EGRESS}", "PF0283 spec.workloadSelector"),
    case(
        "a wildcard in the selector",
        f"workloadSelector: {{labels: {{a: '*'}}}}\n{EGRESS}",
        "PF0282 spec.workloadSelector.labels",
    ),
    case("an empty pool", "inboundConnectionPool: {}", "PF0515 spec.inboundConnectionPool"),
    # egress
    case("hosts in all forms", "egress: [{hosts: ['./*', '*/a.com', 'ns/*.b.com', '~/*', '~ns/c.com']}]"),
    case("no hosts", "egress: [{}]", "PF1011 spec.egress[0].hosts"),
    case(
        "hosts that are none",
        "egress: [{hosts: [a.com, 'N/a.com', './a_b', '/a.com', './', '~N/a.com', 'a/b/c']}]",
        *(f"PF1012 spec.egress[0].hosts[{i}]" for i in range(7)),
    ),
    case("everything and more", "egress: [{hosts: ['*/*', './a.com']}]", "PF1015 spec.egress[0].hosts"),
    case("everything but something", "egress: [{hosts: ['*/*', '~ns/a.com']}]"),
    case("a port, then the rest", f"egress: [{{{PORT}, hosts: ['a/*']}}, {{hosts: ['./*']}}]"),
    case("the rest first", f"egress: [{{hosts: ['./*']}}, {{{PORT}, hosts: ['a/*']}}]", "PF1009 spec.egress[0]"),
    case(
        "the rest twice",
        "egress: [{hosts: ['./*']}, {hosts: ['a/*']}]",
        "PF1009 spec.egress[0]",
        "PF1009 spec.egress[1]",
    ),
    case(
        "a port twice",
        f"egress: [{{{PORT}, hosts: ['a/*']}}, {{{PORT}, hosts: ['./*']}}]",
        "PF1008 spec.egress[1].port",
    ),
    case(
        "a port on two addresses", f"egress: [{{{PORT}, hosts: ['a/*']}}, {{{PORT}, bind: 127.0.0.2, hosts: ['./*']}}]"
    ),
    case(
        "port 0",
        "egress: [{port: {number: 0, protocol: HTTP, name: a}, hosts: ['./*']}]",
        "PF1002 spec.egress[0].port.number",
    ),
    case(
        "targetPort",
        "egress: [{port: {number: 80, protocol: HTTP, targetPort: 1}, hosts: ['./*']}]",
        "PF1002 spec.egress[0].port.targetPort",
    ),
    case("no protocol", "egress: [{port: {number: 80}, hosts: ['./*']}]", "PF1004 spec.egress[0].port.protocol"),
    case("bind to a name", "egress: [{bind: localhost, hosts: ['./*']}]", "PF1005 spec.egress[0].bind"),
    case("a socket", "egress: [{port: {protocol: HTTP}, bind: 'unix:///run/a', captureMode: NONE, hosts: ['./*']}]"),
    case(
        "a relative socket",
        "egress: [{port: {protocol: HTTP}, bind: 'unix://a', hosts: ['./*']}]",
        "PF1005 spec.egress[0].bind",
    ),
    case(
        "a socket with a port that is captured",
        "egress: [{port: {number: 80, protocol: HTTP}, bind: 'unix:///a', captureMode: IPTABLES, hosts: ['./*']}]",
        "PF1010 spec.egress[0].captureMode",
        "PF1010 spec.egress[0].port.number",
    ),
    # policy
    case("an egress proxy", "outboundTrafficPolicy: {mode: ALLOW_ANY, egressProxy: {host: a, port: {number: 80}}}"),
    case(
        "an egress proxy for nothing",
        "outboundTrafficPolicy: {egressProxy: {host: a, port: {number: 80}}}",
        "PF1014 spec.outboundTrafficPolicy.egressProxy",
    ),
    case(
        "an egress proxy without a port",
        "outboundTrafficPolicy: {mode: ALLOW_ANY, egressProxy: {host: a}}",
        "PF1014 spec.outboundTrafficPolicy.egressProxy",
    ),
    case(
        "an egress proxy without a host",
        "outboundTrafficPolicy: {mode: ALLOW_ANY, egressProxy: {port: {number: 80}}}",
        "PF0414 spec.outboundTrafficPolicy.egressProxy.host",
    ),
    case(
        "the mesh's mode",
        "outboundTrafficPolicy: {mode: ALLOW_ANY_DYNAMIC_DNS}",
        "PF1013 spec.outboundTrafficPolicy.mode",
    ),
    # ingress
    case("ingress", f"ingress: [{{{PORT}}}]"),
    case(
        "endpoints in all forms",
        "ingress: ["
        "{port: {number: 1, protocol: HTTP}, defaultEndpoint: '127.0.0.1:80'},"
        "{port: {number: 2, protocol: HTTP}, defaultEndpoint: '0.0.0.0:80'},"
        "{port: {number: 3, protocol: HTTP}, defaultEndpoint: 'unix:///run/a'},"
        "{port: {number: 4, protocol: HTTP}, defaultEndpoint: 'unix://@a'},"
        "{port: {number: 5, protocol: HTTP}, defaultEndpoint: '[::1]:80'}]",
    ),
    case(
        "endpoints that are none",
        "ingress: ["
        "{port: {number: 1, protocol: HTTP}, defaultEndpoint: '10.0.0.1:80'},"
        "{port: {number: 2, protocol: HTTP}, defaultEndpoint: '127.0.0.1'},"
        "{port: {number: 3, protocol: HTTP}, defaultEndpoint: 'unix://run/a'},"
        "{port: {number: 4, protocol: HTTP}, defaultEndpoint: '127.0.0.1:65536'},"
        "{port: {number: 5, protocol: HTTP}, defaultEndpoint: '127.0.0.1:0'},"
        "{port: {number: 6, protocol: HTTP}, defaultEndpoint: '127.0.0.1:1000000000000'}]",
        *(f"PF1006 spec.ingress[{i}].defaultEndpoint" for i in range(6)),
    ),
    case("no port", "ingress: [{defaultEndpoint: '127.0.0.1:80'}]", "PF1002 spec.ingress[0]"),
    case("an ingress port twice", f"ingress: [{{{PORT}}}, {{{PORT}}}]", "PF1003 spec.ingress[1].port.number"),
    case("ingress bound to a name", f"ingress: [{{{PORT}, bind: here}}]", "PF1005 spec.ingress[0].bind"),
    case(
        "TLS",
        "ingress: [{port: {number: 443, protocol: HTTPS}, tls: {mode: SIMPLE, serverCertificate: /c, privateKey: /k}}]",
    ),
    case(
        "TLS where it does not go",
        f"ingress: [{{{PORT}, tls: {{mode: PASSTHROUGH}}}}]",
        "PF1007 spec.ingress[0].tls",
        "PF1007 spec.ingress[0].tls.mode",
    ),
    case(
        "TLS without certificates",
        "ingress: [{port: {number: 443, protocol: HTTPS}, tls: {mode: SIMPLE}}]",
        "PF0316 spec.ingress[0].tls",
    ),
    case(
        "TLS with certificates of a gateway",
        "ingress: [{port: {number: 443, protocol: HTTPS}, tls: {mode: SIMPLE, credentialName: a}}]",
        "PF1016 spec.ingress[0].tls.credentialName",
    ),
    case(
        "mutual TLS without an authority",
        "ingress: [{port: {number: 443, protocol: TLS}, tls: {mode: MUTUAL, serverCertificate: /c, privateKey: /k}}]",
        "PF0318 spec.ingress[0].tls.caCertificates",
    ),
    case(
        "a negative limit",
        f"ingress: [{{{PORT}, connectionPool: {{tcp: {{maxConnections: -1}}}}}}]",
        "PF0514 spec.ingress[0].connectionPool.tcp.maxConnections",
    ),
)


@pytest.mark.parametrize("row", CASES, ids=lambda row: row.title)
def test_sidecar(row: Case) -> None:
    text = "{}" if row.snippet == "{}" else "\n" + "\n".join(f"  {line}" for line in row.snippet.splitlines())
    assert said(load("Sidecar", f"spec: {text}")) == row.expected
