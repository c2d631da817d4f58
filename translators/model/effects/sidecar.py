"""Sidecar: what a workload's proxy takes in, and what it reaches."""

from __future__ import annotations

from typing import Final

from translators.model.effects.destination_rule import CONNECTION_POOL
from translators.model.effects.paths import under

_PORT: Final[dict[str, str]] = {
    "port.number": "`Listener.address`, `Listener.name`",
    "port.protocol": "what kind of `FilterChain` there is",
    "port.name": "a name for people",
    "port.targetPort": "nothing: an error",
    "bind": "`Listener.address`",
    "captureMode": "`Listener.bind_to_port`",
}

SIDECAR: Final[dict[str, str]] = {
    "spec.workloadSelector": "which workloads of its namespace it is for",
    "spec.ingress": "a `FilterChain` and a `Cluster` for each, in place of those of the services' ports",
    **under(["spec.ingress[]"], _PORT),
    "spec.ingress[].defaultEndpoint": "`LbEndpoint.endpoint.address`",
    **under(["spec.ingress[].connectionPool"], CONNECTION_POOL),
    "spec.egress": "which services the workload reaches: `Listener`, `RouteConfiguration`, `Cluster`",
    **under(["spec.egress[]"], _PORT),
    "spec.egress[].hosts": "which services there are",
    **under(["spec.inboundConnectionPool"], CONNECTION_POOL),
    "spec.outboundTrafficPolicy": "what happens to hosts that nobody knows",
    "spec.outboundTrafficPolicy.mode": "REGISTRY_ONLY: a route or filter chain that answers nothing",
    "spec.outboundTrafficPolicy.egressProxy": "where they are sent",
}
