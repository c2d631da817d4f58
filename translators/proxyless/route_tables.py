"""The RouteConfiguration behind each port of a service (gRFC A28): routes of its VirtualService, or all to itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envoy.config.route.v3.route_pb2 import RouteConfiguration

from translators.model.codes import diagnose
from translators.model.meta import Value
from translators.model.origin import Origin
from translators.names import cluster_name
from translators.proxyless.action import set_action, set_default
from translators.proxyless.names import dialled_ports
from translators.proxyless.remarks import OF_GRPC, may_carry_rpcs
from translators.proxyless.route import matches_of, set_route
from translators.recorder import SILENT, Recorder
from translators.resources import CLUSTER, ROUTE, Resource
from translators.routes.outline import MESH
from translators.routes.route import has_action
from translators.routes.route_list import route_metadata
from translators.routes.scope import Reached, Scope, Target, hash_of
from translators.services.destination import Destination

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from envoy.config.route.v3.route_components_pb2 import VirtualHost

    from translators.destination_rules import MergedRule
    from translators.model.meta import ObjectKey
    from translators.model.origin import Diagnostic
    from translators.model.service import Service, ServicePort
    from translators.model.virtual_service import HTTPMatchRequest, HTTPRetry, VirtualService
    from translators.routes.outline import Outline, PlannedRoute


class RouteTables(Value, frozen=True, kw_only=True):
    """The route configurations of one service."""

    resources: tuple[Resource, ...]
    """One for each port that may be dialled, in the service's order."""
    destinations: Mapping[str, Destination]
    """What their routes reach and what exists, by cluster name."""
    diagnostics: tuple[Diagnostic, ...]


def route_tables(
    service: Service,
    rule: MergedRule | None,
    virtual_service: VirtualService | None,
    plan: Outline | None,
    left_out: str,
    mesh_retries: HTTPRetry | None,
    *targets: str | Service | MergedRule | None,
    recorder: Recorder,
) -> RouteTables:
    """Memoised step: build the routes of each port of a service.

    `rule` is the service's, `virtual_service` the one that holds for it on the mesh, `left_out` what
    `Outline.left_out` returned. `targets` are as in `routes.route_list`.
    """
    table = {
        destination: Target(*targets[4 * i : 4 * i + 4])  # type: ignore[arg-type] # four by four, as the docstring says
        for i, destination in enumerate(plan.destinations if plan is not None else ())
    }
    resources: list[Resource] = []
    destinations: dict[str, Destination] = {}
    diagnostics: dict[Diagnostic, None] = {}
    for port in dialled_ports(service).values():
        config = _configuration(service, port)
        host = config.virtual_hosts[0]
        noted = Recorder() if recorder.active else SILENT
        noted.note("", Origin(service.origin))
        if virtual_service is not None and may_carry_rpcs(port):
            diagnostics |= dict.fromkeys(_opaque(virtual_service))
        if virtual_service is not None and plan is not None and virtual_service.spec.http:
            scope = Scope(virtual_service.key, port.number, table, SILENT)
            scope.diagnostics += plan.diagnostics
            _fill(host, plan, left_out, mesh_retries, scope, noted)
            clusters = dict(scope.clusters())
            origins = (service.origin, *scope.origins)
            said = scope.diagnostics
            diagnostics |= dict.fromkeys(d for d in said if d.code not in OF_GRPC or may_carry_rpcs(port))
        else:
            reached = _itself(service, port, rule)
            set_default(host.routes.add(), reached, mesh_retries)
            clusters = {reached.cluster: reached.destination}
            origins = (service.origin,) if reached.hash_origin is None else (service.origin, reached.hash_origin.key)
        destinations |= {name: destination for name, destination in clusters.items() if destination is not None}
        resources.append(_resource(config, origins, clusters, noted))
    return RouteTables(resources=tuple(resources), destinations=destinations, diagnostics=tuple(diagnostics))


def _opaque(service: VirtualService) -> Iterator[Diagnostic]:
    """Yield what there is to say about routes of connections, which RPCs do not take."""
    for kind in ("tls", "tcp"):
        if getattr(service.spec, kind):
            message = f"gRPC clients ignore {kind} routes: RPCs take the http routes alone"
            yield diagnose("PF0491", message, Origin(service.key, f"spec.{kind}"))


def _configuration(service: Service, port: ServicePort) -> RouteConfiguration:
    """Begin a configuration with one virtual host: it is a listener's own, so that every name dialled may be its."""
    config = RouteConfiguration(name=cluster_name(port.number, "", service.hostname))
    config.virtual_hosts.add(name=f"{service.hostname}:{port.number}", domains=["*"])
    return config


def _itself(service: Service, port: ServicePort, rule: MergedRule | None) -> Reached:
    destination = Destination(service=service, port=port)
    return Reached(destination.cluster_name, destination, *hash_of(rule, port, ""), None)


def _resource(
    config: RouteConfiguration, origins: Iterable[ObjectKey], clusters: Iterable[str], noted: Recorder
) -> Resource:
    return Resource(
        ROUTE,
        config.name,
        config.SerializeToString(deterministic=True),
        tuple(dict.fromkeys(origins)),
        refs=tuple((CLUSTER, cluster) for cluster in sorted(clusters)),
        notes=noted.notes(),
    )


def _fill(
    host: VirtualHost,
    plan: Outline,
    left_out: str,
    mesh_retries: HTTPRetry | None,
    scope: Scope,
    noted: Recorder,
) -> None:
    """Write a route for each match block that gRPC can match, up to one that takes every RPC."""
    metadata = route_metadata(scope.key)
    for planned, block, match_path in _blocks(plan, left_out, scope):
        http, path = planned.http, planned.origin.path
        for match in matches_of(block, match_path, scope):
            scope.enter(planned, Recorder() if noted is not SILENT else SILENT)
            route = host.routes.add()
            route.metadata.MergeFromString(metadata)
            everything = set_route(route, http, match, (path, match_path), scope)
            if http.route:
                set_action(route.route, http, path, scope, mesh_retries)
            noted.include(f"virtual_hosts[0].routes[{len(host.routes) - 1}]", scope.recorder.notes())
            if everything:
                return


def _blocks(plan: Outline, left_out: str, scope: Scope) -> Iterator[tuple[PlannedRoute, HTTPMatchRequest | None, str]]:
    """Yield what may become a route: HTTP route, match block, and the path of the block, or of a route without one."""
    without = frozenset(left_out.split(",")) if left_out else frozenset()
    for i, planned in enumerate(plan.routes):
        http, path = planned.http, planned.origin.path
        scope.enter(planned, SILENT)
        if not has_action(http):
            continue
        if not http.match:
            yield planned, None, path
        for j, match in enumerate(http.match):
            if (match.port and match.port != scope.default_port) or f"{i}.{j}" in without:
                continue
            if not match.gateways or MESH in match.gateways:
                yield planned, match, f"{path}.match[{j}]"
