"""The delta variant (DeltaAggregatedResources): only what changed is sent, and removals are named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from envoy.service.discovery.v3.discovery_pb2 import DeltaDiscoveryRequest

from translators.resources import CLUSTER, ENDPOINT, EXTENSION, LISTENER, ROUTE, SECRET, TYPES
from xds_server.protocol.passage import Baggage, Brought
from xds_server.protocol.stream import RESENT_WITH_PARENT, BaseStream
from xds_server.protocol.subscription import UNCHANGED, Change, Subscription

if TYPE_CHECKING:
    from translators.resources import Resource, ResourceSet, TypeSet
    from xds_server.protocol.events import Rejected
    from xds_server.protocol.state import TypeState
    from xds_server.protocol.step import Outgoing

REMOVALS: Final = (LISTENER, ROUTE, CLUSTER, ENDPOINT, SECRET)
"""The order in which resources go: what refers to others first."""

NEVER_REMOVED: Final = frozenset({EXTENSION})
"""Types of which absence is never said: Envoy takes the filter out of the listeners that it still holds, and draining
connections fail (rule 49). What no listener names any more, Envoy forgets by itself.
"""

ALWAYS_RESENT: Final = frozenset({ENDPOINT, SECRET, EXTENSION})
"""Types of which a client that comes back is sent everything: their parents may be waiting for them (rule 53)."""

_NOTHING: Final[frozenset[str]] = frozenset()


class DeltaStream(BaseStream[DeltaDiscoveryRequest]):
    """A stream of the delta variant; see `step.Stream`."""

    __slots__ = ()

    def _first(self, state: TypeState, request: DeltaDiscoveryRequest) -> None:
        # Versions in later requests have no effect (rule 51).
        state.held = dict(request.initial_resource_versions)

    @staticmethod
    def _was_here(request: DeltaDiscoveryRequest) -> bool:
        return bool(request.initial_resource_versions)

    def _baggage(self, state: TypeState, clusters: TypeSet) -> Baggage | None:
        held, resources = state.held, clusters.resources
        if not held or not state.subscription.wildcard:
            return None
        withheld = self._withheld(CLUSTER)
        absent = (name for name in sorted(held) if name not in resources and name not in withheld)
        gone = tuple(Brought(CLUSTER, name, held[name]) for name in absent)
        return Baggage(new=any(name not in held for name in resources), gone=gone)

    def _subscribe(self, subscription: Subscription, request: DeltaDiscoveryRequest) -> Change | Rejected:
        subscribe = request.resource_names_subscribe
        if subscribe and (
            refused := self._refused(len(subscription.names), set(subscribe).difference(subscription.names))
        ):
            return refused
        return subscription.update(subscribe, request.resource_names_unsubscribe)

    def _due(self, snapshot: ResourceSet, now: float, asked: str = "", change: Change = UNCHANGED) -> list[Outgoing]:
        out: list[Outgoing] = []
        removals: dict[str, tuple[str, ...]] = {}
        children: dict[str, set[str]] = {}
        for type_url in TYPES:
            state = self._types.get(type_url)
            if state is None:
                continue
            if state.base is None and self._held_back(type_url):
                continue
            new = snapshot[type_url]
            base, state.base = state.base, new
            answered = change if type_url == asked else UNCHANGED
            if base is None:
                messages = self._begin(state, new, now)
            elif base.version != new.version or answered.owes or type_url in children or state.owed:
                messages = self._update(state, base, new, answered, children.get(type_url, _NOTHING), removals, now)
            else:
                continue
            out += messages
            if type_url in RESENT_WITH_PARENT:
                for message in messages:
                    self._children_due(type_url, message.resources, children)
        if removals:
            for type_url in REMOVALS:
                if gone := removals.get(type_url):
                    out += self._send(self._types[type_url], snapshot[type_url], (), gone, now)
        return out

    def _begin(self, state: TypeState, new: TypeSet, now: float) -> tuple[Outgoing, ...]:
        """Answer the first request of a type: always, so that the client need not wait for more (rules 28 and 52)."""
        wants, held = state.subscription, state.held
        state.held = {}
        state.settle_debts()
        if not wants:
            return ()
        present = self._selected(wants, new)
        if held and new.type_url not in ALWAYS_RESENT:
            present = tuple(resource for resource in present if held.get(resource.name) != resource.version)
        # Rule 46, and rule 50: "removed_resources for listed names that are gone or no longer visible".
        withheld = self._withheld(new.type_url)
        absent = sorted(
            name
            for name in {*wants.names, *held}
            if name not in new.resources and not (name in withheld and name in held)
        )
        return self._send(state, new, present, tuple(absent), now)

    def _update(
        self,
        state: TypeState,
        base: TypeSet,
        new: TypeSet,
        change: Change,
        again: set[str] | frozenset[str],
        removals: dict[str, tuple[str, ...]],
        now: float,
    ) -> tuple[Outgoing, ...]:
        """Send what differs, what a request asked for and what goes with a parent; leave plain removals for the end."""
        wants, resources = state.subscription, new.resources
        messages: tuple[Outgoing, ...] = ()
        present: tuple[Resource, ...] = ()
        absent: tuple[str, ...] = ()
        if base.version != new.version:
            differs = self._difference(wants, base, new)
            present, absent = differs.present, differs.absent
            if absent and not (new.type_url == LISTENER and differs.added):
                # Make before break (rule 61). A new listener may need the address of one that goes, so there the two
                # stay together.
                removals[new.type_url] = absent
                absent = ()
        extra = set(change.owed).union(
            name for name in again if name in wants.names or (wants.wildcard and name in resources)
        )
        if state.owed:
            extra.update(name for name in state.settle_debts() if wants.wants(name))
        if change.wildcard:
            present = self._encoder.everything(new)
        if extra:
            known = {resource.name for resource in present}
            more = (resources[name] for name in extra if name in resources and name not in known)
            present = tuple(sorted((*present, *more), key=_name))
            # Asked for, and not there: said at once, while the subscription survives (rule 46).
            missing = {name for name in extra if name not in resources}
            absent = tuple(sorted(missing.union(absent)))
            if late := removals.get(new.type_url):
                removals[new.type_url] = tuple(name for name in late if name not in missing)
        if present or absent or change.wildcard:
            messages = self._send(state, new, present, absent, now)
        return messages

    def _send(
        self, state: TypeState, new: TypeSet, present: tuple[Resource, ...], absent: tuple[str, ...], now: float
    ) -> tuple[Outgoing, ...]:
        if absent and new.type_url in NEVER_REMOVED:
            absent = ()
            if not present and state.ledger.nonce_sent:
                return ()
        if self._homeward:
            present = tuple(resource for resource in present if not isinstance(resource, Brought))
        messages = self._encoder.delta(new.type_url, new.version, present, absent, state.ledger.serial)
        state.ledger.sent(messages, new, now)
        return messages


def _name(resource: Resource) -> str:
    return resource.name
