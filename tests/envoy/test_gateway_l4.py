"""TCP and TLS servers of a Gateway on a real Envoy: bytes passed on by weight, by name asked for, and out of TLS."""

from __future__ import annotations

import socket
import ssl
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any, Self

import pytest
import yaml

from tests.envoy.harness import eventually, objects, request
from tests.envoy.harness.edge import Edge
from tests.envoy.harness.tls_client import client_context, handshake, https_get

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module", params=["delta", "sotw"])
def edge(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    edge = Edge(tmp_path_factory.mktemp(f"l4-{request.param}"), delta=request.param == "delta")
    yield edge
    edge.close()


class TlsBackend:
    """Shows a certificate to whoever connects, and closes."""

    def __init__(self, certificate: tuple[Path, Path]) -> None:
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(*certificate)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                plain, _ = self._socket.accept()
            except OSError:
                return
            with plain:
                try:
                    self._context.wrap_socket(plain, server_side=True).close()
                except OSError:
                    continue

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(10)


def routes(name: str, spec: str) -> dict[str, Any]:
    return objects.istio("VirtualService", name, {"gateways": ["gateway"], **yaml.safe_load(spec)})


def tls_service(name: str, backend: TlsBackend) -> dict[str, Any]:
    """Return a service of opaque TLS on port 443."""
    return objects.istio(
        "ServiceEntry",
        name,
        {
            "hosts": [f"{name}.example"],
            "location": "MESH_EXTERNAL",
            "resolution": "STATIC",
            "ports": [{"number": 443, "name": "tls", "protocol": "TLS"}],
            "endpoints": [{"address": "127.0.0.1", "ports": {"tls": backend.port}}],
        },
    )


def version(port: int) -> str:
    """Return which version answers on a port; empty if nobody does."""
    try:
        return request(port, "/").version
    except OSError:
        return ""


def test_tcp_splits_connections_by_weight_and_follows_an_edit(edge: Edge) -> None:
    servers = [edge.server(0, "tcp", "TCP")]
    split = """
hosts: ["*"]
tcp:
- route:
  - {destination: {host: echo, subset: v1}, weight: 75}
  - {destination: {host: echo, subset: v2}, weight: 25}
"""
    edge.serve(servers, routes("tcp", split))
    edge.until(lambda: version(edge.ports[0]), "the TCP server answers")
    counted = Counter(version(edge.ports[0]) for _ in range(600))
    assert counted["v1"] + counted["v2"] == 600
    assert 0.66 < counted["v1"] / 600 < 0.84  # five standard deviations
    assert edge.envoy.stat("tcp.tcp.default.downstream_cx_total") >= 600
    edge.serve(servers, routes("tcp", 'hosts: ["*"]\ntcp: [{route: [{destination: {host: echo, subset: v2}}]}]'))
    edge.until(lambda: {version(edge.ports[0]) for _ in range(20)} == {"v2"}, "all connections go to v2")


def test_a_new_cluster_is_there_before_the_connections_that_go_to_it(edge: Edge) -> None:
    """Listeners name clusters too: they wait for them as routes do (architecture, sixth idea)."""
    servers = [edge.server(0, "tcp", "TCP")]
    to = 'hosts: ["*"]\ntcp: [{{route: [{{destination: {{host: {}}}}}]}}]'
    edge.serve(servers, routes("tcp", to.format("echo")))
    edge.until(lambda: version(edge.ports[0]), "the TCP server answers")
    for number in range(8):
        name = f"moved-{number}"
        entry = objects.service_entry(name, (edge.v1,))
        edge.serve(servers, routes("tcp", to.format(name)), entry)
        cluster = f"outbound|80||{name}.default.svc.cluster.local"
        answers: list[str] = []

        def moved(cluster: str = cluster, answers: list[str] = answers) -> bool:
            answers.append(version(edge.ports[0]))
            return edge.envoy.cluster_stat(cluster, "upstream_cx_total") > 0

        edge.until(moved, f"connections go to {name}")
        assert set(answers) <= {"v1", "v2"}


def test_tls_passes_through_by_name(edge: Edge) -> None:
    one, two = (edge.authority.issue(f"pass-{n}", f"{n}.example") for n in ("one", "two"))
    own = edge.authority.issue("own", "own.example")
    with TlsBackend(one) as first, TlsBackend(two) as second:
        edge.serve(
            [
                edge.server(
                    1,
                    "https",
                    "HTTPS",
                    f"{{mode: SIMPLE, serverCertificate: {own[0]}, privateKey: {own[1]}}}",
                    "[own.example]",
                ),
                edge.server(1, "tls", "TLS", "{mode: PASSTHROUGH}", "['*']"),
            ],
            tls_service("one", first),
            tls_service("two", second),
            routes(
                "one",
                "{hosts: [one.example], "
                "tls: [{match: [{sniHosts: [one.example]}], route: [{destination: {host: one.example}}]}]}",
            ),
            routes(
                "two",
                "{hosts: ['*.example'], "
                "tls: [{match: [{sniHosts: ['*.example']}], route: [{destination: {host: two.example}}]}]}",
            ),
            objects.virtual_service("own", "[{route: [{destination: {host: echo}}]}]", ["own.example"]),
        )
        context = client_context(edge.authority.path)

        def subjects() -> list[str]:
            return [handshake(edge.ports[1], f"{name}.example", context).subject for name in ("one", "two", "own")]

        edge.until(lambda: subjects() == ["pass-one", "pass-two", "own"], "each name leads to its backend")
        assert https_get(edge.ports[1], "/", "own.example", context)[0] == 200
        with pytest.raises(OSError):  # noqa: PT011 - reset or end of file: no chain has this name
            handshake(edge.ports[1], "one.elsewhere", context)


def test_the_meshs_own_tls_is_passed_on_by_its_name(edge: Edge) -> None:
    certificate = edge.authority.issue("auto", "auto.example")
    with TlsBackend(certificate) as backend:
        entry = tls_service("auto", backend)
        entry["spec"]["location"] = "MESH_INTERNAL"
        edge.serve([edge.server(2, "tls", "TLS", "{mode: AUTO_PASSTHROUGH}", "['*.example']")], entry)
        context = client_context(edge.authority.path, alpn=("istio",))
        context.check_hostname = False
        name = "outbound_.443_._.auto.example"
        edge.until(lambda: handshake(edge.ports[2], name, context).subject == "auto", "the name leads to the service")
        assert edge.envoy.stats(r"outbound_\.443_\._\.auto.example.*upstream_cx_total")
        for wrong, alpn in ((name, "h2"), ("outbound_.444_._.auto.example", "istio"), ("auto.example", "istio")):
            stranger = client_context(edge.authority.path, alpn=(alpn,))
            stranger.check_hostname = False
            with pytest.raises(OSError):  # noqa: PT011 - reset or end of file: no chain matches
                handshake(edge.ports[2], wrong, stranger)


def test_tls_is_taken_off_for_tcp(edge: Edge) -> None:
    own = edge.authority.issue("terminated", "tcp.example")
    tls = f"{{mode: SIMPLE, serverCertificate: {own[0]}, privateKey: {own[1]}}}"
    edge.serve(
        [edge.server(2, "tls", "TLS", tls, "[tcp.example]")],
        routes("tcp", "{hosts: [tcp.example], tcp: [{route: [{destination: {host: echo, subset: v2}}]}]}"),
    )
    context = client_context(edge.authority.path)

    def answered() -> bool:
        status, headers, _ = https_get(edge.ports[2], "/", "tcp.example", context)
        # No HTTP connection manager in between: the answer is the backend's own, without Envoy's headers.
        return (status, headers["x-version"], "x-envoy-upstream-service-time" in headers) == (200, "v2", False)

    edge.until(answered, "the backend's own answer comes through")


def test_destination_subnets_choose_by_the_address_connected_to(edge: Edge) -> None:
    spec = """
hosts: ["*"]
tcp:
- match: [{destinationSubnets: [127.0.0.2/32]}]
  route: [{destination: {host: echo, subset: v2}}]
- route: [{destination: {host: echo, subset: v1}}]
"""
    edge.serve([edge.server(0, "tcp", "TCP")], routes("tcp", spec))

    def version_at(address: str) -> str:
        with socket.create_connection((address, edge.ports[0]), timeout=10) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        return "v1" if b"x-version: v1" in answer.lower() else "v2" if b"x-version: v2" in answer.lower() else ""

    edge.until(lambda: [version_at("127.0.0.1"), version_at("127.0.0.2")] == ["v1", "v2"], "the address decides")


def test_an_idle_connection_is_closed(edge: Edge) -> None:
    edge.config.write("rule.yaml", objects.destination_rule(
        "echo", "echo", "{connectionPool: {tcp: {idleTimeout: 300ms}}}", subsets=("v1", "v2")
    ))  # fmt: skip
    edge.serve(
        [edge.server(0, "tcp", "TCP")], routes("tcp", 'hosts: ["*"]\ntcp: [{route: [{destination: {host: echo}}]}]')
    )

    def closes() -> bool:
        with socket.create_connection(("127.0.0.1", edge.ports[0]), timeout=2) as connection:
            return connection.recv(1) == b""

    eventually(closes, 5.0, "an idle connection is closed")
    edge.config.write("rule.yaml", objects.destination_rule("echo", "echo", subsets=("v1", "v2")))
