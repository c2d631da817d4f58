"""The RouteConfiguration of each port of a gateway: which hosts, whose routes (reference 2.10, 3.6, 3.7)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from translators.gateways.bindings import bindings
from translators.model.codes import diagnose
from translators.model.origin import Diagnostic, Origin
from translators.routes.route_configuration import route_configuration
from translators.routes.route_list import route_list
from translators.routes.virtual_host import empty_virtual_host, virtual_host

if TYPE_CHECKING:
    from collections.abc import Mapping

    from translators.destination_rules import MergedRule, RuleIndex
    from translators.gateways.bindings import Bound
    from translators.gateways.merge import MergedGateways, MergedPort, ServerGroup
    from translators.hosts import ServerHosts
    from translators.memo import Steps
    from translators.model.proxy import ProxyView
    from translators.model.service import Service
    from translators.model.virtual_service import VirtualService
    from translators.model.world import World
    from translators.recorder import Recorder
    from translators.routes.outline import Outline
    from translators.routes.route_configuration import RouteTable
    from translators.routes.route_list import RouteList
    from translators.services import ServiceIndex

_Args = tuple["str | Service | MergedRule | None", ...]
_Shared = tuple[tuple["Bound", tuple[str, ...]], ...]
"""VirtualServices, each with the hosts that it has in common with servers."""


@dataclass(slots=True, kw_only=True)
class _Host:
    """A virtual host while it is being put together."""

    port: int
    lists: dict[tuple[int, int, str], RouteList] = field(default_factory=dict)
    """By outline, port and gateway: two Gateways may share a host and a VirtualService, whose routes count once."""
    redirect: Origin | None = None


class RouteTables:
    """Builds the route tables of one proxy in one pass. What did not change since the last pass is looked up."""

    __slots__ = (
        "_bound",
        "_found",
        "_known",
        "_rules",
        "_services",
        "_steps",
        "_targets",
        "_view",
        "_world",
        "diagnostics",
    )

    def __init__(self, world: World, view: ProxyView, services: ServiceIndex, rules: RuleIndex, steps: Steps) -> None:
        """Find the VirtualServices that the proxy may see."""
        self._world = world
        self._view = view
        self._services = services
        self._rules = rules
        self._steps = steps
        self._bound = bindings(world, view.namespace, steps)
        self._found: dict[str, list[_Shared]] = {}
        """By Gateway, for the ports done so far."""
        self._targets: dict[int, _Args] = {}
        """By the identity of an outline, which lives longer than this object."""
        self._known: dict[tuple[str, str], tuple[str, Service | None, MergedRule | None, str]] = {}
        self.diagnostics: list[Diagnostic] = []

    def table(self, port: MergedPort) -> RouteTable:
        """Return the RouteConfiguration of one port."""
        hosts: dict[str, _Host] = {}
        for group in port.groups:
            self._add_routes(group, hosts)
            if group.https_redirect is not None:
                # The redirect is there even where no VirtualService has routes.
                for name in group.hosts:
                    hosts.setdefault(name, _Host(port=group.number)).redirect = group.https_redirect
        step = self._steps.step
        if not hosts:
            nothing = step(empty_virtual_host, f"blackhole:{port.groups[0].number}")
            return step(route_configuration, port.route_name, port.origins, nothing)
        fragments = []
        for members in _alike(hosts):
            first = hosts[members[0]]
            name = f"{members[0]}:{first.port}"
            fragments.append(step(virtual_host, name, " ".join(members), first.redirect, *first.lists.values()))
        for fragment in fragments:
            self.diagnostics += fragment.diagnostics
        return step(route_configuration, port.route_name, port.origins, *fragments)

    def unmatched(self, merged: MergedGateways) -> None:
        """Report the VirtualServices whose hosts none of the servers of their Gateway has."""
        for gateway, hosts in merged.hosts.items():
            self.diagnostics += self._steps.step(
                _without_host, self._bound, gateway, hosts, *self._found.get(gateway, ())
            )

    def _add_routes(self, group: ServerGroup, hosts: dict[str, _Host]) -> None:
        step, view = self._steps.step, self._view
        retries = self._world.mesh.default_http_retry_policy
        gateway, number, redirect = group.gateway_name, group.number, group.https_redirect
        shared = step(_shared, self._bound, gateway, group.hosts)
        self._found.setdefault(gateway, []).append(shared)
        for (service, plan), names in shared:
            only_here = gateway if plan.matches_gateways else ""
            routes = step(
                route_list,
                service,
                plan,
                number,
                only_here,
                plan.left_out(view) if plan.conditions else "",
                retries,
                *self._targets_of(service, plan),
            )
            if routes.diagnostics:
                self.diagnostics += routes.diagnostics
            if not routes:
                continue
            for name in names:
                host = hosts.get(name)
                if host is None:
                    host = hosts[name] = _Host(port=number)
                host.lists.setdefault((id(plan), number, only_here), routes)
                if redirect is not None:
                    host.redirect = redirect

    def _targets_of(self, service: VirtualService, plan: Outline) -> _Args:
        """Return what `route_list` wants to know of each destination."""
        found = self._targets.get(id(plan))
        if found is None:
            namespace = service.metadata.namespace
            flat: list[str | Service | MergedRule | None] = []
            for host in plan.destinations:
                flat += self._target(host, namespace)
            found = self._targets[id(plan)] = tuple(flat)
        return found

    def _target(self, host: str, namespace: str) -> tuple[str, Service | None, MergedRule | None, str]:
        known = self._known.get((host, namespace))
        if known is not None:
            return known
        client = self._view.namespace
        name = self._services.resolve(host, namespace)
        service = self._services.find(name, client)
        if service is None:
            hidden = ", ".join(s.namespace for s in self._services.hidden(name))
            known = (name, None, None, hidden)
        else:
            known = (name, service, self._rules.for_service(service, client, self._view.labels), "")
        self._known[host, namespace] = known
        return known


def _shared(bound: Mapping[str, tuple[Bound, ...]], gateway: str, hosts: ServerHosts, *, recorder: Recorder) -> _Shared:
    """Memoised step: the VirtualServices of a Gateway that have hosts in common with servers of it, and these hosts."""
    del recorder
    pairs = ((b, hosts.intersection(b.outline.hosts, b.service.metadata.namespace)) for b in bound.get(gateway, ()))
    return tuple(pair for pair in pairs if pair[1])


def _without_host(
    bound: Mapping[str, tuple[Bound, ...]],
    gateway: str,
    hosts: ServerHosts,
    *shared: _Shared,
    recorder: Recorder,
) -> tuple[Diagnostic, ...]:
    """Memoised step: report the VirtualServices of a Gateway that have none of its hosts. Those in `shared` have."""
    del recorder
    fine = {id(b.service) for pairs in shared for b, _ in pairs}
    return tuple(
        diagnose(
            "PF0711",
            f"no server of Gateway {gateway} has any of the hosts {', '.join(plan.hosts)} for this namespace: "
            "these routes are not on it",
            Origin(service.key, "spec.hosts"),
            hint="the hosts of a server and of a VirtualService must overlap",
        )
        for service, plan in bound.get(gateway, ())
        if id(service) not in fine and not hosts.intersection(plan.hosts, service.metadata.namespace)
    )


def _alike(hosts: dict[str, _Host]) -> list[list[str]]:
    """Group the hosts whose virtual hosts would differ in their domain only: they can share one, as in Istio.

    Hosts are sorted within a group, and groups by their first host.
    """
    groups: dict[tuple[object, ...], list[str]] = {}
    for name in sorted(hosts):
        host = hosts[name]
        key = (host.port, host.redirect, *map(id, host.lists.values()))
        groups.setdefault(key, []).append(name)
    return list(groups.values())
