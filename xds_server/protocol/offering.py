"""How a stream brings its client from what it holds to what it should hold: at once, or in the stages of a passage."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING

from translators.resources import CLUSTER, ENDPOINT
from xds_server.protocol.passage import AWAY_PATIENCE, CLUSTER_PATIENCE, homecoming, without_clusters_yet
from xds_server.protocol.step import QUIET, Limits, Step
from xds_server.protocol.subscription import UNCHANGED, Change

if TYPE_CHECKING:
    from collections.abc import Iterable

    from translators.resources import ResourceSet, TypeSet
    from xds_server.protocol.effective import Reference
    from xds_server.protocol.encoder import Encoder
    from xds_server.protocol.passage import Baggage, Stage
    from xds_server.protocol.state import TypeState
    from xds_server.protocol.step import Outgoing


class Offering(ABC):
    """The part of a stream that `step.Stream.offer` and `wake` are about. A variant says what is due."""

    __slots__ = (
        "_ahead", "_away_until", "_encoder", "_ended", "_limits", "_patience", "_returns", "_snapshot", "_stage",
        "_types", "_wanted",
    )  # fmt: skip

    def __init__(self, encoder: Encoder, *, limits: Limits) -> None:
        self._encoder = encoder
        self._limits = limits
        self._types: dict[str, TypeState] = {}
        self._wanted: ResourceSet | None = None
        """What the Push offered last."""
        self._snapshot: ResourceSet | None = None
        """What was offered to the client last: the effective part of `_wanted`, or a stage on the way there."""
        self._stage: Stage | None = None
        """The stage whose answer is awaited."""
        self._ahead: tuple[Stage, ...] = ()
        self._patience: float | None = None
        """Until when it is awaited."""
        self._away_until: float | None = None
        """While the client has said nothing since clusters were sent that it asks for endpoints of at once: how long to
        take it that it has not read them. It may be frozen, or nothing gets through to it.
        """
        self._returns = False
        """Whether the client brought routes or listeners along from another stream."""
        self._ended = False

    @property
    def deadline(self) -> float | None:
        """See `step.Stream.deadline`."""
        return self._patience

    def offer(self, snapshot: ResourceSet, now: float, reason: str = "") -> Step:
        """See `step.Stream.offer`."""
        if self._ended or snapshot is self._wanted:
            return QUIET
        self._wanted = snapshot
        responses = self._steer(self._effective(snapshot), now)
        return Step(tuple(responses), (), reason) if responses else QUIET

    def wake(self, now: float) -> Step:
        """See `step.Stream.wake`."""
        deadline = self.deadline
        if self._ended or deadline is None or now < deadline:
            return QUIET
        reason = "waited" if self._patience is not None and now >= self._patience else "retry"
        responses = self._on_deadline(now)
        return Step(tuple(responses), (), reason) if responses else QUIET

    def _effective(self, wanted: ResourceSet) -> ResourceSet:
        """Return what this client is served of what the Push offers."""
        return wanted

    def _on_deadline(self, now: float) -> list[Outgoing]:
        """Do what was to be done by now."""
        if self._patience is None or now < self._patience:
            return []
        if self._away_until is not None and now < self._away_until:
            self._patience = now + CLUSTER_PATIENCE
            return []
        self._patience = None
        return self._onward(now)

    def _steer(self, target: ResourceSet, now: float) -> list[Outgoing]:
        """Set out for what the client should hold."""
        held, stage = self._snapshot, self._stage
        if stage is not None and stage.homecoming:
            return []  # it goes on from there
        if held is None and (self._comes_home(target) or self._clusters_are_to_come(target)):
            return self._onward(now)
        stages = self._encoder.passage(held, target, stage) if held is not None else ()
        if len(stages) > 1 or stage is not None:
            self._ahead = stages
            return self._onward(now)
        self._snapshot = target  # the way of almost every push: nothing has to wait
        return self._due(target, now)

    def _rebase(self, target: ResourceSet, now: float) -> list[Outgoing]:
        """Go on with another target during a homecoming: the client has rejected some of what is on the way."""
        held = self._snapshot
        if held is None or self._stage is None:
            return []
        differs = self._encoder.difference(held[CLUSTER], target[CLUSTER])
        gone = tuple(held[CLUSTER].resources[name] for name in differs.absent)
        clusters = self._encoder.together(target[CLUSTER], gone) if gone else target[CLUSTER]
        self._snapshot = replace(target, types={**target.types, CLUSTER: clusters})
        self._stage, *ahead = (replace(stage, snapshot=self._snapshot) for stage in (self._stage, *self._ahead))
        self._ahead = tuple(ahead)
        return self._due(self._snapshot, now)

    def _comes_home(self, target: ResourceSet) -> bool:
        """Whether the client's first request for clusters waits for an answer and it brought some along that are not
        those of `target`; then the stages of that are ahead.
        """
        clusters = self._types.get(CLUSTER)
        if clusters is None or clusters.base is not None:
            return False
        baggage = self._baggage(clusters, target[CLUSTER])
        self._ahead = homecoming(self._encoder, target, baggage) if baggage is not None else ()
        return bool(self._ahead)

    def _clusters_are_to_come(self, target: ResourceSet) -> bool:
        """Whether the client is one that came back and has not asked for clusters yet; then its routes are to wait.

        Envoy asks for no clusters while one is warming, but for endpoints, listeners and routes it does (pitfall 3).
        """
        if self._stage is not None or not self._returns or CLUSTER in self._types or ENDPOINT not in self._types:
            return False
        self._ahead = (without_clusters_yet(target),)
        return True

    def _onward(self, now: float) -> list[Outgoing]:
        """Offer the stages ahead, up to one whose answer must be awaited."""
        out: list[Outgoing] = []
        before = self._stage
        while self._ahead:
            stage, *ahead = self._ahead
            self._ahead = tuple(ahead)
            self._snapshot, self._stage = stage.snapshot, stage
            out += self._due(stage.snapshot, now)
            if self._waits_for(stage):
                # What is waited for is waited for once: a newer snapshot does not begin the wait anew.
                again = before is not None and stage.arrival == before.arrival and stage.about <= before.about
                if self._patience is None or not again:
                    self._patience = now + stage.patience
                    self._away_until = now + AWAY_PATIENCE if stage.is_answered_at_once else None
                return out
        home = self._homeward
        self._stage = self._patience = None
        if home and self._wanted is not None:
            out += self._steer(self._effective(self._wanted), now)
        return out

    def _waits_for(self, stage: Stage) -> bool:
        for type_url in stage.awaits:
            state = self._types.get(type_url)
            if state is None or state.base is None:
                if stage.homecoming:
                    return True
            elif state.ledger.waiting or state.trials is not None:
                return True
        return not (stage.arrival or stage.homecoming) and self._asks_by_name(stage.about)

    def _asks_by_name(self, about: Iterable[Reference]) -> bool:
        """Whether the client asks for one of these clusters by its name, as gRPC does: then it uses it, for RPCs that
        began with the old routes, until it asks for it no longer. To be told that it is gone would fail them.
        """
        clusters = self._types.get(CLUSTER)
        if clusters is None or clusters.subscription.wildcard:
            return False
        return any(t == CLUSTER and name in clusters.subscription.names for t, name in about)

    def _heard(self, now: float) -> None:
        """Note that the client is there: if it was away, it is waited for as for any other from now on."""
        if self._away_until is not None:
            self._away_until, self._patience = None, now + CLUSTER_PATIENCE

    @property
    def _homeward(self) -> bool:
        """Whether the client has come back, and may still need clusters that it brought along."""
        return self._stage is not None and self._stage.homecoming

    def _held_back(self, type_url: str) -> bool:
        """Whether the first answer of a type has to wait."""
        return self._stage is not None and type_url in self._stage.holds_back

    @abstractmethod
    def _baggage(self, state: TypeState, clusters: TypeSet) -> Baggage | None:
        """Compare the clusters that a client says it has, in its first request for any, with what it should have.

        None if it has none, or if nothing is known of them.
        """

    @abstractmethod
    def _due(self, snapshot: ResourceSet, now: float, asked: str = "", change: Change = UNCHANGED) -> list[Outgoing]:
        """Return what must be sent so that the client holds what it subscribed to of `snapshot`, in order.

        `change` is what a request of type `asked` did, when it is a request that is answered.
        """
