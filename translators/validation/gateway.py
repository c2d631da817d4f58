"""Rules for Istio's Gateway (reference 4, "Gateway")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from translators.validation.findings import quote
from translators.validation.gateway_tls import check_tls, has_certificates
from translators.validation.names import check_selector, fqdn_problem, is_ip, is_lower_label, is_partial_wildcard
from translators.validation.values import HIGHEST_PORT

if TYPE_CHECKING:
    from translators.model.gateway import Gateway, Server
    from translators.validation.findings import Findings

_HTTP: Final = frozenset({"HTTP", "HTTP2", "GRPC", "GRPC-WEB"})
_TLS: Final = frozenset({"HTTPS", "TLS"})
PROTOCOLS: Final = frozenset({*_HTTP, *_TLS, "TCP", "MONGO", "REDIS", "MYSQL", "HTTP_PROXY"})
_UNIX: Final = "unix://"


def check_gateway(found: Findings, gateway: Gateway) -> None:
    """Check one Gateway. Which proxies it selects, and what other Gateways share their ports, is not known here."""
    name = gateway.metadata.name
    if name and not is_lower_label(name):
        found.add(
            "PF0322",
            "metadata.name",
            f"{quote(name)} is not a DNS label, and a Gateway's name becomes a part of route names",
            'write letters, digits and "-" only, at most 63 characters',
        )
    check_selector(found, "spec.selector", gateway.spec.selector)
    if not gateway.spec.servers:
        found.add("PF0301", "spec.servers", "the Gateway has no servers", "add a server with a port and hosts")
    names: dict[str, int] = {}
    for index, server in enumerate(gateway.spec.servers):
        path = f"spec.servers[{index}]"
        _check_port(found, path, server)
        _check_bind(found, path, server.bind)
        _check_hosts(found, path, server)
        _check_tls_presence(found, path, server)
        if server.port is not None and server.port.name:
            first = names.setdefault(server.port.name, index)
            if first != index:
                found.add(
                    "PF0307",
                    f"{path}.port.name",
                    f"{quote(server.port.name)} is also the name of the port of spec.servers[{first}]",
                    "give each server of this Gateway a port name of its own",
                )


def _check_port(found: Findings, path: str, server: Server) -> None:
    port = server.port
    if port is None:
        found.add("PF0304", path, "the server has no port", "add port: {number: 80, name: http, protocol: HTTP}")
        return
    on_socket = server.bind.startswith(_UNIX)
    if on_socket and port.number:
        found.add("PF0304", f"{path}.port.number", f"port {port.number} on a Unix socket", "leave out the number")
    elif not on_socket and not 1 <= port.number <= HIGHEST_PORT:
        found.add(
            "PF0304",
            f"{path}.port.number",
            f"port {port.number} is not between 1 and {HIGHEST_PORT}",
            f"write a number from 1 to {HIGHEST_PORT}",
        )
    if port.protocol.upper() not in PROTOCOLS:
        what = f"{quote(port.protocol)} is not a protocol" if port.protocol else "the port has no protocol"
        found.add("PF0305", f"{path}.port.protocol", what, f"write one of {', '.join(sorted(PROTOCOLS))}")
    if not port.name:
        found.add("PF0306", f"{path}.port.name", "the port has no name", "add a name, such as name: http")
    if port.target_port:
        found.add(
            "PF0308",
            f"{path}.port.targetPort",
            f"targetPort {port.target_port} is not supported here",
            "map the port in the Service that selects the gateway's pods",
        )


def _check_bind(found: Findings, path: str, bind: str) -> None:
    if not bind or is_ip(bind):
        return
    if bind.startswith(_UNIX):
        socket = bind.removeprefix(_UNIX)
        if socket.startswith("/") or (socket.startswith("@") and len(socket) > 1):
            return
    found.add(
        "PF0309",
        f"{path}.bind",
        f"{quote(bind)} is neither an IP address nor an absolute Unix socket",
        "write an IP address, or unix:///path",
    )


def _check_hosts(found: Findings, path: str, server: Server) -> None:
    hosts = server.hosts
    by_name = server.port is not None and server.port.protocol.upper() in _TLS
    if not hosts:
        found.add("PF0302", f"{path}.hosts", "the server has no hosts", 'list host names, or "*" for all')
    for index, host in enumerate(hosts):
        namespace, slash, name = host.rpartition("/")
        problem = ""
        if slash and namespace not in {"*", "."} and not is_lower_label(namespace):
            problem = f"has the namespace part {quote(namespace)}"
        elif name != "*":
            problem = fqdn_problem(name, wildcard=True)
            if by_name and not problem and is_partial_wildcard(name):
                hint = 'write "*.example.com", or each host'
                found.add("PF0328", f"{path}.hosts[{index}]", f"{quote(host)} covers a part of a label only", hint)
        if problem:
            found.add(
                "PF0303",
                f"{path}.hosts[{index}]",
                f"{quote(host)} {problem}",
                'write "name.example.com", "*.example.com" or "*", with "namespace/", "./" or "*/" in front if wanted',
            )


def _check_tls_presence(found: Findings, path: str, server: Server) -> None:
    if server.port is None:
        return
    protocol = server.port.protocol.upper()
    tls = server.tls
    if tls is None:
        if protocol in _TLS:
            found.add(
                "PF0310",
                f"{path}.tls",
                f"a server of protocol {protocol} needs tls settings",
                "add tls: {mode: SIMPLE, credentialName: …}, or mode: PASSTHROUGH",
            )
        return
    if protocol in _TLS:
        if tls.https_redirect:
            found.add(
                "PF0313",
                f"{path}.tls.httpsRedirect",
                f"httpsRedirect has no effect on a server of protocol {protocol}",
                "set it on the server of protocol HTTP",
            )
        check_tls(found, f"{path}.tls", tls)
    elif protocol in _HTTP:
        if has_certificates(tls) or tls.mode != "PASSTHROUGH":
            found.add(
                "PF0311",
                f"{path}.tls",
                f"a server of protocol {protocol} takes httpsRedirect only, neither a TLS mode nor certificates",
                "write protocol: HTTPS to terminate TLS",
            )
    elif protocol in PROTOCOLS:
        if tls.https_redirect:
            found.add("PF0313", f"{path}.tls.httpsRedirect", f"httpsRedirect has no effect on {protocol}", "remove it")
        found.add(
            "PF0312",
            f"{path}.tls",
            f"a server of protocol {protocol} does not take tls settings",
            "write protocol: TLS to terminate TLS or to route by SNI",
        )
