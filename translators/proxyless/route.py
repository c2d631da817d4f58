"""One gRPC route: its condition, its fault, and what gRPC cannot do of the rest (gRFCs A28, A33)."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Final

import re2
from msgspec.structs import replace

from translators.messages import is_presence, pack
from translators.model.common import StringMatch
from translators.proxyless.remarks import ignored_by_grpc
from translators.routes import fault
from translators.routes.claims import claim_path
from translators.routes.direct_response import set_direct_response
from translators.routes.match import set_match
from translators.routes.redirect import set_redirect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envoy.config.route.v3.route_components_pb2 import Route

    from translators.model.virtual_service import HTTPMatchRequest, HTTPRoute
    from translators.routes.scope import Scope

_METHOD: Final = "POST"
"""Of every RPC: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#requests."""
_MOST_VALUES: Final = 4
"""Of `withoutHeaders`: each one doubles the routes."""
_PATH_PARTS: Final = 2
"""`/package.Service/Method`."""


def matches_of(match: HTTPMatchRequest | None, path: str, scope: Scope) -> list[HTTPMatchRequest | None]:
    """Return the matches that stand for a match block: none if gRPC could never match it, which is said; several if it
    has `withoutHeaders` with values.
    """
    if match is None:
        return [None]
    impossible = dict(_impossible(match))
    for field, reason in impossible.items():
        scope.report("PF0490", f"{reason}: they get no route for this match", f"{path}.{field}")
    return [] if impossible else [*_variants(_visible(match))]


def set_route(
    out: Route, http: HTTPRoute, match: HTTPMatchRequest | None, paths: tuple[str, str], scope: Scope
) -> bool:
    """Write all of a route but its forwarding action, and return whether it takes every RPC. `match` is one that
    `matches_of` returned.
    """
    path, match_path = paths
    out.name = f"{http.name}.{match.name}" if match is not None and match.name else http.name
    everything = set_match(out.match, match, match_path, scope).everything
    _set_unsupported(out, http, scope)
    if http.fault is not None and (injected := fault.fault_of(http.fault, f"{path}.fault", scope)) is not None:
        pack(out.typed_per_filter_config[fault.FILTER], injected)
    for field, reason in ignored_by_grpc(http):
        scope.report("PF0491", reason, f"{path}.{field}")
    if scope.recorder.active:
        _note(out, path, match_path, scope)
    return everything


def _set_unsupported(out: Route, http: HTTPRoute, scope: Scope) -> None:
    """Write an action that gRPC does not know: RPCs that take the route fail, and do not go where a later one leads."""
    if http.redirect is not None:
        set_redirect(out.redirect, http.redirect, scope.default_port)
    elif http.direct_response is not None:
        set_direct_response(out.direct_response, http.direct_response)


def _note(out: Route, path: str, match_path: str, scope: Scope) -> None:
    scope.note("", match_path)
    if out.HasField("redirect"):
        scope.note("redirect", f"{path}.redirect")
    if out.HasField("direct_response"):
        scope.note("direct_response", f"{path}.directResponse")
    if fault.FILTER in out.typed_per_filter_config:
        scope.note(f"typed_per_filter_config.{fault.FILTER}", f"{path}.fault")


def _impossible(match: HTTPMatchRequest) -> Iterator[tuple[str, str]]:
    """Yield the conditions that hold for no RPC of a gRPC client: field and reason.

    gRPC compares the path and the metadata of the application alone. It would skip a route with `queryParams`, never
    take one with pseudo-headers, and not even read a condition on what it does not know (tokens).
    """
    valued = [name for name, value in match.without_headers.items() if not is_presence(value)]
    if len(valued) > _MOST_VALUES:
        yield "withoutHeaders", f"gRPC clients would need {2 ** len(valued)} routes for {len(valued)} values"
    if match.uri is not None and not _names_rpcs(match.uri):
        yield "uri", "RPCs of gRPC clients have paths such as /package.Service/Method"
    if match.method is not None and not _holds(match.method, _METHOD):
        yield "method", f"RPCs of gRPC clients have the method {_METHOD}"
    for field, set_ in (("scheme", match.scheme), ("authority", match.authority), ("queryParams", match.query_params)):
        if set_:
            yield field, f"gRPC clients do not see {field}"
    for field, names in (("headers", match.headers), ("withoutHeaders", match.without_headers)):
        for name in sorted(names):
            if claim_path(name) is not None:
                yield field, f"gRPC clients do not see {name}"
            elif field == "headers" and name.lower().endswith("-bin"):
                yield field, f"gRPC clients do not match on binary metadata such as {name}"


def _visible(match: HTTPMatchRequest) -> HTTPMatchRequest:
    """Return a possible match as gRPC is to compare it: metadata keys are in lower case, the method is settled."""
    return replace(
        match,
        method=None,
        headers={name.lower(): value for name, value in match.headers.items()},
        without_headers={
            name.lower(): value for name, value in match.without_headers.items() if not name.lower().endswith("-bin")
        },
    )


def _variants(match: HTTPMatchRequest) -> Iterator[HTTPMatchRequest]:
    """Yield the matches that together say that some headers do not have some values.

    To gRPC an inverted match on a value means "it is there, and differs", so that a header that is missing is a case of
    its own.
    """
    valued = [name for name in sorted(match.without_headers) if not is_presence(match.without_headers[name])]
    for count in range(len(valued) + 1):
        for missing in combinations(valued, count):
            yield replace(match, without_headers={**match.without_headers, **dict.fromkeys(missing, StringMatch())})


def _names_rpcs(uri: StringMatch) -> bool:
    """Whether some RPC may have such a path. gRPC skips a route without a word whose path cannot be one's."""
    if uri.exact is not None:
        parts = uri.exact.split("/")
        return len(parts) == _PATH_PARTS + 1 and not parts[0] and all(parts[1:])
    if not uri.prefix or uri.regex is not None:
        return True
    parts = uri.prefix.split("/")
    if parts[0] or len(parts) > _PATH_PARTS + 1:
        return False
    return len(parts) <= _PATH_PARTS or bool(parts[1])


def _holds(match: StringMatch, value: str) -> bool:
    if is_presence(match):
        return True
    if match.regex is not None:
        return re2.fullmatch(match.regex, value) is not None
    return match.exact == value if match.exact is not None else value.startswith(match.prefix or "")
