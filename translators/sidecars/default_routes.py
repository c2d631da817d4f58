"""Routes that no VirtualService asks for: to a service as it is, and for hosts that no service has (reference 2.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from envoy.config.route.v3.route_components_pb2 import Route

from translators.model.common import PortSelector
from translators.model.origin import Origin
from translators.model.virtual_service import Destination as HostAndPort
from translators.model.virtual_service import HTTPRoute, HTTPRouteDestination
from translators.recorder import SILENT, Recorder
from translators.resources import length_delimited
from translators.routes.route import build_route
from translators.routes.route_list import RouteList
from translators.routes.scope import Scope, Target
from translators.routes.virtual_host import virtual_host
from translators.sidecars.domains import domains_of
from translators.sidecars.fixed_clusters import BLACK_HOLE, BLACK_HOLE_KEY, PASSTHROUGH_KEY

if TYPE_CHECKING:
    from translators.destination_rules import MergedRule
    from translators.model.meta import ObjectKey
    from translators.model.service import Service, ServicePort
    from translators.model.virtual_service import HTTPRetry
    from translators.routes.virtual_host import VirtualHostFragment
    from translators.services import Destination

_ROUTES: Final = 3
"""The field number of VirtualHost.routes."""
_BAD_GATEWAY: Final = 502

ALLOW_ANY: Final = "allow_any"
BLOCK_ALL: Final = "block_all"


def service_routes(
    service: Service, port: ServicePort, rule: MergedRule | None, mesh_retries: HTTPRetry | None, *, recorder: Recorder
) -> RouteList:
    """Memoised step: the route `default`, which sends everything to a port of a service."""
    host = service.hostname
    scope = Scope(service.origin, port.number, {(service.origin.namespace, host): Target(host, service, rule)}, SILENT)
    destination = HostAndPort(host=host, port=PortSelector(number=port.number))
    http = HTTPRoute(name="default", route=(HTTPRouteDestination(destination=destination),))
    route, _ = build_route(http, None, ("", ""), scope, metadata=b"", mesh_retries=mesh_retries)
    if recorder.active:
        recorder.note("", Origin(service.origin))
        if rule is not None and rule.policy_origin is not None and route.route.hash_policy:
            recorder.note("route.hash_policy", rule.policy_origin)
    return _list(
        service.origin,
        route,
        scope.clusters(),
        origins=tuple(scope.origins),
        recorder=recorder,
    )


def default_host(
    service: Service,
    port: ServicePort,
    rule: MergedRule | None,
    mesh_retries: HTTPRetry | None,
    dns_domain: str,
    *aliases: Service,
    recorder: Recorder,
) -> VirtualHostFragment:
    """Memoised step: the whole virtual host of a service without a VirtualService, which is what most services are: one
    step in place of three. `dns_domain` is the client's, as `seen_from` reduces it.
    """
    names = domains_of(service, dns_domain, *aliases, recorder=recorder)
    parts = Recorder() if recorder.active else recorder
    routes = service_routes(service, port, rule, mesh_retries, recorder=parts)
    return virtual_host(f"{service.hostname}:{port.number}", " ".join(names), None, routes, recorder=recorder)


def named_by_service(service: Service, *, recorder: Recorder) -> RouteList:
    """Memoised step: no routes; it says that the domains of a virtual host come from a service, whose routes come from
    a VirtualService.
    """
    del recorder
    return RouteList(
        key=service.origin,
        body=b"",
        count=0,
        catch_all=b"",
        catch_all_origin=Origin(service.origin),
        clusters=(),
        origins=(service.origin,),
        diagnostics=(),
        notes=(),
    )


def elsewhere_routes(
    cluster: str, destination: Destination | None, origin: Origin | None, *, recorder: Recorder
) -> RouteList:
    """Memoised step: what happens to requests for hosts that no service has: they go to `cluster`, or are answered 502
    if that is the BlackHoleCluster. `origin` is the field that says so; None if nobody said anything.
    """
    route = Route()
    route.match.prefix = "/"
    if cluster == BLACK_HOLE:
        route.name = BLOCK_ALL
        route.direct_response.status = _BAD_GATEWAY
        key = BLACK_HOLE_KEY
        clusters: tuple[tuple[str, Destination | None], ...] = ()
    else:
        route.name = ALLOW_ANY
        route.route.cluster = cluster
        route.route.timeout.SetInParent()
        route.route.max_grpc_timeout.SetInParent()
        key = PASSTHROUGH_KEY
        clusters = ((cluster, destination),)
    if recorder.active and origin is not None:
        recorder.note("", origin)
    return _list(key if origin is None else origin.key, route, clusters, origins=(), recorder=recorder)


def _list(
    key: ObjectKey,
    route: Route,
    clusters: tuple[tuple[str, Destination | None], ...],
    *,
    origins: tuple[ObjectKey, ...],
    recorder: Recorder,
) -> RouteList:
    return RouteList(
        key=key,
        body=b"",
        count=0,
        catch_all=length_delimited(_ROUTES, route.SerializeToString(deterministic=True)),
        catch_all_origin=Origin(key),
        clusters=clusters,
        origins=origins or (key,),
        diagnostics=(),
        notes=(recorder.notes(),),
    )
