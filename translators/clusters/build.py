"""One Envoy cluster: a port of a service, or of a subset of it, under its policy (reference 2.7, A.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from envoy.config.cluster.v3.cluster_pb2 import Cluster

from translators.assignments import chosen_endpoints, fill_assignment
from translators.clusters.connection_pool import apply_connection_pool, apply_keepalive, apply_retry_budget
from translators.clusters.discovery import BASES, CONNECT_TIMEOUT, Discovery, discovery_of
from translators.clusters.dynamic_dns import apply_dynamic_dns
from translators.clusters.http_protocol_options import apply_http_protocol_options
from translators.clusters.load_balancing import apply_load_balancer, passes_through
from translators.clusters.metadata import apply_metadata
from translators.clusters.notes import note_cluster
from translators.clusters.outlier_detection import apply_outlier_detection
from translators.clusters.transport_socket import apply_transport_socket
from translators.clusters.upstream_tls import refusal, tls_socket, upstream_tls
from translators.destination_rules import cluster_policy
from translators.locality import arranged, setting_of
from translators.messages import set_duration
from translators.names import cluster_name, stat_name
from translators.resources import CLUSTER, ENDPOINT, Resource

if TYPE_CHECKING:
    from translators.destination_rules import EffectivePolicy, MergedRule
    from translators.locality import Place
    from translators.model.mesh_config import MeshConfig
    from translators.model.service import Endpoint, Service, ServicePort
    from translators.recorder import Recorder

_BY_LOCALITY: Final = frozenset({Discovery.EDS, Discovery.STRICT_DNS})
"""Types of clusters whose endpoints have localities."""


def build_cluster(  # noqa: PLR0913, PLR0917 - all that a cluster depends on, one by one for the memo
    service: Service,
    port: ServicePort,
    subset: str,
    rule: MergedRule | None,
    mesh: MeshConfig,
    proxy_type: str,
    endpoints: tuple[Endpoint, ...] | None,
    place: Place | None,
    encrypted: bool = False,  # noqa: FBT001, FBT002 - steps take positional arguments
    *,
    recorder: Recorder,
) -> Resource | None:
    """Memoised step: build the cluster `outbound|port|subset|hostname`.

    `endpoints`, and the proxy's `place` if it makes a difference, only for services that are looked up in DNS: these
    stand in the cluster. Both are None for all others. `encrypted`: connections are TLS already, whatever the rule says
    of TLS. Returns None if there is no such cluster: an ExternalName, or DNS without an endpoint, which Envoy would
    refuse.
    """
    policy = cluster_policy(rule, port.number, subset, mesh)
    if encrypted:
        policy = policy._replace(tls=None, tls_origin=None)
    balancer = policy.load_balancer
    discovery = discovery_of(service, proxy_type, passes_through=passes_through(balancer))
    if discovery is None:
        return None
    if refusal(policy.tls):
        discovery = Discovery.NOWHERE
    name = cluster_name(port.number, subset, service.hostname)
    cluster = Cluster.FromString(BASES[discovery])
    cluster.name = name
    cluster.alt_stat_name = f"{stat_name(mesh.outbound_cluster_stat_name, service, port, subset)};"
    if mesh.connect_timeout != CONNECT_TIMEOUT:
        set_duration(cluster.connect_timeout, mesh.connect_timeout)
    if discovery is Discovery.EDS:
        cluster.eds_cluster_config.service_name = name
    elif discovery.is_dns:
        chosen = chosen_endpoints(endpoints or (), port, rule, subset)
        if not chosen:
            return None
        # Envoy takes exactly one endpoint in a LOGICAL_DNS cluster.
        limit = 1 if discovery is Discovery.LOGICAL_DNS else len(chosen)
        groups = arranged(chosen[:limit], setting_of(policy, service, mesh), place)
        fill_assignment(cluster.load_assignment, name, port, groups)
        set_duration(cluster.dns_refresh_rate, mesh.dns_refresh_rate)
    _apply_policy(cluster, service, port, policy, mesh, discovery, sniffs=proxy_type != "router")
    apply_metadata(cluster, service, subset, rule)
    if recorder.active:
        note_cluster(recorder, cluster, service, policy, rule, subset)
    return Resource(
        CLUSTER,
        name,
        cluster.SerializeToString(deterministic=True),
        (service.origin,) if rule is None else (service.origin, *rule.origins),
        refs=((ENDPOINT, name),) if discovery is Discovery.EDS else (),
        notes=recorder.notes() if recorder.active else (),
    )


def _apply_policy(
    cluster: Cluster,
    service: Service,
    port: ServicePort,
    policy: EffectivePolicy,
    mesh: MeshConfig,
    discovery: Discovery,
    *,
    sniffs: bool,
) -> None:
    pool = policy.connection_pool
    tcp = None if pool is None else pool.tcp
    if policy.load_balancer is not None and discovery.balances:
        apply_load_balancer(cluster, policy.load_balancer)
    if discovery in _BY_LOCALITY and (setting := setting_of(policy, service, mesh)) is not None and setting.distribute:
        cluster.common_lb_config.locality_weighted_lb_config.SetInParent()
    if pool is not None:
        apply_connection_pool(cluster, pool)
    if policy.retry_budget is not None:
        apply_retry_budget(cluster.circuit_breakers.thresholds[0], policy.retry_budget)
    if mesh.tcp_keepalive is not None or tcp is not None:
        apply_keepalive(cluster, mesh.tcp_keepalive, tcp.tcp_keepalive if tcp is not None else None)
    if policy.outlier_detection is not None:
        apply_outlier_detection(cluster, policy.outlier_detection)
    tls = upstream_tls(policy.tls, service, port)
    if discovery is Discovery.DYNAMIC_DNS:
        apply_dynamic_dns(cluster, mesh.dns_refresh_rate, tls)
    http2 = apply_http_protocol_options(
        cluster,
        port.protocol,
        policy,
        tls,
        mesh_upgrades=mesh.h2_upgrade_policy == "UPGRADE",
        sniffs=sniffs,
        names_each_host=discovery is Discovery.DYNAMIC_DNS,
    )
    socket = None if tls is None else tls_socket(tls, mesh.tls_defaults, http2=http2)
    apply_transport_socket(cluster, socket, policy.proxy_protocol)
