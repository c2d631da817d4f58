"""The cluster behind an inbound port: the workload itself (reference 1.6, 2.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from msgspec.structs import replace

from translators.clusters.connection_pool import apply_connection_pool, apply_keepalive
from translators.clusters.http_protocol_options import apply_http_protocol_options
from translators.clusters.metadata import apply_metadata
from translators.destination_rules import NO_POLICY
from translators.messages import set_duration
from translators.names import cluster_name
from translators.resources import CLUSTER, Resource
from translators.services.addresses import UNIX
from translators.sidecars.fixed_clusters import bind_to_inbound_source, original_destination

if TYPE_CHECKING:
    from translators.model.mesh_config import MeshConfig
    from translators.recorder import Recorder
    from translators.sidecars.inbound_port import InboundPort

_POD = frozenset({"0.0.0.0", "[::]"})  # noqa: S104 - how a Sidecar names the workload's own address


def inbound_name(number: int) -> str:
    """Return `inbound|8080||`, the name of a cluster and of its routes."""
    return cluster_name(number, "", "", "inbound")


def inbound_cluster(
    port: InboundPort,
    mesh: MeshConfig,
    ipv6: bool,  # noqa: FBT001 - steps take positional arguments
    *,
    recorder: Recorder,
) -> Resource:
    """Memoised step: build the cluster of a port of the workload. Of policies, only the connection pool holds here: it
    protects the workload.
    """
    name = inbound_name(port.number)
    cluster = original_destination(name)
    set_duration(cluster.connect_timeout, mesh.connect_timeout)
    _set_endpoint(cluster, port.endpoint, ipv6=ipv6)
    pool = port.pool
    if pool is not None:
        apply_connection_pool(cluster, pool)
        if pool.tcp is not None:
            apply_keepalive(cluster, pool.tcp.tcp_keepalive)
        if pool.http is not None:
            # Clients may be upgraded to HTTP/2 on their way, but nobody knows whether the workload speaks it.
            pool = replace(pool, http=replace(pool.http, h2_upgrade_policy="DO_NOT_UPGRADE"))
    apply_http_protocol_options(
        cluster,
        port.protocol,
        NO_POLICY._replace(connection_pool=pool),
        None,
        mesh_upgrades=False,
        sniffs=True,
        names_each_host=False,
    )
    if port.service is not None:
        apply_metadata(cluster, port.service, "", None)
    recorder.note("", port.origin)
    if port.pool_origin is not None:
        recorder.note("circuit_breakers", port.pool_origin)
    origins = [port.origin.key] if port.pool_origin is None else [port.origin.key, port.pool_origin.key]
    return Resource(
        CLUSTER,
        name,
        cluster.SerializeToString(deterministic=True),
        tuple(dict.fromkeys(origins)),
        notes=recorder.notes(),
    )


def _set_endpoint(cluster: Cluster, endpoint: str, *, ipv6: bool) -> None:
    """Let the cluster lead to `address:port` or a Unix socket; empty, or the workload's own address with a port: to
    the address that the client meant, from the source that is not redirected.
    """
    host, _, number = endpoint.rpartition(":")
    if not endpoint or host in _POD:
        bind_to_inbound_source(cluster, ipv6=ipv6)
        if endpoint:
            cluster.original_dst_lb_config.upstream_port_override.value = int(number)
        return
    cluster.type = Cluster.STATIC
    cluster.lb_policy = Cluster.ROUND_ROBIN
    cluster.load_assignment.cluster_name = cluster.name
    address = cluster.load_assignment.endpoints.add().lb_endpoints.add().endpoint.address
    if endpoint.startswith(UNIX):
        address.pipe.path = endpoint.removeprefix(UNIX)
    else:
        address.socket_address.address = host.strip("[]")
        address.socket_address.port_value = int(number)
