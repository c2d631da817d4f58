"""The VirtualServices attached to the servers of one proxy, and what the hosts that they send to stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from translators.gateways.auto_passthrough import passed_on
from translators.gateways.bindings import bindings
from translators.model.codes import diagnose
from translators.model.origin import Diagnostic, Origin
from translators.routes.targets import Targets

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from translators.destination_rules import MergedRule, RuleIndex
    from translators.gateways.bindings import Bound
    from translators.gateways.servers import MergedGateways, ServerGroup
    from translators.hosts import ServerHosts
    from translators.memo import Steps
    from translators.model.proxy import ProxyView
    from translators.model.virtual_service import VirtualService
    from translators.model.world import World
    from translators.recorder import Recorder
    from translators.routes.outline import Kind, Outline
    from translators.services import Destination, ServiceIndex

_SERVERS: Final[dict[Kind, str]] = {
    "http": "http routes are for servers of protocol HTTP, and of protocol HTTPS with a certificate",
    "tls": "tls routes are for servers of protocol HTTPS or TLS with tls.mode: PASSTHROUGH",
    "tcp": "tcp routes are for servers of protocol TCP, and of protocol TLS with a certificate",
}

Shared = tuple[tuple["Bound", tuple[str, ...]], ...]
"""VirtualServices, each with the hosts that it has in common with servers."""


class Attached:
    """Looks things up for one pass over the servers of one proxy."""

    __slots__ = ("_bound", "_found", "_rules", "_services", "steps", "targets", "view", "world")

    def __init__(self, world: World, view: ProxyView, services: ServiceIndex, rules: RuleIndex, steps: Steps) -> None:
        """Find the VirtualServices that the proxy may see."""
        self.world = world
        self.view = view
        self.steps = steps
        self._services = services
        self._rules = rules
        self._bound = bindings(world, view.namespace, steps)
        self._found: dict[str, list[Shared]] = {}
        """By Gateway, for the servers done so far."""
        self.targets = Targets(view, services, rules)
        """What the hosts that VirtualServices name stand for."""

    def to(self, group: ServerGroup) -> Shared:
        """Return the VirtualServices that have hosts in common with some servers, the oldest first."""
        gateway = group.gateway_name
        shared = self.steps.step(_shared, self._bound, gateway, group.hosts)
        self._found.setdefault(gateway, []).append(shared)
        return shared

    def unmatched(self, merged: MergedGateways) -> list[Diagnostic]:
        """Report VirtualServices whose hosts no server of their Gateway has, and routes of a kind that none takes."""
        return [
            diagnostic
            for gateway, hosts in merged.hosts.items()
            for diagnostic in self.steps.step(
                _without_server, self._bound, gateway, hosts, merged.kinds, *self._found.get(gateway, ())
            )
        ]

    def passed_on(self, hosts: ServerHosts) -> Iterator[tuple[Destination, MergedRule | None]]:
        """Return what a server in mode AUTO_PASSTHROUGH passes connections on to; see `auto_passthrough`."""
        return passed_on(self._services, self._rules, self.view, hosts)


def _shared(bound: Mapping[str, tuple[Bound, ...]], gateway: str, hosts: ServerHosts, *, recorder: Recorder) -> Shared:
    """Memoised step: the VirtualServices of a Gateway that have hosts in common with servers of it, and these hosts."""
    del recorder
    pairs = ((b, hosts.intersection(b.outline.hosts, b.service.metadata.namespace)) for b in bound.get(gateway, ()))
    return tuple(pair for pair in pairs if pair[1])


def _without_server(
    bound: Mapping[str, tuple[Bound, ...]],
    gateway: str,
    hosts: ServerHosts,
    kinds: Mapping[str, frozenset[Kind]],
    *shared: Shared,
    recorder: Recorder,
) -> tuple[Diagnostic, ...]:
    """Memoised step: report the VirtualServices of a Gateway that have none of its hosts (those in `shared` have), and
    routes that are of no kind that a Gateway of their VirtualService takes.
    """
    del recorder
    fine = {id(b.service) for pairs in shared for b, _ in pairs}
    found: list[Diagnostic] = []
    for service, plan in bound.get(gateway, ()):
        if id(service) not in fine and not hosts.intersection(plan.hosts, service.metadata.namespace):
            found.append(
                diagnose(
                    "PF0711",
                    f"no server of Gateway {gateway} has any of the hosts {', '.join(plan.hosts)} for this namespace: "
                    "these routes are not on it",
                    Origin(service.key, "spec.hosts"),
                    hint="the hosts of a server and of a VirtualService must overlap",
                )
            )
        # Its other Gateways may be those of another proxy.
        elif all(other in kinds for other in plan.gateways):
            taken = {kind for other in plan.gateways for kind in kinds[other]}
            found += [_without_kind(service, kind, plan) for kind in _kinds_of(service) if kind not in taken]
    return tuple(found)


def _kinds_of(service: VirtualService) -> Iterator[Kind]:
    """Yield the kinds of routes that a VirtualService has."""
    if service.spec.http:
        yield "http"
    if service.spec.tls:
        yield "tls"
    if service.spec.tcp:
        yield "tcp"


def _without_kind(service: VirtualService, kind: Kind, plan: Outline) -> Diagnostic:
    return diagnose(
        "PF0712",
        f"none of the servers of {', '.join(f'Gateway {gateway}' for gateway in plan.gateways)} takes {kind} routes",
        Origin(service.key, f"spec.{kind}"),
        hint=_SERVERS[kind],
    )
