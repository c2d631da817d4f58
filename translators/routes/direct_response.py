"""DirectResponseAction (reference 1.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envoy.config.route.v3.route_components_pb2 import DirectResponseAction

    from translators.model.virtual_service import HTTPDirectResponse


def set_direct_response(out: DirectResponseAction, response: HTTPDirectResponse) -> None:
    """Write an answer that the proxy gives by itself: a status and, if there is one, a body."""
    out.status = response.status
    if response.body is None:
        return
    if response.body.bytes is not None:
        out.body.inline_bytes = response.body.bytes
    elif response.body.string is not None:
        out.body.inline_string = response.body.string
