"""RouteMatch from one match block of a VirtualService (reference 1.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from translators.messages import is_presence, set_string_match
from translators.routes.claims import claim_path, set_claim_match

if TYPE_CHECKING:
    from envoy.config.route.v3.route_components_pb2 import HeaderMatcher, RouteMatch

    from translators.model.common import StringMatch
    from translators.model.virtual_service import HTTPMatchRequest
    from translators.routes.scope import Scope


class Matched(NamedTuple):
    """What the rest of the route wants to know of its match."""

    where: str
    """The path as traces show it: `/api*` for a prefix."""
    everything: bool
    """Whether nothing gets past this match: the prefix `/` and no other condition."""


_EVERYTHING: Final = Matched("/*", everything=True)


def set_match(out: RouteMatch, match: HTTPMatchRequest | None, path: str, scope: Scope) -> Matched:
    """Write the conditions of a match block; no block matches every request.

    `uri.prefix` is a plain string prefix: `/foo` matches `/foobar` (reference 10, surprise 5). Port, gateways and
    source conditions are settled at build time and not here.
    """
    if match is None:
        out.prefix = "/"
        return _EVERYTHING
    where = _set_path(out, match.uri)
    # Always written, so that it does not depend on Envoy's default.
    out.case_sensitive.value = not match.ignore_uri_case
    if match.headers or match.without_headers:
        _set_headers(out, match, path, scope)
    for name, value in ((":method", match.method), (":authority", match.authority), (":scheme", match.scheme)):
        if value is not None:
            _set_header(out.headers.add(), name, value)
    for name in sorted(match.query_params):
        _set_parameter(out, name, match.query_params[name])
    if scope.recorder.active:
        _note(out, match, path, scope)
    conditions = (match.headers, match.without_headers, match.method, match.authority, match.scheme, match.query_params)
    return Matched(where, where == "/*" and out.prefix == "/" and not any(conditions))


def _set_path(out: RouteMatch, uri: StringMatch | None) -> str:
    """Write the condition on the path; returns it as traces show it."""
    if uri is None:
        out.prefix = "/"
        return "/*"
    if uri.exact is not None:
        out.path = uri.exact
        return uri.exact
    if uri.regex is not None:
        out.safe_regex.regex = uri.regex
        return uri.regex
    out.prefix = uri.prefix or "/"
    return f"{out.prefix}*"


def _set_headers(out: RouteMatch, match: HTTPMatchRequest, path: str, scope: Scope) -> None:
    """Write `headers` and `withoutHeaders`, sorted by name; names of JWT claims become metadata matches."""
    conditions = [(name, False, value) for name, value in match.headers.items()]
    conditions += [(name, True, value) for name, value in match.without_headers.items()]
    for name, without, value in sorted(conditions, key=lambda c: c[:2]):
        claim = claim_path(name)
        if claim is not None:
            set_claim_match(out.dynamic_metadata.add(), claim, value, invert=without)
            field = "withoutHeaders" if without else "headers"
            scope.report(
                "PF0481",
                f"{name} is a JWT claim, and nothing checks tokens here yet: "
                f"this match {'always' if without else 'never'} holds",
                f"{path}.{field}",
                hint="RequestAuthentication is not translated in this version",
            )
            continue
        header = out.headers.add()
        _set_header(header, name, value)
        if without:
            header.invert_match = True
            if not is_presence(value):
                # Envoy does not match a missing header even when inverted, unless told to read it as empty.
                header.treat_missing_header_as_empty = True


def _set_header(out: HeaderMatcher, name: str, value: StringMatch) -> None:
    out.name = name
    if is_presence(value):
        out.present_match = True
    else:
        set_string_match(out.string_match, value)


def _set_parameter(out: RouteMatch, name: str, value: StringMatch) -> None:
    parameter = out.query_parameters.add()
    parameter.name = name
    if is_presence(value):
        parameter.present_match = True
    else:
        set_string_match(parameter.string_match, value)


def _note(out: RouteMatch, match: HTTPMatchRequest, path: str, scope: Scope) -> None:
    fields = {":method": "method", ":authority": "authority", ":scheme": "scheme"}
    if match.uri is not None:
        scope.note(f"match.{out.WhichOneof('path_specifier')}", f"{path}.uri")
    if match.ignore_uri_case:
        scope.note("match.case_sensitive", f"{path}.ignoreUriCase")
    for i, header in enumerate(out.headers):
        source = fields.get(header.name, f"{'withoutHeaders' if header.invert_match else 'headers'}.{header.name}")
        scope.note(f"match.headers[{i}]", f"{path}.{source}")
    for i, parameter in enumerate(out.query_parameters):
        scope.note(f"match.query_parameters[{i}]", f"{path}.queryParams.{parameter.name}")
    for i, _ in enumerate(out.dynamic_metadata):
        scope.note(f"match.dynamic_metadata[{i}]", path)
