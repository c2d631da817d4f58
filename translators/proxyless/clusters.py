"""A gRPC cluster: where endpoints come from, how one is chosen, how many RPCs at a time (gRFCs A27, A32, A37, A42)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.core.v3.config_source_pb2 import ApiVersion
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment

from translators.assignments import chosen_endpoints, fill_assignment
from translators.clusters.connection_pool import UNLIMITED
from translators.clusters.load_balancing import ring_size
from translators.clusters.metadata import apply_metadata
from translators.clusters.notes import note_cluster
from translators.clusters.output import ClusterOutput
from translators.destination_rules import cluster_policy
from translators.locality import arranged
from translators.model.origin import Origin
from translators.names import cluster_name
from translators.resources import CLUSTER, ENDPOINT, Resource

if TYPE_CHECKING:
    from collections.abc import Iterable

    from translators.destination_rules import EffectivePolicy, MergedRule
    from translators.locality import Place
    from translators.memo import Steps
    from translators.model.mesh_config import MeshConfig
    from translators.model.service import Endpoint, Service, ServicePort
    from translators.recorder import Recorder


def build_cluster(
    service: Service,
    port: ServicePort,
    subset: str,
    rule: MergedRule | None,
    mesh: MeshConfig,
    _proxy_type: str,
    endpoints: tuple[Endpoint, ...] | None,
    _place: Place | None,
    *,
    recorder: Recorder,
) -> Resource | None:
    """Memoised step: build the cluster `outbound|port|subset|hostname`, to the form of `clusters.build_cluster`.

    `endpoints` only for services that are looked up in DNS. gRPC looks up one name per cluster, so that it is the first
    one's; None is returned if there is none.
    """
    policy = cluster_policy(rule, port.number, subset, mesh)
    name = cluster_name(port.number, subset, service.hostname)
    cluster = Cluster(name=name)
    if endpoints is None:
        _set_eds(cluster)
    else:
        chosen = chosen_endpoints(endpoints, port, rule, subset)
        if not chosen:
            return None
        cluster.type = Cluster.LOGICAL_DNS
        fill_assignment(cluster.load_assignment, name, port, arranged(chosen[:1]))
    _apply_policy(cluster, policy)
    apply_metadata(cluster, service, subset, rule)
    if recorder.active:
        note_cluster(recorder, cluster, service, policy, rule, subset)
    return Resource(
        CLUSTER,
        name,
        cluster.SerializeToString(deterministic=True),
        (service.origin,) if rule is None else (service.origin, *rule.origins),
        refs=((ENDPOINT, name),) if endpoints is None else (),
        notes=recorder.notes(),
    )


def empty_clusters(routes: Iterable[Resource], built: Iterable[Resource], steps: Steps) -> ClusterOutput:
    """Return clusters without endpoints, for those that routes name and that were not `built`.

    A client whose routes change goes on with the old ones until it knows all clusters of the new ones, and gives up on
    one that does not exist after 15 s only. This one it knows at once: the RPCs that go there fail, and no others.
    """
    known = {cluster.name for cluster in built}
    missing: dict[str, Resource] = {}
    for route in routes:
        for _, name in route.refs:
            if name not in known:
                missing.setdefault(name, route)
    pairs = [steps.step(_nothing, name, missing[name]) for name in sorted(missing)]
    return ClusterOutput(clusters=tuple(c for c, _ in pairs), assignments=tuple(a for _, a in pairs), diagnostics=())


def _nothing(name: str, route: Resource, *, recorder: Recorder) -> tuple[Resource, Resource]:
    """Memoised step: a cluster that a route names though it does not exist, and its assignment of nothing."""
    cluster = Cluster(name=name)
    _set_eds(cluster)
    for key in route.origins if recorder.active else ():
        recorder.note("", Origin(key))
    body = cluster.SerializeToString(deterministic=True)
    nobody = ClusterLoadAssignment(cluster_name=name).SerializeToString(deterministic=True)
    notes = recorder.notes()
    return (
        Resource(CLUSTER, name, body, route.origins, refs=((ENDPOINT, name),), notes=notes),
        Resource(ENDPOINT, name, nobody, route.origins, notes=notes),
    )


def _set_eds(cluster: Cluster) -> None:
    """Let a cluster's endpoints come from the same stream, under its name."""
    cluster.type = Cluster.EDS
    cluster.eds_cluster_config.service_name = cluster.name
    cluster.eds_cluster_config.eds_config.ads.SetInParent()
    cluster.eds_cluster_config.eds_config.resource_api_version = ApiVersion.V3


def _apply_policy(cluster: Cluster, policy: EffectivePolicy) -> None:
    """Write the few things that gRPC applies: round robin or a ring, and a limit of concurrent RPCs."""
    balancer = policy.load_balancer
    cluster.lb_policy = Cluster.ROUND_ROBIN
    if balancer is not None and balancer.consistent_hash is not None:
        cluster.lb_policy = Cluster.RING_HASH
        cluster.ring_hash_lb_config.minimum_ring_size.value = ring_size(balancer.consistent_hash)
    http = policy.connection_pool.http if policy.connection_pool is not None else None
    limit = http.http2_max_requests if http is not None and http.http2_max_requests > 0 else UNLIMITED
    # Without a word, gRPC would allow 1,024.
    cluster.circuit_breakers.thresholds.add().max_requests.value = limit
