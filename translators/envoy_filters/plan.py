"""Which EnvoyFilters are for a proxy, in which order (reference 1.7), and what came of applying them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from translators.envoy_filters.parsing import Patch, parse_patches
from translators.model.envoy_filter import ApplyTo, EnvoyFilter, PatchContext
from translators.model.meta import ObjectKey, Value
from translators.model.proxy import METADATA, VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from immutables import Map

    from translators.memo import Steps
    from translators.model.envoy_filter import ProxyMatch
    from translators.model.origin import Origin
    from translators.model.proxy import ProxyType, ProxyView
    from translators.model.world import World
    from translators.recorder import Recorder
    from translators.resources import Resource


class Plan(Value, frozen=True, kw_only=True):
    """All patches for one view, in the order in which they are applied."""

    proxy_type: ProxyType
    patches: tuple[Patch, ...]
    selected: frozenset[ObjectKey]
    """The EnvoyFilters that select their workloads by labels."""

    def of(self, apply_to: ApplyTo, context: PatchContext) -> Iterator[Patch]:
        """Yield the patches to one kind of thing, for traffic like this."""
        return (p for p in self.patches if p.apply_to == apply_to and p.fits_context(context))

    def context(self, *, inbound: bool) -> PatchContext:
        """Return the context of a resource of this proxy."""
        if self.proxy_type == "router":
            return "GATEWAY"
        return "SIDECAR_INBOUND" if inbound else "SIDECAR_OUTBOUND"

    def concerns(self, patch: Patch) -> bool:
        """Whether a patch is for proxies of this type at all."""
        return any(patch.fits_context(context) for context in self.added_in)

    @property
    def added_in(self) -> tuple[PatchContext, ...]:
        """Contexts in which a whole resource can be added. Without a context it is added once, not per direction."""
        return ("GATEWAY",) if self.proxy_type == "router" else ("SIDECAR_OUTBOUND", "SIDECAR_INBOUND")


class Patched(Value, frozen=True, kw_only=True):
    """What came of one resource."""

    resource: Resource | None
    """None if it is removed."""
    applied: tuple[Origin, ...] = ()
    """The patches that did something, by their field."""


def plan_for(world: World, view: ProxyView, steps: Steps) -> Plan | None:
    """Return the patches for a view; None if there are none: those of the root namespace and of its own, lower
    priorities first, then the root namespace's, then the oldest.
    """
    root, own = (world.namespace(EnvoyFilter, namespace) for namespace in (world.root_namespace, view.namespace))
    if not root and not own:
        return None
    if root is own:
        root = type(root)()
    chosen: tuple[EnvoyFilter, ...] = steps.step(_in_order, root, own)
    selected = [f for f in chosen if f.spec.workload_selector is None or _selects(f, view)]
    if not selected:
        return None
    known = [text for entry in view.metadata for text in entry]
    patches = (steps.step(_for_proxy, steps.step(parse_patches, one), *known) for one in selected)
    return steps.step(_joined, view.type, *selected, *patches)


def _selects(envoy_filter: EnvoyFilter, view: ProxyView) -> bool:
    selector = envoy_filter.spec.workload_selector
    return selector is not None and view.selected_by(selector.labels)


def _for_proxy(patches: tuple[Patch, ...], *known: str, recorder: Recorder) -> tuple[Patch, ...]:
    """Memoised step: the patches that are for a proxy with this node metadata (names and values in turn)."""
    del recorder
    metadata = dict(zip(known[::2], known[1::2], strict=True))
    chosen = tuple(patch for patch in patches if _is_for(patch.match.proxy, metadata))
    return patches if len(chosen) == len(patches) else chosen


def _is_for(match: ProxyMatch | None, metadata: Mapping[str, str]) -> bool:
    """Istio's rules: the expression fits any part of the version, and no version fits no expression."""
    if match is None:
        return True
    if match.proxy_version:
        version = metadata.get(VERSION)
        if not version or re2.search(match.proxy_version, version) is None:
            return False
    return all(metadata.get(key) == value for key, value in match.metadata.items())


def _in_order(
    root: Map[str, EnvoyFilter], own: Map[str, EnvoyFilter], *, recorder: Recorder
) -> tuple[EnvoyFilter, ...]:
    """Memoised step: sort what is in force for a namespace."""
    del recorder
    ranked = [
        ((one.spec.priority, rank, one.age_order), one)
        for rank, some in enumerate((root, own))
        for one in some.values()
    ]
    return tuple(one for _, one in sorted(ranked, key=lambda entry: entry[0]))


def _joined(proxy_type: ProxyType, *parts: EnvoyFilter | tuple[Patch, ...], recorder: Recorder) -> Plan | None:
    """Memoised step: one plan of several filters (first all of them, then the patches of each)."""
    del recorder
    patches = tuple(patch for part in parts if isinstance(part, tuple) for patch in part)
    filters = (part for part in parts if not isinstance(part, tuple))
    selected = frozenset(one.key for one in filters if one.spec.workload_selector is not None)
    return Plan(proxy_type=proxy_type, patches=patches, selected=selected) if patches else None


def keys_of(filters: Map[str, EnvoyFilter], *, recorder: Recorder) -> frozenset[str]:
    """Memoised step: the label keys that the selectors of these filters mention, and the node metadata that patches ask
    for.
    """
    del recorder
    specs = [one.spec for one in filters.values()]
    selectors = (spec.workload_selector for spec in specs)
    keys = {key for selector in selectors if selector is not None for key in selector.labels}
    for patch in (patch for spec in specs for patch in spec.config_patches):
        asked = patch.match.proxy if patch.match is not None else None
        if asked is not None:
            keys.update(METADATA + key for key in asked.metadata)
            keys.update([METADATA + VERSION] if asked.proxy_version else [])
    return frozenset(keys)
