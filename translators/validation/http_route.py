"""Rules for one entry of `spec.http` of a VirtualService: what goes with what, and destinations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from translators.validation.destinations import check_destination, check_weights
from translators.validation.findings import quote
from translators.validation.http_actions import check_direct_response, check_redirect, check_rewrite
from translators.validation.http_headers import check_headers
from translators.validation.http_match import check_match
from translators.validation.http_policies import check_cors, check_fault, check_retries
from translators.validation.names import is_object_name
from translators.validation.values import check_duration, check_fraction, check_percent

if TYPE_CHECKING:
    from translators.model.virtual_service import HTTPRoute
    from translators.validation.findings import Findings


def check_http_route(found: Findings, path: str, route: HTTPRoute, *, on_gateway: bool, delegate: bool) -> None:
    """Check one HTTP route. `on_gateway`: the VirtualService applies to some gateway; `delegate`: it has no hosts."""
    for index, match in enumerate(route.match):
        check_match(found, f"{path}.match[{index}]", match, on_gateway=on_gateway)
    if route.delegate is not None:
        _check_delegation(found, path, route, delegate=delegate)
    else:
        _check_action(found, path, route)
    check_weights(found, f"{path}.route", route.route)
    authority = _authority_sources(path, route)
    for index, destination in enumerate(route.route):
        check_headers(found, f"{path}.route[{index}].headers", destination.headers)
    check_headers(found, f"{path}.headers", route.headers)
    if len(authority) > 1:
        found.add(
            "PF0452",
            authority[1],
            f"the authority is set by {authority[0]} already",
            "keep one of rewrite.authority and headers.request.set",
        )
    if route.redirect is not None:
        check_redirect(found, f"{path}.redirect", route.redirect)
        by_prefix = all(match.uri is not None and match.uri.prefix is not None for match in route.match)
        if route.redirect.prefix_rewrite and not (route.match and by_prefix):
            found.add(
                "PF0455",
                f"{path}.redirect.prefixRewrite",
                "prefixRewrite needs a prefix to replace: each match must have a uri.prefix",
                "match by uri.prefix, or redirect to a uri",
            )
    if route.direct_response is not None:
        check_direct_response(found, f"{path}.directResponse", route.direct_response)
    if route.rewrite is not None:
        check_rewrite(found, f"{path}.rewrite", route.rewrite)
    if route.retries is not None:
        check_retries(found, f"{path}.retries", route.retries)
    if route.fault is not None:
        check_fault(found, f"{path}.fault", route.fault)
    if route.cors_policy is not None:
        check_cors(found, f"{path}.corsPolicy", route.cors_policy)
    check_duration(found, "PF0443", f"{path}.timeout", route.timeout, zero=True, what="timeout")
    _check_mirrors(found, path, route)


def _check_action(found: Findings, path: str, route: HTTPRoute) -> None:
    """A route does one of: send on, redirect, answer (reference 4, "exactly one of")."""
    given = {
        "redirect": route.redirect is not None,
        "directResponse": route.direct_response is not None,
        "route": bool(route.route),
    }
    main = next((name for name, present in given.items() if present), None)
    if main is None:
        found.add(
            "PF0410",
            path,
            "the route says nothing of what to do with a request",
            "add route, redirect, directResponse or delegate",
        )
        return
    others = [name for name, present in given.items() if present and name != main]
    if main != "route":
        others += [name for name, value in (("fault", route.fault), ("rewrite", route.rewrite)) if value is not None]
    for other in others:
        found.add("PF0411", f"{path}.{other}", f"{other} does not go with {main}", f"keep either {main} or {other}")


def _check_delegation(found: Findings, path: str, route: HTTPRoute, *, delegate: bool) -> None:
    target = route.delegate
    if target is None:
        return
    if delegate:
        found.add(
            "PF0413",
            f"{path}.delegate",
            "a VirtualService without hosts is itself a delegate and cannot delegate further",
            "name the second VirtualService in the first one",
        )
    if not is_object_name(target.name):
        what = (
            f"{quote(target.name)} is not the name of a VirtualService" if target.name else "the delegate has no name"
        )
        found.add("PF0413", f"{path}.delegate.name", what, "write the name of a VirtualService without hosts")
    if target.namespace and not is_object_name(target.namespace):
        found.add(
            "PF0413", f"{path}.delegate.namespace", f"{quote(target.namespace)} is not a namespace", "write a namespace"
        )
    for name, value in (
        ("route", route.route),
        ("redirect", route.redirect),
        ("directResponse", route.direct_response),
    ):
        if value:
            found.add(
                "PF0412",
                f"{path}.{name}",
                f"{name} does not go with delegate",
                f"move {name} into the VirtualService that is delegated to",
            )


def _authority_sources(path: str, route: HTTPRoute) -> list[str]:
    """Return the paths of the fields of the route itself that set the authority of a request."""
    out = [f"{path}.rewrite.authority"] if route.rewrite is not None and route.rewrite.authority else []
    request = route.headers.request if route.headers is not None else None
    if request is not None:
        for operation, headers in (("set", request.set), ("add", request.add)):
            out += [f"{path}.headers.request.{operation}" for name in headers if name.lower() in {"host", ":authority"}]
    return out


def _check_mirrors(found: Findings, path: str, route: HTTPRoute) -> None:
    if route.mirror is not None:
        check_destination(found, f"{path}.mirror", route.mirror)
        if route.mirrors:
            found.add("PF0453", f"{path}.mirrors", "mirrors does not go with mirror", "move mirror into mirrors")
    for index, mirror in enumerate(route.mirrors):
        check_destination(found, f"{path}.mirrors[{index}].destination", mirror.destination)
        if mirror.percentage is not None:
            check_fraction(found, "PF0449", f"{path}.mirrors[{index}].percentage.value", mirror.percentage.value)
    check_percent(found, "PF0449", f"{path}.mirrorPercent", route.mirror_percent)
    if route.mirror_percentage is not None:
        check_fraction(found, "PF0449", f"{path}.mirrorPercentage.value", route.mirror_percentage.value)
    for name, value in (("mirrorPercent", route.mirror_percent), ("mirrorPercentage", route.mirror_percentage)):
        if value is not None and route.mirror is None:
            found.add("PF0454", f"{path}.{name}", f"{name} has no effect without mirror", "add mirror, or remove it")
