"""What a VirtualService says that must be known before its routes can be built: hosts, gateways, destinations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from translators.hosts import fully_qualified, gateway_reference
from translators.model.meta import Value
from translators.model.origin import Diagnostic, Origin

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from translators.model.proxy import ProxyView
    from translators.model.virtual_service import (
        HTTPMatchRequest,
        HTTPRoute,
        L4MatchAttributes,
        RouteDestination,
        TLSMatchAttributes,
        VirtualService,
    )
    from translators.recorder import Recorder

MESH = "mesh"
"""The reserved name in `gateways` that stands for all sidecars."""


Kind = Literal["http", "tls", "tcp"]
"""The lists of routes that a VirtualService has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCondition:
    """A match block that holds for some clients only: a proxy that is not such a client gets no route for it."""

    kind: Kind
    route: int
    match: int
    labels: tuple[tuple[str, str], ...]
    namespace: str

    def holds(self, view: ProxyView) -> bool:
        """Whether the proxy is such a client. A gateway is one by its own labels and namespace, as in Istio."""
        return self.namespace in {"", view.namespace} and view.selected_by(dict(self.labels))


class PlannedRoute(Value, frozen=True, kw_only=True):
    """An HTTP route as it will be translated: one of the VirtualService's, or of a delegate of it."""

    http: HTTPRoute
    origin: Origin
    """Where it stands."""
    inherited: tuple[tuple[str, Origin], ...] = ()
    """Of a delegate's route: the fields that are not where their path says, since they are the delegating route's."""
    delegated_by: Origin | None = None


class Outline(Value, frozen=True, kw_only=True):
    """The hosts, in full and in lower case, in the order in which the VirtualService has them."""

    hosts: tuple[str, ...]
    gateways: tuple[str, ...]
    """`namespace/name` of each Gateway, sorted; `mesh` is not among them."""
    routes: tuple[PlannedRoute, ...]
    """The HTTP routes, in order; those that delegate are not among them."""
    destinations: tuple[tuple[str, str], ...]
    """Each host that an HTTP route or a mirror sends to, as written, after the namespace that it is read in; sorted."""
    l4_destinations: tuple[tuple[str, str], ...]
    """The same of TLS and TCP routes."""
    delegates: tuple[tuple[str, str], ...]
    """Namespace and name of each VirtualService that a route delegates to, sorted; see `delegation.full_outline`."""
    matches_gateways: bool
    """Whether some match block names gateways, so that the routes depend on the gateway."""
    conditions: tuple[SourceCondition, ...]
    diagnostics: tuple[Diagnostic, ...] = ()

    def left_out(self, view: ProxyView, kind: Kind = "http") -> str:
        """Return the match blocks of one kind that a proxy gets no route for, as `0.1,2.0` (route, then match)."""
        return ",".join(f"{c.route}.{c.match}" for c in self.conditions if c.kind == kind and not c.holds(view))


def outline(service: VirtualService, cluster_domain: str, *, recorder: Recorder) -> Outline:
    """Memoised step: read a VirtualService once, without its delegates."""
    del recorder
    key = service.key
    routes = [
        PlannedRoute(http=http, origin=Origin(key, f"spec.http[{i}]"))
        for i, http in enumerate(service.spec.http)
        if http.delegate is None
    ]
    return outline_of(service, cluster_domain, tuple(routes), ())


def outline_of(
    service: VirtualService,
    cluster_domain: str,
    planned: tuple[PlannedRoute, ...],
    diagnostics: tuple[Diagnostic, ...],
) -> Outline:
    """Return the outline of a VirtualService whose HTTP routes are `planned`."""
    namespace = service.metadata.namespace
    spec = service.spec
    conditions: list[SourceCondition] = []
    destinations: set[tuple[str, str]] = set()
    matches_gateways = False
    for i, route in enumerate(planned):
        destinations.update(http_destinations(route))
        if route.http.match:
            matches_gateways |= _add_conditions(conditions, "http", i, route.http.match)
    for i, tls in enumerate(spec.tls):
        matches_gateways |= _add_conditions(conditions, "tls", i, tls.match)
    for i, tcp in enumerate(spec.tcp):
        matches_gateways |= _add_conditions(conditions, "tcp", i, tcp.match)
    l4: set[tuple[str, str]] = set()
    if spec.tls or spec.tcp:
        l4.update((namespace, d.destination.host) for d in l4_destinations(service) if d.destination is not None)
    delegates = {(h.delegate.namespace or namespace, h.delegate.name) for h in spec.http if h.delegate is not None}
    return Outline(
        hosts=tuple(dict.fromkeys([fully_qualified(h, namespace, cluster_domain).lower() for h in spec.hosts])),
        gateways=tuple(sorted({gateway_reference(g, namespace) for g in spec.gateways if g != MESH})),
        routes=planned,
        destinations=tuple(sorted(destinations)),
        l4_destinations=tuple(sorted(l4)),
        delegates=tuple(sorted(delegates)),
        matches_gateways=matches_gateways,
        conditions=tuple(conditions),
        diagnostics=diagnostics,
    )


def _add_conditions(
    conditions: list[SourceCondition],
    kind: Kind,
    route: int,
    matches: Sequence[HTTPMatchRequest | TLSMatchAttributes | L4MatchAttributes],
) -> bool:
    """Add the conditions on the source in the matches of a route; returns whether one of the matches names gateways."""
    names_gateways = False
    for i, match in enumerate(matches):
        if match.gateways:
            # They replace the conditions on the source, in Istio too (reference 10, surprise 10).
            names_gateways = True
        elif match.source_labels or match.source_namespace:
            labels, namespace = tuple(sorted(match.source_labels.items())), match.source_namespace
            conditions.append(SourceCondition(kind=kind, route=route, match=i, labels=labels, namespace=namespace))
    return names_gateways


def http_destinations(route: PlannedRoute) -> list[tuple[str, str]]:
    """Return each host that an HTTP route and its mirrors send to, as written, after the namespace it is read in."""
    http, namespace = route.http, route.origin.key.namespace
    found = [(namespace, d.destination.host) for d in http.route if d.destination is not None]
    if http.mirrors:
        found += [(namespace, d.destination.host) for d in http.mirrors if d.destination is not None]
    if http.mirror is not None:
        found.append((namespace, http.mirror.host))
    return found


def l4_destinations(service: VirtualService) -> Iterator[RouteDestination]:
    """Yield the destinations of TLS and TCP routes."""
    for tls in service.spec.tls:
        yield from tls.route
    for tcp in service.spec.tcp:
        yield from tcp.route
