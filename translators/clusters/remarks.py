"""Why a destination has no cluster, or one that cannot answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from translators.clusters.load_balancing import passes_through
from translators.clusters.upstream_tls import refusal, upstream_tls
from translators.destination_rules import cluster_policy
from translators.model.codes import diagnose
from translators.model.origin import Origin
from translators.model.proxy import GRPC
from translators.model.service import Protocol, Resolution
from translators.services import is_dns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from translators.destination_rules import EffectivePolicy, MergedRule
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


def tls_remarks(destination: Destination, policy: EffectivePolicy) -> Iterator[Diagnostic]:
    """Yield what there is to say about TLS to a destination: that it cannot be had, or how little it checks."""
    settings, origin = policy.tls, policy.tls_origin
    if settings is None or origin is None:
        return
    service, port = destination.service, destination.port
    reason = refusal(settings)
    if reason:
        field = "credentialName" if settings.credential_name else "mode"
        yield diagnose(
            "PF0690",
            f"{reason}: {destination.cluster_name} gets no endpoints, and requests get 503",
            Origin(origin.key, f"{origin.path}.{field}"),
            hint="Name certificate files on the proxy's disk: mode MUTUAL with clientCertificate, privateKey and "
            "caCertificates, or mode SIMPLE.",
        )
        return
    tls = upstream_tls(settings, service, port)
    if tls is None or tls.names or settings.insecure_skip_verify:
        return
    if not (port.protocol.is_http or port.protocol in (Protocol.HTTPS, Protocol.UNSUPPORTED)):
        yield diagnose(
            "PF0691",
            f"port {port.number} of {service.hostname} is {port.protocol}, which carries no host: any certificate of "
            "the authority is accepted",
            Origin(origin.key, origin.path),
            hint="Add subjectAltNames, here or in the ServiceEntry.",
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
    elif view.generator == GRPC:
        if service.resolution is not Resolution.CLIENT_SIDE_LB and not found.endpoints:
            yield diagnose(
                "PF0696",
                f"{service.hostname} has no endpoints, and a gRPC client looks for none itself: its RPCs fail",
                Origin(service.origin),
                hint="Give it endpoints: resolution: DNS or STATIC in a ServiceEntry.",
            )
    elif service.resolution is Resolution.DYNAMIC_DNS:
        yield from _dynamic_dns(destination, cluster_policy(rule, destination.port.number, destination.subset, mesh))
    elif view.type == "router" or view.interception_mode == "NONE":
        policy = cluster_policy(rule, destination.port.number, destination.subset, mesh)
        asked = passes_through(policy.load_balancer)
        if asked or (service.resolution is Resolution.PASSTHROUGH and not found.endpoints):
            origin = policy.load_balancer_origin if asked else Origin(service.origin)
            who = "a gateway" if view.type == "router" else "a sidecar without redirection"
            yield diagnose(
                "PF0684",
                f"{service.hostname} is reached at the address that the client asked for, which {who} does not know: "
                "requests get 503",
                origin,
                hint="Give it endpoints: resolution: DNS or STATIC in a ServiceEntry.",
            )


def _dynamic_dns(destination: Destination, policy: EffectivePolicy) -> Iterator[Diagnostic]:
    """Yield what a port cannot do whose requests say themselves where they go."""
    service, port = destination.service, destination.port
    tls = upstream_tls(policy.tls, service, port)
    default = 80 if tls is None else 443
    if port.protocol.is_tls and tls is None:
        yield diagnose(
            "PF0687",
            f"port {port.number} of {service.hostname} is {port.protocol}, and only the host of an HTTP request is "
            "looked up: connections fail",
            Origin(service.origin, "spec.ports"),
            hint="Use an HTTP port, with trafficPolicy.tls in a DestinationRule to speak TLS to the endpoint.",
        )
    elif port.number != default:
        yield diagnose(
            "PF0687",
            f"requests to {service.hostname} go to the port in their host, else to {default}, and not to {port.number}",
            Origin(service.origin, "spec.ports"),
            hint=f"Make it port {default}, or let clients name the port in the host.",
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
