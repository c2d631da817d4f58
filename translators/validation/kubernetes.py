"""Rules for Kubernetes' own kinds. The API server has checked them already; in files nobody has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from translators.model.world import SERVICE_NAME_LABEL
from translators.services.kubernetes import LOCAL
from translators.validation.findings import quote
from translators.validation.names import check_labels, fqdn_problem, is_ip, is_ipv4, is_lower_label
from translators.validation.service_metadata import check_distribution, check_service_metadata
from translators.validation.values import check_port

if TYPE_CHECKING:
    from translators.model.kubernetes import EndpointSlice, Pod, Service, ServiceSpec
    from translators.validation.findings import Findings

_PROTOCOLS: Final = frozenset({"TCP", "UDP", "SCTP"})
_HEADLESS: Final = "None"


def check_service(found: Findings, service: Service) -> None:
    """Check a Service: ports, addresses, and the name of an ExternalName."""
    spec = service.spec
    if spec.type == "ExternalName":
        problem = fqdn_problem(spec.external_name)
        if problem:
            found.add("PF0640", "spec.externalName", f"{quote(spec.external_name)} {problem}", "write a host name")
    elif not spec.ports and spec.cluster_ip != _HEADLESS:
        found.add("PF0642", "spec.ports", "the Service has no ports, so nothing can be sent to it", "list its ports")
    for path, address in (("spec.clusterIP", spec.cluster_ip), *_indexed("spec.clusterIPs", spec.cluster_ips)):
        if address and address != _HEADLESS and not is_ip(address):
            found.add("PF0641", path, f"{quote(address)} is not an IP address", 'write an address, or "None"')
    check_labels(found, "spec.selector", spec.selector)
    check_distribution(found, "spec.trafficDistribution", spec.traffic_distribution)
    if spec.internal_traffic_policy not in {"", "Cluster", LOCAL}:
        found.add(
            "PF1142",
            "spec.internalTrafficPolicy",
            f"{quote(spec.internal_traffic_policy)} is not known, so endpoints of all nodes are used",
            "write Cluster or Local",
        )
    check_service_metadata(found, service)
    _check_ports(found, spec)


def _check_ports(found: Findings, spec: ServiceSpec) -> None:
    seen: dict[tuple[int, str], int] = {}
    names: dict[str, int] = {}
    for index, port in enumerate(spec.ports):
        path = f"spec.ports[{index}]"
        check_port(found, "PF0608", f"{path}.port", port.port)
        if isinstance(port.target_port, int):
            check_port(found, "PF0608", f"{path}.targetPort", port.target_port, "target port")
        if port.protocol not in _PROTOCOLS:
            found.add("PF0611", f"{path}.protocol", f"{quote(port.protocol)} is not a protocol", "write TCP or UDP")
        first = seen.setdefault((port.port, port.protocol), index)
        if first != index:
            found.add("PF0609", f"{path}.port", f"{port.port} is also the port of spec.ports[{first}]", "keep one")
        if len(spec.ports) > 1 and not port.name:
            found.add("PF0610", f"{path}.name", "a port among several needs a name", 'add a name, such as "http"')
        if port.name and not is_lower_label(port.name):
            found.add(
                "PF0610", f"{path}.name", f"{quote(port.name)} is not the name of a port", 'write "http" or "http-web"'
            )
        if port.name and (first := names.setdefault(port.name, index)) != index:
            found.add(
                "PF0610", f"{path}.name", f"{quote(port.name)} is also the name of spec.ports[{first}]", "rename one"
            )


def check_endpoint_slice(found: Findings, endpoints: EndpointSlice) -> None:
    """Check an EndpointSlice: it belongs to a Service and its addresses are of its address type."""
    if not endpoints.metadata.labels.get(SERVICE_NAME_LABEL):
        found.add(
            "PF0650",
            "metadata.labels",
            f"without the label {SERVICE_NAME_LABEL} the EndpointSlice belongs to no Service",
            f"add {SERVICE_NAME_LABEL}: NAME",
        )
    kind = endpoints.address_type
    if kind not in {"IPv4", "IPv6", "FQDN"}:
        found.add("PF0652", "addressType", f"{quote(kind)} is not an address type", "write IPv4, IPv6 or FQDN")
        return
    for index, endpoint in enumerate(endpoints.endpoints):
        for number, address in enumerate(endpoint.addresses):
            if not _is_of(kind, address):
                found.add(
                    "PF0651",
                    f"endpoints[{index}].addresses[{number}]",
                    f"{quote(address)} is not of address type {kind}",
                    "correct the address or the addressType",
                )
    for index, port in enumerate(endpoints.ports):
        if port.port is not None:
            check_port(found, "PF0608", f"ports[{index}].port", port.port)


def _is_of(kind: str, address: str) -> bool:
    if kind == "FQDN":
        return not fqdn_problem(address)
    return is_ipv4(address) if kind == "IPv4" else is_ip(address) and not is_ipv4(address)


def check_pod(found: Findings, pod: Pod) -> None:
    """Check a Pod's addresses, by which its labels reach its endpoints."""
    for path, address in (
        ("status.podIP", pod.status.pod_ip),
        *_indexed("status.podIPs", [p.ip for p in pod.status.pod_ips]),
    ):
        if address and not is_ip(address):
            found.add("PF0660", path, f"{quote(address)} is not an IP address", "write an IP address")


def _indexed(path: str, values: list[str] | tuple[str, ...]) -> list[tuple[str, str]]:
    return [(f"{path}[{index}]", value) for index, value in enumerate(values)]
