"""A client that speaks TLS: which certificate it is shown, what it is answered."""

from __future__ import annotations

import http.client
import socket
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Handshake:
    """What a TLS handshake came to."""

    subject: str
    """The common name in the server's certificate."""
    alpn: str | None
    version: str | None


def client_context(
    authority: Path,
    *,
    certificate: tuple[Path, Path] | None = None,
    alpn: Sequence[str] = (),
    highest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
) -> ssl.SSLContext:
    """Return a context that trusts one authority, and shows a certificate if it is given one."""
    context = ssl.create_default_context(cafile=str(authority))
    context.maximum_version = highest
    if certificate is not None:
        context.load_cert_chain(*certificate)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def handshake(port: int, server_name: str, context: ssl.SSLContext) -> Handshake:
    """Connect to 127.0.0.1; raises OSError (ssl.SSLError among them) if that fails."""
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=server_name) as secure,
    ):
        certificate = x509.load_der_x509_certificate(secure.getpeercert(binary_form=True) or b"")
        name = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value
        return Handshake(subject=str(name), alpn=secure.selected_alpn_protocol(), version=secure.version())


def https_get(
    port: int, path: str, server_name: str, context: ssl.SSLContext, *, host: str = ""
) -> tuple[int, dict[str, str], str]:
    """GET over a connection of its own; returns status, headers (lower-case names) and body.

    Raises OSError if there is no connection, or it ends before the answer.
    """
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=server_name) as secure,
    ):
        secure.sendall(f"GET {path} HTTP/1.1\r\nHost: {host or server_name}\r\nConnection: close\r\n\r\n".encode())
        try:
            response = http.client.HTTPResponse(secure)
            response.begin()
            body = response.read().decode()
        except http.client.HTTPException as error:
            raise ConnectionError(repr(error)) from error
        return response.status, {name.lower(): value for name, value in response.getheaders()}, body
