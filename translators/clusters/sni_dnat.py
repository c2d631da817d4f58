"""Clusters for TLS of the mesh that passes through a gateway (reference 2.1, 2.7): the service's cluster under another
name, and without TLS of its own, since the connection is encrypted already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment

from translators.resources import CLUSTER, ENDPOINT, Resource

if TYPE_CHECKING:
    from translators.recorder import Recorder


def sni_dnat_cluster(resource: Resource, name: str, *, recorder: Recorder) -> Resource:
    """Memoised step: make the cluster `name` from the one that requests to the service have."""
    del recorder
    cluster = Cluster.FromString(resource.body)
    cluster.name = name
    cluster.alt_stat_name = f"{name};"
    cluster.ClearField("transport_socket")
    cluster.ClearField("transport_socket_matches")
    if cluster.HasField("eds_cluster_config"):
        cluster.eds_cluster_config.service_name = name
    if cluster.HasField("load_assignment"):
        cluster.load_assignment.cluster_name = name
    refs = tuple((ENDPOINT, name) for _ in resource.refs)
    body = cluster.SerializeToString(deterministic=True)
    return Resource(CLUSTER, name, body, resource.origins, refs=refs, notes=resource.notes)


def sni_dnat_assignment(resource: Resource, name: str, *, recorder: Recorder) -> Resource:
    """Memoised step: make the assignment `name` from the service's."""
    del recorder
    assignment = ClusterLoadAssignment.FromString(resource.body)
    assignment.cluster_name = name
    body = assignment.SerializeToString(deterministic=True)
    return Resource(ENDPOINT, name, body, resource.origins, notes=resource.notes)
