"""Sidecar: what a workload's proxy takes in and what it reaches."""

from __future__ import annotations

from typing import Final

from translators.model.effects.destination_rule import CONNECTION_POOL
from translators.model.effects.paths import under

_POOL: Final = {path: effect for path, effect in CONNECTION_POOL.items() if path != "http.h2UpgradePolicy"}

SIDECAR: Final[dict[str, str]] = {
    "spec.workloadSelector": "which proxies of the namespace it is for",
    "spec.ingress": "the `Listener.filter_chains` of virtualInbound, and inbound clusters",
    "spec.ingress[].port.number": "`FilterChainMatch.destination_port`",
    "spec.ingress[].port.protocol": "`FilterChain.filters`: an `HttpConnectionManager` or a `TcpProxy`",
    "spec.ingress[].port.name": "which port of the Service it is",
    "spec.ingress[].port.targetPort": "nothing: an error (PF1002)",
    "spec.ingress[].bind": "`Listener.address`, where nothing is redirected",
    "spec.ingress[].captureMode": "whether the port is taken from redirected traffic",
    "spec.ingress[].defaultEndpoint": "`Cluster.load_assignment` or `Cluster.original_dst_lb_config`",
    **under(["spec.ingress[].connectionPool", "spec.inboundConnectionPool"], _POOL),
    "spec.egress": "outbound `Listener`s, `RouteConfiguration`s and `Cluster`s: what is imported, and no more",
    "spec.egress[].port.number": "`Listener.address`",
    "spec.egress[].port.protocol": "`FilterChain.filters`: an `HttpConnectionManager` or a `TcpProxy`",
    "spec.egress[].port.name": "how the listener is named in diagnostics",
    "spec.egress[].port.targetPort": "nothing: an error (PF1002)",
    "spec.egress[].bind": "`Listener.address`",
    "spec.egress[].captureMode": "`Listener.bind_to_port`",
    "spec.egress[].hosts": "which services and VirtualServices are imported",
    "spec.outboundTrafficPolicy.mode": "where unknown traffic goes: PassthroughCluster or BlackHoleCluster",
    "spec.outboundTrafficPolicy.egressProxy": "`TcpProxy.cluster` and `RouteAction.cluster` of unknown traffic",
}
