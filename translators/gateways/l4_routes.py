"""The TLS or TCP routes of one VirtualService for one server: matches, and the filter that passes the bytes on."""

from __future__ import annotations

import ipaddress
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from envoy.config.listener.v3.listener_components_pb2 import Filter

from translators.gateways.access_log import access_log
from translators.hosts import gateway_reference
from translators.messages import pack
from translators.model.meta import Value
from translators.model.origin import Origin
from translators.model.virtual_service import TLSMatchAttributes
from translators.recorder import SILENT, Recorder
from translators.routes.scope import Scope, Target
from translators.routes.tcp_proxy import tcp_proxy

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from translators.destination_rules import MergedRule
    from translators.model.mesh_config import MeshConfig
    from translators.model.meta import ObjectKey
    from translators.model.origin import Diagnostic
    from translators.model.service import Service
    from translators.model.virtual_service import L4MatchAttributes, TCPRoute, TLSRoute, VirtualService
    from translators.resources import Note
    from translators.routes.outline import Kind, Outline
    from translators.services.destination import Destination

_TCP_PROXY: Final = "envoy.filters.network.tcp_proxy"


class L4Route(Value, frozen=True, kw_only=True):
    """What becomes a filter chain: one match block of a TLS or TCP route, or a TCP route without any."""

    origin: Origin
    """The match block, or the route."""
    sni_hosts: tuple[str, ...]
    """Of a TLS route, in lower case."""
    subnets: tuple[str, ...]
    """Of the address that the client connects to, as networks, each once; empty: any."""
    filter: Filter
    """Not to be changed."""
    clusters: tuple[tuple[str, Destination | None], ...]
    """Name of each cluster that it leads to, with what it is if it exists."""
    origins: tuple[ObjectKey, ...]
    notes: tuple[Note, ...]


class L4RouteList(Value, frozen=True, kw_only=True):
    """The routes of one kind of one VirtualService, in its order."""

    routes: tuple[L4Route, ...]
    diagnostics: tuple[Diagnostic, ...]


def l4_route_list(
    service: VirtualService,
    plan: Outline,
    kind: Kind,
    port: int,
    gateway: str,
    left_out: str,
    mesh: MeshConfig,
    *targets: str | Service | MergedRule | None,
    recorder: Recorder,
) -> L4RouteList:
    """Memoised step: build the `tls` or the `tcp` routes of a VirtualService.

    `port` is the server's, `gateway` its `namespace/name`, `left_out` what `Outline.left_out` returned. `targets` are
    four for each of the outline's `l4_destinations`; see `route_list`.
    """
    table = {
        destination: Target(*targets[4 * i : 4 * i + 4])  # type: ignore[arg-type] # four by four, as the docstring says
        for i, destination in enumerate(plan.l4_destinations)
    }
    log = access_log(mesh)
    routes: list[L4Route] = []
    diagnostics: list[Diagnostic] = []
    for route, match, path, match_path in _blocks(service, kind, port, gateway, left_out):
        scope = Scope(service.key, port, table, Recorder() if recorder.active else SILENT)
        proxy = tcp_proxy(route.route, path, scope, mesh)
        diagnostics += scope.diagnostics
        if proxy is None:
            continue
        if log is not None:
            proxy.access_log.append(log)
        filter_ = Filter(name=_TCP_PROXY)
        pack(filter_.typed_config, proxy)
        routes.append(
            L4Route(
                origin=Origin(service.key, match_path),
                sni_hosts=tuple(h.lower() for h in match.sni_hosts) if isinstance(match, TLSMatchAttributes) else (),
                subnets=_networks(match.destination_subnets) if match is not None else (),
                filter=filter_,
                clusters=scope.clusters(),
                origins=tuple(scope.origins),
                notes=scope.recorder.notes(),
            )
        )
    return L4RouteList(routes=tuple(routes), diagnostics=tuple(dict.fromkeys(diagnostics)))


def _blocks(
    service: VirtualService, kind: Kind, port: int, gateway: str, left_out: str
) -> Iterator[tuple[TLSRoute | TCPRoute, TLSMatchAttributes | L4MatchAttributes | None, str, str]]:
    """Yield what becomes a filter chain: route, match block, and the paths of both."""
    without = frozenset(left_out.split(",")) if left_out else frozenset()
    namespace = service.metadata.namespace
    routes: Sequence[TLSRoute | TCPRoute] = service.spec.tls if kind == "tls" else service.spec.tcp
    for i, route in enumerate(routes):
        path = f"spec.{kind}[{i}]"
        if not route.match:
            yield route, None, path, path
        matches: Sequence[TLSMatchAttributes | L4MatchAttributes] = route.match
        for j, match in enumerate(matches):
            if (match.port and match.port != port) or f"{i}.{j}" in without:
                continue
            if match.gateways and gateway not in {gateway_reference(g, namespace) for g in match.gateways}:
                continue
            yield route, match, path, f"{path}.match[{j}]"


def _networks(subnets: tuple[str, ...]) -> tuple[str, ...]:
    """Return subnets in one form: `10.0.0.1` and `10.0.0.1/32` are the same to Envoy, which wants each once. What is no
    subnet, which validation refuses, is left out.
    """
    found: dict[str, None] = {}
    for subnet in subnets:
        with suppress(ValueError):
            found[str(ipaddress.ip_network(subnet, strict=False))] = None
    return tuple(found)
