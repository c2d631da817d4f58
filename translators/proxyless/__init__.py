"""Proxyless gRPC: what gRPC's own xDS client and server understand, for nodes whose metadata says `GENERATOR: grpc`.

gRPC asks by name, and takes a small part of what an Envoy takes (gRFCs A27, A28, A31, A32, A33, A36, A42, A44:
https://github.com/grpc/proposal). Names are Istio's: a listener for each `host:port` that a client may dial, one
RouteConfiguration `outbound|port||host` behind it, clusters and endpoints as an Envoy has them, and
`xds.istio.io/grpc/lds/inbound/ADDRESS:PORT` for servers. What gRPC cannot do is left out, and said.
"""

from __future__ import annotations

from translators.proxyless.clusters import build_cluster, empty_clusters
from translators.proxyless.names import SERVER_PREFIX
from translators.proxyless.output import ProxylessOutput, proxyless_resources

__all__ = ["SERVER_PREFIX", "ProxylessOutput", "build_cluster", "empty_clusters", "proxyless_resources"]
