"""RuleIndex: which DestinationRule holds for a service, as a client sees it (reference 3.8)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from translators.destination_rules.merged import MergedRule, PreparedRule, merged_rule, prepared_rule
from translators.model.destination_rule import DestinationRule
from translators.services.exports import is_visible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from translators.memo import Steps
    from translators.model.origin import Diagnostic
    from translators.model.service import Service
    from translators.model.world import World
    from translators.recorder import Recorder
    from translators.services.index import ServiceIndex


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NamespaceRules:
    """The merged rules of one namespace."""

    namespace: str
    exact: Mapping[str, tuple[MergedRule, ...]]
    """By host. Rules with a workload selector first, then the oldest."""
    wildcards: tuple[tuple[str, tuple[MergedRule, ...]], ...]
    """(suffix, rules), the longest suffix first: `.example.com` for `*.example.com`."""
    diagnostics: tuple[Diagnostic, ...]

    def matching(self, hostname: str) -> tuple[MergedRule, ...]:
        """Return the rules that are for a host, those for the most specific host first."""
        found = self.exact.get(hostname, ())
        for suffix, rules in self.wildcards:
            if hostname.endswith(suffix):
                found += rules
        return found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RuleIndex:
    """All DestinationRules. Make it with `rule_index`; it is the same object while no rule changes."""

    root_namespace: str
    diagnostics: tuple[Diagnostic, ...] = ()
    _by_namespace: Mapping[str, NamespaceRules] = field(default_factory=dict)

    def for_service(
        self, service: Service, client_namespace: str, labels: tuple[tuple[str, str], ...] = ()
    ) -> MergedRule | None:
        """Return the rule for a service; `labels` are the client's, for rules with a workload selector.

        The client's namespace is asked first, then the service's, then the root namespace. The first that has a rule
        for the host, exact or wildcard, decides alone: rules of different namespaces are never merged. In its own
        namespace a client sees private rules too; a client in the root namespace sees there only the private ones at
        first, so that a mesh-wide rule does not come before the service's own.
        """
        root, hostname = self.root_namespace, service.hostname
        for level, namespace in enumerate((client_namespace, service.namespace, root)):
            rules = self._by_namespace.get(namespace)
            if rules is None:
                continue
            for rule in rules.matching(hostname):
                if level == 0:
                    private = client_namespace != root or rule.export_to == (root,)
                    sees = private and (rule.selector is None or frozenset(labels).issuperset(rule.selector))
                else:
                    sees = rule.selector is None and is_visible(rule.export_to, client_namespace)
                if sees:
                    return rule
        return None


def rule_index(world: World, services: ServiceIndex, steps: Steps) -> RuleIndex:
    """Index all DestinationRules of the World. Run it in every pass: what did not change is looked up, not made."""
    step = steps.step
    default = world.mesh.default_destination_rule_export_to
    parts = []
    for namespace, rules in sorted(world.kind(DestinationRule).items()):
        groups: dict[tuple[object, ...], list[PreparedRule]] = {}
        for _, rule in sorted(rules.items()):
            prepared = step(prepared_rule, rule, services.resolve(rule.spec.host, namespace), default)
            groups.setdefault((prepared.host, prepared.export_to, prepared.selector), []).append(prepared)
        merged = [
            step(merged_rule, *(group if len(group) == 1 else sorted(group, key=_order))) for group in groups.values()
        ]
        parts.append(step(_namespace_rules, namespace, *merged))
    return step(_rule_index, world.root_namespace, *parts)


def _order(rule: PreparedRule | MergedRule) -> tuple[bool, tuple[str, str, str]]:
    return rule.order


def _namespace_rules(namespace: str, *rules: MergedRule, recorder: Recorder) -> NamespaceRules:
    """Memoised step: look-up tables of one namespace."""
    del recorder
    by_host: dict[str, list[MergedRule]] = {}
    for rule in rules:
        by_host.setdefault(rule.host, []).append(rule)
    for found in by_host.values():
        if len(found) > 1:
            found.sort(key=_order)
    wildcards = sorted((h for h in by_host if h.startswith("*")), key=lambda host: (-len(host), host))
    return NamespaceRules(
        namespace=namespace,
        exact={host: tuple(found) for host, found in by_host.items()},
        wildcards=tuple((host[1:], tuple(by_host[host])) for host in wildcards),
        diagnostics=tuple(d for rule in rules for d in rule.diagnostics),
    )


def _rule_index(root_namespace: str, *parts: NamespaceRules, recorder: Recorder) -> RuleIndex:
    """Memoised step: put the namespaces together."""
    del recorder
    return RuleIndex(
        root_namespace=root_namespace,
        diagnostics=tuple(d for part in parts for d in part.diagnostics),
        _by_namespace={part.namespace: part for part in parts},
    )
