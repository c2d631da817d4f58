"""Gateway: listeners."""

from __future__ import annotations

from typing import Final

GATEWAY: Final[dict[str, str]] = {
    "spec.selector": "which proxies it is for",
    "spec.servers": "a `Listener` for each port and address, with an `HttpConnectionManager`",
    "spec.servers[].port.number": "`Listener.address`, `Listener.name`",
    "spec.servers[].port.protocol": "what kind of `FilterChain` there is",
    "spec.servers[].port.name": "part of the name of an HTTPS server's `RouteConfiguration.name`",
    "spec.servers[].port.targetPort": "nothing: an error (PF0308); a Service maps ports",
    "spec.servers[].bind": "`Listener.address`",
    "spec.servers[].hosts": "`VirtualHost.domains`: what it has in common with the hosts of VirtualServices",
    "spec.servers[].tls": "how TLS is terminated",
    "spec.servers[].tls.httpsRedirect": "`VirtualHost.require_tls`",
    "spec.servers[].tls.mode": "`DownstreamTlsContext` of the server's `FilterChain`, `require_client_certificate`",
    **{
        f"spec.servers[].tls.{name}": "`Secret.tls_certificate`: paths on the proxy"
        for name in (
            "serverCertificate",
            "privateKey",
            "tlsCertificates[].serverCertificate",
            "tlsCertificates[].privateKey",
        )
    },
    **{
        f"spec.servers[].tls.{name}": "`Secret.validation_context`: a path on the proxy"
        for name in ("caCertificates", "caCrl", "tlsCertificates[].caCertificates")
    },
    "spec.servers[].tls.credentialName": "names of Secrets; for proxies that have proved who they are",
    "spec.servers[].tls.credentialNames": "names of Secrets; for proxies that have proved who they are",
    "spec.servers[].tls.caCertCredentialName": "name of a Secret; for proxies that have proved who they are",
    "spec.servers[].tls.subjectAltNames": "`match_typed_subject_alt_names`",
    "spec.servers[].tls.verifyCertificateSpki": "`verify_certificate_spki`",
    "spec.servers[].tls.verifyCertificateHash": "`verify_certificate_hash`",
    "spec.servers[].tls.minProtocolVersion": "`tls_params.tls_minimum_protocol_version`",
    "spec.servers[].tls.maxProtocolVersion": "`tls_params.tls_maximum_protocol_version`",
    "spec.servers[].tls.cipherSuites": "`tls_params.cipher_suites`",
    "spec.servers[].tls.ecdhCurves": "`tls_params.ecdh_curves`",
    "spec.servers[].tls.insecureSkipVerify": "`trust_chain_verification`",
    "spec.servers[].name": "`HttpConnectionManager.stat_prefix` of an HTTPS server",
}
