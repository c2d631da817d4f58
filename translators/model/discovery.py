"""MeshConfig's discoverySelectors: the namespaces whose objects there are at all, by the labels of their Namespaces.

https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#MeshConfig-discovery_selectors
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from translators.model.meta import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SelectorOperator = Literal["In", "NotIn", "Exists", "DoesNotExist"]

NAME_LABEL: Final = "kubernetes.io/metadata.name"
"""The label with its name that the API server gives to each Namespace."""


class SelectorRequirement(Struct, frozen=True, kw_only=True):
    """A condition on one label."""

    key: str = ""
    operator: SelectorOperator = "In"
    values: tuple[str, ...] = ()


class NamespaceSelector(Struct, frozen=True, kw_only=True):
    """Kubernetes' label selector: all of its conditions hold. An empty one selects everything."""

    match_labels: dict[str, str] = {}
    match_expressions: tuple[SelectorRequirement, ...] = ()


def is_discovered(namespace: str, labels: Mapping[str, str], selectors: Iterable[NamespaceSelector]) -> bool:
    """Whether one of the selectors selects a namespace with these labels.

    It has its name as a label in any case: in files there may be no Namespace to say so.
    """
    known = {NAME_LABEL: namespace, **labels}
    return any(_selects(selector, known) for selector in selectors)


def _selects(selector: NamespaceSelector, labels: Mapping[str, str]) -> bool:
    return selector.match_labels.items() <= labels.items() and all(
        _holds(requirement, labels) for requirement in selector.match_expressions
    )


def _holds(requirement: SelectorRequirement, labels: Mapping[str, str]) -> bool:
    value = labels.get(requirement.key)
    match requirement.operator:
        case "In":
            return value in requirement.values
        case "NotIn":
            return value not in requirement.values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
