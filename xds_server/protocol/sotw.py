"""The state-of-the-world variant (StreamAggregatedResources): clusters and listeners whole, the rest in parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from envoy.service.discovery.v3.discovery_pb2 import DiscoveryRequest

from translators.resources import CLUSTER, ENDPOINT, LISTENER, TYPES
from xds_server.protocol.encoder import WHOLE
from xds_server.protocol.passage import Baggage
from xds_server.protocol.stream import BaseStream
from xds_server.protocol.subscription import UNCHANGED, Change, Subscription

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Set as AbstractSet

    from translators.resources import Resource, ResourceSet, TypeSet
    from xds_server.protocol.events import Rejected
    from xds_server.protocol.state import TypeState
    from xds_server.protocol.step import Outgoing

REMOVALS: Final = (LISTENER, CLUSTER)
"""The order in which resources go: what refers to others first. The other types have no way to say it (rule 16)."""


class SotwStream(BaseStream[DiscoveryRequest]):
    """A stream of the state-of-the-world variant; see `step.Stream`."""

    __slots__ = ()

    def _first(self, state: TypeState, request: DiscoveryRequest) -> None:
        # It saves no answer (rule 4), but tells what the client has.
        state.version_brought = request.version_info

    @staticmethod
    def _was_here(request: DiscoveryRequest) -> bool:
        return bool(request.version_info)

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

    def _due(self, snapshot: ResourceSet, now: float, asked: str = "", change: Change = UNCHANGED) -> list[Outgoing]:
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
            owed = state.settle_debts() if state.owed else ()
            if base is not None and base.version == new.version and not answered.owes and not again and not owed:
                continue
            if not state.subscription:
                continue
            if type_url not in WHOLE:
                extra = {*answered.owed, *owed, *(again or ())}
                out += self._part(state, base, snapshot, new, extra, now, everything=answered.wildcard is True)
                continue
            arrivals = self._arrivals(state, base, new, answered)
            if owed and arrivals.fresh is None:
                arrivals = arrivals._replace(fresh=())  # for the sake of what is no longer in it
            if arrivals.departing:
                removals.add(type_url)
            if arrivals.fresh is not None:
                first = self._encoder.together(new, arrivals.departing) if arrivals.departing else new
                out += self._whole(state, first, snapshot, now)
                self._children_due(type_url, arrivals.fresh, children)
        for type_url in REMOVALS:
            if type_url in removals:
                out += self._whole(self._types[type_url], snapshot[type_url], snapshot, now)
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
            return _Arrivals(tuple(resources[name] for name in change.owed if name in resources), ())
        differs = self._difference(wants, base, new)
        if not (new.type_url == LISTENER and differs.added):
            departing = tuple(base.resources[name] for name in differs.absent)
        return _Arrivals(differs.present or None, departing)

    def _whole(self, state: TypeState, types: TypeSet, snapshot: ResourceSet, now: float) -> tuple[Outgoing, ...]:
        wants = state.subscription
        if types.type_url == CLUSTER:
            self._encoder.keep(types, snapshot[ENDPOINT])
        return self._send(state, types, self._selected(wants, types), now, whole=wants.wildcard)

    def _part(
        self,
        state: TypeState,
        base: TypeSet | None,
        snapshot: ResourceSet,
        new: TypeSet,
        extra: set[str],
        now: float,
        *,
        everything: bool,
    ) -> tuple[Outgoing, ...]:
        """Of the other types: send what differs, and what else is due (`extra`). There is no word here for what does
        not exist (rule 27), but for endpoints, where an empty assignment says that a cluster has none.
        """
        wants, resources = state.subscription, new.resources
        present: tuple[Resource, ...] = ()
        if base is None or everything:
            asked = requested = wants.names
            present = self._selected(wants, new)
        else:
            asked = requested = extra
            if base.version != new.version:
                differs = self._difference(wants, base, new)
                present = differs.present
                asked = extra.union(differs.absent)
            if asked:
                known = {resource.name for resource in present}
                more = [resources[n] for n in asked if n in resources and n not in known and wants.wants(n)]
                present = tuple(sorted((*present, *more), key=_name)) if more else present
        if asked and new.type_url == ENDPOINT:
            missing = [n for n in asked if n not in resources and n in wants.names]
            none = self._without_endpoints(missing, requested, snapshot)
            present = tuple(sorted((*present, *none), key=_name)) if none else present
        return self._send(state, new, present, now) if present else ()

    def _without_endpoints(
        self, names: Iterable[str], requested: AbstractSet[str], snapshot: ResourceSet
    ) -> list[Resource]:
        """Return empty assignments for clusters that are served. Without a request for clusters, for any name:
        Envoy asks for none as long as one warms, and that one may be gone for good (section 2, pitfall 3; rule 54). But
        others that are gone still have requests, so that what was known of their endpoints last is said again. So it
        is where it asks (`requested`) for those of a cluster that it has until it accepts to lose it: that may warm.
        """
        encoder = self._encoder

        def last_known(gone: Iterable[str]) -> list[Resource]:
            return [encoder.last_assignment(name) or encoder.empty_assignment(name) for name in gone]

        if CLUSTER not in self._types:
            return last_known(names)
        # Of the clusters that a client brought along and that are gone, this process knows no endpoints: it has them.
        clusters = (self._wanted if self._homeward and self._wanted is not None else snapshot)[CLUSTER].resources
        found = [encoder.empty_assignment(name) for name in names if name in clusters]
        gone = [name for name in names if name not in clusters and name in requested]
        if gone and not self._homeward:
            there = self._types[CLUSTER].ledger.undecided()
            found += last_known(name for name in gone if name in there)
        return found

    def _send(
        self, state: TypeState, types: TypeSet, present: tuple[Resource, ...], now: float, *, whole: bool = False
    ) -> tuple[Outgoing, ...]:
        ledger = state.ledger
        messages = self._encoder.sotw(types.type_url, types.version, present, ledger.serial, whole=whole)
        ledger.sent(messages, types, now)
        return messages


class _Arrivals(NamedTuple):
    """What a push brings to, and takes from, a client that is sent whole sets."""

    fresh: tuple[Resource, ...] | None
    """What the client will take for new or modified; None: there is nothing to send but removals."""
    departing: tuple[Resource, ...]


def _name(resource: Resource) -> str:
    return resource.name
