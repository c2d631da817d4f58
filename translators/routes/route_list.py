"""All routes of one VirtualService for one port of a gateway, encoded, ready to be joined into virtual hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from translators.hosts import gateway_reference
from translators.model.meta import Value
from translators.model.origin import Origin
from translators.names import istio_config_path
from translators.recorder import SILENT, Recorder
from translators.resources import Note, length_delimited
from translators.routes.route import build_route, has_action
from translators.routes.scope import Scope, Target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from translators.destination_rules import MergedRule
    from translators.model.meta import ObjectKey
    from translators.model.origin import Diagnostic
    from translators.model.service import Service
    from translators.model.virtual_service import HTTPMatchRequest, HTTPRetry, VirtualService
    from translators.routes.outline import Outline, PlannedRoute
    from translators.services.destination import Destination

_ROUTES: Final = 3
"""The field number of VirtualHost.routes."""
# Metadata.filter_metadata is a map of Structs, whose `fields` are a map of Values. A map is a list of keys and values.
_FILTER_METADATA: Final = 1
_FIELDS: Final = 1
_STRING_VALUE: Final = 3
_KEY: Final = 1
_VALUE: Final = 2


class RouteList(Value, frozen=True, kw_only=True):
    """Encoded routes of one VirtualService, in its order."""

    key: ObjectKey
    """Of the VirtualService."""
    body: bytes
    """The routes with conditions, each encoded as the field `routes` of a VirtualHost."""
    count: int
    """How many there are in `body`."""
    catch_all: bytes
    """The route that takes every request, encoded alike; empty if there is none. It stands last in a virtual host."""
    catch_all_origin: Origin
    """The field that made it."""
    clusters: tuple[tuple[str, Destination | None], ...]
    """Name of each cluster that a route refers to, sorted, with what it is if it exists."""
    origins: tuple[ObjectKey, ...]
    """The VirtualService, and the DestinationRules whose consistent hash is in the routes."""
    diagnostics: tuple[Diagnostic, ...]
    notes: tuple[tuple[Note, ...], ...]
    """While a recorder is on: the notes of each route, the one that catches all being the last."""

    def __len__(self) -> int:
        """Count all routes."""
        return self.count + bool(self.catch_all)


def route_list(
    service: VirtualService,
    plan: Outline,
    port: int,
    gateway: str,
    left_out: str,
    mesh_retries: HTTPRetry | None,
    *targets: str | Service | MergedRule | None,
    recorder: Recorder,
) -> RouteList:
    """Memoised step: build the routes of a VirtualService.

    `port` is the server's, `gateway` its `namespace/name` (empty if no match block names gateways), `left_out` what
    `Outline.left_out` returned. `targets` are four for each of the outline's destinations: full host name, service,
    rule, and the namespaces that hide a service of that name, separated by commas.
    """
    table = {
        destination: Target(*targets[4 * i : 4 * i + 4])  # type: ignore[arg-type] # four by four, as the docstring says
        for i, destination in enumerate(plan.destinations)
    }
    key = service.key
    scope = Scope(key, port, table, recorder)
    scope.diagnostics += plan.diagnostics
    metadata = route_metadata(key)
    bodies: list[bytes] = []
    notes: list[tuple[Note, ...]] = []
    catch_all, catch_all_origin = b"", Origin(key)
    for planned, match, match_path in _blocks(plan, port, gateway, left_out):
        scope.enter(planned, Recorder() if recorder.active else SILENT)
        paths = (planned.origin.path, match_path)
        route, everything = build_route(planned.http, match, paths, scope, metadata=metadata, mesh_retries=mesh_retries)
        if planned.delegated_by is not None:
            scope.recorder.note("", planned.delegated_by)
        body = length_delimited(_ROUTES, route.SerializeToString(deterministic=True))
        if recorder.active:
            notes.append(scope.recorder.notes())
        if everything:
            # Nothing gets past it: what follows could only make the configuration bigger.
            catch_all, catch_all_origin = body, scope.origin(match_path)
            break
        bodies.append(body)
    return RouteList(
        key=key,
        body=b"".join(bodies),
        count=len(bodies),
        catch_all=catch_all,
        catch_all_origin=catch_all_origin,
        clusters=scope.clusters(),
        origins=tuple(scope.origins),
        diagnostics=tuple(dict.fromkeys(scope.diagnostics)) if scope.diagnostics else (),
        notes=tuple(notes),
    )


def _blocks(
    plan: Outline, port: int, gateway: str, left_out: str
) -> Iterator[tuple[PlannedRoute, HTTPMatchRequest | None, str]]:
    """Yield what becomes a route: HTTP route, match block, and the path of the block, or of the route without one."""
    without = frozenset(left_out.split(",")) if left_out else frozenset()
    for i, planned in enumerate(plan.routes):
        http, path, namespace = planned.http, planned.origin.path, planned.origin.key.namespace
        if not has_action(http):
            continue
        if not http.match:
            yield planned, None, path
        for j, match in enumerate(http.match):
            if (match.port and match.port != port) or f"{i}.{j}" in without:
                continue
            if match.gateways and gateway not in {gateway_reference(g, namespace) for g in match.gateways}:
                continue
            yield planned, match, f"{path}.match[{j}]"


def route_metadata(key: ObjectKey) -> bytes:
    """Encode the Metadata of each route of a VirtualService, which says where it comes from, as Istio does."""
    path = istio_config_path("networking.istio.io", key.kind, key.namespace, key.name)
    value = length_delimited(_STRING_VALUE, path.encode())
    fields = length_delimited(_KEY, b"config") + length_delimited(_VALUE, value)
    struct = length_delimited(_FIELDS, fields)
    return length_delimited(_FILTER_METADATA, length_delimited(_KEY, b"istio") + length_delimited(_VALUE, struct))
