"""A ServiceEntry as Services, one for each of its hosts (reference 1.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from translators.model.service import Resolution, Service, ServicePort
from translators.services.exports import DISTRIBUTION_ANNOTATION, resolved_export_to
from translators.services.protocols import entry_protocol

if TYPE_CHECKING:
    from translators.model.service_entry import ServiceEntry
    from translators.recorder import Recorder

_RESOLUTIONS: Final = {
    "NONE": Resolution.PASSTHROUGH,
    "STATIC": Resolution.CLIENT_SIDE_LB,
    "DNS": Resolution.DNS_LB,
    "DNS_ROUND_ROBIN": Resolution.DNS_ROUND_ROBIN_LB,
    "DYNAMIC_DNS": Resolution.DYNAMIC_DNS,
}


def service_entry_services(
    entry: ServiceEntry, default_export_to: tuple[str, ...], by_default: str = "", *, recorder: Recorder
) -> tuple[Service, ...]:
    """Memoised step: make one Service for each host, in the entry's order. A host listed twice counts once.

    `by_default` is the distribution of traffic that its namespace asks for.
    """
    del recorder  # one object in: its origin says all
    spec, namespace = entry.spec, entry.metadata.namespace
    ports = tuple(
        ServicePort(
            number=port.number,
            name=port.name,
            protocol=entry_protocol(port.protocol, port.number),
            target_port=port.target_port or port.number,
        )
        for port in spec.ports
    )
    export_to = resolved_export_to(spec.export_to, default_export_to, namespace)
    return tuple(
        Service(
            hostname=host,
            namespace=namespace,
            name=host,
            origin=entry.key,
            ports=ports,
            resolution=_RESOLUTIONS[spec.resolution],
            addresses=spec.addresses,
            mesh_external=spec.location == "MESH_EXTERNAL",
            export_to=export_to,
            age_order=entry.age_order,
            subject_alt_names=spec.subject_alt_names,
            traffic_distribution=entry.metadata.annotations.get(DISTRIBUTION_ANNOTATION, "") or by_default,
        )
        for host in dict.fromkeys(spec.hosts)
    )
