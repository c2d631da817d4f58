"""ServiceEntry and WorkloadEntry: services and their endpoints."""

from __future__ import annotations

from typing import Final

from translators.model.effects.paths import under

_ENDPOINT: Final[dict[str, str]] = {
    "address": "`LbEndpoint.endpoint.address`",
    "ports": "`SocketAddress.port_value`, by the name of the service's port",
    "labels": "which subsets it is in; failoverPriority",
    "locality": "`LocalityLbEndpoints.locality`",
    "weight": "`LbEndpoint.load_balancing_weight`",
}

SERVICE_ENTRY: Final[dict[str, str]] = {
    "spec.hosts": "a service for each: `Cluster.name`, and what routes may name",
    "spec.addresses": "where sidecars listen: `Listener.address`",
    "spec.ports": "a cluster for each",
    "spec.ports[].number": "`Cluster.name`",
    "spec.ports[].protocol": "`HttpProtocolOptions.explicit_http_config`, and how listeners read it",
    "spec.ports[].name": "which of an endpoint's ports it is",
    "spec.ports[].targetPort": "`SocketAddress.port_value`",
    "spec.location": "MESH_EXTERNAL: `Cluster.metadata`",
    "spec.resolution": "`Cluster.type`, `Cluster.cluster_type`",
    "spec.endpoints": "`ClusterLoadAssignment.endpoints`",
    **under(["spec.endpoints[]"], _ENDPOINT),
    "spec.workloadSelector": "which WorkloadEntries and Pods are its endpoints",
    "spec.exportTo": "which namespaces see it",
    "spec.subjectAltNames": "`CommonTlsContext.validation_context.match_typed_subject_alt_names`, if a DestinationRule "
    "asks for TLS and gives none",
}

WORKLOAD_ENTRY: Final[dict[str, str]] = under(["spec"], _ENDPOINT)
