"""One Envoy route from one match block of one HTTP route of a VirtualService."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envoy.config.route.v3.route_components_pb2 import Route

from translators.messages import pack
from translators.routes import cors, fault
from translators.routes.action import set_action
from translators.routes.direct_response import set_direct_response
from translators.routes.headers import set_headers
from translators.routes.match import set_match
from translators.routes.redirect import CODES, set_redirect

if TYPE_CHECKING:
    from translators.model.virtual_service import HTTPMatchRequest, HTTPRetry, HTTPRoute
    from translators.routes.scope import Scope


def build_route(
    http: HTTPRoute,
    match: HTTPMatchRequest | None,
    paths: tuple[str, str],
    scope: Scope,
    *,
    metadata: bytes,
    mesh_retries: HTTPRetry | None,
) -> tuple[Route, bool]:
    """Build a route whose action exists (see `has_action`), and tell whether it takes every request.

    `paths` are those of the HTTP route and of the match block, `metadata` the encoded Metadata that every route of
    the VirtualService carries. `mesh_retries` is the mesh's default retry policy.
    """
    path, match_path = paths
    out = Route()
    if http.name:
        out.name = http.name
    if match is not None and match.name:
        out.name = f"{http.name}.{match.name}"
    if match is not None and match.stat_prefix:
        out.stat_prefix = match.stat_prefix
    matched = set_match(out.match, match, match_path, scope)
    out.metadata.MergeFromString(metadata)
    authority = set_headers(out, http.headers) if http.headers is not None else ""
    only = ""
    if http.redirect is not None:
        set_redirect(out.redirect, http.redirect, scope.default_port)
    elif http.direct_response is not None:
        set_direct_response(out.direct_response, http.direct_response)
    else:
        only = set_action(out, http, path, scope, authority=authority, mesh_retries=mesh_retries)
    out.decorator.operation = _operation(matched.where, only, scope)
    if http.fault is not None and (injected := fault.fault_of(http.fault, f"{path}.fault", scope)) is not None:
        pack(out.typed_per_filter_config[fault.FILTER], injected)
    if http.cors_policy is not None:
        pack(out.typed_per_filter_config[cors.FILTER], cors.cors_of(http.cors_policy))
    if scope.recorder.active:
        _note(out, http, path, match_path, scope)
    return out, matched.everything


def has_action(http: HTTPRoute) -> bool:
    """Whether an HTTP route says what to do, and Envoy can do it. One that only delegates does not, weights may add up
    to nothing, and Envoy has few of the redirect statuses.
    """
    if http.redirect is not None:
        return http.redirect.redirect_code in CODES
    return (
        http.direct_response is not None
        or (len(http.route) == 1 and http.route[0].destination is not None)
        or any(weighted.weight > 0 and weighted.destination is not None for weighted in http.route)
    )


def _operation(where: str, cluster: str, scope: Scope) -> str:
    """Return what traces call this route: `host:port/path*`, or with several destinations the VirtualService's name."""
    if cluster:
        _, port, _, host = cluster.split("|")
        return f"{host}:{port}{where}"
    return f"{scope.key.name}:{scope.default_port}{where}"


def _note(out: Route, http: HTTPRoute, path: str, match_path: str, scope: Scope) -> None:
    scope.note("", match_path)
    if out.name:
        scope.note("name", f"{path}.name")
    if out.stat_prefix:
        scope.note("stat_prefix", f"{match_path}.statPrefix")
    if http.redirect is not None:
        scope.note("redirect", f"{path}.redirect")
    elif http.direct_response is not None:
        scope.note("direct_response", f"{path}.directResponse")
    if http.headers is not None:
        for part in ("request_headers_to_add", "request_headers_to_remove"):
            if getattr(out, part):
                scope.note(part, f"{path}.headers.request")
        for part in ("response_headers_to_add", "response_headers_to_remove"):
            if getattr(out, part):
                scope.note(part, f"{path}.headers.response")
    if fault.FILTER in out.typed_per_filter_config:
        scope.note(f"typed_per_filter_config.{fault.FILTER}", f"{path}.fault")
    if cors.FILTER in out.typed_per_filter_config:
        scope.note(f"typed_per_filter_config.{cors.FILTER}", f"{path}.corsPolicy")
