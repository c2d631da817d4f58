"""HTTPS servers of a Gateway on a real Envoy: certificates in files, SNI, client certificates, rotation."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest

from tests.envoy.harness import eventually, objects, request
from tests.envoy.harness.certificates import Authority
from tests.envoy.harness.edge import Edge
from tests.envoy.harness.tls_client import client_context, handshake, https_get

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROUTES = objects.virtual_service("routes", "[{route: [{destination: {host: echo, subset: v1}}]}]")


@pytest.fixture(scope="module", params=["delta", "sotw"])
def shared_edge(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    edge = Edge(tmp_path_factory.mktemp(f"edge-{request.param}"), delta=request.param == "delta")
    yield edge
    edge.close()


@pytest.fixture
def edge(shared_edge: Edge) -> Edge:
    """The gateway, as the test before left it: every test writes its own servers."""
    return shared_edge


def files(paths: tuple[Path, Path]) -> str:
    return f"serverCertificate: {paths[0]}, privateKey: {paths[1]}"


def subject(edge: Edge, port: int, name: str, context: ssl.SSLContext) -> str:
    return handshake(edge.ports[port], name, context).subject


def status_of(edge: Edge, name: str, context: ssl.SSLContext) -> int:
    """Return the status of a request to the first port; 0 if there is no connection."""
    try:
        return https_get(edge.ports[0], "/", name, context)[0]
    except OSError:
        return 0


def test_https_terminates_and_http_redirects_to_it(edge: Edge) -> None:
    own = edge.authority.issue("shop", "shop.example")
    edge.serve(
        [
            edge.server(0, "https", "HTTPS", f"{{mode: SIMPLE, {files(own)}}}", "[shop.example]"),
            edge.server(1, "http", "HTTP", "{httpsRedirect: true}", "[shop.example]"),
        ],
        ROUTES,
    )
    context = client_context(edge.authority.path)

    def answered() -> bool:
        status, headers, _ = https_get(edge.ports[0], "/", "shop.example", context)
        return (status, headers.get("x-version"), headers["server"]) == (200, "v1", "istio-envoy")

    edge.until(answered, "HTTPS is answered by v1")
    reply = request(edge.ports[1], "/a?b=c", host="shop.example")
    assert (reply.status, reply.headers["location"]) == (301, "https://shop.example/a?b=c")
    h2 = handshake(edge.ports[0], "shop.example", client_context(edge.authority.path, alpn=("h2", "http/1.1")))
    assert (h2.alpn, h2.version) == ("h2", "TLSv1.3")
    with pytest.raises(OSError):  # noqa: PT011 - reset or end of file: no server has this name
        handshake(edge.ports[0], "other.example", context)


def test_servers_of_one_port_are_told_apart_by_name(edge: Edge) -> None:
    one, two, rest = (
        edge.authority.issue(f"sni-{n}", f"{n}.example", f"a.{n}.example") for n in ("one", "two", "rest")
    )
    edge.serve(
        [
            edge.server(0, "one", "HTTPS", f"{{mode: SIMPLE, {files(one)}}}", "[one.example]"),
            edge.server(0, "two", "HTTPS", f"{{mode: SIMPLE, {files(two)}}}", '["*.two.example"]'),
            edge.server(0, "rest", "HTTPS", f"{{mode: SIMPLE, {files(rest)}}}", '["*"]'),
        ],
        objects.virtual_service("one", "[{route: [{destination: {host: echo, subset: v1}}]}]", ["one.example"]),
        objects.virtual_service("two", "[{route: [{destination: {host: echo, subset: v2}}]}]", ["a.two.example"]),
    )
    context = client_context(edge.authority.path)
    expected = {"one.example": ("sni-one", "v1"), "a.two.example": ("sni-two", "v2")}

    def told_apart() -> bool:
        return expected == {
            name: (subject(edge, 0, name, context), https_get(edge.ports[0], "/", name, context)[1].get("x-version"))
            for name in expected
        }

    edge.until(told_apart, "each name has its certificate and its routes")
    assert subject(edge, 0, "rest.example", context) == "sni-rest"
    # The connection's name chose the server, whose routes do not have the other host.
    assert https_get(edge.ports[0], "/", "one.example", context, host="a.two.example")[0] == 404


def test_mutual_tls_wants_a_certificate_of_the_authority_and_a_name(edge: Edge) -> None:
    clients = Authority(edge.authority.folder, "clients")
    good, odd = clients.issue("good", "good.example"), clients.issue("odd", "odd.example")
    stranger = Authority(edge.authority.folder, "strangers").issue("stranger", "good.example")
    own = edge.authority.issue("mutual", "shop.example")
    tls = f"{{mode: MUTUAL, {files(own)}, caCertificates: {clients.path}, subjectAltNames: [good.example]}}"
    edge.serve([edge.server(0, "https", "HTTPS", tls)], ROUTES)
    trust = edge.authority.path

    def status(certificate: tuple[Path, Path] | None) -> int:
        return status_of(edge, "shop.example", client_context(trust, certificate=certificate))

    edge.until(lambda: status(good) == 200, "a good certificate is let in")
    assert [status(odd), status(stranger), status(None)] == [0, 0, 0]
    seen = edge.v1.recent[-1].headers
    assert "good.example" in seen["x-forwarded-client-cert"]


def test_optional_mutual_tls_checks_a_certificate_if_there_is_one(edge: Edge) -> None:
    clients = Authority(edge.authority.folder, "some-clients")
    good = clients.issue("some-good", "good.example")
    stranger = Authority(edge.authority.folder, "strangers").issue("stranger", "good.example")
    own = edge.authority.issue("optional", "shop.example")
    tls = f"{{mode: OPTIONAL_MUTUAL, {files(own)}, caCertificates: {clients.path}}}"
    edge.serve([edge.server(0, "https", "HTTPS", tls)], ROUTES)

    def status(certificate: tuple[Path, Path] | None) -> int:
        return status_of(edge, "shop.example", client_context(edge.authority.path, certificate=certificate))

    edge.until(lambda: status(None) == 200, "without a certificate a client is let in")
    assert [status(good), status(stranger)] == [200, 0]
    # Envoy wants a certificate all the same once it has names or pins to compare, which validation warns of (PF0329).
    edge.serve([edge.server(0, "https", "HTTPS", tls.replace("}", ", subjectAltNames: [good.example]}"))], ROUTES)
    edge.until(lambda: status(None) == 0, "without a certificate a client is not let in")
    assert status(good) == 200
    edge.serve(
        [edge.server(0, "https", "HTTPS", tls.replace("}", f", verifyCertificateHash: ['{'ab' * 32}']}}"))], ROUTES
    )
    edge.until(lambda: status(good) == 0, "another pin is not let in")
    assert status(None) == 0


def test_versions_and_ciphers(edge: Edge) -> None:
    own = edge.authority.issue("strict", "shop.example")
    tls = f"{{mode: SIMPLE, {files(own)}, minProtocolVersion: TLSV1_3, ecdhCurves: [P-256, X25519]}}"
    edge.serve([edge.server(0, "https", "HTTPS", tls)], ROUTES)
    trust = edge.authority.path
    edge.until(lambda: subject(edge, 0, "shop.example", client_context(trust)) == "strict", "the server is there")
    with pytest.raises(ssl.SSLError):
        handshake(edge.ports[0], "shop.example", client_context(trust, highest=ssl.TLSVersion.TLSv1_2))


def test_a_renewed_certificate_is_picked_up_from_the_disk(edge: Edge) -> None:
    """Nothing is sent: Envoy watches the files that the Secret names."""
    own = edge.authority.issue("renewed", "old.example")
    edge.serve([edge.server(0, "https", "HTTPS", f"{{mode: SIMPLE, {files(own)}}}")], ROUTES)
    context = client_context(edge.authority.path)
    edge.until(lambda: subject(edge, 0, "old.example", context) == "renewed", "the old certificate is shown")
    before = edge.envoy.stats("update_attempt")
    edge.authority.issue("renewed", "new.example")
    eventually(lambda: subject(edge, 0, "new.example", context) == "renewed", 5.0, "the new certificate is shown")
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(edge.ports[0], "old.example", context)
    assert edge.envoy.stats("update_attempt") == before


def test_a_credential_does_not_hold_up_its_port(edge: Edge) -> None:
    own = edge.authority.issue("beside", "beside.example")
    edge.serve(
        [
            edge.server(0, "secret", "HTTPS", "{mode: SIMPLE, credentialName: shop}", "[shop.example]"),
            edge.server(0, "files", "HTTPS", f"{{mode: SIMPLE, {files(own)}}}", "[beside.example]"),
        ],
        ROUTES,
    )
    context = client_context(edge.authority.path)
    eventually(lambda: subject(edge, 0, "beside.example", context) == "beside", 5.0, "the server beside is there")
    said = [d["object"]["name"] for d in edge.pilotfish.diagnostics() if d["code"] == "PF0356"]
    assert said == ["gateway"]
    assert edge.envoy.stats("total_listeners_warming") == {"listener_manager.total_listeners_warming": 0}


def test_a_certificate_that_is_missing_fails_its_own_server_only_and_heals(tmp_path: Path) -> None:
    """Neither the other servers of the port nor an Envoy that starts has to wait for it."""
    edge = Edge(tmp_path)
    try:
        own = edge.authority.issue("present", "present.example")
        late = edge.authority.folder / "late.crt", edge.authority.folder / "late.key"
        servers = [
            edge.server(0, "present", "HTTPS", f"{{mode: SIMPLE, {files(own)}}}", "[present.example]"),
            edge.server(0, "late", "HTTPS", f"{{mode: SIMPLE, {files(late)}}}", "[late.example]"),
        ]
        edge.serve(servers[:1], ROUTES)
        context = client_context(edge.authority.path)
        edge.until(lambda: subject(edge, 0, "present.example", context) == "present", "the first server is there")
        edge.serve(servers, ROUTES)
        eventually(lambda: any(edge.envoy.stats(r"late.*update_rejected").values()), 5.0, "the Secret is rejected")
        assert subject(edge, 0, "present.example", context) == "present"
        with pytest.raises(OSError):  # noqa: PT011 - Envoy closes the connection: it has no certificate to show
            handshake(edge.ports[0], "late.example", context)
        assert edge.envoy.stat("listener_manager.lds.update_rejected") == 0
        edge.authority.issue("late", "late.example")
        eventually(lambda: subject(edge, 0, "late.example", context) == "late", 5.0, "the certificate has come")
        late[0].unlink()
        edge.restart_envoy()  # returns when Envoy is live
        # Both Secrets came in one response, which Envoy rejects whole; the good one comes again, alone.
        eventually(lambda: subject(edge, 0, "present.example", context) == "present", 5.0, "the good Secret comes")
        assert status_of(edge, "late.example", context) == 0
    finally:
        edge.close()
