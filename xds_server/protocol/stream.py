"""What both variants of a stream share: the node, requests and their answers, limits. The variants say what is sent."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from envoy.service.discovery.v3.discovery_pb2 import DeltaDiscoveryRequest, DiscoveryRequest

from translators.resources import CLUSTER, ENDPOINT, LISTENER, SECRET, TYPES
from xds_server.protocol.events import Acked, Connected, Event, Ignored, Rejected, Subscribed, Unsubscribed
from xds_server.protocol.passage import ROUTING
from xds_server.protocol.quarantine import Quarantine
from xds_server.protocol.state import TypeState
from xds_server.protocol.step import QUIET, Limits, Step
from xds_server.protocol.subscription import UNCHANGED, Change, Subscription
from xds_server.protocol.treatment import Treatment

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from translators.resources import Resource, ResourceSet, TypeSet
    from xds_server.protocol.difference import Difference
    from xds_server.protocol.encoder import Encoder
    from xds_server.protocol.ledger import TypeStatus
    from xds_server.protocol.step import Outgoing

RESENT_WITH_PARENT: Final = {CLUSTER: (ENDPOINT, SECRET), LISTENER: (SECRET,)}
"""What a client wants again, even unchanged, once its parent was added or modified: a cluster warms until it gets its
endpoints anew, and a changed listener its secrets, though nobody asks for them. Routes are not among them: Envoy uses
the one it has. https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#resource-warming
"""

_SERVED: Final = frozenset(TYPES)

Message = TypeVar("Message", DiscoveryRequest, DeltaDiscoveryRequest)


class BaseStream(Treatment, Generic[Message]):
    """See `step.Stream`. A variant says how a request changes a subscription, and what is due."""

    __slots__ = ("_connected", "_peer")

    def __init__(
        self,
        encoder: Encoder,
        quarantine: Quarantine | None = None,
        *,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        peer: str = "",
    ) -> None:
        """`encoder` and `quarantine` are shared by all streams of the process; `peer` is whom the transport has
        authenticated, if anybody.
        """
        super().__init__(encoder, quarantine or Quarantine(), limits=limits)
        self._connected = False
        self._peer = peer

    def receive(self, request: Message, now: float) -> Step:
        """See `step.Stream.receive`."""
        if self._ended:
            return QUIET
        self._heard(now)
        events: list[Event] = []
        if not self._connected:
            if not (request.HasField("node") and request.node.id):
                what = "node.id is empty in" if request.HasField("node") else "there is no node in"
                return self._end(Rejected(status="INVALID_ARGUMENT", reason=f"{what} the stream's first message"))
            # "It is sufficient to only check the first message for the node identifier" (rules 78 and 79).
            self._connected = True
            self._admit(self._quarantine.ward(request.node, self._peer), now)
            events.append(Connected(node=request.node))
        type_url = request.type_url
        state = self._types.get(type_url)
        if state is None:
            if type_url not in _SERVED:
                # Envoy itself sends an empty type after a response that it did not expect (rules 29, 30 and 72).
                events.append(Ignored(type_url=type_url, reason="unknown type URL" if type_url else "no type URL"))
                return Step((), tuple(events))
            # A nonce in the first request of a type is from another stream, and means nothing (rule 10).
            state = self._types[type_url] = TypeState(type_url)
            self._first(state, request)
            self._returns = self._returns or (type_url in ROUTING and self._was_here(request))
        else:
            self._answer(type_url, state, request, now, events)
        change = self._subscribe(state.subscription, request)
        if isinstance(change, Rejected):
            return self._end(change)
        if change is not UNCHANGED:
            events.extend(_changes(type_url, change))
        responses = self._asked(type_url, state, change, now)
        rejected = request.HasField("error_detail")
        reason = "request" if responses else "trial" if self._trying else "rejected" if rejected else "waited"
        if rejected:
            responses += self._steer_again(now)
        if self._trying:
            responses += self._treat(now)
        if self._stage is not None and not self._waits_for(self._stage):
            self._patience = None
            responses += self._onward(now)
        if not responses:
            return Step((), tuple(events)) if events else QUIET
        return Step(tuple(responses), tuple(events), reason)

    def _asked(self, type_url: str, state: TypeState, change: Change, now: float) -> list[Outgoing]:
        """Return what a request is answered."""
        snapshot = self._snapshot
        if snapshot is None or not (change.owes or state.base is None):
            return []
        if type_url == CLUSTER and (self._stage is None or self._homeward) and self._comes_home(snapshot):
            return self._onward(now)
        if state.base is None and type_url in ROUTING and self._clusters_are_to_come(snapshot):
            return self._onward(now)
        return self._due(snapshot, now, type_url, change)

    def _answer(self, type_url: str, state: TypeState, request: Message, now: float, events: list[Event]) -> None:
        """Correlate an ACK or NACK: an error_detail is a NACK, and nothing else is (rules 5 to 7, 35 and 37)."""
        if request.HasField("error_detail"):
            events += self._reject(type_url, state, request.response_nonce, request.error_detail, now)
        elif answer := state.ledger.acknowledge(type_url, request.response_nonce, now):
            events.append(answer)
            if type(answer) is Acked:
                events += self._accept(type_url, state)

    def status(self) -> dict[str, TypeStatus]:
        """See `step.Stream.status`."""
        return {
            type_url: state.status(*self._rejected(type_url, state))
            for type_url in TYPES
            if (state := self._types.get(type_url)) is not None
        }

    def behind(self, wanted: ResourceSet) -> dict[str, frozenset[str]]:
        """See `step.Stream.behind`."""
        return {
            type_url: frozenset(state.behind(wanted[type_url]) | self._rejected(type_url, state)[0])
            for type_url, state in self._types.items()
            if state.subscription
        }

    def _end(self, rejected: Rejected) -> Step:
        self._ended = True
        return Step((), (rejected,))

    def _refused(self, known: int, names: Collection[str]) -> Rejected | None:
        """Hold new names against the limits; `known` others are subscribed to already."""
        if known + len(names) > self._limits.subscriptions:
            return Rejected(
                status="RESOURCE_EXHAUSTED",
                reason=f"more than {self._limits.subscriptions} subscriptions to one resource type",
            )
        longest = self._limits.name_length
        if any(len(name) > longest for name in names):
            return Rejected(status="INVALID_ARGUMENT", reason=f"a resource name has more than {longest} characters")
        return None

    def held(self, type_url: str) -> tuple[Resource, ...]:
        """See `step.Stream.held`."""
        state = self._types.get(type_url)
        if state is None or state.base is None or not state.subscription:
            return ()
        return self._selected(state.subscription, state.base)

    def again(self, type_url: str, names: Collection[str], now: float) -> Step:
        """See `step.Stream.again`."""
        state = self._types.get(type_url)
        if self._ended or self._snapshot is None or state is None or state.base is None:
            return QUIET
        owed = tuple(sorted(name for name in names if state.subscription.wants(name)))
        responses = self._due(self._snapshot, now, type_url, Change(owed=owed)) if owed else []
        return Step(tuple(responses), (), "parent") if responses else QUIET

    def _children_due(self, type_url: str, sent: Iterable[Resource], due: dict[str, set[str]]) -> None:
        """Note which children of added or modified parents must be sent again (rules 55 and 66, section 0 item 3).

        What nobody subscribed to, or what was never answered and so is due anyway, costs nothing here.
        """
        for child in RESENT_WITH_PARENT[type_url]:
            state = self._types.get(child)
            if state is None or state.base is None or not state.subscription:
                continue
            due.setdefault(child, set()).update(children(sent, child))

    def _selected(self, subscription: Subscription, types: TypeSet) -> tuple[Resource, ...]:
        """Return the resources that a client subscribed to, sorted; one shared tuple if that is all of them."""
        everything = self._encoder.everything(types)
        if subscription.wildcard:
            return everything
        names = subscription.names
        if len(names) < len(everything):
            # gRPC asks for a few of many: what that costs must not grow with the mesh.
            return tuple(types.resources[name] for name in sorted(names) if name in types.resources)
        chosen = tuple(resource for resource in everything if resource.name in names)
        return everything if len(chosen) == len(everything) else chosen

    def _difference(self, subscription: Subscription, base: TypeSet, new: TypeSet) -> Difference:
        """Return what changed of the resources that a client subscribed to."""
        differs = self._encoder.difference(base, new)
        return differs if subscription.wildcard else differs.within(subscription.names)

    @abstractmethod
    def _first(self, state: TypeState, request: Message) -> None:
        """Take in what only counts in the first request of a type on a stream."""

    @staticmethod
    @abstractmethod
    def _was_here(request: Message) -> bool:
        """Whether the first request of a type says that the client has some of it from another stream."""

    @abstractmethod
    def _subscribe(self, subscription: Subscription, request: Message) -> Change | Rejected:
        """Change the subscription as the request says."""


def children(parents: Iterable[Resource], type_url: str) -> Iterator[str]:
    """Yield the names of a type's resources that clusters or listeners wait for, once they were added or modified."""
    for resource in parents:
        if type_url == ENDPOINT and resource.type_url == CLUSTER:
            yield resource.name  # a cluster's endpoints have its name
        for ref, name in resource.refs:
            if ref == type_url:
                yield name


def _changes(type_url: str, change: Change) -> Iterable[Event]:
    if change.subscribed or change.wildcard:
        yield Subscribed(type_url=type_url, names=change.subscribed, wildcard=bool(change.wildcard))
    if change.unsubscribed or change.wildcard is False:
        yield Unsubscribed(type_url=type_url, names=change.unsubscribed, wildcard=change.wildcard is False)
