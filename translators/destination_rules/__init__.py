"""DestinationRules: which one holds, how several are merged, and what they say in the end."""

from __future__ import annotations

from translators.destination_rules.index import RuleIndex, rule_index
from translators.destination_rules.merged import MergedRule, MergedSubset, cluster_policy, effective_policy
from translators.destination_rules.policy import NO_POLICY, EffectivePolicy

__all__ = [
    "NO_POLICY",
    "EffectivePolicy",
    "MergedRule",
    "MergedSubset",
    "RuleIndex",
    "cluster_policy",
    "effective_policy",
    "rule_index",
]
