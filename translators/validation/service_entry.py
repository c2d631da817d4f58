"""Rules for Istio's ServiceEntry (reference 4, "ServiceEntry")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from translators.model.paths import key_segment
from translators.validation.findings import quote
from translators.validation.names import (
    check_export_to,
    check_workload_selector,
    fqdn_problem,
    is_cidr,
    is_dns_label,
    is_ip,
)
from translators.validation.values import check_port
from translators.validation.workload_entry import UNIX, check_endpoint

if TYPE_CHECKING:
    from translators.model.service_entry import ServiceEntry, ServiceEntrySpec
    from translators.validation.findings import Findings

_HTTP: Final = frozenset({"HTTP", "HTTP2", "GRPC", "GRPC-WEB", "HTTP_PROXY"})
_TLS: Final = frozenset({"HTTPS", "TLS"})
PROTOCOLS: Final = frozenset({*_HTTP, *_TLS, "TCP", "UDP", "MONGO", "REDIS", "MYSQL"})
_ALLOCATE: Final = "networking.istio.io/enable-autoallocate-ip"
_DNS: Final = frozenset({"DNS", "DNS_ROUND_ROBIN"})


def check_service_entry(found: Findings, entry: ServiceEntry) -> None:
    """Check one ServiceEntry."""
    spec = entry.spec
    check_export_to(found, spec.export_to, entry.metadata.namespace, nobody=True)
    _check_hosts(found, spec)
    _check_addresses(found, spec)
    _check_ports(found, spec)
    if spec.workload_selector is not None:
        if spec.endpoints:
            found.add("PF0604", "spec.endpoints", "endpoints does not go with workloadSelector", "keep one of them")
        check_workload_selector(found, "spec.workloadSelector", spec.workload_selector.labels, "selects nothing")
    if not spec.addresses and entry.metadata.labels.get(_ALLOCATE) == "true":
        found.add(
            "PF0624",
            "metadata.labels",
            f"{_ALLOCATE} has no effect: the ServiceEntry has no address of its own",
            "add spec.addresses, or let clients go by the host name",
        )
    _check_resolution(found, spec)
    _check_endpoints(found, spec)
    _check_told_apart(found, spec)


def _check_hosts(found: Findings, spec: ServiceEntrySpec) -> None:
    if not spec.hosts:
        found.add("PF0601", "spec.hosts", "the ServiceEntry has no hosts", "list the host names of the service")
    for index, host in enumerate(spec.hosts):
        path = f"spec.hosts[{index}]"
        problem = "is every host, and a ServiceEntry names some" if host == "*" else fqdn_problem(host, wildcard=True)
        if problem:
            found.add("PF0602", path, f"{quote(host)} {problem}", 'write "api.example.com" or "*.example.com"')
        elif host.startswith("*") and not host.startswith("*."):
            found.add(
                "PF0603",
                path,
                f"{quote(host)} has a wildcard for a part of a label",
                'write "*." and then whole labels, such as "*.example.com"',
            )


def _check_addresses(found: Findings, spec: ServiceEntrySpec) -> None:
    for index, address in enumerate(spec.addresses):
        path = f"spec.addresses[{index}]"
        if is_cidr(address):
            if spec.resolution not in {"NONE", "STATIC"}:
                found.add(
                    "PF0606",
                    path,
                    f"the subnet {quote(address)} does not go with resolution {spec.resolution}",
                    "write single addresses, or resolution: NONE or STATIC",
                )
        elif not is_ip(address):
            found.add(
                "PF0605", path, f"{quote(address)} is not an IP address or a subnet", 'write "10.0.0.1" or "10.0.0.0/8"'
            )


def _check_ports(found: Findings, spec: ServiceEntrySpec) -> None:
    if not spec.ports:
        found.add("PF0607", "spec.ports", "the ServiceEntry has no ports", "list the ports of the service")
    numbers: dict[int, int] = {}
    names: dict[str, int] = {}
    for index, port in enumerate(spec.ports):
        path = f"spec.ports[{index}]"
        check_port(found, "PF0608", f"{path}.number", port.number)
        if port.target_port:
            check_port(found, "PF0608", f"{path}.targetPort", port.target_port, "target port")
        first = numbers.setdefault(port.number, index)
        if first != index:
            found.add(
                "PF0609", f"{path}.number", f"{port.number} is also the number of spec.ports[{first}]", "keep one"
            )
        if not is_dns_label(port.name):
            what = f"{quote(port.name)} is not the name of a port" if port.name else "the port has no name"
            found.add("PF0610", f"{path}.name", what, 'write letters, digits and "-", such as "http"')
        elif (first := names.setdefault(port.name, index)) != index:
            found.add(
                "PF0610",
                f"{path}.name",
                f"{quote(port.name)} is also the name of spec.ports[{first}]",
                "name it otherwise",
            )
        if port.protocol and port.protocol.upper() not in PROTOCOLS:
            found.add(
                "PF0611",
                f"{path}.protocol",
                f"{quote(port.protocol)} is not a protocol",
                f"write one of {', '.join(sorted(PROTOCOLS))}",
            )
        opaque = port.protocol.upper() in {"", "TCP", "MONGO", "REDIS", "MYSQL"}
        if opaque and not spec.addresses and spec.resolution != "DYNAMIC_DNS":
            found.add(
                "PF0612",
                path,
                f"port {port.number} is {port.protocol or 'of no stated protocol'} and spec.addresses is empty: "
                f"sidecars send here whatever goes to port {port.number} of any address",
                "add spec.addresses, or a protocol that carries the host (HTTP, HTTPS, TLS, GRPC)",
            )


def _check_resolution(found: Findings, spec: ServiceEntrySpec) -> None:
    path = "spec.endpoints"
    if spec.resolution == "NONE" and spec.endpoints:
        found.add(
            "PF0613",
            path,
            "with resolution NONE a connection goes where the client meant it, so endpoints have no place",
            "write resolution: STATIC (addresses) or DNS (host names)",
        )
    elif spec.resolution == "STATIC" and not spec.endpoints and spec.workload_selector is None:
        found.add("PF0614", path, "resolution STATIC needs endpoints", "add endpoints or a workloadSelector")
    elif spec.resolution in _DNS:
        if not spec.endpoints and spec.workload_selector is None:
            for index, host in enumerate(spec.hosts):
                if host.startswith("*"):
                    found.add(
                        "PF0616",
                        f"spec.hosts[{index}]",
                        f"{quote(host)} cannot be looked up in DNS",
                        "add endpoints with host names, or write resolution: NONE",
                    )
        if spec.resolution == "DNS_ROUND_ROBIN" and len(spec.endpoints) > 1:
            found.add(
                "PF0617",
                path,
                f"{len(spec.endpoints)} endpoints, and DNS_ROUND_ROBIN takes one host name",
                "write resolution: DNS",
            )
    elif spec.resolution == "DYNAMIC_DNS":
        _check_dynamic(found, spec)


def _check_dynamic(found: Findings, spec: ServiceEntrySpec) -> None:
    for index, host in enumerate(spec.hosts):
        if not host.startswith("*"):
            found.add(
                "PF0618",
                f"spec.hosts[{index}]",
                f"{quote(host)} is no wildcard",
                "write resolution: DNS for single hosts",
            )
    for name, value in (("addresses", spec.addresses), ("endpoints", spec.endpoints)):
        if value:
            found.add(
                "PF0618",
                f"spec.{name}",
                f"resolution DYNAMIC_DNS looks up each request's host, so {name} has no place",
                "remove it",
            )
    for index, port in enumerate(spec.ports):
        if port.protocol.upper() not in {*_HTTP, *_TLS}:
            found.add(
                "PF0618",
                f"spec.ports[{index}].protocol",
                f"{quote(port.protocol)} does not carry the host that DYNAMIC_DNS looks up",
                "write HTTP, HTTP2, GRPC or TLS",
            )


def _check_endpoints(found: Findings, spec: ServiceEntrySpec) -> None:
    names = {port.name for port in spec.ports}
    for index, endpoint in enumerate(spec.endpoints):
        path = f"spec.endpoints[{index}]"
        check_endpoint(found, path, endpoint, names_allowed=spec.resolution in _DNS)
        for name in sorted(endpoint.ports):
            if name not in names:
                found.add(
                    "PF0621",
                    f"{path}.ports{key_segment(name)}",
                    f"{quote(name)} is not a port of the ServiceEntry",
                    f"write one of {', '.join(map(quote, sorted(names))) or 'the names in spec.ports'}",
                )
        if endpoint.address.startswith(UNIX) and len(spec.ports) != 1:
            found.add(
                "PF0620",
                f"{path}.address",
                f"a Unix socket serves one port, and the ServiceEntry has {len(spec.ports)}",
                "write a ServiceEntry for each socket",
            )


def _check_told_apart(found: Findings, spec: ServiceEntrySpec) -> None:
    if len(spec.hosts) <= 1 or spec.resolution == "NONE":
        return
    for index, port in enumerate(spec.ports):
        if port.protocol.upper() not in {*_HTTP, *_TLS}:
            found.add(
                "PF0619",
                f"spec.ports[{index}].protocol",
                f"{len(spec.hosts)} hosts share port {port.number}, and {port.protocol or 'a port of no protocol'} "
                "does not tell them apart",
                "write a ServiceEntry for each host, or a protocol that carries the host",
            )
