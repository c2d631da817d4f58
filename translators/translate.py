"""World and ProxyView in, ResourceSet out: the one function that serve, the CLI, explain and the tests call.

Three ways lead through it. A whole pass walks everything the view may see, with each step memoised, so that it builds
only what changed. When nothing but endpoints changed, their keys lead straight to the assignments that they touch, at
a cost that does not grow with the mesh. When nothing but the routes of VirtualServices changed, a sidecar's virtual
hosts that follow them are exchanged. All give the same bytes (a test compares them).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from translators.memo import Memo, Recording, Traced
from translators.relevant_keys import selector_keys
from translators.resources import ENDPOINT
from translators.services import services_touched
from translators.sidecars.route_edits import edited_routes, with_edits
from translators.whole_pass import Pass, Translation, clusters_of, rejoined, whole_pass

if TYPE_CHECKING:
    from collections.abc import Hashable

    from translators.extensions import NamedExtension
    from translators.model.proxy import ProxyView
    from translators.model.world import World
    from translators.resources import ResourceSet
    from translators.sidecars import Shared

__all__ = ["Translation", "Translator", "selector_keys"]

_SPARE: Final = 20_000
"""Memo entries that changes may leave behind before a whole pass tidies up. Those that endpoint changes supersede are
forgotten without one: with changes that never cease, it would come again and again.
"""


class Translator:
    """Holds the memo; one per server (or per offline run). Not for use from several threads."""

    def __init__(self, extensions: tuple[NamedExtension, ...] = ()) -> None:
        """Start with an empty memo. `extensions` have the last word on what a proxy is sent."""
        self._extensions = extensions
        self._memo = Memo()
        self._generation = 0
        self._walked: World | None = None
        self._pass: Pass | None = None
        self._edited: tuple[World | None, dict[int, tuple[Shared, Shared | None]]] = None, {}
        """What sidecars share after the edits that led to a World, by the identity of what they shared before."""
        self._limit = _SPARE
        self._superseded: tuple[set[Hashable], set[Hashable]] = set(), set()
        """Steps that endpoint changes led away from: towards the World of now, and towards the one before it."""

    def selector_keys(self, world: World) -> frozenset[str]:
        """Return the label keys that any selector in the World mentions; other labels cannot change a translation."""
        return selector_keys(world, self._memo)

    def translate(self, world: World, view: ProxyView, previous: ResourceSet | None = None) -> Translation:
        """Return what a proxy with this view is served. `previous` is what it was served for an earlier World: sets
        that did not change are returned as the same objects, and each set says how it differs from its predecessor.
        """
        if isinstance(previous, Translation) and previous.view == view:
            if previous.world.token is world.token:
                return previous
            self._tidy(world)
            fresh = previous.generation == self._generation and not self._extensions
            if fresh and (quick := self._endpoints_only(world, previous) or self._routes_only(world, previous)):
                return quick
        else:
            previous = None
            self._tidy(world)
        if self._pass is None or self._pass.world.token is not world.token:
            self._pass = Pass(world, self._memo, self._extensions, self._generation, self._pass)
        translation = whole_pass(self._pass, view, previous)
        self._limit = self._memo.fresh + _SPARE
        return translation

    def with_notes(self, world: World, view: ProxyView) -> Translation:
        """Translate once more with a recorder: the same bytes, and each resource's `notes` say which field of which
        object is behind each part of it. Nothing is remembered.
        """
        return whole_pass(Pass(world, Recording(), self._extensions, self._generation), view, None)

    def _tidy(self, world: World) -> None:
        """Let the memo forget, once for each World in which more than endpoints changed."""
        walked = self._walked
        if walked is not None:
            changed = world.changed_since(walked)
            small = changed is not None and (
                services_touched(walked, world, changed) is not None
                or edited_routes(walked, world, changed, self._memo) is not None
            )
            if small and world is not walked:  # nobody is at the World before the last one any more
                latest, earlier = self._superseded
                self._memo.forget(earlier)
                self._superseded = set(), latest
            if small and self._memo.fresh < self._limit:
                self._walked = world
                return
        self._memo.turn()
        self._superseded = set(), set()
        self._generation += 1
        self._walked = world

    def _endpoints_only(self, world: World, previous: Translation) -> Translation | None:
        """Return what endpoint changes alone make of the previous translation; None if there is more to it."""
        changed = world.changed_since(previous.world)
        touched = None if changed is None else services_touched(previous.world, world, changed)
        if touched is None or not touched.isdisjoint(previous.by_endpoints):
            return None
        destinations = [d for key in touched for d in previous.destinations.get(key, ())]
        steps = Traced(self._memo), Traced(self._memo)
        before, after = (
            clusters_of(w, previous.view, destinations, previous.rules, s)
            for w, s in zip((previous.world, world), steps, strict=True)
        )
        if before.diagnostics != after.diagnostics:
            return None
        self._superseded[0].update(steps[0].keys - steps[1].keys)
        assignments = previous[ENDPOINT].replace({r.name: r for r in after.assignments})
        return replace(previous, types={**previous.types, ENDPOINT: assignments}, world=world)

    def _routes_only(self, world: World, previous: Translation) -> Translation | None:
        """Return what edits to routes alone make of the previous translation of a sidecar; None if there is more to
        it.
        """
        changed, shared = world.changed_since(previous.world), previous.shared
        if changed is None or shared is None:
            return None
        edits = edited_routes(previous.world, world, changed, self._memo)
        if edits is None:
            return None
        if self._edited[0] is not world:
            self._edited = world, {}
        known = self._edited[1].get(id(shared))
        if known is None:
            after = with_edits(shared, edits, world, previous.services, previous.rules, self._memo)
            known = self._edited[1][id(shared)] = shared, after
        return rejoined(previous, known[1], world) if known[1] is not None else None
