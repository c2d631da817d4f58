"""resolution: DYNAMIC_DNS: a cluster that looks up the host of each request, for wildcard hosts (reference 1.4, 2.7).

https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/clusters/dynamic_forward_proxy/v3/cluster.proto
Envoy resolves in the cluster itself, so no HTTP filter is needed in front of it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.extensions.clusters.dynamic_forward_proxy.v3.cluster_pb2 import ClusterConfig

from translators.clusters.discovery import Discovery, set_dns_resolver
from translators.messages import pack, set_duration

if TYPE_CHECKING:
    from translators.clusters.upstream_tls import UpstreamTls
    from translators.model.common import Duration


def apply_dynamic_dns(cluster: Cluster, refresh_rate: Duration, tls: UpstreamTls | None) -> None:
    """Make a cluster look up hosts, at the mesh's `dnsRefreshRate`."""
    # Envoy insists that each request's host is asked for and checked, unless it is told that this is meant otherwise.
    insecure = tls is not None and not tls.checks_name_of_request
    cluster.cluster_type.CopyFrom(_cluster_type(refresh_rate, insecure=insecure))


@lru_cache(maxsize=64)
def _cluster_type(refresh_rate: Duration, *, insecure: bool) -> Cluster.CustomClusterType:
    config = ClusterConfig(allow_insecure_cluster_options=insecure)
    cache = config.dns_cache_config
    # All clusters share one cache, and Envoy refuses two configurations under one name.
    cache.name = f"dynamic-dns-{refresh_rate}"
    cache.dns_lookup_family = Cluster.V4_PREFERRED
    set_duration(cache.dns_refresh_rate, refresh_rate)
    set_dns_resolver(cache.typed_dns_resolver_config)
    made = Cluster.CustomClusterType(name=Discovery.DYNAMIC_DNS.value)
    pack(made.typed_config, config)
    return made
