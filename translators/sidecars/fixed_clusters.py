"""Clusters that every sidecar has (reference 2.1): where traffic goes that no service explains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.extensions.upstreams.http.v3.http_protocol_options_pb2 import HttpProtocolOptions

from translators.clusters.connection_pool import UNLIMITED
from translators.clusters.http_protocol_options import EXTENSION
from translators.messages import pack, set_duration
from translators.model.origin import implicit
from translators.resources import CLUSTER, Resource

if TYPE_CHECKING:
    from translators.model.mesh_config import MeshConfig
    from translators.model.meta import ObjectKey
    from translators.recorder import Recorder

BLACK_HOLE: Final = "BlackHoleCluster"
PASSTHROUGH: Final = "PassthroughCluster"
INBOUND_PASSTHROUGH: Final = "InboundPassthroughCluster"

INBOUND_SOURCE: Final = "127.0.0.6"
"""The address from which a sidecar connects to its workload: the rules that redirect connections leave it alone."""
INBOUND_SOURCE_6: Final = "::6"
"""The same, to an IPv6 address of its workload."""

_FOR_EVER: Final = 2**63 // 10**9 - 1
"""Seconds; so long does an original destination stay without a connection. Istio's way to say "no clean-up"."""

PASSTHROUGH_KEY: Final = implicit("passthrough").key
BLACK_HOLE_KEY: Final = implicit("blackhole").key


def original_destination(name: str) -> Cluster:
    """Return a cluster whose only endpoint is, for each connection, the address that the client meant."""
    cluster = Cluster(name=name, alt_stat_name=f"{name};", type=Cluster.ORIGINAL_DST)
    cluster.lb_policy = Cluster.CLUSTER_PROVIDED
    limits = cluster.circuit_breakers.thresholds.add()
    for limit in (limits.max_connections, limits.max_pending_requests, limits.max_requests, limits.max_retries):
        limit.value = UNLIMITED
    return cluster


def bind_to_inbound_source(cluster: Cluster, *, ipv6: bool) -> None:
    """Let a cluster connect from the address that is not redirected (of either family), and keep its endpoints."""
    cluster.upstream_bind_config.source_address.address = INBOUND_SOURCE
    cluster.upstream_bind_config.source_address.port_value = 0
    if ipv6:
        extra = cluster.upstream_bind_config.extra_source_addresses.add().address
        extra.address = INBOUND_SOURCE_6
        extra.port_value = 0
    cluster.cleanup_interval.seconds = _FOR_EVER


def follow_client(cluster: Cluster) -> None:
    """Speak to the endpoint the version of HTTP that the client speaks."""
    options = HttpProtocolOptions()
    options.use_downstream_protocol_config.http_protocol_options.SetInParent()
    options.use_downstream_protocol_config.http2_protocol_options.SetInParent()
    pack(cluster.typed_extension_protocol_options[EXTENSION], options)


def fixed_clusters(
    mesh: MeshConfig,
    ipv6: bool,  # noqa: FBT001 - steps take positional arguments
    *,
    recorder: Recorder,
) -> tuple[Resource, ...]:
    """Memoised step: make BlackHoleCluster, InboundPassthroughCluster and PassthroughCluster."""
    del recorder  # nobody asked for them: the origin is implicit
    black_hole = Cluster(name=BLACK_HOLE, alt_stat_name=f"{BLACK_HOLE};", type=Cluster.STATIC)
    outbound, inbound = original_destination(PASSTHROUGH), original_destination(INBOUND_PASSTHROUGH)
    bind_to_inbound_source(inbound, ipv6=ipv6)
    for cluster in (outbound, inbound):
        follow_client(cluster)
    found: list[tuple[Cluster, ObjectKey]] = [
        (black_hole, BLACK_HOLE_KEY),
        (inbound, PASSTHROUGH_KEY),
        (outbound, PASSTHROUGH_KEY),
    ]
    for cluster, _ in found:
        set_duration(cluster.connect_timeout, mesh.connect_timeout)
    return tuple(Resource(CLUSTER, c.name, c.SerializeToString(deterministic=True), (key,)) for c, key in found)
