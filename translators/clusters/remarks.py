"""Why a destination has no cluster, or one that cannot answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from translators.clusters.load_balancing import passes_through
from translators.destination_rules import cluster_policy
from translators.model.codes import diagnose
from translators.model.origin import Origin
from translators.model.service import Resolution
from translators.services import is_dns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from translators.destination_rules import MergedRule
    from translators.model.mesh_config import MeshConfig
    from translators.model.origin import Diagnostic
    from translators.model.proxy import ProxyView
    from translators.services import Destination, EndpointSet


def udp(destination: Destination) -> Diagnostic:
    """Say that a destination's port is UDP."""
    service = destination.service
    return diagnose(
        "PF0686",
        f"port {destination.port.number} of {service.hostname} is UDP, so nothing can be sent to it",
        Origin(service.origin, "spec.ports"),
    )


def remarks(
    mesh: MeshConfig,
    view: ProxyView,
    destination: Destination,
    rule: MergedRule | None,
    found: EndpointSet,
    *,
    has_cluster: bool,
) -> Iterator[Diagnostic]:
    """Yield what there is to say about a cluster that is missing, or has no endpoints to choose from."""
    service = destination.service
    if is_dns(service):
        if not has_cluster:
            yield _nothing_to_look_up(destination)
        elif service.resolution is Resolution.DNS_ROUND_ROBIN_LB and len(found.endpoints) > 1:
            yield diagnose(
                "PF0685",
                f"{service.hostname} has {len(found.endpoints)} endpoints; the first is used",
                Origin(service.origin, "spec.resolution"),
                hint="Use resolution: DNS to send to all of them.",
            )
    elif view.type == "router":
        policy = cluster_policy(rule, destination.port.number, destination.subset, mesh)
        asked = passes_through(policy.load_balancer)
        if asked or (service.resolution is Resolution.PASSTHROUGH and not found.endpoints):
            origin = policy.load_balancer_origin if asked else Origin(service.origin)
            yield diagnose(
                "PF0684",
                f"{service.hostname} is reached at the address that the client asked for, which a gateway does not "
                "know: requests get 503",
                origin,
                hint="Give it endpoints: resolution: DNS or STATIC in a ServiceEntry.",
            )


def _nothing_to_look_up(destination: Destination) -> Diagnostic:
    service = destination.service
    which = f"subset {destination.subset} of " if destination.subset else ""
    return diagnose(
        "PF0682",
        f"{which}{service.hostname} has no endpoint with port {destination.port.number}, so there is no cluster and "
        "requests get 503",
        Origin(service.origin, "spec.endpoints"),
        hint="Check the labels of the endpoints against those of the subset, and their ports."
        if destination.subset
        else "List endpoints, or let the host itself be a name that DNS knows.",
    )
