"""EnvoyFilter on a real Envoy: each thing that can be patched, and each operation, seen by what Envoy then does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.envoy.harness import HOST, assert_clean, eventually, request
from xds_server.demo.ports import ReservedPort

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.envoy.harness import Mesh

API = "type.googleapis.com/envoy.extensions.filters"
MANAGER = "envoy.filters.network.http_connection_manager"
CLUSTER = f"outbound|80||{HOST}"


@pytest.fixture
def patched(mesh: Mesh) -> Iterator[Mesh]:
    """A mesh whose Envoy must not have refused anything in the end."""
    yield mesh
    assert_clean(mesh.envoy)


def write(mesh: Mesh, patches: str) -> None:
    """Put one EnvoyFilter with these patches (a YAML list) in force."""
    document = {
        "apiVersion": "networking.istio.io/v1alpha3",
        "kind": "EnvoyFilter",
        "metadata": {"name": "patch", "namespace": "istio-system"},
        "spec": {
            "workloadSelector": {"labels": {"istio": "ingressgateway"}},
            "configPatches": yaml.safe_load(patches),
        },
    }
    mesh.config.write("filter.yaml", document)


def http_filter(operation: str, anchor: str = "", filter_name: str = "", header: str = "") -> str:
    """Return a patch to the HTTP filters: one that adds `x-lua: <header>` to responses, put near `anchor`."""
    patch: dict[str, Any] = {"operation": operation}
    if filter_name:
        code = f"function envoy_on_response(handle) handle:headers():add('x-lua', '{header}') end"
        typed = {"@type": f"{API}.http.lua.v3.Lua", "default_source_code": {"inline_string": code}}
        patch["value"] = {"name": filter_name, "typed_config": typed}
    match: dict[str, Any] = {"context": "GATEWAY"}
    if anchor:
        match["listener"] = {"filterChain": {"filter": {"name": MANAGER, "subFilter": {"name": anchor}}}}
    return yaml.safe_dump([{"applyTo": "HTTP_FILTER", "match": match, "patch": patch}])


def header(mesh: Mesh, name: str) -> str | None:
    return mesh.get("/").headers.get(name)


def test_http_filters(patched: Mesh) -> None:
    router = "envoy.filters.http.router"
    one = http_filter("INSERT_BEFORE", router, "one", "one")
    write(
        patched,
        one + http_filter("INSERT_AFTER", "one", "two", "two") + http_filter("INSERT_FIRST", "", "three", "three"),
    )
    # Filters see a response in the reverse of their order.
    eventually(lambda: header(patched, "x-lua") == "two, one, three", 2.0, "three filters in the order of the patches")
    write(patched, one + http_filter("REPLACE", "one", "four", "four"))
    eventually(lambda: header(patched, "x-lua") == "four", 2.0, "a filter in the place of another")
    write(patched, one + http_filter("MERGE", "one", "one", "five"))
    eventually(lambda: header(patched, "x-lua") == "five", 2.0, "a filter with other settings")
    write(patched, one + http_filter("REMOVE", "one"))
    eventually(lambda: header(patched, "x-lua") is None, 2.0, "the filter has gone")


def test_filters_for_some_proxies(patched: Mesh) -> None:
    """What Envoy says of itself decides, as it stands in its bootstrap."""
    patches = yaml.safe_load(
        http_filter("INSERT_FIRST", "", "one", "one")
        + http_filter("INSERT_FIRST", "", "two", "two")
        + http_filter("INSERT_FIRST", "", "three", "three")
    )
    for patch, proxy in zip(
        patches,
        ({"metadata": {"INTERCEPTION_MODE": "REDIRECT"}}, {"metadata": {"NAME": "another"}}, {"proxyVersion": "."}),
        strict=True,
    ):
        patch["match"]["proxy"] = proxy
    write(patched, yaml.safe_dump(patches))
    eventually(lambda: header(patched, "x-lua") == "one", 2.0, "the filter for proxies like this one, alone")


def test_a_filter_whose_configuration_is_discovered(patched: Mesh) -> None:
    def patches(text: str) -> str:
        (whole,) = yaml.safe_load(http_filter("INSERT_FIRST", "", "found", text))
        value = whole["patch"]["value"]
        source = {"ads": {}, "initial_fetch_timeout": "0s", "resource_api_version": "V3"}
        discovery = {"config_source": source, "type_urls": [value["typed_config"]["@type"]]}
        whole["patch"]["value"] = {"name": "found", "config_discovery": discovery}
        return yaml.safe_dump(
            [{"applyTo": "EXTENSION_CONFIG", "patch": {"operation": "ADD", "value": value}}, whole],
        )

    write(patched, patches("one"))
    eventually(lambda: header(patched, "x-lua") == "one", 2.0, "the configuration is found")
    before = patched.envoy.stat("listener_manager.lds.update_success")
    write(patched, patches("two"))
    eventually(lambda: header(patched, "x-lua") == "two", 2.0, "it is another")
    assert patched.envoy.stat("listener_manager.lds.update_success") == before, "the listener is as it was"
    write(patched, http_filter("INSERT_FIRST", "", "found", "three"))
    eventually(lambda: header(patched, "x-lua") == "three", 2.0, "it is in the listener again")


def test_network_and_listener_filters(patched: Mesh) -> None:
    write(
        patched,
        f"""
- applyTo: NETWORK_FILTER
  match: {{listener: {{filterChain: {{filter: {{name: {MANAGER}}}}}}}}}
  patch:
    operation: INSERT_BEFORE
    value:
      name: envoy.filters.network.rbac
      typed_config:
        "@type": {API}.network.rbac.v3.RBAC
        stat_prefix: patched.
        rules:
          action: DENY
          policies: {{none: {{permissions: [{{destination_port: 1}}], principals: [{{any: true}}]}}}}
- applyTo: LISTENER_FILTER
  patch:
    operation: ADD
    value:
      name: envoy.filters.listener.http_inspector
      typed_config: {{"@type": {API}.listener.http_inspector.v3.HttpInspector}}
""",
    )

    def seen() -> bool:
        return patched.get("/").status == 200 and patched.envoy.stat("patched.rbac.allowed") > 0

    eventually(seen, 2.0, "the network filter sees connections")
    assert patched.envoy.stat("http_inspector.http11_found") > 0
    write(
        patched,
        f"""
- applyTo: NETWORK_FILTER
  match: {{context: GATEWAY, listener: {{filterChain: {{filter: {{name: {MANAGER}}}}}}}}}
  patch:
    operation: MERGE
    value:
      typed_config:
        "@type": {API}.network.http_connection_manager.v3.HttpConnectionManager
        server_name: patched
""",
    )
    eventually(lambda: header(patched, "server") == "patched", 2.0, "the connection manager is changed")


def test_listeners_and_chains(patched: Mesh) -> None:
    with ReservedPort() as reserved:
        write(
            patched,
            f"""
- applyTo: LISTENER
  patch:
    operation: ADD
    value:
      name: extra
      address: {{socket_address: {{address: 127.0.0.1, port_value: {reserved.port}}}}}
      filter_chains:
      - filters:
        - name: tcp
          typed_config: {{"@type": {API}.network.tcp_proxy.v3.TcpProxy, stat_prefix: extra, cluster: "{CLUSTER}"}}
- applyTo: LISTENER
  match: {{listener: {{name: 0.0.0.0_{patched.port}}}}}
  patch: {{operation: MERGE, value: {{per_connection_buffer_limit_bytes: 65536}}}}
- applyTo: FILTER_CHAIN
  match: {{context: GATEWAY}}
  patch: {{operation: MERGE, value: {{transport_socket_connect_timeout: 9s}}}}
""",
        )
        eventually(lambda: "extra" in patched.envoy.listeners(), 2.0, "the listener is there")
        assert request(reserved.port, "/", host="shop.example").status == 200
        dumped = listener(patched, f"0.0.0.0_{patched.port}")
        assert dumped["per_connection_buffer_limit_bytes"] == 65536
        assert dumped["filter_chains"][0]["transport_socket_connect_timeout"] == "9s"
        patched.config.remove("filter.yaml")
        eventually(lambda: "extra" not in patched.envoy.listeners(), 3.0, "the listener has gone")


def listener(mesh: Mesh, name: str) -> Any:
    """Return the active listener of a name from Envoy's own dump."""
    found = [one for one in mesh.envoy.config_dump("dynamic_listeners") if one["name"] == name]
    return found[0]["active_state"]["listener"]


def test_routes(patched: Mesh) -> None:
    write(
        patched,
        """
- applyTo: ROUTE_CONFIGURATION
  patch: {operation: MERGE, value: {response_headers_to_add: [{header: {key: x-all, value: all}}]}}
- applyTo: VIRTUAL_HOST
  match: {context: GATEWAY}
  patch: {operation: MERGE, value: {response_headers_to_add: [{header: {key: x-host, value: host}}]}}
- applyTo: VIRTUAL_HOST
  patch:
    operation: ADD
    value: {name: c, domains: [c.example.com], routes: [{match: {prefix: /}, direct_response: {status: 204}}]}
- applyTo: HTTP_ROUTE
  match: {routeConfiguration: {vhost: {name: "*:80"}}}
  patch: {operation: INSERT_FIRST, value: {match: {path: /first}, direct_response: {status: 201}}}
- applyTo: HTTP_ROUTE
  match: {routeConfiguration: {vhost: {route: {action: ROUTE}}}}
  patch: {operation: MERGE, value: {route: {prefix_rewrite: /rewritten}}}
""",
    )
    eventually(lambda: header(patched, "x-all") == "all", 2.0, "the route configuration is changed")
    assert header(patched, "x-host") == "host"
    assert patched.get("/first").status == 201
    assert patched.get("/", host="c.example.com").status == 204
    assert patched.get("/plain").json["path"].startswith("/rewritten")
    write(
        patched,
        """
- applyTo: HTTP_ROUTE
  match: {routeConfiguration: {vhost: {route: {action: ROUTE}}}}
  patch: {operation: REMOVE}
""",
    )
    eventually(lambda: patched.get("/").status == 404, 2.0, "the route has gone")


def test_clusters(patched: Mesh) -> None:
    write(
        patched,
        f"""
- applyTo: CLUSTER
  match: {{cluster: {{service: {HOST}}}}}
  patch: {{operation: MERGE, value: {{connect_timeout: 3.5s}}}}
- applyTo: CLUSTER
  match: {{context: GATEWAY}}
  patch: {{operation: ADD, value: {{name: extra, type: STATIC, connect_timeout: 1s}}}}
""",
    )
    eventually(lambda: "extra" in patched.envoy.clusters(), 2.0, "the cluster is there")
    dumped = [one["cluster"] for one in patched.envoy.config_dump("dynamic_active_clusters")]
    assert [one["connect_timeout"] for one in dumped if one["name"] == CLUSTER] == ["3.500s"]
    assert patched.get("/").status == 200
    write(patched, "- {applyTo: CLUSTER, match: {cluster: {name: nothing}}, patch: {operation: REMOVE}}")
    eventually(lambda: "extra" not in patched.envoy.clusters(), 2.0, "the cluster has gone")
    said = request(patched.pilotfish.http_port, "/api/v1/diagnostics").json
    assert [d["path"] for d in said if d["code"] == "PF1120"] == ["spec.configPatches[0]"]
