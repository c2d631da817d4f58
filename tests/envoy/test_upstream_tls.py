"""TLS from a real Envoy to its endpoints: what is accepted, what is refused, and never in clear text instead."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.envoy.harness import Backend, Loop, eventually, objects
from tests.envoy.harness.certificates import Authority

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.envoy.harness import Mesh

HOST = "secure.default.svc.cluster.local"
CLUSTER = f"outbound|80||{HOST}"


class Secure(NamedTuple):
    """A backend that speaks TLS only, as `shop.example`, and who may talk to it."""

    backend: Backend
    mutual: Backend
    """Demands a certificate of its client."""
    authority: Authority
    stranger: Authority
    client: tuple[Path, Path]
    """Its certificate and key."""
    revoked: Path
    """The authority's list of revoked certificates, with the backend's own on it."""
    asked_for: list[str | None]
    """The names that clients asked for (SNI), the latest last."""


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secure]:
    folder = tmp_path_factory.mktemp("certificates")
    authority, stranger = Authority(folder / "own"), Authority(folder / "stranger")
    server = authority.issue("server", "shop.example", "spiffe://cluster.local/ns/default/sa/secure")
    asked_for: list[str | None] = []

    def context() -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(*server)
        made.sni_callback = lambda _socket, name, _context: asked_for.append(name)
        return made

    demanding = context()
    demanding.verify_mode = ssl.CERT_REQUIRED
    demanding.load_verify_locations(authority.path)
    loop = Loop()
    backend, mutual = Backend(loop, "tls", tls=context()), Backend(loop, "mutual", tls=demanding)
    client, revoked = authority.issue("client", "client.example"), authority.revoke(server[0])
    yield Secure(backend, mutual, authority, stranger, client, revoked, asked_for)
    for one in (backend, mutual):
        one.stop()
    loop.close()


def apply(mesh: Mesh, backend: Backend, tls: str) -> None:
    """Send everything to a backend, with these TLS settings (YAML); return when Envoy has all of it."""
    entry = objects.service_entry("secure", [backend])
    rule = objects.destination_rule("secure", "secure", f"tls: {tls}")
    mesh.route("- route: [{destination: {host: secure}}]", entry, rule)


def test_simple(mesh: Mesh, secure: Secure) -> None:
    """The certificate must be of the authority, and for the host of the request, which is also asked for."""
    apply(mesh, secure.backend, f"{{mode: SIMPLE, caCertificates: {secure.authority.path}}}")
    reply = mesh.get("/")
    assert (reply.status, reply.version) == (200, "tls")
    assert secure.asked_for[-1] == "shop.example"
    before = mesh.envoy.cluster_stat(CLUSTER, "ssl.fail_verify_san")
    assert mesh.get("/", host="other.example").status == 503
    assert secure.asked_for[-1] == "other.example"
    assert mesh.envoy.cluster_stat(CLUSTER, "ssl.fail_verify_san") > before


@pytest.mark.parametrize(
    ("extra", "status", "counter"),
    [
        ("subjectAltNames: [shop.example]", 200, ""),
        ('subjectAltNames: ["spiffe://cluster.local/ns/default/sa/secure"]', 200, ""),
        ("subjectAltNames: [wrong.example]", 503, "ssl.fail_verify_san"),
        ("sni: shop.example", 200, ""),
        ("sni: wrong.example", 503, "ssl.fail_verify_san"),
        ("sni: wrong.example, subjectAltNames: [shop.example]", 200, ""),
        ("caCrl: REVOKED", 503, "ssl.fail_verify_error"),
    ],
)
def test_which_names_are_accepted(mesh: Mesh, secure: Secure, extra: str, status: int, counter: str) -> None:
    root = secure.authority.path
    apply(
        mesh,
        secure.backend,
        f"{{mode: SIMPLE, caCertificates: {root}, {extra.replace('REVOKED', str(secure.revoked))}}}",
    )
    before = mesh.envoy.cluster_stat(CLUSTER, counter) if counter else 0
    assert mesh.get("/", host="shop.example").status == status
    if "sni" in extra:
        assert secure.asked_for[-1] == extra.partition("sni: ")[2].partition(",")[0]
    if counter:
        assert mesh.envoy.cluster_stat(CLUSTER, counter) > before


def test_another_authority_is_refused(mesh: Mesh, secure: Secure) -> None:
    apply(mesh, secure.backend, f"{{mode: SIMPLE, caCertificates: {secure.stranger.path}}}")
    before = mesh.envoy.cluster_stat(CLUSTER, "ssl.fail_verify_error")
    assert mesh.get("/").status == 503
    assert mesh.envoy.cluster_stat(CLUSTER, "ssl.fail_verify_error") > before


def test_the_authorities_of_the_system_are_the_default(mesh: Mesh, secure: Secure) -> None:
    apply(mesh, secure.backend, "{mode: SIMPLE}")
    before = mesh.envoy.cluster_stat(CLUSTER, "ssl.fail_verify_error")
    assert mesh.get("/").status == 503
    assert mesh.envoy.cluster_stat(CLUSTER, "ssl.fail_verify_error") > before
    apply(mesh, secure.backend, "{mode: SIMPLE, insecureSkipVerify: true}")
    assert mesh.get("/").status == 200


def test_mutual(mesh: Mesh, secure: Secure) -> None:
    (certificate, key), root = secure.client, secure.authority.path
    files = f"clientCertificate: {certificate}, privateKey: {key}, caCertificates: {root}"
    apply(mesh, secure.mutual, f"{{mode: MUTUAL, {files}}}")
    reply = mesh.get("/")
    assert (reply.status, reply.version) == (200, "mutual")
    apply(mesh, secure.mutual, f"{{mode: SIMPLE, caCertificates: {root}}}")
    assert mesh.get("/").status == 503


@pytest.mark.parametrize("tls", ["{mode: ISTIO_MUTUAL}", "{mode: SIMPLE, credentialName: secure}"])
def test_what_cannot_be_had_is_not_replaced_by_clear_text(mesh: Mesh, tls: str) -> None:
    """The backend speaks clear text: without TLS the request would succeed."""
    mesh.v1.forget()
    apply(mesh, mesh.v1, tls)
    assert mesh.get("/").status == 503
    assert mesh.v1.count == 0
    eventually(lambda: "PF0690" in {d["code"] for d in mesh.pilotfish.diagnostics()}, what="it is said")
