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

    __slots__ = ("_known", "_lists", "_rules", "_services", "_view")

    def __init__(self, view: ProxyView, services: ServiceIndex, rules: RuleIndex) -> None:
        self._view = view
        self._services = services
        self._rules = rules
        self._known: dict[tuple[str, str], Args] = {}
        self._lists: dict[int, Args] = {}
        """By the identity of a tuple in an outline, which lives longer than this object."""

    def of(self, hosts: tuple[tuple[str, str], ...]) -> Args:
        """Return what the steps that build routes want to know of the destinations in an outline, each with the
        namespace whose object names it: for each its full name, its service, the rule for that, and the namespaces that
        hide a service of that name.
        """
        found = self._lists.get(id(hosts))
        if found is None:
            found = self._lists[id(hosts)] = tuple(part for host in hosts for part in self._target(host))
        return found

    def _target(self, destination: tuple[str, str]) -> Args:
        known = self._known.get(destination)
        if known is not None:
            return known
        namespace, host = destination
        client = self._view.namespace
        name = self._services.resolve(host, namespace)
        service = self._services.find(name, client)
        if service is None:
            known = (name, None, None, ", ".join(s.namespace for s in self._services.hidden(name)))
        else:
            known = (name, service, self._rules.for_service(service, client, self._view.labels), "")
        self._known[destination] = known
        return known
