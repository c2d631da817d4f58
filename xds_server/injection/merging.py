"""Kubernetes' strategic merge, as far as a pod's own say about an injected container needs it."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from xds_server.injection.settings import Mapping, Tree

_KEYS: Final = {"env": "name", "ports": "containerPort", "volumeMounts": "mountPath"}
"""List of a container to the key by which its items are told apart."""
_WHOLE: Final = frozenset({"readinessProbe", "livenessProbe", "startupProbe"})
"""Mappings that are taken as they are given: two handlers in one probe are refused by Kubernetes."""


def overlay(template: Mapping, given: Mapping) -> Mapping:
    """Return a template's container with what the pod says of it on top. Image `auto` is the template's, as Istio's."""
    made = dict(template)
    for key, value in given.items():
        if key == "image" and value == "auto":
            continue
        under = made.get(key)
        if key in _KEYS and isinstance(under, list) and isinstance(value, list):
            made[key] = merge_by(_KEYS[key], under, value)
        elif isinstance(under, dict) and isinstance(value, dict) and key not in _WHOLE:
            made[key] = overlay(under, value)
        else:
            made[key] = copy.deepcopy(value)
    return made


def merge_by(key: str, under: list[Tree], over: Tree, *, given_first: bool = False) -> list[Tree]:
    """Join two lists of mappings; of two items with the same key, the one in `over` stays."""
    given = over if isinstance(over, list) else []
    taken = {one.get(key) for one in given if isinstance(one, dict)}
    rest = [one for one in under if not isinstance(one, dict) or one.get(key) not in taken]
    return [*given, *rest] if given_first else [*rest, *given]
