"""How a server speaks TLS to its clients: DownstreamTlsContext (reference 1.1, A.5).

Certificates are named, and come as Secrets over ADS: also those in files on the proxy, whose Secret holds nothing but
the paths. Envoy then follows the files, and one that is missing fails its own server only (ADR 0006).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from envoy.config.core.v3.config_source_pb2 import ApiVersion
from envoy.extensions.transport_sockets.tls.v3.common_pb2 import (
    CertificateValidationContext,
    TlsParameters,
)
from envoy.extensions.transport_sockets.tls.v3.tls_pb2 import DownstreamTlsContext

from translators.messages import TLS_VERSIONS, add_subject_alt_names
from translators.model.mesh_config import MeshTLSConfig
from translators.validation.gateway_tls import usable_ciphers, usable_curves

if TYPE_CHECKING:
    from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import SdsSecretConfig

    from translators.model.gateway import ServerTLSSettings

HTTP_ALPN: Final = ("h2", "http/1.1")
HTTP3_ALPN: Final = ("h3",)

_CHECKS_CLIENTS: Final = frozenset({"MUTUAL", "OPTIONAL_MUTUAL"})


class CertificateFiles(NamedTuple):
    """A certificate and its key in the proxy's file system."""

    chain: str
    key: str

    @property
    def secret_name(self) -> str:
        """Return Istio's name for it (reference 2.1)."""
        return f"file-cert:{self.chain}~{self.key}"


class AuthorityFiles(NamedTuple):
    """The certificates of authorities in the proxy's file system, with a list of what they revoked, or ""."""

    certificates: str
    revoked: str

    @property
    def secret_name(self) -> str:
        """Return Istio's name for it (reference 2.1)."""
        return f"file-root:{self.certificates}" + (f"~{self.revoked}" if self.revoked else "")


class Certificates(NamedTuple):
    """What a server shows to its clients, and what it checks theirs against."""

    own: tuple[CertificateFiles | str, ...]
    """Files, or the names of Secrets of the mesh."""
    authority: AuthorityFiles | str
    """Empty: clients are not asked for a certificate."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all Secrets."""
        every = (*self.own, self.authority) if self.authority else self.own
        return tuple(one if isinstance(one, str) else one.secret_name for one in every)


def certificates_of(tls: ServerTLSSettings) -> Certificates:
    """Return which certificates a server that terminates TLS needs."""
    credentials = tls.credential_names or ((tls.credential_name,) if tls.credential_name else ())
    own: tuple[CertificateFiles | str, ...] = tuple(credential_name(name) for name in credentials)
    if tls.server_certificate:
        own = (CertificateFiles(tls.server_certificate, tls.private_key),)
    elif tls.tls_certificates:
        own = tuple(CertificateFiles(c.server_certificate, c.private_key) for c in tls.tls_certificates)
    authority: AuthorityFiles | str = ""
    if tls.mode in _CHECKS_CLIENTS:
        files = tls.ca_certificates or next((c.ca_certificates for c in tls.tls_certificates if c.ca_certificates), "")
        if tls.ca_cert_credential_name:
            authority = credential_name(tls.ca_cert_credential_name)
        elif files:
            authority = AuthorityFiles(files, tls.ca_crl)
        elif credentials:
            authority = f"{credential_name(credentials[0])}-cacert"
    return Certificates(own, authority)


def credential_name(name: str) -> str:
    """Return the name of the Secret that a credentialName stands for; one that names its source stays as it is."""
    return name if "://" in name else f"kubernetes://{name}"


def tls_context(
    tls: ServerTLSSettings, alpn: tuple[str, ...], defaults: MeshTLSConfig | None = None
) -> DownstreamTlsContext:
    """Return the context of a server that terminates TLS, offering the protocols in `alpn`. `defaults`: MeshConfig's
    tlsDefaults, for what the server does not say.
    """
    context = DownstreamTlsContext()
    common = context.common_tls_context
    _set_parameters(common.tls_params, tls, defaults or MeshTLSConfig())
    common.alpn_protocols.extend(alpn)
    own, authority = certificates_of(tls)
    for certificate in own:
        name = certificate if isinstance(certificate, str) else certificate.secret_name
        _set_secret(common.tls_certificate_sds_secret_configs.add(), name)
    context.require_client_certificate.value = tls.mode == "MUTUAL"
    if authority:
        combined = common.combined_validation_context
        combined.default_validation_context.SetInParent()
        _set_checks(combined.default_validation_context, tls)
        name = authority if isinstance(authority, str) else authority.secret_name
        _set_secret(combined.validation_context_sds_secret_config, name)
    return context


def _set_secret(out: SdsSecretConfig, name: str) -> None:
    out.name = name
    out.sds_config.ads.SetInParent()
    out.sds_config.initial_fetch_timeout.SetInParent()
    out.sds_config.resource_api_version = ApiVersion.V3


def _set_parameters(out: TlsParameters, tls: ServerTLSSettings, defaults: MeshTLSConfig) -> None:
    """Write versions, ciphers and curves. TLS 1.2 is the lowest version unless another one is asked for."""
    asked = (v for v in (tls.min_protocol_version, defaults.min_protocol_version) if v != "TLS_AUTO")
    lowest, highest = TLS_VERSIONS[next(asked, "TLSV1_2")], TLS_VERSIONS[tls.max_protocol_version]
    # What the server says wins over the mesh.
    out.tls_minimum_protocol_version = min(lowest, highest) if highest else lowest
    out.tls_maximum_protocol_version = highest
    out.cipher_suites.extend(usable_ciphers(tls.cipher_suites or defaults.cipher_suites))
    out.ecdh_curves.extend(usable_curves(tls.ecdh_curves or defaults.ecdh_curves))


def _set_checks(out: CertificateValidationContext, tls: ServerTLSSettings) -> None:
    """Write what a client's certificate must be besides being signed by the authority."""
    add_subject_alt_names(out, tls.subject_alt_names)
    out.verify_certificate_spki.extend(tls.verify_certificate_spki)
    out.verify_certificate_hash.extend(tls.verify_certificate_hash)
    if tls.insecure_skip_verify:
        out.trust_chain_verification = CertificateValidationContext.ACCEPT_UNTRUSTED
