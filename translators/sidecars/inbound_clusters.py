"""The cluster behind an inbound port: the workload itself, at the address that the client meant (reference 2.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envoy.config.cluster.v3.cluster_pb2 import Cluster

from translators.clusters.connection_pool import apply_connection_pool, apply_keepalive
from translators.clusters.http_protocol_options import apply_http_protocol_options
from translators.clusters.metadata import apply_metadata
from translators.destination_rules import cluster_policy
from translators.messages import set_duration
from translators.model.origin import Origin
from translators.names import cluster_name
from translators.resources import CLUSTER, Resource
from translators.sidecars.fixed_clusters import bind_to_inbound_source, original_destination

if TYPE_CHECKING:
    from translators.destination_rules import MergedRule
    from translators.model.mesh_config import MeshConfig
    from translators.model.service import Service, ServicePort
    from translators.recorder import Recorder


def inbound_name(number: int) -> str:
    """Return `inbound|8080||`, the name of a cluster and of its routes."""
    return cluster_name(number, "", "", "inbound")


def inbound_cluster(
    number: int, service: Service, port: ServicePort, rule: MergedRule | None, mesh: MeshConfig, *, recorder: Recorder
) -> Resource:
    """Memoised step: build the cluster of a port of the workload. Of the service's DestinationRule only the connection
    pool holds here: it protects the workload too.
    """
    name = inbound_name(number)
    cluster = original_destination(name)
    set_duration(cluster.connect_timeout, mesh.connect_timeout)
    if mesh.inbound_traffic_policy.mode == "LOCALHOST":
        to_localhost(cluster, number)
    else:
        bind_to_inbound_source(cluster)
    policy = cluster_policy(rule, port.number, "", mesh)
    pool = policy.connection_pool
    tcp, http = (None, None) if pool is None else (pool.tcp, pool.http)
    if pool is not None:
        apply_connection_pool(cluster, pool)
    if tcp is not None:
        apply_keepalive(cluster, tcp.tcp_keepalive)
    apply_http_protocol_options(cluster, port.protocol, http, tcp, None, mesh_upgrades=False, sniffs=True)
    apply_metadata(cluster, service, "", None)
    origins = [service.origin]
    recorder.note("", Origin(service.origin, "spec.ports"))
    if policy.connection_pool_origin is not None:
        origins.append(policy.connection_pool_origin.key)
        recorder.note("circuit_breakers", policy.connection_pool_origin)
    return Resource(
        CLUSTER,
        name,
        cluster.SerializeToString(deterministic=True),
        tuple(origins),
        notes=recorder.notes(),
    )


def to_localhost(cluster: Cluster, number: int) -> None:
    """Let a cluster lead to a port of the loopback address."""
    cluster.type = Cluster.STATIC
    cluster.lb_policy = Cluster.ROUND_ROBIN
    cluster.load_assignment.cluster_name = cluster.name
    endpoint = cluster.load_assignment.endpoints.add().lb_endpoints.add().endpoint
    endpoint.address.socket_address.address = "127.0.0.1"
    endpoint.address.socket_address.port_value = number
