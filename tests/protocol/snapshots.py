"""Snapshots for protocol tests: the bodies are small texts, since the protocol never looks into them."""

from __future__ import annotations

from translators.model.proxy import ProxyView
from translators.resources import TYPES, Resource, ResourceSet, TypeSet

VIEW = ProxyView(type="router", namespace="istio-system")


def snapshot(*resources: Resource, previous: ResourceSet | None = None) -> ResourceSet:
    """A ResourceSet of these; `previous` makes it the successor of another, as the push does."""
    types = {
        type_url: TypeSet.of(
            type_url, [r for r in resources if r.type_url == type_url], previous[type_url] if previous else None
        )
        for type_url in TYPES
    }
    return ResourceSet(view=VIEW, types=types)
