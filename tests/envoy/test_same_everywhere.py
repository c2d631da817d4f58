"""`pilotfish translate` prints what `serve` serves, and that is what Envoy holds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from click.testing import CliRunner

from tests.envoy.harness import eventually, objects
from tests.envoy.harness.held import KINDS, by_name, differences, held
from xds_server.cli.main import main

if TYPE_CHECKING:
    from tests.envoy.harness import Mesh

ROUTES = """
- name: everything
  match:
  - {uri: {regex: "/a/[0-9]+"}, headers: {x: {prefix: y}}, queryParams: {q: {exact: r}}, method: {exact: GET}}
  - {uri: {prefix: /b}, withoutHeaders: {z: {}}, ignoreUriCase: true}
  route:
  - destination: {host: echo, subset: v1}
    weight: 3
    headers: {request: {set: {a: b}, add: {c: d}, remove: [e]}, response: {set: {f: g}}}
  - {destination: {host: echo, subset: v2, port: {number: 80}}, weight: 1}
  timeout: 1500ms
  retries: {attempts: 3, perTryTimeout: 200ms, retryOn: "5xx,503"}
  fault: {delay: {fixedDelay: 1ms, percentage: {value: 0.5}}, abort: {httpStatus: 418, percentage: {value: 1.25}}}
  mirrors: [{destination: {host: echo, subset: v2}, percentage: {value: 10}}]
  corsPolicy: {allowOrigins: [{regex: ".*"}], allowMethods: [GET], maxAge: 24h, allowCredentials: true}
  rewrite: {uri: /c, authority: d.example}
- match: [{uri: {exact: /r}}]
  redirect: {uri: /s, authority: t.example, scheme: https, redirectCode: 308}
- match: [{uri: {exact: /d}}]
  directResponse: {status: 503, body: {string: "later"}}
- route: [{destination: {host: echo}}]
"""

POLICY = """
loadBalancer: {consistentHash: {httpCookie: {name: c, ttl: 30s, path: /p}, ringHash: {minimumRingSize: 128}}}
connectionPool:
  tcp: {maxConnections: 10, connectTimeout: 2s, tcpKeepalive: {time: 60s, interval: 5s, probes: 3}, idleTimeout: 5m}
  http:
    {http1MaxPendingRequests: 11, http2MaxRequests: 12, maxRequestsPerConnection: 13, maxRetries: 14, idleTimeout: 1m}
outlierDetection:
  {consecutive5xxErrors: 7, interval: 3s, baseEjectionTime: 4s, maxEjectionPercent: 50, minHealthPercent: 10}
portLevelSettings:
- port: {number: 81}
  loadBalancer: {simple: RANDOM}
"""


def dns_service() -> objects.Object:
    spec = {
        "hosts": ["dns.example"],
        "resolution": "DNS",
        "ports": [{"number": 81, "name": "http", "protocol": "HTTP"}],
        "endpoints": [{"address": "localhost", "labels": {"version": "v1"}, "locality": "eu/eu-1/r", "weight": 7}],
    }
    return objects.istio("ServiceEntry", "dns", spec)


def translated(mesh: Mesh) -> dict[str, list[Any]]:
    proxy = mesh.envoy.proxy
    flags = ["--type", proxy.type, "--name", proxy.name, "--namespace", proxy.namespace, "--ip", "127.0.0.1"]
    flags += [flag for key, value in proxy.labels.items() for flag in ("--label", f"{key}={value}")]
    flags += ["--metadata", "UNPRIVILEGED_POD=true", "-o", "json"]
    result = CliRunner().invoke(main, ["translate", "--config", str(mesh.config.path), *flags], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    found: dict[str, list[Any]] = json.loads(result.stdout)
    return found


def served(mesh: Mesh) -> dict[str, list[Any]]:
    proxy = quote(mesh.envoy.proxy.id, safe="")
    return {kind: mesh.pilotfish.api(f"proxies/{proxy}/{kind}") for kind in KINDS}


@pytest.mark.parametrize(
    ("policy", "http", "extra"),
    [
        ("", "- route: [{destination: {host: echo}}]", ()),
        (POLICY, ROUTES, (dns_service(), objects.virtual_service("dns", [
            {"match": [{"uri": {"prefix": "/dns"}}], "route": [{"destination": {"host": "dns.example"}}]}
        ], hosts=["dns.shop.example"]))),
    ],
    ids=["plain", "everything"],
)  # fmt: skip
def test_offline_served_and_held_are_the_same(
    mesh: Mesh, policy: str, http: str, extra: tuple[objects.Object, ...]
) -> None:
    mesh.edit(rule=policy, http=http, extra=extra)
    offline, online = translated(mesh), served(mesh)
    for kind in KINDS:
        assert online[kind] == offline[kind], kind

    assert all(online.values())
    eventually(lambda: differences(held(mesh.envoy), by_name(online)) == [], 2.0, "Envoy holds what is served")
