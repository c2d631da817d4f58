"""Patches to route configurations, virtual hosts and routes (reference 1.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envoy.config.route.v3.route_pb2 import RouteConfiguration

from translators.envoy_filters.editing import Edit, ListEdit
from translators.envoy_filters.merging import merge
from translators.envoy_filters.parsing import INSERTS, MERGES
from translators.envoy_filters.plan import Patched

if TYPE_CHECKING:
    from envoy.config.route.v3.route_components_pb2 import Route, VirtualHost

    from translators.envoy_filters.parsing import Patch
    from translators.envoy_filters.plan import Plan
    from translators.model.envoy_filter import PatchContext
    from translators.recorder import Recorder
    from translators.resources import Resource

_INBOUND = "inbound|"


def patched_route_configuration(resource: Resource, plan: Plan, *, recorder: Recorder) -> Patched:
    """Memoised step: apply to one route configuration what is meant for it."""
    routes = RouteConfiguration.FromString(resource.body)
    edit = Edit(resource.notes)
    patch_routes(routes, "", plan, plan.context(inbound=routes.name.startswith(_INBOUND)), edit)
    return Patched(
        resource=edit.finish(resource, routes, recording=recorder.active),
        applied=tuple(edit.applied),
    )


def patch_routes(routes: RouteConfiguration, path: str, plan: Plan, context: PatchContext, edit: Edit) -> None:
    """Patch a route configuration in place. `path` is where it is, with the dot; empty if it is the resource itself."""
    for patch in plan.of("ROUTE_CONFIGURATION", context):
        if configuration_fits(routes, context, patch):
            merge(routes, patch.value, replace_lists=patch.replaces_lists)
            edit.note(path.rstrip("."), patch)
    hosts = ListEdit(routes.virtual_hosts, f"{path}virtual_hosts", edit)
    patches = [p for p in plan.of("VIRTUAL_HOST", context) if configuration_fits(routes, context, p)]
    for patch in patches:
        found = hosts.fitting(lambda host, patch=patch: _host_fits(host, patch))  # type: ignore[misc] # the default is the value
        if not found:
            continue
        if patch.operation == "REMOVE":
            hosts.remove(found, patch)
        elif patch.operation in MERGES:
            hosts.merge(found, patch)
        elif patch.operation == "REPLACE":
            hosts.replace(found, patch)
    inside = [p for p in plan.of("HTTP_ROUTE", context) if configuration_fits(routes, context, p)]
    for index, host in enumerate(routes.virtual_hosts):
        where = f"{path}virtual_hosts[{index}].routes"
        _patch_host(ListEdit(host.routes, where, edit), [p for p in inside if _host_fits(host, p)])
    for patch in patches:
        if patch.operation == "ADD":
            hosts.place(patch, None)


def _patch_host(routes: ListEdit[Route], patches: list[Patch]) -> None:
    for patch in patches:
        found = routes.fitting(lambda route, patch=patch: _route_fits(route, patch))  # type: ignore[misc] # as above
        if found and patch.operation == "REMOVE":
            routes.remove(found, patch)
        elif found and patch.operation in MERGES:
            routes.merge(found, patch)
    for patch in patches:
        if patch.operation in INSERTS:
            named = _wanted_route(patch) is not None
            anchors = routes.fitting(lambda route, patch=patch: _route_fits(route, patch)) if named else None  # type: ignore[misc] # as above
            routes.place(patch, anchors)


def configuration_fits(routes: RouteConfiguration, context: PatchContext, patch: Patch) -> bool:
    """Whether a route configuration is meant. A gateway's is told by the port, and for HTTPS by port name and Gateway
    too, which its name says (reference 2.1): `http.8080`, `https.443.https.gateway.default`.
    """
    match = patch.match.route_configuration
    if match is None:
        return True
    if match.name and match.name != routes.name:
        return False
    if context != "GATEWAY":
        parts = routes.name.split("|") if routes.name.startswith(_INBOUND) else ("", routes.name)
        return not match.port_number or parts[1] == str(match.port_number)
    kind, _, rest = routes.name.partition(".")
    port, *names = rest.split(".")
    port_name, gateway = (names[0], f"{names[2]}/{names[1]}") if kind == "https" and len(names) >= 3 else ("", "")
    # Virtual hosts are named after the port that the Gateway says, which a Service may have mapped to another.
    ports = {port, *(host.name.rpartition(":")[2] for host in routes.virtual_hosts)}
    return (
        (not match.port_number or str(match.port_number) in ports)
        and match.port_name in ("", port_name)
        and match.gateway in ("", gateway)
    )


def _host_fits(host: VirtualHost, patch: Patch) -> bool:
    match = patch.match.route_configuration
    wanted = match.vhost if match is not None else None
    return wanted is None or (
        wanted.name in ("", host.name) and (not wanted.domain_name or wanted.domain_name in host.domains)
    )


def _wanted_route(patch: Patch) -> object:
    match = patch.match.route_configuration
    host = match.vhost if match is not None else None
    return host.route if host is not None else None


def _route_fits(route: Route, patch: Patch) -> bool:
    match = patch.match.route_configuration
    host = match.vhost if match is not None else None
    wanted = host.route if host is not None else None
    if wanted is None:
        return True
    action = (route.WhichOneof("action") or "").upper()
    return wanted.name in ("", route.name) and wanted.action in ("ANY", action)
