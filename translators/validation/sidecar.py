"""Rules for Istio's Sidecar (reference 4, "Sidecar")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from translators.validation.connection_policy import check_connection_pool
from translators.validation.destinations import check_destination
from translators.validation.findings import quote
from translators.validation.gateway import PROTOCOLS
from translators.validation.gateway_tls import check_tls
from translators.validation.names import check_workload_selector, fqdn_problem, is_ip, is_lower_label
from translators.validation.values import HIGHEST_PORT, check_port

if TYPE_CHECKING:
    from translators.model.gateway import Port, ServerTLSSettings
    from translators.model.sidecar import IstioEgressListener, IstioIngressListener, Sidecar
    from translators.validation.findings import Findings

_UNIX: Final = "unix://"
_ENDPOINTS: Final = ("127.0.0.1", "[::1]", "0.0.0.0", "[::]")  # noqa: S104 - what Istio takes, nothing is bound
_HOST_HINT: Final = 'write "namespace/host", such as "./*", "*/api.example.com" or "~/*" (nothing)'


def check_sidecar(found: Findings, sidecar: Sidecar) -> None:
    """Check one Sidecar. Whether it selects anything, and what others say, is not known here."""
    spec = sidecar.spec
    if not (spec.ingress or spec.egress or spec.outbound_traffic_policy or spec.inbound_connection_pool):
        found.add(
            "PF1001",
            "spec",
            "the Sidecar says nothing",
            "add egress, ingress, outboundTrafficPolicy or inboundConnectionPool",
        )
    if spec.workload_selector is not None:
        check_workload_selector(found, "spec.workloadSelector", spec.workload_selector.labels)
    _check_ingress(found, sidecar)
    _check_egress(found, sidecar)
    if spec.inbound_connection_pool is not None:
        check_connection_pool(found, "spec.inboundConnectionPool", spec.inbound_connection_pool)
    policy = spec.outbound_traffic_policy
    if policy is not None:
        path = "spec.outboundTrafficPolicy"
        if policy.mode == "ALLOW_ANY_DYNAMIC_DNS":
            found.add(
                "PF1013", f"{path}.mode", "ALLOW_ANY_DYNAMIC_DNS is a setting of the mesh only", "write ALLOW_ANY"
            )
        if policy.egress_proxy is not None:
            if policy.mode != "ALLOW_ANY":
                found.add(
                    "PF1014",
                    f"{path}.egressProxy",
                    f"an egress proxy gets the traffic for unknown hosts, which {policy.mode} refuses",
                    "write mode: ALLOW_ANY",
                )
            check_destination(found, f"{path}.egressProxy", policy.egress_proxy)
            if policy.egress_proxy.port is None:
                found.add("PF1014", f"{path}.egressProxy", "the egress proxy has no port", "add port: {number: …}")


def _check_ingress(found: Findings, sidecar: Sidecar) -> None:
    numbers: dict[int, int] = {}
    for index, listener in enumerate(sidecar.spec.ingress):
        path = f"spec.ingress[{index}]"
        if listener.port is None:
            found.add("PF1002", path, "the ingress listener has no port", "add port: {number: …, protocol: …, name: …}")
        else:
            _check_port(found, path, listener.port)
            first = numbers.setdefault(listener.port.number, index)
            if first != index:
                found.add(
                    "PF1003",
                    f"{path}.port.number",
                    f"port {listener.port.number} is also that of spec.ingress[{first}]",
                    "keep one of them",
                )
        if listener.bind and not is_ip(listener.bind):
            found.add("PF1005", f"{path}.bind", f"{quote(listener.bind)} is not an IP address", "write an IP address")
        _check_endpoint(found, path, listener)
        if listener.tls is not None:
            _check_tls(found, path, listener, listener.tls)
        if listener.connection_pool is not None:
            check_connection_pool(found, f"{path}.connectionPool", listener.connection_pool)


def _check_endpoint(found: Findings, path: str, listener: IstioIngressListener) -> None:
    endpoint = listener.default_endpoint
    if not endpoint:
        return
    if endpoint.startswith(_UNIX):
        if endpoint.removeprefix(_UNIX).startswith(("/", "@")):
            return
    else:
        host, colon, port = endpoint.rpartition(":")
        if colon and host in _ENDPOINTS and port.isascii() and port.isdigit() and 0 < int(port[:6]) <= HIGHEST_PORT:
            return
    found.add(
        "PF1006",
        f"{path}.defaultEndpoint",
        f"{quote(endpoint)} is not a port of the workload",
        'write "127.0.0.1:8080", "0.0.0.0:8080" (the workload\'s own address) or "unix:///path"',
    )


def _check_tls(found: Findings, path: str, listener: IstioIngressListener, tls: ServerTLSSettings) -> None:
    protocol = listener.port.protocol.upper() if listener.port is not None else ""
    if protocol not in {"HTTPS", "TLS"}:
        found.add(
            "PF1007", f"{path}.tls", f"tls does not go with protocol {protocol or '(none)'}", "write HTTPS or TLS"
        )
    if tls.mode not in {"SIMPLE", "MUTUAL"}:
        found.add(
            "PF1007",
            f"{path}.tls.mode",
            f"a sidecar cannot terminate TLS in mode {tls.mode}",
            "write SIMPLE or MUTUAL",
        )
        return
    for name, value in (
        ("credentialName", tls.credential_name),
        ("credentialNames", tls.credential_names),
        ("caCertCredentialName", tls.ca_cert_credential_name),
    ):
        if value:
            found.add(
                "PF1016",
                f"{path}.tls.{name}",
                f"a sidecar has the certificates of its own workload only: {name} is for gateways",
                "write serverCertificate, privateKey and caCertificates",
            )
            return
    check_tls(found, f"{path}.tls", tls)


def _check_egress(found: Findings, sidecar: Sidecar) -> None:
    spec = sidecar.spec
    places: dict[tuple[str, int], int] = {}
    open_ended: int | None = None
    for index, listener in enumerate(spec.egress):
        path = f"spec.egress[{index}]"
        if listener.port is None:
            if open_ended is not None:
                found.add(
                    "PF1009",
                    path,
                    f"spec.egress[{open_ended}] has no port either",
                    "put the hosts of both into one listener without a port",
                )
            elif index != len(spec.egress) - 1:
                found.add(
                    "PF1009", path, "the listener without a port is not the last one", "move it behind the others"
                )
            open_ended = index if open_ended is None else open_ended
        else:
            if not listener.bind.startswith(_UNIX):
                _check_port(found, path, listener.port)
            place = (listener.bind, listener.port.number)
            first = places.setdefault(place, index)
            if first != index:
                found.add(
                    "PF1008",
                    f"{path}.port",
                    f"spec.egress[{first}] listens on port {place[1]} of {place[0] or 'all addresses'} already",
                    "put the hosts of both into one listener, or give one another port or bind",
                )
        _check_bind(found, path, listener)
        _check_hosts(found, path, listener)


def _check_bind(found: Findings, path: str, listener: IstioEgressListener) -> None:
    bind = listener.bind
    if not bind.startswith(_UNIX):
        if bind and not is_ip(bind):
            found.add(
                "PF1005",
                f"{path}.bind",
                f"{quote(bind)} is neither an IP address nor a Unix socket",
                "write an IP address, or unix:///path",
            )
        return
    if not bind.removeprefix(_UNIX).startswith(("/", "@")):
        found.add("PF1005", f"{path}.bind", f"{quote(bind)} is not an absolute path", "write unix:///path")
    if listener.port is not None and listener.port.number:
        found.add(
            "PF1010", f"{path}.port.number", f"port {listener.port.number} on a Unix socket", "leave out the number"
        )
    if listener.capture_mode == "IPTABLES":
        found.add("PF1010", f"{path}.captureMode", "nothing is redirected to a Unix socket", "write captureMode: NONE")


def _check_hosts(found: Findings, path: str, listener: IstioEgressListener) -> None:
    if not listener.hosts:
        found.add("PF1011", f"{path}.hosts", "the egress listener has no hosts", _HOST_HINT)
    for index, entry in enumerate(listener.hosts):
        namespace, slash, host = entry.partition("/")
        problem = ""
        if not slash:
            problem = "has no namespace in front"
        elif namespace not in {"*", ".", "~"} and not is_lower_label(namespace.removeprefix("~")):
            problem = f"has the namespace part {quote(namespace)}"
        elif host != "*":
            problem = fqdn_problem(host, wildcard=True)
        if problem:
            found.add("PF1012", f"{path}.hosts[{index}]", f"{quote(entry)} {problem}", _HOST_HINT)
    if "*/*" in listener.hosts and any(h != "*/*" and not h.startswith("~") for h in listener.hosts):
        found.add(
            "PF1015", f"{path}.hosts", '"*/*" is everything, so the other hosts say nothing', 'keep "*/*" or the others'
        )


def _check_port(found: Findings, path: str, port: Port) -> None:
    check_port(found, "PF1002", f"{path}.port.number", port.number)
    if port.protocol.upper() not in PROTOCOLS:
        what = f"{quote(port.protocol)} is not a protocol" if port.protocol else "the port has no protocol"
        found.add("PF1004", f"{path}.port.protocol", what, f"write one of {', '.join(sorted(PROTOCOLS))}")
    if port.target_port:
        found.add(
            "PF1002",
            f"{path}.port.targetPort",
            f"targetPort {port.target_port} has no place here",
            "name the port of the workload in defaultEndpoint",
        )
