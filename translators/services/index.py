"""ServiceIndex: every service by hostname, and who sees which (reference 3.1, 3.3, 3.4)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from translators.hosts import fully_qualified
from translators.model import kubernetes
from translators.model.codes import diagnose
from translators.model.origin import Origin
from translators.model.service import Resolution, Service
from translators.model.service_entry import ServiceEntry
from translators.services.exports import DISTRIBUTION_ANNOTATION, is_visible
from translators.services.kubernetes import kubernetes_service
from translators.services.service_entry import service_entry_services

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from translators.memo import Steps
    from translators.model.origin import Diagnostic
    from translators.model.world import World
    from translators.recorder import Recorder

_NONE: frozenset[str] = frozenset()
_MAX_ALIASES = 8
"""An ExternalName that leads to an ExternalName that …: loops end here."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NamespaceServices:
    """The services of one namespace, one for each hostname."""

    namespace: str
    services: tuple[Service, ...]
    """Sorted by hostname."""
    short_hosts: frozenset[str]
    """Hosts of ServiceEntries that are short names (`echo`, as in docker-compose)."""
    diagnostics: tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ServiceIndex:
    """All services. Make it with `service_index`; it is the same object while no service changes."""

    cluster_domain: str
    diagnostics: tuple[Diagnostic, ...] = ()
    _by_host: Mapping[str, tuple[Service, ...]] = field(default_factory=dict)
    """Candidates by hostname: Kubernetes first, then the oldest (reference 3.3)."""
    _short_hosts: Mapping[str, frozenset[str]] = field(default_factory=dict)
    _aliases: Mapping[str, str] = field(default_factory=dict)
    """Hostname of an ExternalName Service to the host that it stands for."""
    _by_namespace: Mapping[str, tuple[Service, ...]] = field(default_factory=dict)
    wildcard_hosts: tuple[str, ...] = ()
    """Sorted."""

    def find(self, hostname: str, client_namespace: str) -> Service | None:
        """Return the service with this exact hostname, as a client in `client_namespace` sees it.

        Of several namespaces that define it, the client's own wins, then Kubernetes, then the oldest. An ExternalName
        gives the service that it stands for; if there is none, the ExternalName itself, which has no cluster.
        """
        service = self._visible(hostname, client_namespace)
        followed = 0
        while service is not None and service.resolution is Resolution.ALIAS and followed < _MAX_ALIASES:
            target = self._visible(self._aliases.get(service.hostname, ""), client_namespace)
            if target is None:
                break
            service, followed = target, followed + 1
        return service

    def _visible(self, hostname: str, client_namespace: str) -> Service | None:
        found = None
        for service in self._by_host.get(hostname, ()):
            if is_visible(service.export_to, client_namespace):
                if service.namespace == client_namespace:
                    return service
                found = found or service
        return found

    def hidden(self, hostname: str) -> tuple[Service, ...]:
        """Return every service with this hostname, visible or not, to tell "not exported" from "not there"."""
        return self._by_host.get(hostname, ())

    @property
    def hostnames(self) -> Iterable[str]:
        """All hostnames, in no order."""
        return self._by_host

    def in_namespace(self, namespace: str) -> tuple[Service, ...]:
        """Return the services that a namespace defines, visible or not, sorted by hostname."""
        return self._by_namespace.get(namespace, ())

    def resolve(self, host: str, namespace: str) -> str:
        """Return the full name of a host as an object of `namespace` writes it.

        A short name is expanded to `host.namespace.svc.domain`, unless a ServiceEntry of that namespace has that very
        host (interfaces.md, "Objects in files").
        """
        if self.is_short_entry(host, namespace):
            return host
        return fully_qualified(host, namespace, self.cluster_domain)

    def is_short_entry(self, host: str, namespace: str) -> bool:
        """Whether a short name is taken as it stands, because a ServiceEntry of the namespace has it as a host."""
        return host in self._short_hosts.get(namespace, _NONE)

    def visible_to(self, client_namespace: str) -> Iterator[Service]:
        """Yield what a client sees, sorted by hostname; one service for each."""
        for hostname in sorted(self._by_host):
            service = self._visible(hostname, client_namespace)
            if service is not None:
                yield service


def service_index(world: World, steps: Steps) -> ServiceIndex:
    """Index all services of the World. Run it in every pass: what did not change is looked up, not made."""
    kubernetes_services, entries = world.kind(kubernetes.Service), world.kind(ServiceEntry)
    namespaces = world.namespace(kubernetes.Namespace, "")
    default, domain = world.mesh.default_service_export_to, world.cluster_domain
    step = steps.step
    parts = []
    aliases: list[str] = []
    for namespace in sorted({*kubernetes_services, *entries}):
        found: list[Service] = []
        about = namespaces.get(namespace)
        distribution = about.metadata.annotations.get(DISTRIBUTION_ANNOTATION, "") if about is not None else ""
        for name, service in sorted(kubernetes_services.get(namespace, {}).items()):
            found.append(step(kubernetes_service, service, domain, default, distribution))
            if service.spec.type == "ExternalName":
                aliases += (f"{name}.{namespace}.svc.{domain}", service.spec.external_name.rstrip("."))
        for _, entry in sorted(entries.get(namespace, {}).items()):
            found.extend(step(service_entry_services, entry, default, distribution))
        parts.append(step(_namespace_services, namespace, *found))
    return step(_index, domain, *aliases, None, *parts)


def _namespace_services(namespace: str, *candidates: Service, recorder: Recorder) -> NamespaceServices:
    """Memoised step: one service for each hostname. Kubernetes' beats a ServiceEntry's, then the oldest wins."""
    del recorder
    chosen: dict[str, Service] = {}
    diagnostics = []
    for service in sorted(candidates, key=_preference):
        winner = chosen.setdefault(service.hostname, service)
        if winner is not service:
            diagnostics.append(
                diagnose(
                    "PF0680",
                    f"{winner.origin} already defines the host {service.hostname}; this one has no effect",
                    Origin(service.origin, "spec.hosts"),
                    hint="Put all ports and endpoints of one host into one object.",
                )
            )
    return NamespaceServices(
        namespace=namespace,
        services=tuple(chosen[hostname] for hostname in sorted(chosen)),
        short_hosts=frozenset(h for h, s in chosen.items() if "." not in h and s.origin.kind == ServiceEntry.KIND),
        diagnostics=tuple(diagnostics),
    )


def _preference(service: Service) -> tuple[bool, tuple[str, str, str]]:
    return (service.origin.kind != kubernetes.Service.KIND, service.age_order)


def _index(domain: str, *arguments: str | NamespaceServices | None, recorder: Recorder) -> ServiceIndex:
    """Memoised step. Arguments: pairs of alias and target, None, then the namespaces."""
    del recorder
    by_host: dict[str, list[Service]] = {}
    parts = [a for a in arguments if isinstance(a, NamespaceServices)]
    texts = [a for a in arguments if isinstance(a, str)]
    for part in parts:
        for service in part.services:
            by_host.setdefault(service.hostname, []).append(service)
    return ServiceIndex(
        cluster_domain=domain,
        diagnostics=tuple(d for part in parts for d in part.diagnostics),
        _by_host={
            hostname: (found[0],) if len(found) == 1 else tuple(sorted(found, key=_preference))
            for hostname, found in by_host.items()
        },
        _short_hosts={part.namespace: part.short_hosts for part in parts if part.short_hosts},
        _aliases=dict(zip(texts[::2], texts[1::2], strict=True)),
        _by_namespace={part.namespace: part.services for part in parts},
        wildcard_hosts=tuple(sorted(hostname for hostname in by_host if hostname.startswith("*"))),
    )
