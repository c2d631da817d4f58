"""Mode AUTO_PASSTHROUGH: the mesh's own TLS is passed on to where the name in its handshake says (reference 2.10).

A sidecar of another network asks for `outbound_.80_.v1_.reviews.default.svc.cluster.local`: a port, a subset and a
service. There is a filter chain for each, without any VirtualService, and a cluster of that name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from envoy.config.listener.v3.listener_components_pb2 import Filter, FilterChain
from envoy.extensions.filters.network.tcp_proxy.v3.tcp_proxy_pb2 import TcpProxy

from translators.destination_rules import cluster_policy
from translators.gateways.access_log import access_log
from translators.gateways.filter_chains import fragment
from translators.messages import pack
from translators.model.origin import Origin
from translators.model.service import Protocol, Resolution
from translators.names import sni_dnat_name
from translators.resources import CLUSTER
from translators.services import Destination
from translators.tcp_policy import apply_tcp_policy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from translators.destination_rules import MergedRule, RuleIndex
    from translators.gateways.filter_chains import ChainFragment
    from translators.hosts import ServerHosts
    from translators.model.mesh_config import MeshConfig
    from translators.model.proxy import ProxyView
    from translators.model.service import Service, ServicePort
    from translators.recorder import Recorder
    from translators.services import ServiceIndex

ALPN: Final = ("istio", "istio-peer-exchange", "istio-http/1.0", "istio-http/1.1", "istio-h2")
"""What sidecars offer in the mesh's own TLS, and nobody else does (reference 2.5)."""


def passed_on(
    services: ServiceIndex, rules: RuleIndex, view: ProxyView, hosts: ServerHosts
) -> Iterator[tuple[Destination, MergedRule | None]]:
    """Yield each port of each service of the mesh that a server has the host of, and of each subset, with its rule."""
    for service in services.visible_to(view.namespace):
        if service.mesh_external or service.resolution is Resolution.ALIAS:
            continue
        if not hosts.intersection((service.hostname,), service.namespace):
            continue
        rule = rules.for_service(service, view.namespace, view.labels)
        for port in service.ports:
            if port.protocol is not Protocol.UDP:
                for subset in ("", *(rule.subsets if rule is not None else ())):
                    yield Destination(service=service, port=port, subset=subset, sni_dnat=True), rule


def sni_dnat_chain(
    service: Service,
    port: ServicePort,
    subset: str,
    rule: MergedRule | None,
    mesh: MeshConfig,
    *,
    recorder: Recorder,
) -> ChainFragment:
    """Memoised step: build the chain for one name."""
    name = sni_dnat_name(port.number, subset, service.hostname)
    chain = FilterChain()
    chain.filter_chain_match.server_names.append(name.lower())
    chain.filter_chain_match.application_protocols.extend(ALPN)
    proxy = TcpProxy(stat_prefix=name, cluster=name)
    apply_tcp_policy(proxy, cluster_policy(rule, port.number, subset, mesh))
    log = access_log(mesh)
    if log is not None:
        proxy.access_log.append(log)
    filter_ = Filter(name="envoy.filters.network.tcp_proxy")
    pack(filter_.typed_config, proxy)
    chain.filters.append(filter_)
    recorder.note("", Origin(service.origin))
    origins = (service.origin,) if rule is None else (service.origin, *rule.origins)
    return fragment(chain, origins, ((CLUSTER, name),), recorder)
