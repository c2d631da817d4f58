"""Delegation: HTTP routes of a VirtualService without hosts take the place of a route that names it (reference 3.6).

One level only. A delegate's match must lie within one of the delegating route's, and what a delegate's route does not
say it takes from that one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from translators.hosts import fully_qualified, gateway_reference
from translators.model.codes import diagnose
from translators.model.common import StringMatch
from translators.model.meta import ObjectKey
from translators.model.origin import Origin
from translators.model.virtual_service import VirtualService
from translators.routes.outline import MESH, PlannedRoute, outline, outline_of
from translators.services.exports import is_visible, resolved_export_to

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from translators.memo import Steps
    from translators.model.origin import Diagnostic
    from translators.model.virtual_service import Destination, HTTPMatchRequest, HTTPRoute
    from translators.model.world import World
    from translators.recorder import Recorder
    from translators.routes.outline import Outline

_INHERITED: Final = (
    ("rewrite", "rewrite"),
    ("timeout", "timeout"),
    ("retries", "retries"),
    ("fault", "fault"),
    ("mirror", "mirror"),
    ("mirror_percent", "mirrorPercent"),
    ("mirror_percentage", "mirrorPercentage"),
    ("mirrors", "mirrors"),
    ("cors_policy", "corsPolicy"),
    ("headers", "headers"),
)
"""Our name and Istio's of what a delegate's route takes from the one that delegates, unless it says so itself."""

_SIMPLE: Final = (
    ("uri", "uri"),
    ("scheme", "scheme"),
    ("method", "method"),
    ("authority", "authority"),
    ("port", "port"),
    ("source_namespace", "sourceNamespace"),
    ("gateways", "gateways"),
    ("stat_prefix", "statPrefix"),
)
_MAPS: Final = (
    ("headers", "headers"),
    ("without_headers", "withoutHeaders"),
    ("query_params", "queryParams"),
    ("source_labels", "sourceLabels"),
)
"""Our name and Istio's of the conditions of a match: what a delegate's match does not say is added to it."""


def full_outline(world: World, service: VirtualService, steps: Steps) -> Outline:
    """Return the outline of a VirtualService, with the routes of its delegates in their places."""
    plan = steps.step(outline, service, world.cluster_domain)
    if not plan.delegates:
        return plan
    found = [world.get(ObjectKey(VirtualService.KIND, namespace, name)) for namespace, name in plan.delegates]
    default = world.mesh.default_virtual_service_export_to
    return steps.step(_expanded, service, world.cluster_domain, default, *found)


def _expanded(
    service: VirtualService,
    cluster_domain: str,
    default_export_to: tuple[str, ...],
    *found: VirtualService | None,
    recorder: Recorder,
) -> Outline:
    """Memoised step: put the routes of delegates in their places. `found` are the VirtualServices that the outline's
    `delegates` name, in that order; None for one that does not exist.
    """
    del recorder
    key, namespace = service.key, service.metadata.namespace
    by_name = {delegate.key: delegate for delegate in found if delegate is not None}
    routes: list[PlannedRoute] = []
    diagnostics: list[Diagnostic] = []
    for i, http in enumerate(service.spec.http):
        where = Origin(key, f"spec.http[{i}]")
        if http.delegate is None:
            routes.append(PlannedRoute(http=http, origin=where))
            continue
        name = ObjectKey(VirtualService.KIND, http.delegate.namespace or namespace, http.delegate.name)
        delegate = by_name.get(name)
        if problem := _problem(name, delegate, namespace, default_export_to):
            hint = "requests that match this route go on to the next one"
            diagnostics.append(diagnose("PF0706", problem, Origin(key, f"{where.path}.delegate"), hint=hint))
        elif delegate is not None:
            for j, inner in enumerate(delegate.spec.http):
                there = Origin(delegate.key, f"spec.http[{j}]")
                merged = _merged(http, inner, where, there, cluster_domain)
                if merged is None:
                    diagnostics.append(
                        diagnose(
                            "PF0484",
                            f"a match of this route lies within no match of {where}, so the route is left out",
                            Origin(there.key, f"{there.path}.match"),
                            hint="a delegate can only narrow a match: a prefix or exact text within a prefix, no regex",
                        )
                    )
                elif inner.delegate is None:
                    routes.append(merged)
    return outline_of(service, cluster_domain, tuple(routes), tuple(diagnostics))


def _problem(
    name: ObjectKey, delegate: VirtualService | None, namespace: str, default_export_to: tuple[str, ...]
) -> str:
    """Say why a delegate cannot be used; empty if it can."""
    if delegate is None:
        return f"there is no {name}, so this route is left out"
    if delegate.spec.hosts:
        return f"{name} has hosts, so it is no delegate, and this route is left out"
    export_to = resolved_export_to(delegate.spec.export_to, default_export_to, delegate.metadata.namespace)
    if not is_visible(export_to, namespace):
        return f"{name} is not exported to namespace {namespace}, so this route is left out"
    return ""


def _merged(
    outer: HTTPRoute, inner: HTTPRoute, where: Origin, there: Origin, cluster_domain: str
) -> PlannedRoute | None:
    """Return the route of a delegate (`inner`, at `there`) as the route that delegates (`outer`) makes it; None if no
    match is left.
    """
    inherited: list[tuple[str, Origin]] = []
    match = _matches(outer, inner, where, there, inherited)
    if match is None:
        return None
    changes: dict[str, object] = {"match": match, "name": "-".join(n for n in (outer.name, inner.name) if n)}
    if outer.name and not inner.name:
        inherited.append((f"{there.path}.name", Origin(where.key, f"{where.path}.name")))
    outer = _with_full_hosts(outer, where.key.namespace, cluster_domain)
    answers = inner.redirect is not None or inner.direct_response is not None
    for ours, istios in _INHERITED:
        value = getattr(outer, ours)
        # An answer has no place for these: validation refuses the two together.
        if value and not getattr(inner, ours) and not (answers and ours in {"rewrite", "fault"}):
            changes[ours] = value
            inherited.append((f"{there.path}.{istios}", Origin(where.key, f"{where.path}.{istios}")))
    http = msgspec.structs.replace(inner, **changes)
    return PlannedRoute(http=http, origin=there, inherited=tuple(inherited), delegated_by=where)


def _with_full_hosts(http: HTTPRoute, namespace: str, cluster_domain: str) -> HTTPRoute:
    """Return a route whose mirrors are named in full, since its delegate may be of another namespace."""

    def full(destination: Destination) -> Destination:
        host = fully_qualified(destination.host, namespace, cluster_domain)
        return msgspec.structs.replace(destination, host=host)

    if http.mirror is not None:
        http = msgspec.structs.replace(http, mirror=full(http.mirror))
    mirrors = tuple(
        mirror if mirror.destination is None else msgspec.structs.replace(mirror, destination=full(mirror.destination))
        for mirror in http.mirrors
    )
    return msgspec.structs.replace(http, mirrors=mirrors) if mirrors else http


def _matches(
    outer: HTTPRoute, inner: HTTPRoute, where: Origin, there: Origin, inherited: list[tuple[str, Origin]]
) -> tuple[HTTPMatchRequest, ...] | None:
    """Return each match of the delegate's route narrowed by each of the delegating route's that it lies within; None if
    one of them lies within none (Istio drops the whole route then). Without matches on one side the other's hold.
    """
    wides = [(_absolute(m, where), Origin(where.key, f"{where.path}.match[{i}]")) for i, m in enumerate(outer.match)]
    narrows = [(_absolute(m, there), Origin(there.key, f"{there.path}.match[{i}]")) for i, m in enumerate(inner.match)]
    if not wides or not narrows:
        either = wides or narrows
        inherited += [(f"{there.path}.match[{n}]", origin) for n, (_, origin) in enumerate(either)]
        return tuple(match for match, _ in either)
    found: list[HTTPMatchRequest] = []
    for narrow, narrow_origin in narrows:
        within = [(wide, origin) for wide, origin in wides if not _conflict(wide, narrow)]
        if not within:
            return None
        for wide, wide_origin in within:
            path = f"{there.path}.match[{len(found)}]"
            inherited += [(f"{path}.{part}", _below(wide_origin, part)) for part in _added(wide, narrow)]
            inherited.append((path, narrow_origin))
            found.append(_narrowed(wide, narrow))
    return tuple(found)


def _below(origin: Origin, part: str) -> Origin:
    return Origin(origin.key, f"{origin.path}.{part}")


def _absolute(match: HTTPMatchRequest, where: Origin) -> HTTPMatchRequest:
    """Return a match whose gateways are named in full, since the two VirtualServices may be of different namespaces."""
    if not match.gateways:
        return match
    names = tuple(g if g == MESH else gateway_reference(g, where.key.namespace) for g in match.gateways)
    return msgspec.structs.replace(match, gateways=names)


def _added(wide: HTTPMatchRequest, narrow: HTTPMatchRequest) -> Iterator[str]:
    """Yield the fields, as paths, that a narrowed match has from the wide one."""
    yield from (istios for ours, istios in _SIMPLE if getattr(wide, ours) and not getattr(narrow, ours))
    if wide.ignore_uri_case and narrow.uri is None:
        yield "ignoreUriCase"
    for ours, istios in _MAPS:
        yield from (f"{istios}.{name}" for name in getattr(wide, ours) if name not in getattr(narrow, ours))


def _narrowed(wide: HTTPMatchRequest, narrow: HTTPMatchRequest) -> HTTPMatchRequest:
    """Return a match with the conditions of both."""
    changes: dict[str, object] = {"name": "-".join(n for n in (wide.name, narrow.name) if n)}
    changes.update((ours, getattr(narrow, ours) or getattr(wide, ours)) for ours, _ in _SIMPLE)
    changes.update((ours, {**getattr(wide, ours), **getattr(narrow, ours)}) for ours, _ in _MAPS)
    changes["ignore_uri_case"] = narrow.ignore_uri_case if narrow.uri is not None else wide.ignore_uri_case
    return msgspec.structs.replace(narrow, **changes)


def _conflict(wide: HTTPMatchRequest, narrow: HTTPMatchRequest) -> bool:
    """Whether a delegate's match does not lie within the delegating route's."""
    pairs = [(wide.uri, narrow.uri), (wide.scheme, narrow.scheme), (wide.method, narrow.method)]
    pairs += [(wide.authority, narrow.authority), *_same_keys(wide.headers, narrow.headers)]
    pairs += _same_keys(wide.without_headers, narrow.without_headers)
    pairs += _same_keys(wide.query_params, narrow.query_params)
    if any(_outside(one, other) for one, other in pairs):
        return True
    labels = wide.source_labels
    return any(
        (
            wide.uri is not None and narrow.uri is not None and wide.ignore_uri_case != narrow.ignore_uri_case,
            wide.port and narrow.port and wide.port != narrow.port,
            wide.source_namespace and narrow.source_namespace and wide.source_namespace != narrow.source_namespace,
            any(labels.get(name, value) != value for name, value in narrow.source_labels.items()),
            wide.gateways and not set(narrow.gateways) <= set(wide.gateways),
        )
    )


def _same_keys(
    wide: Mapping[str, StringMatch], narrow: Mapping[str, StringMatch]
) -> Iterator[tuple[StringMatch | None, StringMatch | None]]:
    return ((wide.get(name), value) for name, value in narrow.items())


def _outside(wide: StringMatch | None, narrow: StringMatch | None) -> bool:
    """Whether what `narrow` matches is not part of what `wide` does. Regular expressions are never compared."""
    if wide is None or narrow is None or wide == StringMatch():
        return False
    if wide.regex is not None or narrow.regex is not None:
        return True
    if wide.exact is not None:
        return narrow.exact != wide.exact
    text = narrow.exact if narrow.exact is not None else narrow.prefix
    return text is None or not text.startswith(wide.prefix or "")
