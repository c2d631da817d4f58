"""Kubernetes' own kinds, of which the Structs hold what matters here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

KUBERNETES: Final[Mapping[str, Mapping[str, str]]] = {
    "ConfigMap": {"data": "not used yet", "binaryData": "not used yet"},
    "EndpointSlice": {
        "addressType": "FQDN: its endpoints are left out",
        "endpoints": "`ClusterLoadAssignment.endpoints`",
        "endpoints[].addresses": "`LbEndpoint.endpoint.address`",
        "endpoints[].conditions": "`LbEndpoint.health_status`; one that terminates is left out",
        "endpoints[].hostname": "nothing: a proxy reaches the endpoint by its address",
        "endpoints[].targetRef": "the Pod whose labels the endpoint has",
        "endpoints[].nodeName": "the Node whose labels say `LocalityLbEndpoints.locality`; which are on a proxy's node",
        "endpoints[].zone": "`LocalityLbEndpoints.locality`, if no Node says it",
        "ports": "`SocketAddress.port_value`, by name",
    },
    "Namespace": {},
    "Node": {},
    "Pod": {
        "spec.nodeName": "the Node whose labels say `LocalityLbEndpoints.locality`",
        "spec.serviceAccountName": "nothing yet: the name in the workload's certificate",
        "spec.hostNetwork": "nothing: its addresses are the node's",
        "spec.containers": "named target ports",
        "status.phase": "only a running Pod is an endpoint",
        "status.podIP": "`LbEndpoint.endpoint.address`",
        "status.podIPs": "`LbEndpoint.endpoint.additional_addresses`",
    },
    "Secret": {"type": "not used yet", "data": "not used yet", "stringData": "not used yet"},
    "Service": {
        "spec.type": "ExternalName: another name for a service",
        "spec.clusterIP": "None (headless): `Cluster.type` ORIGINAL_DST on sidecars; else where sidecars listen",
        "spec.clusterIPs": "where sidecars listen",
        "spec.externalName": "the service that it stands for",
        "spec.ports": "a cluster for each",
        "spec.ports[].name": "which of an endpoint's ports it is; its protocol",
        "spec.ports[].protocol": "UDP: no cluster (PF0686)",
        "spec.ports[].appProtocol": "`HttpProtocolOptions.explicit_http_config`, and how listeners read it",
        "spec.ports[].port": "`Cluster.name`",
        "spec.ports[].targetPort": "the port of a gateway's `Listener.address`, and of WorkloadEntries",
        "spec.ports[].nodePort": "nothing: it is kube-proxy's",
        "spec.selector": "which WorkloadEntries are endpoints beside its EndpointSlices; which gateways it is before",
        "spec.publishNotReadyAddresses": "an endpoint that is not ready is sent as HEALTHY: `LbEndpoint.health_status`",
        "spec.internalTrafficPolicy": "Local: only the endpoints of the proxy's node, by its node metadata NODE_NAME",
        "spec.trafficDistribution": "`LocalityLbEndpoints.priority`",
    },
}

_BALANCER: Final = "what the load balancer before the cluster does"
_FAMILIES: Final = "which addresses the API server gives; `spec.clusterIPs` has them"

NOT_READ: Final[Mapping[str, Mapping[str, str]]] = {
    "ConfigMap": {"immutable": "for the API server"},
    "EndpointSlice": {
        "endpoints[].deprecatedTopology": "of v1beta1; `zone` and `nodeName` say it now",
        "endpoints[].hints": "for kube-proxy: proxies go by `spec.trafficDistribution` and the zones themselves",
    },
    "Secret": {"immutable": "for the API server"},
    "Service": {
        "spec.allocateLoadBalancerNodePorts": _BALANCER,
        "spec.externalTrafficPolicy": "which nodes the load balancer before the cluster sends to: a gateway's pods "
        "then see the client's address, and nothing changes in what Envoy is sent",
        "spec.healthCheckNodePort": _BALANCER,
        "spec.ipFamilies": _FAMILIES,
        "spec.ipFamilyPolicy": _FAMILIES,
        "spec.loadBalancerClass": _BALANCER,
        "spec.loadBalancerIP": _BALANCER,
        "spec.loadBalancerSourceRanges": _BALANCER,
        "spec.sessionAffinityConfig": "the details of `spec.sessionAffinity`, which has no effect either",
        "status": "what the load balancer says of itself",
    },
}
"""Kind to path to whom a field is for that no Struct has. A test holds this against the official client's models."""
