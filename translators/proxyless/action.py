"""Where an RPC goes: cluster or weights, retries, deadline, hash (gRFCs A28, A31, A42, A44)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from translators.messages import set_duration
from translators.routes.retries import RETRY_ON, set_conditions, switched_off

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envoy.config.route.v3.route_components_pb2 import Route, RouteAction

    from translators.model.virtual_service import HTTPRetry, HTTPRoute
    from translators.routes.scope import Reached, Scope

CHANNEL: Final = "io.grpc.channel_id"
"""gRPC's own filter state: the same hash for all RPCs of a channel, which comes nearest to "by source address"."""

_ATTEMPTS: Final = 2


def set_default(out: Route, reached: Reached, mesh_retries: HTTPRetry | None) -> None:
    """Write the route of a service without a VirtualService: every RPC to itself."""
    out.match.prefix = "/"
    out.name = "default"
    out.route.cluster = reached.cluster
    _set_hash(out.route, [reached])
    _set_retries(out.route, mesh_retries)


def set_action(out: RouteAction, http: HTTPRoute, path: str, scope: Scope, mesh_retries: HTTPRetry | None) -> None:
    """Write the forwarding action of a route that has destinations. `mesh_retries` is the mesh's default policy."""
    reached = _set_clusters(out, http, path, scope)
    if http.timeout is not None:
        # gRPC reads no `timeout`; the deadline of an RPC becomes the smaller of this and its own (gRFC A31).
        set_duration(out.max_stream_duration.max_stream_duration, http.timeout)
        scope.note("route.max_stream_duration", f"{path}.timeout")
    _set_hash(out, reached)
    _set_retries(out, http.retries if http.retries is not None else mesh_retries)
    if http.retries is not None and out.HasField("retry_policy"):
        scope.note("route.retry_policy", f"{path}.retries")
    origin = next((r.hash_origin for r in reached if r.hash_origin is not None), None)
    if out.hash_policy and origin is not None:
        scope.recorder.note("route.hash_policy", origin)


def _set_clusters(out: RouteAction, http: HTTPRoute, path: str, scope: Scope) -> list[Reached]:
    """Name the only destination, or split by weight; a weight of 0 is left out, as for an Envoy."""
    if len(http.route) == 1 and http.route[0].destination is not None:
        only = scope.reach(http.route[0].destination, f"{path}.route[0].destination")
        out.cluster = only.cluster
        scope.note("route.cluster", f"{path}.route[0].destination")
        return [only]
    found: list[Reached] = []
    for i, weighted in enumerate(http.route):
        if weighted.weight <= 0 or weighted.destination is None:
            continue
        reached = scope.reach(weighted.destination, f"{path}.route[{i}].destination")
        out.weighted_clusters.clusters.add(name=reached.cluster).weight.value = weighted.weight
        scope.note(f"route.weighted_clusters.clusters[{len(found)}]", f"{path}.route[{i}]")
        found.append(reached)
    return found


def _set_hash(out: RouteAction, reached: Iterable[Reached]) -> None:
    """Write what a consistent hash looks at, each key once. gRPC has neither cookies nor query parameters."""
    headers = dict.fromkeys(r.hash_by.http_header_name.lower() for r in reached if r.hash_by is not None)
    for header in headers:
        if header:
            out.hash_policy.add().header.header_name = header
    if any(r.hash_by is not None and r.hash_by.use_source_ip for r in reached):
        out.hash_policy.add().filter_state.key = CHANNEL


def _set_retries(out: RouteAction, retries: HTTPRetry | None) -> None:
    """Write when and how often to retry; as for an Envoy, two retries unless something else is said (gRFC A44)."""
    if switched_off(retries):
        return
    policy = out.retry_policy
    policy.retry_on = RETRY_ON
    policy.num_retries.value = _ATTEMPTS
    if retries is None:
        return
    policy.num_retries.value = retries.attempts
    if retries.retry_on:
        set_conditions(policy, retries.retry_on)
    if retries.backoff:
        set_duration(policy.retry_back_off.base_interval, retries.backoff)
