"""Sidecars with redirected connections: client, its sidecar, the server's sidecar, server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.envoy.harness import assert_clean, objects
from tests.envoy.harness.servers import TcpServer, ask_grpc, ask_http2, greet, grpc_server, http2, say, shout
from tests.envoy.harness.town import Town
from tests.require import require

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.envoy.harness.town import Pod

CLIENT, SERVER, OTHER, STRANGER = "10.77.1.1", "10.77.1.2", "10.77.1.3", "10.77.9.9"
VIP, MOVED = "10.96.0.10", "10.96.0.11"

PORTS = {"http-web": 80, "http2-web": 81, "grpc-echo": 82, "tcp-lines": 83, "odd": 84, "tcp-greets": 85}
TARGETS = {name: 8000 + number for name, number in PORTS.items()}


class Pair(Town):
    """A client and a server with sidecars, and a stranger without."""

    client: Pod
    server: Pod
    stranger: Pod


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    require("netns", "iptables")
    folder = tmp_path_factory.mktemp("pair")
    town = Pair(folder)
    try:
        town.start(
            objects.service("server", PORTS, address=VIP, targets=TARGETS),
            objects.endpoint_slice("server", TARGETS, [SERVER]),
            objects.service("moved", {"tcp": 90}, address=MOVED),
            objects.yaml_object(
                "VirtualService",
                "moved",
                "{hosts: [moved], tcp: [{route: [{destination: {host: server, port: {number: 83}}}]}]}",
            ),
        )
        town.client = town.pod("client", CLIENT, app="client")
        town.server = town.pod("server", SERVER, app="server")
        town.stranger = town.pod("stranger", STRANGER)
        town.server.serve_http(TARGETS["http-web"], "v1")
        town.stranger.serve_http(80, "stranger")
        inside = town.server.network
        servers = [
            TcpServer(inside, http2, TARGETS["http2-web"]),
            TcpServer(inside, shout, TARGETS["tcp-lines"]),
            TcpServer(inside, greet, TARGETS["tcp-greets"]),
            TcpServer(inside, shout, TARGETS["odd"]),
            TcpServer(town.stranger.network, shout, 9999),
        ]
        grpc = grpc_server(inside, TARGETS["grpc-echo"])
        for pod in (town.client, town.server):
            pod.start_sidecar(folder, "default")
        yield town
        for pod in (town.client, town.server):
            assert_clean(pod.envoy)
        grpc.stop(0).wait()
        for server in servers:
            server.close()
    finally:
        town.close()


def test_http_goes_through_both_sidecars(pair: Pair) -> None:
    reply = pair.client.get("server.default.svc.cluster.local/hello", address=VIP)
    assert (reply.status, reply.version) == (200, "v1")
    assert reply.json["headers"]["x-request-id"]
    assert pair.client.envoy.cluster_stat("outbound|80||server.default.svc.cluster.local", "upstream_rq_200") == 1
    assert pair.server.envoy.cluster_stat("inbound|8080||", "upstream_rq_200") == 1


def test_http2_stays_http2(pair: Pair) -> None:
    headers = {
        ":method": "GET",
        ":scheme": "http",
        ":path": "/two",
        ":authority": "server.default.svc.cluster.local:81",
    }
    found, body = ask_http2(pair.client.network, VIP, 81, headers)
    assert (found[":status"], body) == ("200", b"/two")
    assert pair.server.envoy.cluster_stat("inbound|8081||", "upstream_cx_http2_total") == 1


def test_grpc(pair: Pair) -> None:
    status, message = ask_grpc(pair.client.network, VIP, 82, "server.default.svc.cluster.local:82", b"ping")
    assert (status, message) == ("0", b"ping")
    assert (
        pair.client.envoy.cluster_stat("outbound|82||server.default.svc.cluster.local", "upstream_cx_http2_total") == 1
    )


def test_tcp(pair: Pair) -> None:
    assert say(pair.client.network, VIP, 83, b"ping\n") == [b"PING\n"]
    assert pair.client.envoy.cluster_stat("outbound|83||server.default.svc.cluster.local", "upstream_cx_total") == 1
    assert pair.server.envoy.cluster_stat("inbound|8083||", "upstream_cx_total") == 1


def test_tcp_routes_lead_elsewhere(pair: Pair) -> None:
    """The Service has no endpoints; a VirtualService sends its connections to another."""
    assert say(pair.client.network, MOVED, 90, b"ping\n") == [b"PING\n"]
    assert pair.client.envoy.stat(f"listener.{MOVED}_90.downstream_cx_total") == 1


def test_a_declared_tcp_server_may_speak_first(pair: Pair) -> None:
    assert say(pair.client.network, VIP, 85, b"ping\n", listen=True) == [b"welcome\n", b"PING\n"]


def test_an_undeclared_protocol_is_passed_on_as_it_is(pair: Pair) -> None:
    assert say(pair.client.network, VIP, 84, b"ping\n") == [b"PING\n"]
    assert pair.server.envoy.stat("tcp.inbound|8084||.downstream_cx_total") == 1


def test_http_on_an_undeclared_port_is_found_out(pair: Pair) -> None:
    """The server is no HTTP server, but both sidecars have understood the request."""
    before = pair.client.envoy.stat("http.outbound_10.96.0.10_84.downstream_rq_http1_total")
    assert pair.client.get("server:84/", address=VIP).status == 502
    assert pair.client.envoy.stat("http.outbound_10.96.0.10_84.downstream_rq_http1_total") == before + 1


def test_an_unknown_address_is_passed_through(pair: Pair) -> None:
    assert pair.client.get(STRANGER + "/").version == "stranger"
    assert say(pair.client.network, STRANGER, 9999, b"ping\n") == [b"PING\n"]
    assert pair.client.envoy.cluster_stat("PassthroughCluster", "upstream_cx_total") >= 2


def test_a_client_without_a_sidecar_is_served(pair: Pair) -> None:
    assert pair.stranger.get(f"{SERVER}:8080/").version == "v1"
