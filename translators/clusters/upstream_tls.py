"""trafficPolicy.tls: TLS to the endpoint (reference 1.3).

Certificates are files on the proxy's own disk, named by path. What would need the control plane to hand out a secret
(`credentialName`, and the mesh's own certificates of ISTIO_MUTUAL) is never replaced by clear text: `refusal` says why
such a cluster gets no endpoints, so that requests are answered 503.

https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/transport_sockets/tls/v3/tls.proto
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from envoy.config.core.v3.base_pb2 import TransportSocket
from envoy.extensions.transport_sockets.tls.v3.common_pb2 import TlsParameters
from envoy.extensions.transport_sockets.tls.v3.tls_pb2 import UpstreamTlsContext

from translators.messages import TLS_VERSIONS, add_subject_alt_names, pack
from translators.services.addresses import is_ip

if TYPE_CHECKING:
    from envoy.extensions.transport_sockets.tls.v3.common_pb2 import CertificateValidationContext

    from translators.model.destination_rule import ClientTLSSettings
    from translators.model.mesh_config import MeshTLSConfig
    from translators.model.service import Service, ServicePort

SYSTEM_CERTIFICATES: Final = "/etc/ssl/certs/ca-certificates.crt"
"""Where Debian, Ubuntu and Alpine keep the certificates of public authorities, and with them every image of Envoy."""

TLS_SOCKET: Final = "envoy.transport_sockets.tls"


class UpstreamTls(NamedTuple):
    """TLS to the endpoints of one cluster, with what the rule leaves open filled in."""

    settings: ClientTLSSettings
    names: tuple[str, ...]
    """One of these must be in the server's certificate. Empty: each request's host is, or no name is looked at."""
    sni: str
    """The name to ask for; a request's own host takes its place if `takes_sni_from_request`."""

    @property
    def takes_sni_from_request(self) -> bool:
        """Whether each HTTP request's host is the name to ask for (`auto_sni`)."""
        return not self.settings.sni

    @property
    def checks_name_of_request(self) -> bool:
        """Whether the certificate must be for each HTTP request's host (`auto_san_validation`)."""
        return not (self.settings.sni or self.names or self.settings.insecure_skip_verify)


def refusal(settings: ClientTLSSettings | None) -> str:
    """Return why TLS as asked for cannot be had, or nothing."""
    if settings is None or settings.mode == "DISABLE":
        return ""
    if settings.mode == "ISTIO_MUTUAL":
        return "mode ISTIO_MUTUAL needs certificates of the mesh, which are not issued in this version"
    if settings.credential_name:
        return "credentialName needs a secret, and secrets are not sent to proxies that have not proved who they are"
    return ""


def upstream_tls(settings: ClientTLSSettings | None, service: Service, port: ServicePort) -> UpstreamTls | None:
    """Return how TLS is spoken to a port of a service; None for clear text.

    Names to check: the rule's, else the ServiceEntry's, else the `sni` that the rule gives, else each request's host.
    What is not HTTP has no host: there the service's name is asked for, and no name is checked.
    """
    if settings is None or settings.mode == "DISABLE" or refusal(settings):
        return None
    names: tuple[str, ...] = ()
    if not settings.insecure_skip_verify:
        given = (settings.sni,) if settings.sni else ()
        names = settings.subject_alt_names or service.subject_alt_names or given
    sni = settings.sni
    if not (sni or port.protocol.is_http or "*" in service.hostname or is_ip(service.hostname)):
        sni = service.hostname
    return UpstreamTls(settings, names, sni)


@lru_cache(maxsize=1024)
def tls_socket(tls: UpstreamTls, mesh: MeshTLSConfig | None, *, http2: bool) -> TransportSocket:
    """Return the transport socket. `mesh`: MeshConfig's tlsDefaults; `http2`: HTTP/2 is all that is spoken."""
    settings = tls.settings
    context = UpstreamTlsContext(sni=tls.sni)
    common = context.common_tls_context
    # Envoy's own default for clients ends at TLS 1.2.
    common.tls_params.tls_minimum_protocol_version = TlsParameters.TLSv1_2
    common.tls_params.tls_maximum_protocol_version = TlsParameters.TLSv1_3
    if mesh is not None:
        _mesh_defaults(common.tls_params, mesh)
    if settings.mode == "MUTUAL":
        certificate = common.tls_certificates.add()
        certificate.certificate_chain.filename = settings.client_certificate
        certificate.private_key.filename = settings.private_key
    if not settings.insecure_skip_verify:
        _validation(common.validation_context, settings, tls.names)
    if http2:
        common.alpn_protocols.append("h2")
    socket = TransportSocket(name=TLS_SOCKET)
    pack(socket.typed_config, context)
    return socket


def _mesh_defaults(params: TlsParameters, mesh: MeshTLSConfig) -> None:
    """Apply tlsDefaults, which hold for all TLS but the mesh's own."""
    if mesh.min_protocol_version in TLS_VERSIONS:
        params.tls_minimum_protocol_version = TLS_VERSIONS[mesh.min_protocol_version]
    params.ecdh_curves.extend(mesh.ecdh_curves)
    params.cipher_suites.extend(mesh.cipher_suites)


def _validation(out: CertificateValidationContext, settings: ClientTLSSettings, names: tuple[str, ...]) -> None:
    out.trusted_ca.filename = settings.ca_certificates or SYSTEM_CERTIFICATES
    if settings.ca_crl:
        out.crl.filename = settings.ca_crl
    add_subject_alt_names(out, names)
