"""HTTP/3 on a real Envoy. The client is an Envoy too: it takes HTTP/1.1 and speaks HTTP/3 to the gateway."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.envoy.harness import EnvoyProcess, ReservedPort, assert_clean, eventually, objects, request
from tests.envoy.harness.edge import Edge
from tests.envoy.harness.tls_client import client_context, https_get

if TYPE_CHECKING:
    from pathlib import Path

EXTENSIONS = "type.googleapis.com/envoy.extensions"
HCM = f"{EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager"
OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
QUIC = f"{EXTENSIONS}.transport_sockets.quic.v3.QuicUpstreamTransport"


def client_bootstrap(port: int, gateway_port: int, authority: Path) -> dict[str, Any]:
    """Return the bootstrap of an Envoy that passes all requests on over HTTP/3."""
    context = {
        "sni": "shop.example",
        "common_tls_context": {
            "alpn_protocols": ["h3"],
            "validation_context": {"trusted_ca": {"filename": str(authority)}},
        },
    }
    endpoint = {"address": {"socket_address": {"address": "127.0.0.1", "port_value": gateway_port}}}
    cluster = {
        "name": "gateway",
        "connect_timeout": "2s",
        "load_assignment": {"cluster_name": "gateway", "endpoints": [{"lb_endpoints": [{"endpoint": endpoint}]}]},
        "typed_extension_protocol_options": {
            OPTIONS: {
                "@type": f"type.googleapis.com/{OPTIONS}",
                "explicit_http_config": {"http3_protocol_options": {}},
            }
        },
        "transport_socket": {
            "name": "envoy.transport_sockets.quic",
            "typed_config": {"@type": QUIC, "upstream_tls_context": context},
        },
    }
    hcm = {
        "@type": HCM,
        "stat_prefix": "client",
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "all",
                    "domains": ["*"],
                    "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "gateway"}}],
                }
            ]
        },
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{EXTENSIONS}.filters.http.router.v3.Router"},
            }
        ],
    }
    listener = {
        "name": "client",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [{"filters": [{"name": "hcm", "typed_config": hcm}]}],
    }
    return {
        "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}},
        "static_resources": {"listeners": [listener], "clusters": [cluster]},
    }


def test_http3_where_a_service_has_a_udp_port(tmp_path: Path) -> None:
    edge = Edge(tmp_path)
    try:
        own = edge.authority.issue("shop", "shop.example")
        port = edge.ports[0]
        tls = f"{{mode: SIMPLE, serverCertificate: {own[0]}, privateKey: {own[1]}}}"
        in_front = objects.gateway_service(port, port)
        in_front["spec"]["ports"].append({"name": "http3", "port": port, "targetPort": port, "protocol": "UDP"})
        edge.serve(
            [edge.server(0, "https", "HTTPS", tls, "[shop.example]")],
            in_front,
            objects.virtual_service("routes", "[{route: [{destination: {host: echo, subset: v1}}]}]"),
        )
        context = client_context(edge.authority.path)

        def announced() -> bool:
            status, headers, _ = https_get(port, "/", "shop.example", context)
            return (status, headers.get("alt-svc")) == (200, f'h3=":{port}"; ma=86400')

        edge.until(announced, "responses over TCP tell of HTTP/3")
        with ReservedPort() as reserved:
            folder = tmp_path / "client"
            folder.mkdir()
            file = folder / "bootstrap.json"
            file.write_text(json.dumps(client_bootstrap(reserved.port, port, edge.authority.path)), encoding="utf-8")
            client = EnvoyProcess.run(folder, ["-c", str(file), "--concurrency", "1", "-l", "warning"])
            try:
                eventually(lambda: request(reserved.port, "/").status == 200, 10.0, "a request gets through")
                reply = request(reserved.port, "/three")
                assert (reply.status, reply.version) == (200, "v1")
                assert client.cluster_stat("gateway", "upstream_cx_http3_total") > 0
            finally:
                client.stop()
        assert edge.envoy.stat(f"http.outbound_udp_0.0.0.0_{port}.downstream_cx_http3_total") > 0
        assert_clean(edge.envoy)
    finally:
        edge.close()
