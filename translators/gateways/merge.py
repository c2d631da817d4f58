"""All servers of all Gateways that select a proxy, merged by the address that they listen on (reference 2.10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from translators.gateways.ports import TargetPort, target_port, udp_port
from translators.gateways.servers import (
    GRPC_WEB,
    Family,
    MergedGateways,
    MergedPort,
    ServerGroup,
    TlsServer,
    family_of,
    kind_of,
    protocol_of,
)
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


@dataclass(slots=True, kw_only=True)
class _Address:
    """An address while servers are being collected for it."""

    family: Family
    first: Origin
    servers: list[tuple[Gateway, int, TargetPort]]
    tls_hosts: dict[str, Origin]
    """Who was the first to have each TLS host."""
    kept: dict[int, tuple[str, ...]]
    """By place in `servers`: the hosts of a TLS server that no earlier one has."""


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
            _join(addresses, gateway, index, target, diagnostics)
    ports = tuple(_merged(*address, addresses[address], services) for address in sorted(addresses))
    return MergedGateways(
        ports=ports,
        quic=_quic_ports(ports, lowest_port, diagnostics),
        hosts={
            f"{g.metadata.namespace}/{g.metadata.name}": ServerHosts(
                (host for server in g.spec.servers for host in server.hosts), g.metadata.namespace
            )
            for g in gateways
        },
        kinds={
            f"{g.metadata.namespace}/{g.metadata.name}": frozenset(
                kind for server in g.spec.servers if (kind := kind_of(server))
            )
            for g in gateways
        },
        diagnostics=tuple(dict.fromkeys(diagnostics)),
    )


def _join(
    addresses: dict[tuple[int, str], _Address],
    gateway: Gateway,
    index: int,
    target: TargetPort,
    diagnostics: list[Diagnostic],
) -> None:
    """Let a server have its address, unless an earlier one excludes it."""
    server, field = gateway.spec.servers[index], Origin(gateway.key, f"spec.servers[{index}]")
    family = family_of(server)
    key = (target.number, server.bind)
    address = addresses.get(key)
    if address is None:
        address = addresses[key] = _Address(family=family, first=field, servers=[], tls_hosts={}, kept={})
    elif address.family != family or family == "TCP":
        # Nothing tells the connections of two TCP servers apart.
        where = f"port {target.number}" + (f" of {server.bind}" if server.bind else "")
        diagnostics.append(
            diagnose(
                "PF0352",
                f"this {family} server has no effect: {address.first} has {where} already, as {address.family}",
                field,
                hint="use another port, or another protocol",
            )
        )
        return
    if family == "TLS":
        kept = _free_hosts(address, server, target.number, field, diagnostics)
        if not kept:
            return
        address.kept[len(address.servers)] = kept
    address.servers.append((gateway, index, target))


def _free_hosts(
    address: _Address, server: Server, number: int, field: Origin, diagnostics: list[Diagnostic]
) -> tuple[str, ...]:
    """Return the hosts of a TLS server that no earlier server of the address has: Envoy wants each name once."""
    where = f"port {number}" + (f" of {server.bind}" if server.bind else "")
    kept = []
    for position, host in enumerate(server.hosts):
        name, here = dns_of(host), Origin(field.key, f"{field.path}.hosts[{position}]")
        first = address.tls_hosts.setdefault(name, here)
        if first.key == field.key and first.path.startswith(f"{field.path}."):
            kept.append(host)
            continue
        diagnostics.append(
            diagnose(
                "PF0353",
                f"the TLS host {name} on {where} belongs to {first} already: it has no effect here",
                here,
                hint="name each TLS host once for a port",
            )
        )
    return tuple(kept)


def dns_of(host: str) -> str:
    """Return the DNS name in a server's host (`ns/name`), in lower case."""
    return host.rpartition("/")[2].lower()


def _privileged(port: int, lowest_port: int, field: Origin) -> Diagnostic:
    return diagnose(
        "PF0350",
        f"no listener on port {port}: the proxy may not bind ports below {lowest_port}",
        Origin(field.key, f"{field.path}.port.number"),
        hint=f"map the port in a Service that selects the gateway, such as port: {port}, targetPort: {8000 + port}",
    )


def _merged(number: int, bind: str, address: _Address, services: list[Service]) -> MergedPort:
    servers = address.servers
    mapped = dict.fromkeys(target.origin for _, _, target in servers if target.origin is not None)
    tls = address.family == "TLS"
    return MergedPort(
        number=number,
        bind=bind,
        family=address.family,
        groups=() if tls else _groups(servers),
        tls=tuple(_tls_server(g, i, address.kept[n], services) for n, (g, i, _) in enumerate(servers)) if tls else (),
        grpc_web=any(protocol_of(g.spec.servers[i]) == GRPC_WEB for g, i, _ in servers),
        origins=tuple(dict.fromkeys((*(g.key for g, _, _ in servers), *(origin.key for origin in mapped)))),
        fields=(*(Origin(g.key, f"spec.servers[{i}]") for g, i, _ in servers), *mapped),
    )


def _groups(servers: list[tuple[Gateway, int, TargetPort]]) -> tuple[ServerGroup, ...]:
    grouped: dict[tuple[ObjectKey, int, bool], list[tuple[int, Server]]] = {}
    for gateway, index, _ in servers:
        server = gateway.spec.servers[index]
        grouped.setdefault((gateway.key, _number(server), _redirects(server)), []).append((index, server))
    return tuple(
        ServerGroup(
            gateway=key,
            number=port,
            hosts=ServerHosts((host for _, server in members for host in server.hosts), key.namespace),
            https_redirect=Origin(key, f"spec.servers[{members[0][0]}].tls.httpsRedirect") if redirects else None,
        )
        for (key, port, redirects), members in grouped.items()
    )


def _tls_server(gateway: Gateway, index: int, hosts: tuple[str, ...], services: list[Service]) -> TlsServer:
    server, key = gateway.spec.servers[index], gateway.key
    names = {dns_of(host) for host in hosts}
    return TlsServer(
        gateway=gateway,
        index=index,
        field=Origin(key, f"spec.servers[{index}]"),
        groups=(ServerGroup(gateway=key, number=_number(server), hosts=ServerHosts(hosts, key.namespace)),),
        server_names=() if "*" in names else tuple(sorted(names)),
        quic=udp_port(_number(server), services) if _may_speak_http3(server) else None,
        origins=(key,),
    )


def _may_speak_http3(server: Server) -> bool:
    """Whether a server can take HTTP/3: Envoy checks no client certificates over QUIC, which is TLS 1.3."""
    return (
        protocol_of(server) == "HTTPS"
        and server.tls is not None
        and server.tls.mode == "SIMPLE"
        and server.tls.max_protocol_version in {"TLS_AUTO", "TLSV1_3"}
        and not server.bind.startswith("unix://")
    )


def _quic_ports(
    ports: tuple[MergedPort, ...], lowest_port: int, diagnostics: list[Diagnostic]
) -> tuple[MergedPort, ...]:
    """Return the UDP ports of servers that take HTTP/3 as well as what they take over TCP."""
    found: dict[tuple[int, str], list[tuple[TlsServer, TargetPort]]] = {}
    for port in ports:
        for server in port.tls:
            if server.quic is None:
                continue
            if server.quic.number < lowest_port:
                diagnostics.append(_privileged(server.quic.number, lowest_port, server.field))
                continue
            found.setdefault((server.quic.number, port.bind), []).append((server, server.quic))
    return tuple(
        MergedPort(
            number=number,
            bind=bind,
            family="TLS",
            groups=(),
            tls=tuple(server for server, _ in servers),
            grpc_web=False,
            origins=tuple(
                dict.fromkeys(
                    (*(s.gateway.key for s, _ in servers), *(t.origin.key for _, t in servers if t.origin is not None))
                )
            ),
            fields=(
                *(s.field for s, _ in servers),
                *dict.fromkeys(t.origin for _, t in servers if t.origin is not None),
            ),
            quic=True,
        )
        for (number, bind), servers in sorted(found.items())
    )


def _number(server: Server) -> int:
    return server.port.number if server.port is not None else 0


def _redirects(server: Server) -> bool:
    return server.tls is not None and server.tls.https_redirect
