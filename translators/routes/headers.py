"""Header rules: what to set, add and remove, on a route or on one weighted destination (reference 1.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envoy.config.core.v3.base_pb2 import HeaderValueOption

if TYPE_CHECKING:
    from collections.abc import Mapping

    from envoy.config.route.v3.route_components_pb2 import Route, WeightedCluster
    from google.protobuf.internal.containers import RepeatedCompositeFieldContainer

    from translators.model.virtual_service import HeaderOperations, Headers


def set_headers(out: Route | WeightedCluster.ClusterWeight, headers: Headers) -> str:
    """Write header rules, each list sorted by header name.

    Returns the authority that the rules ask for ("" if none): Envoy takes a request's `host` or `:authority` as a host
    rewrite, not as a header to add. Other names that begin with a colon cannot be changed and are left out, as in
    Istio; validation refuses them.
    """
    authority = ""
    if headers.request is not None:
        authority = _authority(headers.request)
        _add(out.request_headers_to_add, headers.request, request=True)
        out.request_headers_to_remove.extend(
            sorted(name for name in headers.request.remove if not _is_reserved(name, request=True))
        )
    if headers.response is not None:
        _add(out.response_headers_to_add, headers.response, request=False)
        out.response_headers_to_remove.extend(
            sorted(name for name in headers.response.remove if not _is_reserved(name, request=False))
        )
    return authority


def _authority(operations: HeaderOperations) -> str:
    """`set` wins over `add`."""
    for entries in (operations.set, operations.add):
        for name in sorted(entries):
            if name.lower() in {"host", ":authority"}:
                return entries[name]
    return ""


def _is_reserved(name: str, *, request: bool) -> bool:
    """Envoy refuses to add or remove pseudo-headers, and the host of a request."""
    return name.startswith(":") or (request and name.lower() == "host")


def _add(
    out: RepeatedCompositeFieldContainer[HeaderValueOption], operations: HeaderOperations, *, request: bool
) -> None:
    _append(out, operations.set, HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD, request=request)
    _append(out, operations.add, HeaderValueOption.APPEND_IF_EXISTS_OR_ADD, request=request)


def _append(
    out: RepeatedCompositeFieldContainer[HeaderValueOption],
    entries: Mapping[str, str],
    action: HeaderValueOption.HeaderAppendAction,
    *,
    request: bool,
) -> None:
    for name in sorted(entries):
        if not _is_reserved(name, request=request):
            option = out.add()
            option.header.key = name
            option.header.value = entries[name]
            option.append_action = action
