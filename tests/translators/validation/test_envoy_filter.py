"""EnvoyFilter: what validation says about each mistake."""

from __future__ import annotations

import pytest

from tests.translators.validation.cases import Case, case, indent, load, said

VERSION = "networking.istio.io/v1alpha3"
UNSTABLE = "PF1107 spec"
CLUSTER = "applyTo: CLUSTER, patch: {operation: ADD, value: {name: a}}"

PATCHES = (
    case("a cluster", f"[{{{CLUSTER}}}]"),
    case("no patches", "[]", "PF1101 spec.configPatches"),
    case("nothing to apply to", "[{patch: {operation: REMOVE}}]", "PF1101 spec.configPatches[0].applyTo"),
    case("no patch", "[{applyTo: CLUSTER}]", "PF1101 spec.configPatches[0].patch"),
    case("no operation", "[{applyTo: CLUSTER, patch: {}}]", "PF1101 spec.configPatches[0].patch.operation"),
    case("no value", "[{applyTo: CLUSTER, patch: {operation: MERGE}}]", "PF1102 spec.configPatches[0].patch.value"),
    case(
        "a cluster without a name",
        "[{applyTo: CLUSTER, patch: {operation: ADD, value: {type: EDS}}}]",
        "PF1102 spec.configPatches[0].patch.value.name",
    ),
    case(
        "an unknown field",
        "[{applyTo: CLUSTER, patch: {operation: MERGE, value: {conect_timeout: 1s}}}]",
        "PF1103 spec.configPatches[0].patch.value",
    ),
    case(
        "a wrong type of a value",
        "[{applyTo: CLUSTER, patch: {operation: MERGE, value: {connect_timeout: soon}}}]",
        "PF1103 spec.configPatches[0].patch.value",
    ),
    case(
        "a type that Envoy does not have",
        '[{applyTo: HTTP_FILTER, patch: {operation: ADD, value: {name: a, typed_config: {"@type": a/envoy.Nothing}}}}]',
        "PF1103 spec.configPatches[0].patch.value",
    ),
    case(
        "a type of the API before this one",
        '[{applyTo: HTTP_FILTER, patch: {operation: ADD, value: {name: a, typed_config: {"@type": '
        "a/envoy.config.filter.http.lua.v2.Lua}}}}]",
        "PF1103 spec.configPatches[0].patch.value",
    ),
    case(
        "camel case in a value",
        "[{applyTo: CLUSTER, patch: {operation: MERGE, value: {connectTimeout: 1s}}}]",
    ),
    case(
        "a match of another kind of thing",
        f"[{{{CLUSTER}, match: {{listener: {{portNumber: 80}}}}}}]",
        "PF1105 spec.configPatches[0].match.listener",
    ),
    case(
        "an HTTP filter without its outer filter",
        "[{applyTo: HTTP_FILTER, match: {listener: {filterChain: {filter: {subFilter: {name: a}}}}},"
        " patch: {operation: REMOVE}}]",
        "PF1105 spec.configPatches[0].match.listener.filterChain.filter.name",
    ),
    case(
        "an inner filter for a network filter",
        "[{applyTo: NETWORK_FILTER, match: {listener: {filterChain: {filter: {name: b, subFilter: {name: a}}}}},"
        " patch: {operation: REMOVE}}]",
        "PF1105 spec.configPatches[0].match.listener.filterChain.filter.subFilter",
    ),
    case(
        "filters by names of old",
        "[{applyTo: HTTP_FILTER, match: {listener: {filterChain: {filter: {name: envoy.http_connection_manager,"
        " subFilter: {name: envoy.router}}}}}, patch: {operation: REMOVE}}]",
        "PF1110 spec.configPatches[0].match.listener.filterChain.filter.name",
        "PF1110 spec.configPatches[0].match.listener.filterChain.filter.subFilter.name",
    ),
    case(
        "an operation that means nothing there",
        "[{applyTo: CLUSTER, patch: {operation: INSERT_FIRST, value: {name: a}}}]",
        "PF1106 spec.configPatches[0].patch.operation",
    ),
    case(
        "a value that is not looked at",
        "[{applyTo: CLUSTER, patch: {operation: REMOVE, value: {name: a}}}]",
        "PF1106 spec.configPatches[0].patch.value",
    ),
    case(
        "the bootstrap",
        "[{applyTo: BOOTSTRAP, patch: {operation: MERGE, value: {}}}]",
        "PF1108 spec.configPatches[0].applyTo",
    ),
    case(
        "a waypoint",
        f"[{{{CLUSTER}, match: {{context: WAYPOINT}}}}]",
        "PF1108 spec.configPatches[0].match",
    ),
    case(
        "a version that is no expression",
        f"[{{{CLUSTER}, match: {{proxy: {{proxyVersion: '('}}}}}}]",
        "PF0421 spec.configPatches[0].match.proxy.proxyVersion",
    ),
)


@pytest.mark.parametrize("row", PATCHES, ids=lambda row: row.title)
def test_patches(row: Case) -> None:
    envoy_filter = load("EnvoyFilter", f"spec:\n  configPatches:\n{indent(row.snippet, 4)}", version=VERSION)
    assert said(envoy_filter) == (UNSTABLE, *row.expected)


def test_a_selector_of_everything() -> None:
    envoy_filter = load(
        "EnvoyFilter", f"spec: {{workloadSelector: {{}}, configPatches: [{{{CLUSTER}}}]}}", version=VERSION
    )
    assert said(envoy_filter) == (UNSTABLE, "PF0283 spec.workloadSelector")


def test_one_way_to_select() -> None:
    selector = "workloadSelector: {labels: {a: b}}, targetRefs: [{kind: Gateway, name: a}]"
    envoy_filter = load("EnvoyFilter", f"spec: {{{selector}, configPatches: [{{{CLUSTER}}}]}}", version=VERSION)
    assert said(envoy_filter) == (UNSTABLE, "PF1109 spec.targetRefs")
