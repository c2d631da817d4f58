"""How a cluster finds its endpoints: EDS, DNS, or the caller's original destination (reference 2.7)."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.core.v3.config_source_pb2 import ApiVersion
from envoy.extensions.network.dns_resolver.cares.v3.cares_dns_resolver_pb2 import CaresDnsResolverConfig

from translators.clusters.connection_pool import UNLIMITED
from translators.messages import pack
from translators.model.mesh_config import MeshConfig
from translators.model.service import Resolution

if TYPE_CHECKING:
    from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig

    from translators.model.service import Service

UNREDIRECTED: Final = "unredirected"
"""In place of a proxy's type: a sidecar that its workload calls on loopback, with no address that the client meant."""

CONNECT_TIMEOUT: Final = MeshConfig().connect_timeout
_CARES: Final = "envoy.network.dns_resolver.cares"
_QUERIES_PER_SOCKET: Final = 100
"""c-ares keeps one UDP socket for ever otherwise, and with it one path through a connection-tracking load balancer."""


class Discovery(Enum):
    """Envoy's cluster types, as far as services need them."""

    EDS = "EDS"
    STRICT_DNS = "STRICT_DNS"
    LOGICAL_DNS = "LOGICAL_DNS"
    ORIGINAL_DST = "ORIGINAL_DST"
    DYNAMIC_DNS = "envoy.clusters.dynamic_forward_proxy"
    """Each request's host is looked up."""
    NOWHERE = "STATIC"
    """No endpoints, whatever the service has: requests are answered 503."""

    @property
    def is_dns(self) -> bool:
        """Whether the endpoints stand in the cluster, as names to look up."""
        return self in (Discovery.STRICT_DNS, Discovery.LOGICAL_DNS)

    @property
    def balances(self) -> bool:
        """Whether Envoy chooses among endpoints; else the request says where it goes."""
        return self not in (Discovery.ORIGINAL_DST, Discovery.DYNAMIC_DNS)


_TYPES: Final = {
    Discovery.EDS: Cluster.EDS,
    Discovery.STRICT_DNS: Cluster.STRICT_DNS,
    Discovery.LOGICAL_DNS: Cluster.LOGICAL_DNS,
    Discovery.ORIGINAL_DST: Cluster.ORIGINAL_DST,
    Discovery.NOWHERE: Cluster.STATIC,
}
_BY_RESOLUTION: Final = {
    Resolution.CLIENT_SIDE_LB: Discovery.EDS,
    Resolution.DNS_LB: Discovery.STRICT_DNS,
    Resolution.DNS_ROUND_ROBIN_LB: Discovery.LOGICAL_DNS,
    Resolution.DYNAMIC_DNS: Discovery.DYNAMIC_DNS,
}


def discovery_of(service: Service, proxy_type: str, *, passes_through: bool) -> Discovery | None:
    """Return how clusters of a service find endpoints; None if it has no cluster (ExternalName).

    `passes_through`: the rule's load balancer is PASSTHROUGH. A gateway is the destination of what it receives, and so
    is a sidecar that nothing is redirected to (UNREDIRECTED). A service without resolution (headless, or NONE) gets EDS
    there: its endpoints are all that there is to go by.
    """
    if service.resolution is Resolution.ALIAS:
        return None
    if passes_through:
        return Discovery.ORIGINAL_DST
    if service.resolution is Resolution.PASSTHROUGH:
        return Discovery.ORIGINAL_DST if proxy_type == "sidecar" else Discovery.EDS
    return _BY_RESOLUTION[service.resolution]


def _base(discovery: Discovery) -> Cluster:
    """Make what all clusters of a type share."""
    cluster = Cluster()
    if (known := _TYPES.get(discovery)) is not None:
        cluster.type = known
    cluster.connect_timeout.seconds = CONNECT_TIMEOUT.seconds
    limits = cluster.circuit_breakers.thresholds.add()
    for limit in (limits.max_connections, limits.max_pending_requests, limits.max_requests, limits.max_retries):
        limit.value = UNLIMITED
    if not discovery.balances:
        cluster.lb_policy = Cluster.CLUSTER_PROVIDED
        return cluster
    cluster.lb_policy = Cluster.LEAST_REQUEST
    if discovery is Discovery.NOWHERE:
        return cluster
    # Unhealthy endpoints are sent too: at Envoy's threshold of 50 % it would use them once they are the majority.
    cluster.common_lb_config.healthy_panic_threshold.value = 0
    if discovery is Discovery.EDS:
        # No initial_fetch_timeout: after Envoy's 15 s a lost answer heals and is counted. These bytes never change.
        source = cluster.eds_cluster_config.eds_config
        source.ads.SetInParent()
        source.resource_api_version = ApiVersion.V3
        return cluster
    # Not respect_dns_ttl: Docker's DNS says 600 s, for which a container that moved would be lost (docs/adr/0005).
    cluster.dns_jitter.nanos = 100_000_000
    # Docker's and many other networks have no route for IPv6: A records first, AAAA only if there are none.
    cluster.dns_lookup_family = Cluster.V4_PREFERRED
    set_dns_resolver(cluster.typed_dns_resolver_config)
    return cluster


def set_dns_resolver(out: TypedExtensionConfig) -> None:
    """Choose c-ares, which looks names up without blocking."""
    cares = CaresDnsResolverConfig()
    cares.udp_max_queries.value = _QUERIES_PER_SOCKET
    out.name = _CARES
    pack(out.typed_config, cares)


BASES: Final = {discovery: _base(discovery).SerializeToString(deterministic=True) for discovery in Discovery}
"""The constant part of a cluster, serialised once."""
