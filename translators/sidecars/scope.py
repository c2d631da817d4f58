"""What a sidecar may see: services and VirtualServices that each of its egress listeners imports (reference 3.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from translators.hosts import matches
from translators.model.meta import Value
from translators.model.service import Resolution
from translators.services.exports import is_visible
from translators.sidecars.mesh_routes import has_host, indexed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from translators.memo import Steps
    from translators.model.service import Service
    from translators.model.sidecar import IstioEgressListener, Sidecar
    from translators.recorder import Recorder
    from translators.services import ServiceIndex
    from translators.sidecars.mesh_routes import MeshRoutes, Routing


class Egress(Value, frozen=True, kw_only=True):
    """What one egress listener imports. The same object while nothing of it changes."""

    services: tuple[Service, ...]
    """One for each hostname, the oldest first; ExternalNames are not among them."""
    aliases: Mapping[str, tuple[Service, ...]]
    """Hostname of a service to the ExternalNames that stand for it."""
    routes: MeshRoutes
    targets: frozenset[str]
    """Hostnames of the services that a VirtualService among `routes` leads to."""


class _Imports(NamedTuple):
    services: tuple[Service, ...]
    """Without ExternalNames."""
    aliases: tuple[Service, ...]
    """ExternalNames, each followed by the service that it stands for."""
    routes: tuple[Routing, ...] = ()
    targets: tuple[str, ...] = ()


class _Pattern(NamedTuple):
    """An entry of `hosts`: `namespace/dnsName`, the namespace resolved (`*` for all)."""

    namespace: str
    host: str

    def fits(self, namespace: str) -> bool:
        return self.namespace in {"*", namespace}


def egress_scope(
    services: ServiceIndex, routes: MeshRoutes, sidecar: Sidecar | None, namespace: str, steps: Steps
) -> tuple[Egress, ...]:
    """Return what a proxy of `namespace` imports, for each egress listener of its Sidecar; without one, or without
    egress listeners in it, all that is exported to the namespace.
    """
    step = steps.step
    if sidecar is None or not sidecar.spec.egress:
        everything: _Imports = step(_everything, services, namespace)
        return (step(_egress, routes, "", len(everything.services), *everything.services, *everything.aliases),)
    found = []
    for position in range(len(sidecar.spec.egress)):
        imports: _Imports = step(_imports, services, routes, sidecar, position, namespace)
        own = indexed(imports.routes, steps)
        targets = " ".join(imports.targets)
        found.append(step(_egress, own, targets, len(imports.services), *imports.services, *imports.aliases))
    return tuple(found)


def _everything(services: ServiceIndex, namespace: str, *, recorder: Recorder) -> _Imports:
    """Memoised step: all that a namespace sees."""
    del recorder
    return _Imports(*_sorted_out(services, services.visible_to(namespace), namespace))


def _imports(
    services: ServiceIndex, routes: MeshRoutes, sidecar: Sidecar, position: int, namespace: str, *, recorder: Recorder
) -> _Imports:
    """Memoised step: services whose hosts the egress listener names, VirtualServices that have a host in common with
    it, and the destinations of these, wherever they are.
    """
    del recorder
    wanted, without = _patterns(sidecar.spec.egress[position], namespace)
    chosen: dict[str, Service] = {}
    for hostname in _candidates(services, wanted):
        service = _chosen(services.hidden(hostname), wanted, without, namespace)
        if service is not None:
            chosen[hostname] = service
    imported = tuple(
        r for r in routes.members if any(p.fits(r.service.metadata.namespace) and has_host(r, p.host) for p in wanted)
    )
    targets: set[str] = set()
    for routing in imported:
        for where, host in (*routing.outline.destinations, *routing.outline.l4_destinations):
            target = services.find(services.resolve(host, where), namespace)
            if target is not None:
                chosen.setdefault(target.hostname, target)
                targets.add(target.hostname)
    found, aliases = _sorted_out(services, (chosen[h] for h in sorted(chosen)), namespace)
    return _Imports(found, aliases, imported, tuple(sorted(targets)))


def _patterns(listener: IstioEgressListener, namespace: str) -> tuple[list[_Pattern], list[_Pattern]]:
    """Return what a listener imports, and what it takes out again. `.` is the namespace of the proxy: for the mesh's
    default Sidecar, which stands in the root namespace, that is each proxy's own.
    """
    wanted: list[_Pattern] = []
    without: list[_Pattern] = []
    for entry in listener.hosts:
        where, slash, host = entry.partition("/")
        if not slash:
            where, host = "*", entry
        into = wanted
        if where.startswith("~"):
            where = where[1:]
            if not where:
                continue
            into = without
        into.append(_Pattern(namespace if where == "." else where, host.lower()))
    return wanted, without


def _candidates(services: ServiceIndex, wanted: Iterable[_Pattern]) -> Iterator[str]:
    """Yield the hostnames that a pattern may fit: the cost grows with what is asked for, not with the mesh."""
    yield from services.wildcard_hosts
    for pattern in wanted:
        if not pattern.host.startswith("*"):
            yield pattern.host
        elif pattern.namespace == "*":
            yield from services.hostnames
        else:
            yield from (service.hostname for service in services.in_namespace(pattern.namespace))


def _chosen(
    candidates: Iterable[Service], wanted: Iterable[_Pattern], without: Iterable[_Pattern], namespace: str
) -> Service | None:
    """Return the service of a hostname: of those that are visible and asked for, the client's own, else the first."""
    found = None
    for service in candidates:
        if not is_visible(service.export_to, namespace):
            continue
        if any(_fits(p, service) for p in wanted) and not any(_fits(p, service) for p in without):
            if service.namespace == namespace:
                return service
            found = found or service
    return found


def _fits(pattern: _Pattern, service: Service) -> bool:
    return pattern.fits(service.namespace) and matches(service.hostname, pattern.host)


def _sorted_out(
    index: ServiceIndex, services: Iterable[Service], namespace: str
) -> tuple[tuple[Service, ...], tuple[Service, ...]]:
    """Put aside the ExternalNames, each with the service that it stands for; one that stands for none is nothing."""
    found: list[Service] = []
    aliases: list[Service] = []
    for service in services:
        if service.resolution is not Resolution.ALIAS:
            found.append(service)
            continue
        target = index.find(service.hostname, namespace)
        if target is not None and target.resolution is not Resolution.ALIAS:
            aliases += (service, target)
    return tuple(found), tuple(aliases)


def _egress(routes: MeshRoutes, targets: str, count: int, *services: Service, recorder: Recorder) -> Egress:
    """Memoised step: after `count` services, ExternalNames and the services that they stand for, in turns; `targets`
    with spaces between.
    """
    del recorder
    aliases: dict[str, tuple[Service, ...]] = {}
    for alias, target in zip(services[count::2], services[count + 1 :: 2], strict=True):
        aliases[target.hostname] = (*aliases.get(target.hostname, ()), alias)
    oldest_first = tuple(sorted(services[:count], key=_by_age))
    return Egress(services=oldest_first, aliases=aliases, routes=routes, targets=frozenset(targets.split()))


def _by_age(service: Service) -> tuple[str, str, str]:
    return service.age_order
