"""What both variants of a stream share: the node, the types, ACK and NACK, limits. The variants say what is sent."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from envoy.service.discovery.v3.discovery_pb2 import DeltaDiscoveryRequest, DiscoveryRequest

from translators.resources import CLUSTER, ENDPOINT, LISTENER, ROUTE, SECRET, TYPES
from xds_server.protocol.events import Connected, Event, Ignored, Rejected, Subscribed, Unsubscribed
from xds_server.protocol.ledger import Ledger, TypeStatus
from xds_server.protocol.step import QUIET, Limits, Step
from xds_server.protocol.subscription import NAMED_ONLY, UNCHANGED, Change, Subscription

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from translators.resources import Resource, ResourceSet, TypeSet
    from xds_server.protocol.difference import Difference
    from xds_server.protocol.encoder import Encoder
    from xds_server.protocol.passage import Stage
    from xds_server.protocol.step import Outgoing

APPLIED_IN_PART: Final = frozenset({CLUSTER, LISTENER})
"""Types of which Envoy and gRPC apply the good resources of a response that they reject."""

RESENT_WITH_PARENT: Final = {CLUSTER: (ENDPOINT, SECRET), LISTENER: (SECRET,)}
"""What a client wants again, even unchanged, once its parent was added or modified: a cluster warms until it gets its
endpoints anew, and a changed listener its secrets, though nobody asks for them. Routes are not among them: Envoy uses
the one it has. https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#resource-warming
"""

_SERVED: Final = frozenset(TYPES)

_NONE: Final[frozenset[str]] = frozenset()

Message = TypeVar("Message", DiscoveryRequest, DeltaDiscoveryRequest)


class TypeState:
    """One type on one stream."""

    __slots__ = ("base", "held", "ledger", "subscription")

    def __init__(self, type_url: str) -> None:
        self.subscription = Subscription(legacy=type_url not in NAMED_ONLY)
        self.ledger = Ledger()
        self.base: TypeSet | None = None
        """What was offered last: the client was sent all of it that it subscribed to. None before the first answer."""
        self.held: dict[str, str] = {}
        """Until the first answer: the versions that a delta client says it kept from an earlier stream."""

    def status(self) -> TypeStatus:
        """Sum up for people."""
        wants, base = self.subscription, self.base
        if base is None:
            return self.ledger.status(0)
        held = len(base.resources) if wants.wildcard else sum(name in base.resources for name in wants.names)
        return self.ledger.status(held)


class BaseStream(ABC, Generic[Message]):
    """See `step.Stream`. A variant says how a request changes a subscription, and what is due."""

    __slots__ = (
        "_ahead",
        "_connected",
        "_encoder",
        "_ended",
        "_limits",
        "_snapshot",
        "_stage",
        "_target",
        "_types",
        "deadline",
    )

    def __init__(self, encoder: Encoder, *, limits: Limits = Limits()) -> None:  # noqa: B008 - frozen
        """`encoder` is shared by all streams of the process."""
        self._encoder = encoder
        self._limits = limits
        self._types: dict[str, TypeState] = {}
        self._snapshot: ResourceSet | None = None
        """What was offered to the client last: `_target`, or a stage on the way there."""
        self._target: ResourceSet | None = None
        self._stage: Stage | None = None
        """The stage whose answer is awaited."""
        self._ahead: tuple[Stage, ...] = ()
        self.deadline: float | None = None
        self._connected = False
        self._ended = False

    def offer(self, snapshot: ResourceSet, now: float, reason: str = "") -> Step:
        """See `step.Stream.offer`."""
        if self._ended or snapshot is self._target:
            return QUIET
        self._target = snapshot
        held, stage = self._snapshot, self._stage
        if held is None or (stage is None and held[CLUSTER] is snapshot[CLUSTER]) or not self._can_wait():
            # The way of almost every push: no cluster comes or goes, so nothing has to wait.
            self._snapshot, self._ahead, self._stage, self.deadline = snapshot, (), None, None
            responses = self._due(snapshot, now, "", UNCHANGED)
        else:
            self._ahead = self._encoder.passage(held, snapshot, stage.names if stage is not None else _NONE)
            responses = self._onward(now)
        return Step(tuple(responses), (), reason) if responses else QUIET

    def wake(self, now: float) -> Step:
        """See `step.Stream.wake`."""
        if self._ended or self.deadline is None or now < self.deadline:
            return QUIET
        self.deadline = None
        responses = self._onward(now)
        return Step(tuple(responses), (), "waited") if responses else QUIET

    def _onward(self, now: float) -> list[Outgoing]:
        """Offer the stages ahead, up to one whose answer must be awaited."""
        out: list[Outgoing] = []
        while self._ahead:
            stage, *ahead = self._ahead
            self._ahead = tuple(ahead)
            self._snapshot = stage.snapshot
            out += self._due(stage.snapshot, now, "", UNCHANGED)
            if self._waits_for(stage):
                # A cluster is waited for once: a newer snapshot does not begin the wait anew.
                before, self._stage = self._stage, stage
                again = before is not None and stage.awaits == before.awaits and stage.names <= before.names
                if self.deadline is None or not again:
                    self.deadline = now + stage.patience
                return out
        self._stage = self.deadline = None
        return out

    def _can_wait(self) -> bool:
        """Whether the client takes clusters from this stream and listeners or routes, so that their order matters."""
        taken = {t for t in (CLUSTER, LISTENER, ROUTE) if (s := self._types.get(t)) is not None and s.base is not None}
        return CLUSTER in taken and len(taken) > 1

    def _waits_for(self, stage: Stage) -> bool:
        return any((state := self._types.get(t)) is not None and state.ledger.waiting for t in stage.awaits)

    def receive(self, request: Message, now: float) -> Step:
        """See `step.Stream.receive`."""
        if self._ended:
            return QUIET
        events: list[Event] = []
        if not self._connected:
            if not (request.HasField("node") and request.node.id):
                what = "node.id is empty in" if request.HasField("node") else "there is no node in"
                return self._end(Rejected(status="INVALID_ARGUMENT", reason=f"{what} the stream's first message"))
            # "It is sufficient to only check the first message for the node identifier" (rules 78 and 79).
            self._connected = True
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
        elif answer := self._answer(type_url, state, request, now):
            events.append(answer)
        change = self._subscribe(state.subscription, request)
        if isinstance(change, Rejected):
            return self._end(change)
        if change is not UNCHANGED:
            events.extend(_changes(type_url, change))
            state.ledger.forget(name for name in change.unsubscribed if not state.subscription.wants(name))
        owes = self._snapshot is not None and (change.owes or state.base is None)
        if not owes and self._stage is None:
            return Step((), tuple(events)) if events else QUIET
        responses = self._due(self._snapshot, now, type_url, change) if owes and self._snapshot is not None else []
        if self._stage is not None and not self._waits_for(self._stage):
            self.deadline = None
            responses += self._onward(now)
        return Step(tuple(responses), tuple(events), "request")

    def status(self) -> dict[str, TypeStatus]:
        """See `step.Stream.status`."""
        return {type_url: self._types[type_url].status() for type_url in TYPES if type_url in self._types}

    def held(self, type_url: str) -> tuple[Resource, ...]:
        """See `step.Stream.held`."""
        state = self._types.get(type_url)
        if state is None or state.base is None or not state.subscription:
            return ()
        return self._selected(state.subscription, state.base)

    def _answer(self, type_url: str, state: TypeState, request: Message, now: float) -> Event | None:
        """Correlate an ACK or NACK: an error_detail is a NACK, and nothing else is (rules 5 to 7, 35 and 37)."""
        if request.HasField("error_detail"):
            return state.ledger.reject(
                type_url,
                request.response_nonce,
                request.error_detail,
                lambda name: self._meant(type_url, name) if state.subscription.wants(name) else None,
                partial=type_url in APPLIED_IN_PART,
            )
        return state.ledger.acknowledge(type_url, request.response_nonce, now)

    def _meant(self, type_url: str, name: str) -> str:
        """Return the version in which the client should hold a resource; empty if it should not."""
        resource = self._snapshot[type_url].resources.get(name) if self._snapshot else None
        return resource.version if resource else ""

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

    def _children_due(self, type_url: str, sent: Iterable[Resource], due: dict[str, set[str]]) -> None:
        """Note which children of added or modified parents must be sent again (rules 55 and 66, section 0 item 3).

        What nobody subscribed to, or what was never answered and so is due anyway, costs nothing here.
        """
        for child in RESENT_WITH_PARENT[type_url]:
            state = self._types.get(child)
            if state is None or state.base is None or not state.subscription:
                continue
            names = due.setdefault(child, set())
            for resource in sent:
                if child == ENDPOINT:
                    names.add(resource.name)  # a cluster's endpoints have its name
                names.update(name for ref, name in resource.refs if ref == child)

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

    @abstractmethod
    def _subscribe(self, subscription: Subscription, request: Message) -> Change | Rejected:
        """Change the subscription as the request says."""

    @abstractmethod
    def _due(self, snapshot: ResourceSet, now: float, asked: str, change: Change) -> list[Outgoing]:
        """Return what must be sent so that the client holds what it subscribed to of `snapshot`, in order.

        `change` is what a request of type `asked` did, when it is a request that is answered.
        """


def _changes(type_url: str, change: Change) -> Iterable[Event]:
    if change.subscribed or change.wildcard:
        yield Subscribed(type_url=type_url, names=change.subscribed, wildcard=bool(change.wildcard))
    if change.unsubscribed or change.wildcard is False:
        yield Unsubscribed(type_url=type_url, names=change.unsubscribed, wildcard=change.wildcard is False)
