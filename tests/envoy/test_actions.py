"""What a route does with a request besides sending it somewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.envoy.harness import Behaviour, eventually, many
from tests.envoy.harness.waiting import Stopwatch

if TYPE_CHECKING:
    from tests.envoy.harness import Mesh


def test_redirect(mesh: Mesh) -> None:
    mesh.route("""
- match: [{uri: {exact: /old}}]
  redirect: {uri: /new, authority: other.example, redirectCode: 302}
- match: [{uri: {exact: /secure}}]
  redirect: {scheme: https}
- route: [{destination: {host: echo}}]
""")
    old = mesh.get("/old?q=1")
    assert (old.status, old.headers["location"]) == (302, "http://other.example/new?q=1")
    secure = mesh.get("/secure", host="shop.example")
    assert (secure.status, secure.headers["location"]) == (301, "https://shop.example/secure")
    assert mesh.get("/").status == 200


def test_direct_response(mesh: Mesh) -> None:
    mesh.route("""
- match: [{uri: {exact: /teapot}}]
  directResponse: {status: 418, body: {string: "short and stout"}}
- route: [{destination: {host: echo}}]
""")
    reply = mesh.get("/teapot")
    assert (reply.status, reply.body, reply.version) == (418, "short and stout", "")


def test_rewrite(mesh: Mesh) -> None:
    mesh.route("""
- match: [{uri: {prefix: /v2/}}]
  rewrite: {uri: /, authority: inner.example}
  route: [{destination: {host: echo}}]
- match: [{uri: {prefix: /regex}}]
  rewrite: {uriRegexRewrite: {match: "/regex/([a-z]+)/([0-9]+)", rewrite: '/\\2/\\1'}}
  route: [{destination: {host: echo}}]
- route: [{destination: {host: echo}}]
""")
    seen = mesh.get("/v2/items?q=1").json
    assert (seen["path"], seen["host"]) == ("/items?q=1", "inner.example")
    assert mesh.get("/regex/abc/42").json["path"] == "/42/abc"
    plain = mesh.get("/plain").json
    assert (plain["path"], plain["host"]) == ("/plain", "shop.example")


def test_header_rules(mesh: Mesh) -> None:
    mesh.route("""
- match: [{uri: {prefix: /weighted}}]
  route:
  - destination: {host: echo, subset: v1}
    weight: 1
    headers: {request: {set: {x-chosen: one}}, response: {set: {x-by: one}}}
  - destination: {host: echo, subset: v2}
    weight: 1
    headers: {request: {set: {x-chosen: two}}, response: {set: {x-by: two}}}
- route: [{destination: {host: echo}}]
  headers:
    request: {set: {x-set: new}, add: {x-add: more}, remove: [x-gone]}
    response: {set: {x-instance: hidden}, add: {x-extra: "1"}, remove: [x-version]}
""")
    reply = mesh.get("/", headers={"x-set": "old", "x-add": "first", "x-gone": "here"})
    seen = reply.json["headers"]
    assert (seen["x-set"], seen.get("x-gone")) == ("new", None)
    assert seen["x-add"] in ("more", "first")  # both are sent; the echo's table keeps one of a repeated header
    assert (reply.headers["x-instance"], reply.headers["x-extra"]) == ("hidden", "1")
    assert "x-version" not in reply.headers
    chosen = {"v1": "one", "v2": "two"}
    answers = [mesh.get("/weighted") for _ in range(40)]
    assert {answer.version for answer in answers} == {"v1", "v2"}
    for answer in answers:
        assert answer.headers["x-by"] == answer.json["headers"]["x-chosen"] == chosen[answer.version]


def test_a_repeated_header_reaches_the_backend_twice(mesh: Mesh) -> None:
    mesh.route("""
- route: [{destination: {host: echo, subset: v2}}]
  headers: {request: {add: {x-add: more}}}
""")
    mesh.get("/", headers={"x-add": "first"})
    assert mesh.v2.recent[-1].headers["x-add"] == "more"


def test_cors(mesh: Mesh) -> None:
    mesh.route("""
- corsPolicy:
    allowOrigins: [{exact: "https://shop.example"}, {regex: "https://.*\\\\.partner\\\\.example"}]
    allowMethods: [GET, PUT]
    allowHeaders: [x-token]
    exposeHeaders: [x-version]
    maxAge: 10m
    allowCredentials: true
  route: [{destination: {host: echo}}]
""")
    asking = {"Origin": "https://a.partner.example", "Access-Control-Request-Method": "PUT"}
    preflight = mesh.get("/", method="OPTIONS", headers=asking)
    found = preflight.headers
    assert (preflight.status, preflight.version) == (200, "")
    assert found["access-control-allow-origin"] == "https://a.partner.example"
    assert found["access-control-allow-methods"] == "GET,PUT"
    assert found["access-control-allow-headers"] == "x-token"
    assert found["access-control-max-age"] == "600"
    assert found["access-control-allow-credentials"] == "true"
    plain = mesh.get("/", headers={"Origin": "https://shop.example"})
    assert plain.headers["access-control-allow-origin"] == "https://shop.example"
    assert plain.headers["access-control-expose-headers"] == "x-version"
    assert "access-control-allow-origin" not in mesh.get("/", headers={"Origin": "https://evil.example"}).headers


def test_mirror(mesh: Mesh) -> None:
    mesh.route("""
- route: [{destination: {host: echo, subset: v1}}]
  mirror: {host: echo, subset: v2}
""")
    counted = many(mesh.port, "/mirrored", 50)
    assert counted == {(200, "v1"): 50}
    eventually(lambda: mesh.v2.count == 50, 2.0, "every request is mirrored to v2")
    assert {seen.path for seen in mesh.v2.recent} == {"/mirrored"}


def test_mirror_percentage(mesh: Mesh) -> None:
    mesh.route("""
- route: [{destination: {host: echo, subset: v1}}]
  mirrors:
  - {destination: {host: echo, subset: v2}, percentage: {value: 50}}
""")
    many(mesh.port, "/", 1000)
    eventually(lambda: mesh.v2.count >= 400, 2.0, "half of the requests are mirrored")
    assert mesh.v2.count <= 600


def test_timeout_is_504(mesh: Mesh) -> None:
    mesh.route("""
- timeout: 200ms
  route: [{destination: {host: echo, subset: v2}}]
""")
    mesh.v2.behaviour = Behaviour(delay_seconds=2)
    watch = Stopwatch()
    reply = mesh.get("/")
    assert reply.status == 504
    assert watch.seconds >= 0.15  # Envoy's timers may be some milliseconds early
    assert not watch.exceeds(1.5)
    mesh.v2.behaviour = Behaviour()
    assert mesh.get("/").status == 200


def test_retries_hide_a_failing_instance(mesh: Mesh) -> None:
    mesh.route("""
- match: [{uri: {prefix: /none}}]
  retries: {attempts: 0}
  route: [{destination: {host: echo, subset: v1}}]
- retries: {attempts: 3, retryOn: 5xx, perTryTimeout: 2s}
  route: [{destination: {host: echo, subset: v1}}]
""")
    mesh.v1.behaviour = Behaviour(status=503)
    assert set(many(mesh.port, "/none", 60)) == {(200, "v1"), (503, "v1")}
    assert many(mesh.port, "/", 60) == {(200, "v1"): 60}
    assert mesh.envoy.cluster_stat("outbound|80|v1|echo.default.svc.cluster.local", "upstream_rq_retry") > 0


def test_by_default_a_dropped_connection_is_not_retried_but_a_refused_one_is(mesh: Mesh) -> None:
    mesh.route("- route: [{destination: {host: echo, subset: v2}}]")
    mesh.v2.behaviour = Behaviour(close=True)
    before = mesh.v2.count
    assert mesh.get("/").status == 503
    assert mesh.v2.count == before + 1


def test_fault_abort(mesh: Mesh) -> None:
    mesh.route("""
- match: [{uri: {prefix: /half}}]
  fault: {abort: {httpStatus: 418, percentage: {value: 50}}}
  route: [{destination: {host: echo, subset: v1}}]
- match: [{uri: {prefix: /all}}]
  fault: {abort: {httpStatus: 555, percentage: {value: 100}}}
  route: [{destination: {host: echo, subset: v1}}]
- route: [{destination: {host: echo, subset: v1}}]
""")
    assert many(mesh.port, "/all", 20) == {(555, ""): 20}
    assert many(mesh.port, "/", 20) == {(200, "v1"): 20}
    half = many(mesh.port, "/half", 1000)
    assert half[418, ""] / 1000 == pytest.approx(0.5, abs=0.08)
    assert half[418, ""] + half[200, "v1"] == 1000


def test_fault_delay(mesh: Mesh) -> None:
    mesh.route("""
- match: [{uri: {prefix: /slow}}]
  fault: {delay: {fixedDelay: 300ms, percentage: {value: 100}}}
  route: [{destination: {host: echo}}]
- route: [{destination: {host: echo}}]
""")
    watch = Stopwatch()
    assert mesh.get("/slow").status == 200
    assert watch.seconds >= 0.25
    assert not watch.exceeds(1.5)
    watch = Stopwatch()
    assert mesh.get("/").status == 200
    assert not watch.exceeds(0.25)
