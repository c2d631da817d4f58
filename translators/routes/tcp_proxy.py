"""TcpProxy: where a connection goes whose bytes are passed on as they are (reference 1.2, 2.10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envoy.extensions.filters.network.tcp_proxy.v3.tcp_proxy_pb2 import TcpProxy

from translators.destination_rules import cluster_policy
from translators.tcp_policy import apply_tcp_policy

if TYPE_CHECKING:
    from translators.model.mesh_config import MeshConfig
    from translators.model.virtual_service import RouteDestination
    from translators.routes.scope import Reached, Scope


def tcp_proxy(route: tuple[RouteDestination, ...], path: str, scope: Scope, mesh: MeshConfig) -> TcpProxy | None:
    """Return the filter's configuration for the destinations of a TCP or TLS route, which stands at `path`; None if
    they add up to nothing.

    The weight of an only destination does not matter. Idle timeout, tunnel and the hash of the client's address are a
    DestinationRule's; of several destinations, the first's (as in Istio).
    """
    if len(route) == 1:
        chosen = [(0, route[0])]
    else:
        chosen = [(i, weighted) for i, weighted in enumerate(route) if weighted.weight > 0]
    found: list[tuple[int, int, Reached]] = []
    for i, weighted in chosen:
        if weighted.destination is not None:
            reached = scope.reach(weighted.destination, f"{path}.route[{i}].destination")
            found.append((i, weighted.weight, reached))
    if not found:
        return None
    out = TcpProxy()
    first = found[0][2]
    if len(route) == 1:
        out.cluster = out.stat_prefix = first.cluster
        scope.note("cluster", f"{path}.route[0].destination")
    else:
        out.stat_prefix = f"{scope.key.name}.{scope.key.namespace}"
        for n, (i, weight, reached) in enumerate(found):
            out.weighted_clusters.clusters.add(name=reached.cluster, weight=weight)
            scope.note(f"weighted_clusters.clusters[{n}]", f"{path}.route[{i}]")
    _set_policy(out, first, scope, mesh)
    return out


def _set_policy(out: TcpProxy, reached: Reached, scope: Scope, mesh: MeshConfig) -> None:
    destination = reached.destination
    if destination is None:
        return
    policy = cluster_policy(reached.rule, destination.port.number, destination.subset, mesh)
    for part, origin, field in apply_tcp_policy(out, policy):
        scope.comes_from(part, origin, field)
