"""RedirectAction (reference 1.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from envoy.config.route.v3.route_components_pb2 import RedirectAction

if TYPE_CHECKING:
    from translators.model.virtual_service import HTTPRedirect

CODES: Final = {
    0: RedirectAction.MOVED_PERMANENTLY,
    301: RedirectAction.MOVED_PERMANENTLY,
    302: RedirectAction.FOUND,
    303: RedirectAction.SEE_OTHER,
    307: RedirectAction.TEMPORARY_REDIRECT,
    308: RedirectAction.PERMANENT_REDIRECT,
}
"""The statuses that Envoy has; validation refuses others."""

_USUAL: Final = {("http", 80), ("https", 443)}


def set_redirect(out: RedirectAction, redirect: HTTPRedirect, port: int) -> None:
    """Write a redirect; what it does not name stays as in the request.

    `port` is the server's: it stands for the request's port, which Envoy cannot look up. A port that is usual for the
    scheme (http unless the rule says otherwise) is not written into the location.
    """
    out.SetInParent()
    if redirect.authority:
        out.host_redirect = redirect.authority
    if redirect.uri:
        out.path_redirect = redirect.uri
    elif redirect.prefix_rewrite:
        out.prefix_rewrite = redirect.prefix_rewrite
    if redirect.scheme:
        out.scheme_redirect = redirect.scheme
    number = redirect.port or (port if redirect.derive_port == "FROM_REQUEST_PORT" else 0)
    if number and (redirect.scheme or "http", number) not in _USUAL:
        out.port_redirect = number
    out.response_code = CODES[redirect.redirect_code]
