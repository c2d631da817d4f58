"""Gateway: what validation says about each mistake, and about what only looks like one."""

from __future__ import annotations

import pytest

from tests.translators.validation.cases import Case, case, load, said

HTTP = "port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']"
TLS = "port: {number: 443, name: https, protocol: HTTPS}, hosts: ['*']"

SERVERS = (
    case("HTTP", f"[{{{HTTP}}}]"),
    case("two servers on one port", f"[{{{HTTP}}}, {{port: {{number: 80, name: b, protocol: HTTP}}, hosts: [a.com]}}]"),
    case("small letters in the protocol", "[{port: {number: 80, name: a, protocol: http}, hosts: ['*']}]"),
    case("no servers", "[]", "PF0301 spec.servers"),
    case("no hosts", "[{port: {number: 80, name: a, protocol: HTTP}}]", "PF0302 spec.servers[0].hosts"),
    case("no port", "[{hosts: ['*']}]", "PF0304 spec.servers[0]"),
    case("port 0", "[{port: {name: a, protocol: HTTP}, hosts: ['*']}]", "PF0304 spec.servers[0].port.number"),
    case(
        "port 65536",
        "[{port: {number: 65536, name: a, protocol: HTTP}, hosts: ['*']}]",
        "PF0304 spec.servers[0].port.number",
    ),
    case("no protocol", "[{port: {number: 80, name: a}, hosts: ['*']}]", "PF0305 spec.servers[0].port.protocol"),
    case(
        "an unknown protocol",
        "[{port: {number: 80, name: a, protocol: HTTP3}, hosts: ['*']}]",
        "PF0305 spec.servers[0].port.protocol",
    ),
    case("no port name", "[{port: {number: 80, protocol: HTTP}, hosts: ['*']}]", "PF0306 spec.servers[0].port.name"),
    case(
        "a port name given twice",
        f"[{{{HTTP}}}, {{port: {{number: 81, name: http, protocol: HTTP}}, hosts: ['*']}}]",
        "PF0307 spec.servers[1].port.name",
    ),
    case(
        "targetPort",
        "[{port: {number: 80, name: a, protocol: HTTP, targetPort: 8080}, hosts: ['*']}]",
        "PF0308 spec.servers[0].port.targetPort",
    ),
    case("bind to an address", f"[{{{HTTP}, bind: '::1'}}]"),
    case("bind to a name", f"[{{{HTTP}, bind: localhost}}]", "PF0309 spec.servers[0].bind"),
    case("bind to a socket", "[{port: {name: a, protocol: HTTP}, hosts: ['*'], bind: 'unix:///run/a'}]"),
    case(
        "bind to a relative socket",
        "[{port: {name: a, protocol: HTTP}, hosts: ['*'], bind: 'unix://run/a'}]",
        "PF0309 spec.servers[0].bind",
    ),
    case(
        "a socket with a number",
        f"[{{{HTTP}, bind: 'unix:///run/a'}}]",
        "PF0304 spec.servers[0].port.number",
    ),
    case(
        "hosts in all forms",
        "[{port: {number: 80, name: a, protocol: HTTP}, hosts: [a.com, '*.b.com', './c.com', 'ns/*', '*/d.com']}]",
    ),
    case(
        "hosts that are none",
        "[{port: {number: 80, name: a, protocol: HTTP}, hosts: [a_b, 'N/a.com', 'a/b/c', '', 'ns/', a.*.com]}]",
        *(f"PF0303 spec.servers[0].hosts[{i}]" for i in range(6)),
    ),
    case(
        "a wildcard for a part of a label",
        "[{port: {number: 80, name: a, protocol: HTTP}, hosts: ['*-eu.a.com']}]",
    ),
    case(
        "a wildcard for a part of a label in TLS",
        "[{port: {number: 443, name: a, protocol: TLS}, hosts: ['ns/*-eu.a.com', '*.a.com', '*'], tls: {}}]",
        "PF0328 spec.servers[0].hosts[0]",
    ),
    case("TLS without tls", f"[{{{TLS}}}]", "PF0310 spec.servers[0].tls"),
    case("redirect on HTTP", f"[{{{HTTP}, tls: {{httpsRedirect: true}}}}]"),
    case("certificates on HTTP", f"[{{{HTTP}, tls: {{credentialName: c}}}}]", "PF0311 spec.servers[0].tls"),
    case("a TLS mode on HTTP", f"[{{{HTTP}, tls: {{mode: SIMPLE}}}}]", "PF0311 spec.servers[0].tls"),
    case(
        "tls on TCP",
        "[{port: {number: 9, name: a, protocol: TCP}, hosts: ['*'], tls: {mode: SIMPLE, credentialName: c}}]",
        "PF0312 spec.servers[0].tls",
    ),
    case(
        "redirect on TCP",
        "[{port: {number: 9, name: a, protocol: TCP}, hosts: ['*'], tls: {httpsRedirect: true}}]",
        "PF0312 spec.servers[0].tls",
        "PF0313 spec.servers[0].tls.httpsRedirect",
    ),
)

SETTINGS = (
    case("a secret", "{mode: SIMPLE, credentialName: c}"),
    case("files", "{mode: SIMPLE, serverCertificate: /a, privateKey: /b}"),
    case("two certificates", "{mode: SIMPLE, credentialNames: [a, b]}"),
    case("passthrough", "{mode: PASSTHROUGH}"),
    case("no mode means passthrough", "{}"),
    case(
        "redirect on HTTPS",
        "{httpsRedirect: true, mode: SIMPLE, credentialName: c}",
        "PF0313 spec.servers[0].tls.httpsRedirect",
    ),
    case("passthrough with certificates", "{credentialName: c}", "PF0315 spec.servers[0].tls"),
    case("auto passthrough with certificates", "{mode: AUTO_PASSTHROUGH, privateKey: a}", "PF0315 spec.servers[0].tls"),
    case("ISTIO_MUTUAL", "{mode: ISTIO_MUTUAL}"),
    case("ISTIO_MUTUAL with a secret", "{mode: ISTIO_MUTUAL, credentialName: c}", "PF0314 spec.servers[0].tls"),
    case("no certificate", "{mode: SIMPLE}", "PF0316 spec.servers[0].tls"),
    case("no key", "{mode: SIMPLE, serverCertificate: /a}", "PF0316 spec.servers[0].tls.privateKey"),
    case("no file", "{mode: SIMPLE, privateKey: /a}", "PF0316 spec.servers[0].tls.serverCertificate"),
    case(
        "a certificate of two without a key",
        "{mode: SIMPLE, tlsCertificates: [{serverCertificate: /a, privateKey: /b}, {serverCertificate: /c}]}",
        "PF0316 spec.servers[0].tls.tlsCertificates[1]",
    ),
    case(
        "files and a secret",
        "{mode: SIMPLE, credentialName: c, serverCertificate: /a, privateKey: /b}",
        "PF0317 spec.servers[0].tls",
    ),
    case("three secrets", "{mode: SIMPLE, credentialNames: [a, b, c]}", "PF0323 spec.servers[0].tls.credentialNames"),
    case("mutual TLS by a secret", "{mode: MUTUAL, credentialName: c}"),
    case(
        "mutual TLS without an authority",
        "{mode: MUTUAL, serverCertificate: /a, privateKey: /b}",
        "PF0318 spec.servers[0].tls.caCertificates",
    ),
    case("optional mutual TLS", "{mode: OPTIONAL_MUTUAL, serverCertificate: /a, privateKey: /b, caCertificates: /c}"),
    case(
        "optional mutual TLS that compares names",
        "{mode: OPTIONAL_MUTUAL, credentialName: c, subjectAltNames: [a]}",
        "PF0329 spec.servers[0].tls.mode",
    ),
    case(
        "a revocation list for nobody",
        "{mode: SIMPLE, serverCertificate: /a, privateKey: /b, caCrl: /c}",
        "PF0319 spec.servers[0].tls.caCrl",
    ),
    case(
        "a revocation list beside a secret",
        "{mode: MUTUAL, credentialName: c, caCrl: /c}",
        "PF0319 spec.servers[0].tls.caCrl",
    ),
    case(
        "cipher suites",
        "{mode: SIMPLE, credentialName: c, cipherSuites: [AES128-SHA, TLS_AES_128_GCM_SHA256, AES128-SHA]}",
        "PF0320 spec.servers[0].tls.cipherSuites[1]",
        "PF0320 spec.servers[0].tls.cipherSuites[2]",
    ),
    case(
        "TLS 1.0",
        "{mode: SIMPLE, credentialName: c, minProtocolVersion: TLSV1_0}",
        "PF0321 spec.servers[0].tls.minProtocolVersion",
    ),
    case(
        "curves",
        "{mode: SIMPLE, credentialName: c, ecdhCurves: [X25519, P-999, X25519]}",
        "PF0326 spec.servers[0].tls.ecdhCurves[1]",
        "PF0326 spec.servers[0].tls.ecdhCurves[2]",
    ),
    case(
        "pins",
        "{mode: MUTUAL, credentialName: c, verifyCertificateSpki: [abc], "
        f"verifyCertificateHash: ['{'ab' * 32}', '{':'.join(['AB'] * 32)}', ab]}}",
        "PF0327 spec.servers[0].tls.verifyCertificateHash[2]",
        "PF0327 spec.servers[0].tls.verifyCertificateSpki[0]",
    ),
    case(
        "checks of clients that are not asked",
        "{mode: SIMPLE, credentialName: c, caCertificates: /ca, subjectAltNames: [a], insecureSkipVerify: true}",
        "PF0325 spec.servers[0].tls.caCertificates",
        "PF0325 spec.servers[0].tls.insecureSkipVerify",
        "PF0325 spec.servers[0].tls.subjectAltNames",
    ),
    case(
        "settings of TLS that passes through",
        "{mode: PASSTHROUGH, minProtocolVersion: TLSV1_3, cipherSuites: [AES128-SHA], subjectAltNames: [a], caCrl: /c}",
        "PF0325 spec.servers[0].tls.caCrl",
        "PF0325 spec.servers[0].tls.cipherSuites",
        "PF0325 spec.servers[0].tls.minProtocolVersion",
        "PF0325 spec.servers[0].tls.subjectAltNames",
    ),
    case(
        "two certificates that disagree on the authority",
        "{mode: MUTUAL, tlsCertificates: [{serverCertificate: /a, privateKey: /b, caCertificates: /c},"
        " {serverCertificate: /d, privateKey: /e, caCertificates: /f}]}",
        "PF0325 spec.servers[0].tls.tlsCertificates[1].caCertificates",
    ),
    case(
        "a highest version below the default lowest",
        "{mode: SIMPLE, credentialName: c, maxProtocolVersion: TLSV1_1}",
        "PF0324 spec.servers[0].tls.maxProtocolVersion",
    ),
    case(
        "versions the wrong way round",
        "{mode: SIMPLE, credentialName: c, minProtocolVersion: TLSV1_3, maxProtocolVersion: TLSV1_2}",
        "PF0324 spec.servers[0].tls.maxProtocolVersion",
    ),
)

SELECTORS = (
    case("none selects every gateway", "{}"),
    case("a wildcard", "{app: 'a*'}", "PF0282 spec.selector"),
    case("an empty key", "{'': a}", "PF0282 spec.selector"),
    case("a value with a space", "{app: a b}", "PF0281 spec.selector"),
    case("a key with a domain", "{istio.io/gateway-name: a}"),
    case("a key with a bad domain", "{'a_b/c': a}", "PF0281 spec.selector"),
)


def ids(row: Case) -> str:
    return row.title


@pytest.mark.parametrize("row", SERVERS, ids=ids)
def test_servers(row: Case) -> None:
    assert said(load("Gateway", f"spec: {{selector: {{istio: gw}}, servers: {row.snippet}}}")) == row.expected


@pytest.mark.parametrize("row", SETTINGS, ids=ids)
def test_tls_settings(row: Case) -> None:
    assert said(load("Gateway", f"spec: {{servers: [{{{TLS}, tls: {row.snippet}}}]}}")) == row.expected


@pytest.mark.parametrize("row", SELECTORS, ids=ids)
def test_selector(row: Case) -> None:
    assert said(load("Gateway", f"spec: {{selector: {row.snippet}, servers: [{{{HTTP}}}]}}")) == row.expected


def test_a_dot_in_the_name() -> None:
    gateway = load("Gateway", f"spec: {{servers: [{{{HTTP}}}]}}", metadata="{name: a.b}")
    assert said(gateway) == ("PF0322 metadata.name",)
