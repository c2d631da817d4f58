"""Secrets that hold no secret: where on the proxy's disk a server's certificates are (ADR 0006)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret

from translators.gateways.tls_context import AuthorityFiles, CertificateFiles, certificates_of
from translators.model.gateway import Gateway
from translators.model.origin import Origin
from translators.resources import SECRET, Resource

if TYPE_CHECKING:
    from collections.abc import Iterable

    from translators.gateways.servers import TlsServer
    from translators.memo import Steps
    from translators.recorder import Recorder


def file_secrets(servers: Iterable[TlsServer], steps: Steps) -> tuple[Resource, ...]:
    """Return the Secrets of servers that terminate TLS with certificates in files, sorted by name, each once."""
    users: dict[CertificateFiles | AuthorityFiles, list[Gateway | int]] = {}
    for server in servers:
        if server.tls is not None:
            own, authority = certificates_of(server.tls)
            for files in (*own, authority):
                if not isinstance(files, str):
                    users.setdefault(files, []).extend((server.gateway, server.index))
    by_name = {files.secret_name: files for files in users}
    return tuple(
        steps.step(_secret, isinstance(files, AuthorityFiles), *files, *users[files])
        for _, files in sorted(by_name.items())
    )


def _secret(authority: bool, first: str, second: str, *users: Gateway | int, recorder: Recorder) -> Resource:  # noqa: FBT001 - a step's arguments are positional
    """Memoised step: build one Secret from two paths. `users` are Gateways, each followed by the place of a server."""
    secret = Secret()
    if authority:
        secret.name = AuthorityFiles(first, second).secret_name
        secret.validation_context.trusted_ca.filename = first
        if second:
            secret.validation_context.crl.filename = second
    else:
        secret.name = CertificateFiles(first, second).secret_name
        secret.tls_certificate.certificate_chain.filename = first
        secret.tls_certificate.private_key.filename = second
    gateways = [user for user in users if isinstance(user, Gateway)]
    if recorder.active:
        for gateway, index in zip(gateways, users[1::2], strict=True):
            recorder.note("", Origin(gateway.key, f"spec.servers[{index}].tls"))
    return Resource(
        SECRET,
        secret.name,
        secret.SerializeToString(deterministic=True),
        tuple(dict.fromkeys(gateway.key for gateway in gateways)),
        notes=recorder.notes(),
    )
