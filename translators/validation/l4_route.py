"""Rules for `spec.tls` and `spec.tcp` of a VirtualService (reference 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from translators.hosts import subset_of
from translators.validation.destinations import check_weights
from translators.validation.findings import quote
from translators.validation.names import (
    check_gateway_name,
    check_labels,
    fqdn_problem,
    is_cidr,
    is_ip,
    is_lower_label,
    is_partial_wildcard,
)
from translators.validation.values import check_port

if TYPE_CHECKING:
    from translators.model.virtual_service import L4MatchAttributes, TCPRoute, TLSMatchAttributes, TLSRoute
    from translators.validation.findings import Findings


def check_tls_route(found: Findings, path: str, route: TLSRoute, hosts: tuple[str, ...]) -> None:
    """Check one TLS route; `hosts` are the VirtualService's, which its SNI hosts must be among."""
    if not route.match:
        found.add("PF0460", path, "a TLS route needs a match", "add match: [{sniHosts: […]}]")
    for index, match in enumerate(route.match):
        where = f"{path}.match[{index}]"
        if not match.sni_hosts:
            found.add(
                "PF0461", f"{where}.sniHosts", "a TLS match needs SNI hosts", "list the host names that clients ask for"
            )
        for number, host in enumerate(match.sni_hosts):
            _check_sni(found, f"{where}.sniHosts[{number}]", host, hosts)
        _check_common(found, where, match)
    _check_destinations(found, path, route)


def check_tcp_route(found: Findings, path: str, route: TCPRoute) -> None:
    """Check one TCP route."""
    for index, match in enumerate(route.match):
        where = f"{path}.match[{index}]"
        _check_common(found, where, match)
        if match.source_subnet:
            _check_subnet(found, f"{where}.sourceSubnet", match.source_subnet)
    _check_destinations(found, path, route)


def _check_destinations(found: Findings, path: str, route: TLSRoute | TCPRoute) -> None:
    if not route.route:
        found.add("PF0464", f"{path}.route", "the route has no destination", "add route: [{destination: {host: …}}]")
    check_weights(found, f"{path}.route", route.route)


def _check_sni(found: Findings, path: str, host: str, hosts: tuple[str, ...]) -> None:
    if is_ip(host):
        found.add("PF0463", path, f"{quote(host)} is an IP address, which no client sends as SNI", "write a host name")
        return
    problem = "" if host == "*" else fqdn_problem(host, wildcard=True)
    if problem:
        found.add("PF0402", path, f"{quote(host)} {problem}", "write a host name or a left wildcard")
    elif is_partial_wildcard(host):
        hint = 'write "*.example.com", or each host'
        found.add("PF0328", path, f"{quote(host)} covers a part of a label only", hint)
    elif not any(subset_of(host.lower(), wide.lower()) for wide in hosts):
        found.add(
            "PF0462",
            path,
            f"{quote(host)} is not among the hosts of the VirtualService",
            f"add it to spec.hosts, which has {', '.join(map(quote, hosts[:5])) or 'none'}",
        )


def _check_common(found: Findings, path: str, match: TLSMatchAttributes | L4MatchAttributes) -> None:
    for index, subnet in enumerate(match.destination_subnets):
        _check_subnet(found, f"{path}.destinationSubnets[{index}]", subnet)
    if match.port:
        check_port(found, "PF0416", f"{path}.port", match.port)
    check_labels(found, f"{path}.sourceLabels", match.source_labels)
    for index, gateway in enumerate(match.gateways):
        check_gateway_name(found, f"{path}.gateways[{index}]", gateway)
    if match.source_namespace and not is_lower_label(match.source_namespace):
        found.add(
            "PF0428",
            f"{path}.sourceNamespace",
            f"{quote(match.source_namespace)} is not a namespace",
            "name one namespace",
        )


def _check_subnet(found: Findings, path: str, subnet: str) -> None:
    if not is_ip(subnet) and not is_cidr(subnet):
        found.add(
            "PF0465", path, f"{quote(subnet)} is not an IP address or a subnet", 'write "10.0.0.0/8" or one address'
        )
