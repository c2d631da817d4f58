"""All servers of all Gateways that select a proxy, merged by the address that they listen on (reference 2.10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from translators.gateways.ports import TargetPort, target_port
from translators.hosts import ServerHosts
from translators.model.codes import diagnose
from translators.model.gateway import Gateway
from translators.model.kubernetes import Service
from translators.model.origin import Origin

if TYPE_CHECKING:
    from translators.model.gateway import Server
    from translators.model.meta import ObjectKey
    from translators.model.origin import Diagnostic
    from translators.recorder import Recorder

WILDCARD: Final = "0.0.0.0"  # noqa: S104 - where a gateway listens, by definition
GRPC_WEB: Final = "GRPC-WEB"
_HTTP: Final = frozenset({"HTTP", "HTTP2", "GRPC", GRPC_WEB, "HTTP_PROXY"})
_TLS: Final = frozenset({"HTTPS", "TLS"})

Family = Literal["HTTP", "TLS", "TCP"]
"""Servers of one family can share an address."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ServerGroup:
    """Plain HTTP servers of one Gateway that share port and settings: for routes, they are one server."""

    gateway: ObjectKey
    number: int
    """The port as the Gateway has it; the listener's may be another."""
    hosts: ServerHosts
    https_redirect: Origin | None
    """The field that asks for a redirect to HTTPS."""

    @property
    def gateway_name(self) -> str:
        """How a VirtualService refers to the Gateway: `namespace/name`."""
        return f"{self.gateway.namespace}/{self.gateway.name}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MergedPort:
    """One address with the plain HTTP servers that share it."""

    number: int
    """The port to listen on; 0 for a Unix socket."""
    bind: str
    """As the servers say it: an IP address, `unix://path`, or empty for all addresses."""
    groups: tuple[ServerGroup, ...]
    """The oldest Gateway first."""
    grpc_web: bool
    """Whether a server's protocol is GRPC-WEB."""
    origins: tuple[ObjectKey, ...]
    """The Gateways, then the Services that map their ports."""
    fields: tuple[Origin, ...]
    """The servers; after them the field of each Service that maps a port of theirs."""

    @property
    def listener_name(self) -> str:
        """Return `0.0.0.0_8080`, with the address bound to, or the Unix socket as it is (reference 2.1)."""
        return self.bind if self.bind.startswith("unix://") else f"{self.bind or WILDCARD}_{self.number}"

    @property
    def route_name(self) -> str:
        """Return `http.8080`, or `http.8080.10.0.0.1` for a server with a bind (reference 2.1)."""
        return f"http.{self.number}.{self.bind}" if self.bind else f"http.{self.number}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MergedGateways:
    """What a proxy listens on, by address, and which hosts each Gateway has on all of its servers."""

    ports: tuple[MergedPort, ...]
    hosts: dict[str, ServerHosts]
    """Gateway (`namespace/name`) to all its hosts, those of HTTPS, TLS and TCP servers too."""
    diagnostics: tuple[Diagnostic, ...]


@dataclass(slots=True, kw_only=True)
class _Address:
    """An address while servers are being collected for it."""

    family: Family
    first: Origin
    servers: list[tuple[Gateway, int, TargetPort]]
    tls_hosts: dict[str, Origin]


def merge_gateways(lowest_port: int, *objects: Gateway | Service, recorder: Recorder) -> MergedGateways:
    """Memoised step: merge the servers of Gateways, the oldest Gateway first.

    `objects` are the Gateways that select the proxy and the Services in front of it, each the oldest first.
    The proxy may not listen below `lowest_port`. Where servers exclude each other the first one stays.
    """
    del recorder
    gateways = [o for o in objects if isinstance(o, Gateway)]
    services = [o for o in objects if isinstance(o, Service)]
    addresses: dict[tuple[int, str], _Address] = {}
    diagnostics: list[Diagnostic] = []
    for gateway in gateways:
        for index, server in enumerate(gateway.spec.servers):
            if server.port is None:
                continue
            field = Origin(gateway.key, f"spec.servers[{index}]")
            if server.bind.startswith("unix://"):
                target = TargetPort(server.port.number, None)
            else:
                target, found = target_port(server.port.number, services)
                diagnostics += found
                if target.number < lowest_port:
                    diagnostics.append(_privileged(target.number, lowest_port, field))
                    continue
            _join(addresses, gateway, index, server, target, field, diagnostics)
    return MergedGateways(
        ports=tuple(
            _merged(*address, addresses[address].servers)
            for address in sorted(addresses)
            if addresses[address].family == "HTTP"
        ),
        hosts={
            f"{g.metadata.namespace}/{g.metadata.name}": ServerHosts(
                (host for server in g.spec.servers for host in server.hosts), g.metadata.namespace
            )
            for g in gateways
        },
        diagnostics=tuple(dict.fromkeys(diagnostics)),
    )


def _join(
    addresses: dict[tuple[int, str], _Address],
    gateway: Gateway,
    index: int,
    server: Server,
    target: TargetPort,
    field: Origin,
    diagnostics: list[Diagnostic],
) -> None:
    """Let a server have its address, unless an earlier one excludes it."""
    family = _family(server)
    key = (target.number, server.bind)
    address = addresses.setdefault(key, _Address(family=family, first=field, servers=[], tls_hosts={}))
    where = f"port {target.number}" + (f" of {server.bind}" if server.bind else "")
    if address.family != family:
        diagnostics.append(
            diagnose(
                "PF0352",
                f"this {family} server has no effect: {address.first} has {where} already, as {address.family}",
                field,
                hint="use another port, or another protocol",
            )
        )
        return
    address.servers.append((gateway, index, target))
    if family == "HTTP":
        return
    protocol = server.port.protocol if server.port is not None else family
    diagnostics.append(
        diagnose(
            "PF0354",
            f"no listener for this {protocol} server on {where}: in this version a gateway serves plain HTTP only",
            Origin(field.key, f"{field.path}.port.protocol"),
            hint="HTTPS, TLS and TCP servers come in a later version; HTTP servers are not affected",
        )
    )
    if family == "TLS":
        for position, host in enumerate(server.hosts):
            name = host.rpartition("/")[2].lower()
            first = address.tls_hosts.setdefault(name, Origin(field.key, f"{field.path}.hosts[{position}]"))
            if first != (field.key, f"{field.path}.hosts[{position}]"):
                diagnostics.append(
                    diagnose(
                        "PF0353",
                        f"the TLS host {name} on {where} belongs to {first} already: it has no effect here",
                        Origin(field.key, f"{field.path}.hosts[{position}]"),
                        hint="name each TLS host once for a port",
                    )
                )


def _family(server: Server) -> Family:
    protocol = server.port.protocol.upper() if server.port is not None else ""
    if protocol in _HTTP:
        return "HTTP"
    return "TLS" if protocol in _TLS or server.tls is not None else "TCP"


def _privileged(port: int, lowest_port: int, field: Origin) -> Diagnostic:
    return diagnose(
        "PF0350",
        f"no listener on port {port}: the proxy may not bind ports below {lowest_port}",
        Origin(field.key, f"{field.path}.port.number"),
        hint=f"map the port in a Service that selects the gateway, such as port: {port}, targetPort: {8000 + port}",
    )


def _merged(number: int, bind: str, servers: list[tuple[Gateway, int, TargetPort]]) -> MergedPort:
    grouped: dict[tuple[ObjectKey, int, bool], list[tuple[int, Server]]] = {}
    for gateway, index, _ in servers:
        server = gateway.spec.servers[index]
        port = server.port.number if server.port is not None else 0
        grouped.setdefault((gateway.key, port, _redirects(server)), []).append((index, server))
    mapped = dict.fromkeys(target.origin for _, _, target in servers if target.origin is not None)
    return MergedPort(
        number=number,
        bind=bind,
        groups=tuple(
            ServerGroup(
                gateway=key,
                number=port,
                hosts=ServerHosts((host for _, server in members for host in server.hosts), key.namespace),
                https_redirect=Origin(key, f"spec.servers[{members[0][0]}].tls.httpsRedirect") if redirects else None,
            )
            for (key, port, redirects), members in grouped.items()
        ),
        grpc_web=any(
            server.port is not None and server.port.protocol.upper() == GRPC_WEB
            for members in grouped.values()
            for _, server in members
        ),
        origins=tuple(dict.fromkeys((*(g.key for g, _, _ in servers), *(origin.key for origin in mapped)))),
        fields=(*(Origin(g.key, f"spec.servers[{i}]") for g, i, _ in servers), *mapped),
    )


def _redirects(server: Server) -> bool:
    return server.tls is not None and server.tls.https_redirect
