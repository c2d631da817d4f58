"""The state-of-the-world variant (StreamAggregatedResources): clusters and listeners whole, the rest in parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from envoy.service.discovery.v3.discovery_pb2 import DiscoveryRequest

from translators.resources import CLUSTER, ENDPOINT, LISTENER, TYPES
from xds_server.protocol.passage import Baggage
from xds_server.protocol.stream import BaseStream, TypeState
from xds_server.protocol.subscription import UNCHANGED, Change, Subscription

if TYPE_CHECKING:
    from collections.abc import Collection

    from translators.resources import Resource, ResourceSet, TypeSet
    from xds_server.protocol.events import Rejected
    from xds_server.protocol.step import Outgoing

WHOLE: Final = frozenset({CLUSTER, LISTENER})
"""Types whose every response holds all that the client subscribed to: what is missing gets deleted (rules 14 and 16).
https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#grouping-resources-into-responses
"""

REMOVALS: Final = (LISTENER, CLUSTER)
"""The order in which resources go: what refers to others first. The other types have no way to say it (rule 16)."""


class SotwStream(BaseStream[DiscoveryRequest]):
    """A stream of the state-of-the-world variant; see `step.Stream`."""

    __slots__ = ()

    def _first(self, state: TypeState, request: DiscoveryRequest) -> None:
        # It saves no answer (rule 4), but tells what the client has.
        state.version_brought = request.version_info

    def _baggage(self, state: TypeState, clusters: TypeSet) -> Baggage | None:
        held = self._encoder.kept(state.version_brought) if state.version_brought else None
        if held is None or not state.subscription.wildcard:
            return None
        differs = self._encoder.difference(held, clusters)
        gone = tuple(held.resources[name] for name in sorted(differs.absent))
        return Baggage(new=bool(differs.added), gone=gone)

    def _subscribe(self, subscription: Subscription, request: DiscoveryRequest) -> Change | Rejected:
        names = request.resource_names
        if subscription.among(names):
            return UNCHANGED
        if refused := self._refused(0, set(names)):
            return refused
        return subscription.replace(names)

    def _due(self, snapshot: ResourceSet, now: float, asked: str, change: Change) -> list[Outgoing]:
        out: list[Outgoing] = []
        removals: set[str] = set()
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
            again = children.get(type_url)
            if base is not None and base.version == new.version and not answered.owes and not again:
                continue
            if not state.subscription:
                continue
            if type_url not in WHOLE:
                out += self._part(state, base, snapshot, new, answered, again or set(), now)
                continue
            arrivals = self._arrivals(state, base, new, answered)
            if arrivals.departing:
                removals.add(type_url)
            if arrivals.fresh is not None:
                first = self._encoder.together(new, arrivals.departing) if arrivals.departing else new
                out.append(self._whole(state, first, now))
                self._children_due(type_url, arrivals.fresh, children)
        for type_url in REMOVALS:
            if type_url in removals:
                out.append(self._whole(self._types[type_url], snapshot[type_url], now))
        return out

    def _arrivals(self, state: TypeState, base: TypeSet | None, new: TypeSet, change: Change) -> _Arrivals:
        """Of a whole type: what comes and what goes.

        Removals wait for the end of the push, since routes may still point to a cluster that goes (rule 62). But a new
        listener may need the address of one that goes, so with a new listener both happen in one response.
        """
        wants, resources = state.subscription, new.resources
        if base is None or change.wildcard:
            return _Arrivals(self._selected(wants, new), ())
        departing: tuple[Resource, ...] = ()
        if change.owes:
            fresh = {resources[name] for name in change.owed if name in resources}
        else:
            differs = self._difference(wants, base, new)
            if not (new.type_url == LISTENER and differs.added):
                departing = tuple(base.resources[name] for name in differs.absent)
            if not differs.present:
                return _Arrivals(None, departing)
            fresh = set(differs.present)
        # A rejected response was applied in part or not at all: what it held is as good as new, since it comes again.
        fresh.update(resources[name] for name in state.ledger.in_doubt if name in resources)
        return _Arrivals(tuple(fresh), departing)

    def _whole(self, state: TypeState, types: TypeSet, now: float) -> Outgoing:
        wants = state.subscription
        message = self._send(state, types, self._selected(wants, types), now, whole=wants.wildcard)
        if types.type_url == CLUSTER:
            self._encoder.keep(types)
        state.ledger.settle()  # what is missing is gone
        return message

    def _part(
        self,
        state: TypeState,
        base: TypeSet | None,
        snapshot: ResourceSet,
        new: TypeSet,
        change: Change,
        again: set[str],
        now: float,
    ) -> list[Outgoing]:
        """Of the other types: send what differs, what a request asked for and what goes with a parent."""
        wants, resources, ledger = state.subscription, new.resources, state.ledger
        # Of the clusters that a client brought along and that are gone, this process knows no endpoints: it has them.
        clusters = (self._target if self._homeward and self._target is not None else snapshot)[CLUSTER]
        if base is None or change.wildcard:
            return self._send_part(state, new, self._selected(wants, new), wants.names, clusters, now)
        present: tuple[Resource, ...] = ()
        doubtful: set[str] = set()
        extra = {*change.owed, *(name for name in again if wants.wants(name))}
        if base.version != new.version:
            differs = self._difference(wants, base, new)
            present = differs.present
            if ledger.in_doubt:
                if not differs.names.isdisjoint(ledger.in_doubt):
                    doubtful = ledger.in_doubt.keys() - differs.names - extra
                ledger.forget([name for name in ledger.in_doubt if not self._meant(new.type_url, name)])
            extra.update(differs.absent)
        if extra:
            known = {resource.name for resource in present}
            more = [resources[name] for name in extra if name in resources and name not in known]
            present = tuple(sorted((*present, *more), key=_name)) if more else present
        out = self._send_part(state, new, present, extra, clusters, now)
        if doubtful:
            # See `DeltaStream._update`: the rest of a rejected response gets its chance, in a response of its own.
            rest = tuple(resources[name] for name in sorted(doubtful) if name in resources)
            out += self._send_part(state, new, rest, doubtful, clusters, now)
        return out

    def _meant(self, type_url: str, name: str) -> str:
        version = super()._meant(type_url, name)
        if not version and type_url == ENDPOINT and super()._meant(CLUSTER, name):
            return self._encoder.empty_assignment(name).version
        return version

    def _send_part(
        self,
        state: TypeState,
        new: TypeSet,
        present: tuple[Resource, ...],
        asked: Collection[str],
        clusters: TypeSet,
        now: float,
    ) -> list[Outgoing]:
        """Send if there is something to say: this variant has no word for what does not exist (rule 27), but for
        endpoints, where an empty assignment says that a cluster has none.
        """
        if asked and new.type_url == ENDPOINT:
            missing = (name for name in asked if name in clusters.resources and name not in new.resources)
            none = [self._encoder.empty_assignment(name) for name in missing if name in state.subscription.names]
            present = tuple(sorted((*present, *none), key=_name)) if none else present
        return [self._send(state, new, present, now)] if present else []

    def _send(
        self, state: TypeState, types: TypeSet, present: tuple[Resource, ...], now: float, *, whole: bool = False
    ) -> Outgoing:
        ledger = state.ledger
        message = self._encoder.sotw(types.type_url, types.version, present, ledger.serial, whole=whole)
        ledger.sent(message, now)
        return message


class _Arrivals(NamedTuple):
    """What a push brings to, and takes from, a client that is sent whole sets."""

    fresh: tuple[Resource, ...] | None
    """What the client will take for new or modified; None: there is nothing to send but removals."""
    departing: tuple[Resource, ...]


def _name(resource: Resource) -> str:
    return resource.name
