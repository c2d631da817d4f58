"""Rules for what an HTTP route may do instead of sending a request on, or before that: redirect, answer, rewrite."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from translators.validation.findings import quote
from translators.validation.values import check_port, check_regex

if TYPE_CHECKING:
    from translators.model.virtual_service import HTTPDirectResponse, HTTPRedirect, HTTPRewrite
    from translators.validation.findings import Findings

LARGEST_BODY: Final = 1024 * 1024
"""The limit that our route configurations state (`max_direct_response_body_size_bytes`), as Istio's do."""
_BIG_BODY: Final = 100 * 1024
_ENVOY_REDIRECTS: Final = (301, 302, 303, 307, 308)


def check_redirect(found: Findings, path: str, redirect: HTTPRedirect) -> None:
    """Check a redirect (reference 1.2 and 4)."""
    path_or_host = redirect.uri or redirect.prefix_rewrite or redirect.authority
    if not (path_or_host or redirect.scheme or redirect.port is not None or redirect.derive_port):
        found.add("PF0432", path, "the redirect changes nothing", "add uri, prefixRewrite, authority, scheme or port")
    if redirect.uri and redirect.prefix_rewrite:
        found.add("PF0455", f"{path}.prefixRewrite", "prefixRewrite does not go with uri", "keep one of them")
    code = redirect.redirect_code
    if code and not 300 <= code <= 399:
        found.add("PF0433", f"{path}.redirectCode", f"{code} is not a redirect", f"write one of {_listed()}")
    elif code and code not in _ENVOY_REDIRECTS:
        found.add("PF0434", f"{path}.redirectCode", f"Envoy cannot answer {code}", f"write one of {_listed()}")
    if redirect.scheme and redirect.scheme not in {"http", "https"}:
        found.add("PF0435", f"{path}.scheme", f"{quote(redirect.scheme)} is not a scheme", 'write "http" or "https"')
    if redirect.port is not None:
        check_port(found, "PF0416", f"{path}.port", redirect.port)
        if redirect.derive_port:
            found.add("PF0436", f"{path}.derivePort", "derivePort does not go with port", "keep one of them")


def _listed() -> str:
    return ", ".join(map(str, _ENVOY_REDIRECTS))


def check_direct_response(found: Findings, path: str, response: HTTPDirectResponse) -> None:
    """Check an answer that the proxy gives by itself."""
    if not 200 <= response.status <= 599:
        found.add("PF0437", f"{path}.status", f"{response.status} is out of range", "write a status from 200 to 599")
    if response.body is None:
        return
    text, data = response.body.string, response.body.bytes
    if text is not None and data is not None:
        found.add("PF0438", f"{path}.body", "the body is given as string and as bytes", "keep one of them")
    size = len(text.encode()) if text is not None else len(data or b"")
    if size > LARGEST_BODY:
        found.add(
            "PF0438", f"{path}.body", f"the body has {size} bytes and at most {LARGEST_BODY} are allowed", "shorten it"
        )
    elif size > _BIG_BODY:
        found.add(
            "PF0439",
            f"{path}.body",
            f"the body has {size} bytes, which each proxy keeps in memory for each route",
            "serve it from a backend",
        )


def check_rewrite(found: Findings, path: str, rewrite: HTTPRewrite) -> None:
    """Check a rewrite of path or authority."""
    regex = rewrite.uri_regex_rewrite
    if not rewrite.uri and not rewrite.authority and regex is None:
        found.add("PF0430", path, "the rewrite changes nothing", "add uri, authority or uriRegexRewrite")
    if regex is None:
        return
    if rewrite.uri:
        found.add("PF0431", f"{path}.uriRegexRewrite", "uriRegexRewrite does not go with uri", "keep one of them")
    check_regex(found, f"{path}.uriRegexRewrite.match", regex.match)
    if not regex.rewrite:
        found.add("PF0430", f"{path}.uriRegexRewrite.rewrite", "there is nothing to rewrite to", "add rewrite")
