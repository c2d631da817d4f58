"""DestinationRules for one host in one namespace, made one (reference 3.8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import field

from translators.destination_rules.policy import NO_POLICY, EffectivePolicy, layered
from translators.model.codes import diagnose
from translators.model.meta import Value
from translators.model.origin import Origin
from translators.services.exports import NOBODY, resolved_export_to

if TYPE_CHECKING:
    from collections.abc import Mapping

    from translators.model.destination_rule import DestinationRule, TrafficPolicy
    from translators.model.mesh_config import MeshConfig
    from translators.model.meta import ObjectKey
    from translators.model.origin import Diagnostic
    from translators.recorder import Recorder


class PreparedRule(Value, frozen=True, kw_only=True):
    """A DestinationRule with its host in full and its exportTo resolved."""

    rule: DestinationRule
    host: str
    export_to: tuple[str, ...]
    selector: tuple[tuple[str, str], ...] | None
    """Sorted labels of the client workloads that it is for; None: all. Such a rule is private to its namespace."""
    order: tuple[bool, tuple[str, str, str]]
    """Rules with a selector first, then the oldest."""


class MergedSubset(Value, frozen=True, kw_only=True):
    """A subset, and where it stands."""

    name: str
    labels: Mapping[str, str]
    traffic_policy: TrafficPolicy | None
    origin: ObjectKey
    path: str
    """`spec.subsets[2]`."""


class MergedRule(Value, frozen=True, kw_only=True):
    """What all DestinationRules for one host say together. The same object while none of them changes."""

    host: str
    namespace: str
    export_to: tuple[str, ...]
    selector: tuple[tuple[str, str], ...] | None
    traffic_policy: TrafficPolicy | None
    """Of the oldest rule that has one."""
    policy_origin: Origin | None
    subsets: Mapping[str, MergedSubset] = field(default_factory=dict)
    origins: tuple[ObjectKey, ...]
    """Of the rules, the oldest first."""
    order: tuple[bool, tuple[str, str, str]]
    """Of the oldest rule: rules with a selector first, then the oldest."""
    diagnostics: tuple[Diagnostic, ...] = ()
    policies: dict[tuple[int, str], EffectivePolicy] = field(default_factory=dict)
    """What `effective_policy` has worked out: clusters, routes and assignments all ask for the same few."""


def prepared_rule(
    rule: DestinationRule, host: str, default_export_to: tuple[str, ...], *, recorder: Recorder
) -> PreparedRule:
    """Memoised step: resolve what a rule says about its audience; `host` is its host in full."""
    del recorder
    spec, namespace = rule.spec, rule.metadata.namespace
    selector = None
    if spec.workload_selector is not None and spec.workload_selector.match_labels:
        selector = tuple(sorted(spec.workload_selector.match_labels.items()))
    # Of the mesh's default, only "all" and "own namespace" count for DestinationRules (reference 3.4).
    default = (".",) if "*" not in default_export_to and "." in default_export_to else ("*",)
    export_to = resolved_export_to((".",) if selector else spec.export_to, default, namespace)
    return PreparedRule(
        rule=rule,
        host=host,
        export_to=(namespace,) if export_to == NOBODY else export_to,
        selector=selector,
        order=(selector is None, rule.age_order),
    )


def merged_rule(*rules: PreparedRule, recorder: Recorder) -> MergedRule:
    """Memoised step: merge rules of one namespace for one host with one audience, the oldest first.

    Their subsets are put together; of two with one name the older rule's counts. The top-level policy is that of the
    oldest rule that has one; policies are never mixed.
    """
    del recorder
    subsets: dict[str, MergedSubset] = {}
    diagnostics = []
    policy: TrafficPolicy | None = None
    policy_origin: Origin | None = None
    for prepared in rules:
        rule = prepared.rule
        if rule.spec.traffic_policy is not None:
            origin = Origin(rule.key, "spec.trafficPolicy")
            if policy_origin is None:
                policy, policy_origin = rule.spec.traffic_policy, origin
            else:
                diagnostics.append(
                    diagnose(
                        "PF0591",
                        f"{policy_origin.key} already has a policy for {prepared.host}; this one has no effect",
                        origin,
                        hint="Put both into one rule, or the settings into a subset's trafficPolicy.",
                    )
                )
        for index, subset in enumerate(rule.spec.subsets):
            known = subsets.get(subset.name)
            path = f"spec.subsets[{index}]"
            if known is None:
                subsets[subset.name] = MergedSubset(
                    name=subset.name,
                    labels=subset.labels,
                    traffic_policy=subset.traffic_policy,
                    origin=rule.key,
                    path=path,
                )
            else:
                diagnostics.append(
                    diagnose(
                        "PF0590",
                        f"subset {subset.name!r} of {prepared.host} is already defined by {known.origin}; "
                        "this one has no effect",
                        Origin(rule.key, path),
                        hint="Give it another name, or put both rules into one.",
                    )
                )
    first = rules[0]
    return MergedRule(
        host=first.host,
        namespace=first.rule.metadata.namespace,
        export_to=first.export_to,
        selector=first.selector,
        traffic_policy=policy,
        policy_origin=policy_origin,
        subsets=subsets,
        origins=tuple(prepared.rule.key for prepared in rules),
        order=first.order,
        diagnostics=tuple(diagnostics),
    )


def effective_policy(rule: MergedRule | None, port: int, subset: str = "") -> EffectivePolicy:
    """Return what holds for a port of a service, or of one of its subsets, under its rule.

    Lowest to highest: the rule's policy, its settings for the port, the subset's policy, that one's settings for the
    port. An unknown subset has the policy of the whole service.
    """
    if rule is None:
        return NO_POLICY
    found = rule.policies.get((port, subset))
    if found is None:
        found = rule.policies[port, subset] = _layers(rule, port, subset)
    return found


def _layers(rule: MergedRule, port: int, subset: str) -> EffectivePolicy:
    top = layered(NO_POLICY, rule.traffic_policy, rule.policy_origin, port)
    known = rule.subsets.get(subset) if subset else None
    if known is None or known.traffic_policy is None:
        return top
    return layered(top, known.traffic_policy, Origin(known.origin, f"{known.path}.trafficPolicy"), port)


def cluster_policy(rule: MergedRule | None, port: int, subset: str, mesh: MeshConfig) -> EffectivePolicy:
    """Return `effective_policy`, with the mesh's defaults for the blocks that it leaves out (they have no origin)."""
    policy = effective_policy(rule, port, subset)
    default = mesh.default_traffic_policy
    if default is None:
        return policy
    return policy._replace(
        connection_pool=policy.connection_pool or default.connection_pool,
        outlier_detection=policy.outlier_detection or default.outlier_detection,
    )
