"""A Kubernetes Service as a Service (reference 2.2, 2.9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from translators.model.service import Resolution, Service, ServicePort
from translators.services.exports import DISTRIBUTION_ANNOTATION, resolved_export_to
from translators.services.protocols import kubernetes_protocol

if TYPE_CHECKING:
    from translators.model import kubernetes
    from translators.recorder import Recorder

EXPORT_TO_ANNOTATION: Final = "networking.istio.io/exportTo"
HEADLESS: Final = "None"
LOCAL: Final = "Local"


def kubernetes_service(
    service: kubernetes.Service,
    domain: str,
    default_export_to: tuple[str, ...],
    by_default: str = "",
    *,
    recorder: Recorder,
) -> Service:
    """Memoised step: make the Service `name.namespace.svc.domain`.

    `by_default` is the distribution of traffic that its namespace asks for, if the Service asks for none.
    Named target ports stay names: the EndpointSlices carry the numbers, by the name of the Service's port.
    """
    del recorder  # one object in, one object out: its origin says all
    spec, meta = service.spec, service.metadata
    if spec.type == "ExternalName":
        resolution = Resolution.ALIAS
    elif spec.cluster_ip == HEADLESS:
        resolution = Resolution.PASSTHROUGH
    else:
        resolution = Resolution.CLIENT_SIDE_LB
    addresses = dict.fromkeys((spec.cluster_ip, *spec.cluster_ips))
    exported = meta.annotations.get(EXPORT_TO_ANNOTATION, "")
    return Service(
        hostname=f"{meta.name}.{meta.namespace}.svc.{domain}",
        namespace=meta.namespace,
        name=meta.name,
        origin=service.key,
        ports=tuple(
            ServicePort(
                number=port.port,
                name=port.name,
                protocol=kubernetes_protocol(port.protocol, port.app_protocol, port.name, port.port),
                target_port=port.target_port or port.port,
            )
            for port in spec.ports
        ),
        resolution=resolution,
        addresses=tuple(a for a in addresses if a and a != HEADLESS),
        export_to=resolved_export_to(
            tuple(name.strip() for name in exported.split(",") if name.strip()), default_export_to, meta.namespace
        ),
        age_order=service.age_order,
        selector=spec.selector,
        traffic_distribution=spec.traffic_distribution
        or meta.annotations.get(DISTRIBUTION_ANNOTATION, "")
        or by_default,
        node_local=spec.internal_traffic_policy == LOCAL,
    )
