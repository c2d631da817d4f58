"""Which route a request takes, and how many of them go where."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.envoy.harness import many

if TYPE_CHECKING:
    from tests.envoy.harness import Mesh

PATHS = """
- match: [{uri: {exact: /exact}}]
  route: [{destination: {host: echo, subset: v2}}]
- match: [{uri: {prefix: /pre/fix}}]
  route: [{destination: {host: echo, subset: v2}}]
- match: [{uri: {regex: "/re/[0-9]+"}}]
  route: [{destination: {host: echo, subset: v2}}]
- match: [{uri: {prefix: /lower}, ignoreUriCase: true}]
  route: [{destination: {host: echo, subset: v2}}]
- route: [{destination: {host: echo, subset: v1}}]
"""

MATCHES = """
- match: [{uri: {prefix: /m}, method: {exact: PUT}}]
  route: [{destination: {host: echo, subset: v2}}]
- match: [{uri: {prefix: /m}, headers: {x-user: {regex: "admin-.*"}}}]
  route: [{destination: {host: echo, subset: v2}}]
- match: [{uri: {prefix: /m}, headers: {x-present: {}}}]
  route: [{destination: {host: echo, subset: v2}}]
- match: [{uri: {prefix: /w}, withoutHeaders: {x-old: {exact: "yes"}}}]
  route: [{destination: {host: echo, subset: v2}}]
- match: [{uri: {prefix: /q}, queryParams: {kind: {exact: new}}}]
  route: [{destination: {host: echo, subset: v2}}]
- match: [{authority: {prefix: "beta."}}]
  route: [{destination: {host: echo, subset: v2}}]
- match: [{uri: {prefix: /s}, scheme: {exact: https}}]
  route: [{destination: {host: echo, subset: v2}}]
- match: [{uri: {prefix: /either}, headers: {a: {exact: "1"}}}, {uri: {prefix: /either}, headers: {b: {exact: "1"}}}]
  route: [{destination: {host: echo, subset: v2}}]
- match: [{uri: {prefix: /port}, port: 80}]
  route: [{destination: {host: echo, subset: v2}}]
- match: [{uri: {prefix: /other-port}, port: 81}]
  route: [{destination: {host: echo, subset: v2}}]
- route: [{destination: {host: echo, subset: v1}}]
"""


def test_exact_prefix_and_regex_paths(mesh: Mesh) -> None:
    mesh.route(PATHS)
    paths = {
        "/exact": "v2",
        "/exact/more": "v1",
        "/exact?q=1": "v2",
        "/pre/fix": "v2",
        "/pre/fixed/up": "v2",  # a plain string prefix, as in Istio
        "/pre": "v1",
        "/re/42": "v2",
        "/re/42/more": "v1",  # the whole path has to match
        "/re/x": "v1",
        "/LOWER/case": "v2",
        "/EXACT": "v1",
    }
    assert {path: mesh.get(path).version for path in paths} == paths


def test_method_header_query_authority_and_scheme_matches(mesh: Mesh) -> None:
    mesh.route(MATCHES)
    cases: list[tuple[str, dict[str, object], str]] = [
        ("/m", {"method": "PUT"}, "v2"),
        ("/m", {}, "v1"),
        ("/m", {"headers": {"x-user": "admin-7"}}, "v2"),
        ("/m", {"headers": {"x-user": "an admin-7"}}, "v1"),
        ("/m", {"headers": {"x-present": "anything"}}, "v2"),
        ("/w", {}, "v2"),
        ("/w", {"headers": {"x-old": "yes"}}, "v1"),
        ("/q?kind=new", {}, "v2"),
        ("/q?kind=newer", {}, "v1"),
        ("/x", {"host": "beta.shop.example"}, "v2"),
        ("/s", {}, "v1"),
        ("/either", {"headers": {"b": "1"}}, "v2"),
        ("/either", {"headers": {"a": "2"}}, "v1"),
        ("/port", {}, "v2"),
        ("/other-port", {}, "v1"),
    ]
    assert [(path, how, mesh.get(path, **how).version) for path, how, _ in cases] == cases


@pytest.mark.parametrize(("heavy", "light"), [(75, 25), (3, 1)])
def test_weights_hold_within_three_points_over_5000_requests(mesh: Mesh, heavy: int, light: int) -> None:
    mesh.route(f"""
- route:
  - {{destination: {{host: echo, subset: v1}}, weight: {heavy}}}
  - {{destination: {{host: echo, subset: v2}}, weight: {light}}}
""")
    counted = many(mesh.port, "/", 5000)
    assert set(counted) == {(200, "v1"), (200, "v2")}
    assert counted[200, "v1"] / 5000 == pytest.approx(heavy / (heavy + light), abs=0.03)


def test_traffic_follows_a_shift_from_v1_to_v2_without_one_failed_request(mesh: Mesh) -> None:
    for weight in (90, 50, 0):
        mesh.route(f"""
- route:
  - {{destination: {{host: echo, subset: v1}}, weight: {weight}}}
  - {{destination: {{host: echo, subset: v2}}, weight: {100 - weight}}}
""")
        counted = many(mesh.port, "/", 1000)
        assert sum(counted.values()) == counted[200, "v1"] + counted[200, "v2"]
        assert counted[200, "v1"] / 1000 == pytest.approx(weight / 100, abs=0.08)


def test_a_missing_subset_is_503_and_everything_else_goes_on(mesh: Mesh) -> None:
    mesh.route("""
- match: [{uri: {prefix: /missing}}]
  route: [{destination: {host: echo, subset: v9}}]
- route: [{destination: {host: echo, subset: v1}}]
""")
    assert mesh.get("/missing").status == 503
    assert mesh.get("/").version == "v1"
    said = [one for one in mesh.pilotfish.diagnostics() if "v9" in one["message"]]
    assert [(one["severity"], one["path"].startswith("spec.http[1]")) for one in said] == [("error", True)]
    assert said[0]["file"].endswith("routes.yaml")
    assert said[0]["line"] > 1
