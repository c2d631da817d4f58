"""Rules for Istio's VirtualService as a whole: hosts, gateways, exportTo (reference 4, "VirtualService")."""

from __future__ import annotations

from typing import TYPE_CHECKING

from translators.hosts import matches
from translators.validation.findings import quote
from translators.validation.http_route import check_http_route
from translators.validation.l4_route import check_tcp_route, check_tls_route
from translators.validation.names import (
    MESH,
    check_export_to,
    check_gateway_name,
    fqdn_problem,
    is_ip,
)
from translators.validation.shadowing import check_shadowing

if TYPE_CHECKING:
    from translators.model.virtual_service import VirtualService
    from translators.validation.findings import Findings


def check_virtual_service(found: Findings, virtual_service: VirtualService) -> None:
    """Check one VirtualService. Whether its gateways and destinations exist is not known here."""
    spec = virtual_service.spec
    gateways = spec.gateways or (MESH,)
    on_mesh, on_gateway = MESH in gateways, any(g != MESH for g in gateways)
    for index, gateway in enumerate(spec.gateways):
        check_gateway_name(found, f"spec.gateways[{index}]", gateway)
    check_export_to(found, spec.export_to, virtual_service.metadata.namespace)
    if not spec.http and not spec.tls and not spec.tcp:
        found.add("PF0401", "spec", "the VirtualService has no routes", "add http, tls or tcp")
    delegate = not spec.hosts
    if delegate:
        _check_delegate(found, virtual_service)
    else:
        _check_hosts(found, spec.hosts, on_mesh=on_mesh, on_gateway=on_gateway)
    for index, http in enumerate(spec.http):
        check_http_route(found, f"spec.http[{index}]", http, on_gateway=on_gateway or delegate, delegate=delegate)
    for index, tls in enumerate(spec.tls):
        check_tls_route(found, f"spec.tls[{index}]", tls, spec.hosts)
    for index, tcp in enumerate(spec.tcp):
        check_tcp_route(found, f"spec.tcp[{index}]", tcp)
    check_shadowing(found, spec.http)


def _check_delegate(found: Findings, virtual_service: VirtualService) -> None:
    spec = virtual_service.spec
    for field, value in (("gateways", spec.gateways), ("tls", spec.tls), ("tcp", spec.tcp)):
        if value:
            found.add(
                "PF0405",
                f"spec.{field}",
                f"a VirtualService without hosts is a delegate, and {field} has no place in it",
                f"add spec.hosts, or remove {field}",
            )


def _check_hosts(found: Findings, hosts: tuple[str, ...], *, on_mesh: bool, on_gateway: bool) -> None:
    for index, host in enumerate(hosts):
        path = f"spec.hosts[{index}]"
        if host == "*":
            if on_mesh:
                found.add(
                    "PF0404",
                    path,
                    'the host "*" would take over all traffic of the mesh'
                    + ("" if on_gateway else ", which is where a VirtualService without gateways applies"),
                    "name the hosts, or list only gateways other than mesh in spec.gateways",
                )
            continue
        if on_gateway and is_ip(host):
            continue
        problem = fqdn_problem(host, wildcard=True)
        if problem:
            found.add(
                "PF0402",
                path,
                f"{quote(host)} {problem}",
                'write a host name ("reviews", "reviews.default.svc.cluster.local") or a wildcard ("*.example.com")'
                + ("" if on_gateway or not is_ip(host) else "; IP addresses work with gateways only"),
            )
    for index, host in enumerate(hosts):
        for before in range(index):
            if matches(hosts[before].lower(), host.lower()):
                found.add(
                    "PF0403",
                    f"spec.hosts[{index}]",
                    f"{quote(host)} overlaps {quote(hosts[before])} of spec.hosts[{before}]",
                    "keep one of them, or write a VirtualService for each",
                )
                break
