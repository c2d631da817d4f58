"""The servers of a gateway proxy, merged by the address that they listen on: what merging makes (reference 2.10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from translators.gateways.ports import TargetPort
    from translators.hosts import ServerHosts
    from translators.model.gateway import Gateway, Server, ServerTLSSettings
    from translators.model.meta import ObjectKey
    from translators.model.origin import Diagnostic, Origin
    from translators.routes.outline import Kind

WILDCARD: Final = "0.0.0.0"  # noqa: S104 - where a gateway listens, by definition
GRPC_WEB: Final = "GRPC-WEB"
_HTTP: Final = frozenset({"HTTP", "HTTP2", "GRPC", GRPC_WEB, "HTTP_PROXY"})
_TLS: Final = frozenset({"HTTPS", "TLS"})

Family = Literal["HTTP", "TLS", "TCP"]
"""Servers of one family can share an address."""


def family_of(server: Server) -> Family:
    """Return what a server's listener has to expect: requests, TLS, or bytes."""
    protocol = protocol_of(server)
    if protocol in _HTTP:
        return "HTTP"
    return "TLS" if protocol in _TLS or server.tls is not None else "TCP"


def kind_of(server: Server) -> Kind | None:
    """Return which routes of a VirtualService a server takes; None: it needs no routes (AUTO_PASSTHROUGH)."""
    family = family_of(server)
    if server.tls is not None and server.tls.mode == "AUTO_PASSTHROUGH":
        return None
    if family != "TLS":
        return "http" if family == "HTTP" else "tcp"
    if server.tls is None or server.tls.mode == "PASSTHROUGH":
        return "tls"
    return "http" if protocol_of(server) == "HTTPS" else "tcp"


def protocol_of(server: Server) -> str:
    """Return the protocol of a server's port, in upper case."""
    return server.port.protocol.upper() if server.port is not None else ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ServerGroup:
    """Servers of one Gateway that share port and settings: for routes, they are one server."""

    gateway: ObjectKey
    number: int
    """The port as the Gateway has it; the listener's may be another."""
    hosts: ServerHosts
    https_redirect: Origin | None = None
    """The field that asks for a redirect to HTTPS."""

    @property
    def gateway_name(self) -> str:
        """How a VirtualService refers to the Gateway: `namespace/name`."""
        return f"{self.gateway.namespace}/{self.gateway.name}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TlsServer:
    """A server of protocol HTTPS or TLS: its connections are told apart from those of others by the name asked for."""

    gateway: Gateway
    index: int
    """Its place in `spec.servers`."""
    field: Origin
    """The field that it stands in."""
    groups: tuple[ServerGroup]
    """The server alone, with those of its hosts that no earlier server has."""
    server_names: tuple[str, ...]
    """The names that clients may ask for, sorted; empty: any name, and none at all."""
    quic: TargetPort | None = None
    """Where it listens for HTTP/3 too, if it does."""
    origins: tuple[ObjectKey, ...]

    @property
    def server(self) -> Server:
        """The server as the Gateway has it."""
        return self.gateway.spec.servers[self.index]

    @property
    def tls(self) -> ServerTLSSettings | None:
        """Its TLS settings; validation sees to it that there are some."""
        return self.server.tls

    @property
    def kind(self) -> Kind | None:
        """Which routes it takes; `tls`, or None, if connections are passed on as they are, else TLS ends here."""
        return kind_of(self.server)

    @property
    def route_name(self) -> str:
        """Return `https.443.https.gateway.default`, with the server's own port, and its bind if it has one
        (reference 2.1, 10.4).
        """
        server, meta = self.server, self.gateway.metadata
        port = f"{server.port.number}.{server.port.name}" if server.port is not None else ""
        bind = f".{server.bind}" if server.bind else ""
        return f"https.{port}.{meta.name}.{meta.namespace}{bind}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MergedPort:
    """One address with the servers that share it, which are of one family."""

    number: int
    """The port to listen on; 0 for a Unix socket."""
    bind: str
    """As the servers say it: an IP address, `unix://path`, or empty for all addresses."""
    family: Family
    groups: tuple[ServerGroup, ...]
    """HTTP: the servers, the oldest Gateway first. TCP: the only one."""
    tls: tuple[TlsServer, ...]
    """TLS: the servers, the oldest Gateway first."""
    grpc_web: bool
    """Whether a plain HTTP server's protocol is GRPC-WEB."""
    origins: tuple[ObjectKey, ...]
    """The Gateways, then the Services that map their ports."""
    fields: tuple[Origin, ...]
    """The servers; after them the field of each Service that maps a port of theirs."""
    quic: bool = False
    """Whether it is a UDP port, for HTTP/3."""

    @property
    def listener_name(self) -> str:
        """Return `0.0.0.0_8080`, with the address bound to, or the Unix socket as it is (reference 2.1)."""
        if self.quic:
            return f"udp_{self.bind or WILDCARD}_{self.number}"
        return self.bind if self.bind.startswith("unix://") else f"{self.bind or WILDCARD}_{self.number}"

    @property
    def route_name(self) -> str:
        """Return `http.8080`, or `http.8080.10.0.0.1` for a server with a bind (reference 2.1)."""
        return f"http.{self.number}.{self.bind}" if self.bind else f"http.{self.number}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MergedGateways:
    """What a proxy listens on, by address, and which hosts each Gateway has on all of its servers."""

    ports: tuple[MergedPort, ...]
    quic: tuple[MergedPort, ...]
    """The UDP ports of servers that take HTTP/3 as well."""
    hosts: dict[str, ServerHosts]
    """Gateway (`namespace/name`) to all its hosts."""
    kinds: dict[str, frozenset[Kind]]
    """Gateway to the kinds of routes that its servers take."""
    diagnostics: tuple[Diagnostic, ...]
