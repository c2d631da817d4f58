"""EnvoyFilter: patches to everything else."""

from __future__ import annotations

from typing import Final

ENVOY_FILTER: Final[dict[str, str]] = {
    "spec.workloadSelector": "which proxies of its namespace it is for",
    "spec.configPatches": "any field of the resources that a patch fits",
    "spec.configPatches[].applyTo": "which kind of resource, or part of one",
    "spec.configPatches[].match.context": "which proxies, and which side of a sidecar",
    "spec.configPatches[].match.proxy": "which proxies, by node metadata; `proxyVersion` is about ISTIO_VERSION there",
    "spec.configPatches[].match.listener.portNumber": "which `Listener`",
    "spec.configPatches[].match.listener.name": "which `Listener.name`",
    "spec.configPatches[].match.listener.listenerFilter": "which of `Listener.listener_filters`",
    "spec.configPatches[].match.listener.filterChain": "which of `Listener.filter_chains`, and which of its filters",
    "spec.configPatches[].match.routeConfiguration": "which `RouteConfiguration`, `VirtualHost` or `Route`",
    "spec.configPatches[].match.cluster": "which `Cluster`",
    "spec.configPatches[].patch.operation": "what is done",
    "spec.configPatches[].patch.value": "the fields that are set",
    "spec.priority": "in which order",
}
