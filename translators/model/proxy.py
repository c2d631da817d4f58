"""A proxy as it introduces itself, and the part of that which a translator may know."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

ProxyType = Literal["router", "sidecar"]

GRPC: Final = "grpc"
"""The `GENERATOR` of a proxyless gRPC client or server, in the metadata of its node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Locality:
    """Envoy's locality: region, zone and sub-zone, any of them empty."""

    region: str = ""
    zone: str = ""
    sub_zone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """All that a connected Envoy says about itself (interfaces.md, "Identity of a proxy")."""

    id: str
    """The whole node id: `router~10.0.0.1~gw-1.istio-system~istio-system.svc.cluster.local`, or anything else."""
    type: ProxyType
    name: str
    namespace: str
    ip_addresses: tuple[str, ...] = ()
    dns_domain: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Its node metadata, as far as it is text, a number or a truth."""
    locality: Locality = Locality()
    network: str = ""
    node: str = ""
    """The name of the Kubernetes Node that it runs on (Istio's node metadata NODE_NAME)."""
    cluster_id: str = ""
    service_account: str = ""
    unprivileged_pod: bool = False
    interception_mode: str = "REDIRECT"
    generator: str = ""
    envoy_version: str = ""
    http10: bool = False
    """Whether its clients may speak HTTP/1.0 (Istio's node metadata HTTP10)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyView:
    """The whole of what a translator may know about a proxy: proxies with equal views share one translation."""

    type: ProxyType
    namespace: str
    labels: tuple[tuple[str, str], ...] = ()
    """Sorted; only the labels whose key some selector (or failoverPriority) in the World mentions."""
    metadata: tuple[tuple[str, str], ...] = ()
    """Sorted; only the node metadata that some EnvoyFilter asks for."""
    dns_domain: str = ""
    locality: Locality = Locality()
    """Empty unless some policy in the World looks at it."""
    network: str = ""
    node: str = ""
    """Empty unless some Service in the World is for clients of the same node, or prefers them."""
    cluster_id: str = ""
    unprivileged_pod: bool = False
    interception_mode: str = "REDIRECT"
    generator: str = ""
    """`grpc` for gRPC's own clients and servers, else empty."""
    http10: bool = False
    """Of a gateway: whether its clients may speak HTTP/1.0."""
    authenticated: bool = False
    """Whether the proxy has proved who it is: others are sent no secrets."""
    ipv6: bool = False
    """Of a sidecar: whether it has an IPv6 address, so that connections of that family are redirected to it, too."""
    addresses: tuple[str, ...] = ()
    """Of a sidecar that nothing redirects to, where it listens; else empty, so that the replicas of a workload share
    one view.
    """

    def selected_by(self, selector: Mapping[str, str]) -> bool:
        """Whether each label of `selector` is among this proxy's. An empty selector selects every proxy."""
        return selector.items() <= set(self.labels)


LOCALITY: Final = "/locality"
"""Among the keys that matter: some policy looks at where a proxy is. No label has such a key."""
NODE: Final = "/node"
"""Among the keys that matter: some Service looks at the node that a proxy runs on."""
METADATA: Final = "/metadata/"
"""Begins, among the keys that matter, that of node metadata that some EnvoyFilter asks for."""
VERSION: Final = "ISTIO_VERSION"
"""The node metadata that an EnvoyFilter's `proxyVersion` is about."""


def view_of(proxy: Proxy, keys: frozenset[str]) -> ProxyView:
    """Reduce a proxy to its view, given what matters: label keys that any selector mentions, and perhaps LOCALITY,
    NODE, and METADATA with names.
    """
    labels = tuple(sorted((k, v) for k, v in proxy.labels.items() if k in keys))
    locality = proxy.locality if LOCALITY in keys else Locality()
    node = proxy.node if NODE in keys else ""
    if proxy.generator == GRPC:
        return ProxyView(
            type="sidecar",
            namespace=proxy.namespace,
            labels=labels,
            locality=locality,
            network=proxy.network,
            node=node,
            cluster_id=proxy.cluster_id,
            generator=GRPC,
        )
    return ProxyView(
        type=proxy.type,
        namespace=proxy.namespace,
        labels=labels,
        metadata=tuple(sorted((k, v) for k, v in proxy.metadata.items() if METADATA + k in keys)),
        dns_domain=proxy.dns_domain,
        locality=locality,
        network=proxy.network,
        node=node,
        cluster_id=proxy.cluster_id,
        unprivileged_pod=proxy.unprivileged_pod,
        interception_mode=proxy.interception_mode,
        http10=proxy.http10 and proxy.type == "router",
        ipv6=proxy.type == "sidecar" and any(":" in address for address in proxy.ip_addresses),
        addresses=proxy.ip_addresses if proxy.type == "sidecar" and proxy.interception_mode == "NONE" else (),
    )
