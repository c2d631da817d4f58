"""RouteAction: where matching requests go, and how (reference 1.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from envoy.config.route.v3.route_components_pb2 import RouteAction

from translators.messages import set_duration
from translators.routes.hash_policy import set_hash_policy
from translators.routes.headers import set_headers
from translators.routes.mirrors import set_mirrors
from translators.routes.retries import set_retries, switched_off

if TYPE_CHECKING:
    from envoy.config.route.v3.route_components_pb2 import Route

    from translators.model.virtual_service import HTTPRetry, HTTPRewrite, HTTPRoute
    from translators.routes.scope import Reached, Scope


def _default() -> RouteAction:
    """Build what holds for a rule that says nothing but where to go.

    Without a timeout a request may take for ever: Istio switches Envoy's 15 s off.
    """
    action = RouteAction()
    action.timeout.SetInParent()
    action.max_grpc_timeout.SetInParent()
    set_retries(action.retry_policy, None, hashed=False)
    return action


_DEFAULT: Final = _default()


def set_action(
    route: Route, http: HTTPRoute, path: str, scope: Scope, *, authority: str, mesh_retries: HTTPRetry | None
) -> str:
    """Write the forwarding action of a route that has destinations.

    `authority` is what the route's own header rules ask for, `mesh_retries` the mesh's default policy. Returns the
    cluster's name if there is one only, else "".
    """
    out = route.route
    out.CopyFrom(_DEFAULT)
    single = len(http.route) == 1
    if single:
        reached, authority = _set_cluster(route, http, path, scope, authority)
    else:
        reached = _set_weights(out, http, path, scope)
    if http.timeout is not None:
        set_duration(out.timeout, http.timeout)
        set_duration(out.max_grpc_timeout, http.timeout)
    hashes = [r.hash_by for r in reached if r.hash_by is not None]
    if hashes:
        set_hash_policy(out, hashes)
    retries = http.retries if http.retries is not None else mesh_retries
    if switched_off(retries):
        out.ClearField("retry_policy")
    elif retries is not None or hashes:
        set_retries(out.retry_policy, retries, hashed=len(out.hash_policy) > 0)
    if http.rewrite is not None:
        authority = _set_rewrite(out, http.rewrite) or authority
    if authority:
        out.host_rewrite_literal = authority
    if http.mirror is not None or http.mirrors:
        set_mirrors(out, http, path, scope)
    if scope.recorder.active:
        _note(out, http, path, scope, reached)
    return reached[0].cluster if single and reached else ""


def _set_cluster(route: Route, http: HTTPRoute, path: str, scope: Scope, authority: str) -> tuple[list[Reached], str]:
    """Send everything to the only destination; its weight does not matter, its header rules join the route's."""
    only = http.route[0]
    if only.destination is None:
        return [], authority
    reached = scope.reach(only.destination, f"{path}.route[0].destination")
    route.route.cluster = reached.cluster
    if only.headers is not None:
        authority = set_headers(route, only.headers) or authority
    return [reached], authority


def _set_weights(out: RouteAction, http: HTTPRoute, path: str, scope: Scope) -> list[Reached]:
    """Split by weight. The weights need not add up to 100; a destination of weight 0 is left out, as Istio does."""
    found = []
    clusters = out.weighted_clusters.clusters
    for i, weighted in enumerate(http.route):
        if weighted.weight <= 0 or weighted.destination is None:
            continue
        where = f"{path}.route[{i}]"
        reached = scope.reach(weighted.destination, f"{where}.destination")
        found.append(reached)
        cluster = clusters.add(name=reached.cluster)
        cluster.weight.value = weighted.weight
        if weighted.headers is not None and (authority := set_headers(cluster, weighted.headers)):
            cluster.host_rewrite_literal = authority
        if scope.recorder.active:
            scope.note(f"route.weighted_clusters.clusters[{len(found) - 1}]", where)
    return found


def _set_rewrite(out: RouteAction, rewrite: HTTPRewrite) -> str:
    """Write the rewrite of the path; returns the authority to rewrite to.

    `uri` replaces what was matched: the prefix, or the whole path of an exact or regex match, which is what Envoy's
    prefix_rewrite does.
    """
    if rewrite.uri_regex_rewrite is not None:
        out.regex_rewrite.pattern.regex = rewrite.uri_regex_rewrite.match
        out.regex_rewrite.substitution = rewrite.uri_regex_rewrite.rewrite
    elif rewrite.uri:
        out.prefix_rewrite = rewrite.uri
    return rewrite.authority


def _note(out: RouteAction, http: HTTPRoute, path: str, scope: Scope, reached: list[Reached]) -> None:
    if len(http.route) == 1:
        scope.note("route.cluster", f"{path}.route[0].destination")
    if http.timeout is not None:
        scope.note("route.timeout", f"{path}.timeout")
        scope.note("route.max_grpc_timeout", f"{path}.timeout")
    if http.retries is not None and out.HasField("retry_policy"):
        scope.note("route.retry_policy", f"{path}.retries")
    for part in ("prefix_rewrite", "regex_rewrite", "host_rewrite_literal"):
        if http.rewrite is not None and getattr(out, part):
            scope.note(f"route.{part}", f"{path}.rewrite")
    origin = next((r.hash_origin for r in reached if r.hash_origin is not None), None)
    if out.hash_policy and origin is not None:
        scope.recorder.note("route.hash_policy", origin)
