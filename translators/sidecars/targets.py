"""What the hosts that VirtualServices name stand for, as one kind of proxy sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from translators.destination_rules import MergedRule, RuleIndex
    from translators.model.proxy import ProxyView
    from translators.model.service import Service
    from translators.services import ServiceIndex

Args = tuple["str | Service | MergedRule | None", ...]


class Targets:
    """Looks hosts up for one pass, each once."""

    __slots__ = ("_known", "_rules", "_services", "_view")

    def __init__(self, view: ProxyView, services: ServiceIndex, rules: RuleIndex) -> None:
        self._view = view
        self._services = services
        self._rules = rules
        self._known: dict[tuple[tuple[str, str], ...], Args] = {}

    def of(self, hosts: tuple[tuple[str, str], ...]) -> Args:
        """Return what steps that build routes want to know of hosts, each after the namespace that it is read in: its
        full name, its service, the rule for that, and the namespaces that hide a service of that name.
        """
        found = self._known.get(hosts)
        if found is None:
            client = self._view.namespace
            flat: list[str | Service | MergedRule | None] = []
            for namespace, host in hosts:
                name = self._services.resolve(host, namespace)
                service = self._services.find(name, client)
                if service is None:
                    flat += (name, None, None, ", ".join(s.namespace for s in self._services.hidden(name)))
                else:
                    flat += (name, service, self._rules.for_service(service, client, self._view.labels), "")
            found = self._known[hosts] = tuple(flat)
        return found
