"""Istio's Gateway: ports that a proxy at the edge listens on (networking.istio.io; reference 1.1)."""

from __future__ import annotations

from typing import ClassVar, Literal

from translators.model.common import TLSProtocol, UInt32
from translators.model.meta import KubeObject, Struct

ServerTLSMode = Literal["PASSTHROUGH", "SIMPLE", "MUTUAL", "AUTO_PASSTHROUGH", "ISTIO_MUTUAL", "OPTIONAL_MUTUAL"]


class Port(Struct, frozen=True, kw_only=True):
    """The port of a server."""

    number: UInt32 = 0
    protocol: str = ""
    name: str = ""
    target_port: UInt32 = 0
    """Deprecated; refused by validation."""


class TLSCertificate(Struct, frozen=True, kw_only=True):
    """Paths of one certificate in the proxy's file system."""

    server_certificate: str = ""
    private_key: str = ""
    ca_certificates: str = ""


class ServerTLSSettings(Struct, frozen=True, kw_only=True):
    """How a server speaks TLS to its clients."""

    https_redirect: bool = False
    mode: ServerTLSMode = "PASSTHROUGH"
    server_certificate: str = ""
    private_key: str = ""
    ca_certificates: str = ""
    ca_crl: str = ""
    credential_name: str = ""
    credential_names: tuple[str, ...] = ()
    tls_certificates: tuple[TLSCertificate, ...] = ()
    ca_cert_credential_name: str = ""
    subject_alt_names: tuple[str, ...] = ()
    verify_certificate_spki: tuple[str, ...] = ()
    verify_certificate_hash: tuple[str, ...] = ()
    min_protocol_version: TLSProtocol = "TLS_AUTO"
    max_protocol_version: TLSProtocol = "TLS_AUTO"
    cipher_suites: tuple[str, ...] = ()
    ecdh_curves: tuple[str, ...] = ()
    insecure_skip_verify: bool | None = None


class Server(Struct, frozen=True, kw_only=True):
    """One port with the hosts that it serves."""

    port: Port | None = None
    bind: str = ""
    hosts: tuple[str, ...] = ()
    tls: ServerTLSSettings | None = None
    default_endpoint: str = ""
    name: str = ""


class GatewaySpec(Struct, frozen=True, kw_only=True):
    """Which proxies, and what they listen on."""

    selector: dict[str, str] = {}
    servers: tuple[Server, ...] = ()


class Gateway(KubeObject, frozen=True, kw_only=True):
    """Istio's Gateway (the Gateway API's kind of the same name is another)."""

    KIND: ClassVar[str] = "Gateway"
    GROUP: ClassVar[str] = "networking.istio.io"

    spec: GatewaySpec = GatewaySpec()
