"""How a stream brings its client from what it holds to what it should hold: at once, or in the stages of a passage."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from xds_server.protocol.step import QUIET, Limits, Step
from xds_server.protocol.subscription import UNCHANGED, Change

if TYPE_CHECKING:
    from translators.resources import ResourceSet
    from xds_server.protocol.encoder import Encoder
    from xds_server.protocol.passage import Stage
    from xds_server.protocol.state import TypeState
    from xds_server.protocol.step import Outgoing


class Offering(ABC):
    """The part of a stream that `step.Stream.offer` and `wake` are about. A variant says what is due."""

    __slots__ = ("_ahead", "_encoder", "_ended", "_limits", "_patience", "_snapshot", "_stage", "_types", "_wanted")

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
        self._patience = None
        return self._onward(now)

    def _steer(self, target: ResourceSet, now: float) -> list[Outgoing]:
        """Set out for what the client should hold."""
        held, stage = self._snapshot, self._stage
        stages = self._encoder.passage(held, target, stage) if held is not None else ()
        if len(stages) > 1 or stage is not None:
            self._ahead = stages
            return self._onward(now)
        self._snapshot = target  # the way of almost every push: nothing has to wait
        return self._due(target, now)

    def _onward(self, now: float) -> list[Outgoing]:
        """Offer the stages ahead, up to one whose answer must be awaited."""
        out: list[Outgoing] = []
        while self._ahead:
            stage, *ahead = self._ahead
            self._ahead = tuple(ahead)
            self._snapshot = stage.snapshot
            out += self._due(stage.snapshot, now)
            if self._waits_for(stage):
                # What is waited for is waited for once: a newer snapshot does not begin the wait anew.
                before, self._stage = self._stage, stage
                again = before is not None and stage.arrival == before.arrival and stage.about <= before.about
                if self._patience is None or not again:
                    self._patience = now + stage.patience
                return out
        self._stage = self._patience = None
        return out

    def _waits_for(self, stage: Stage) -> bool:
        states = (self._types.get(type_url) for type_url in stage.awaits)
        return any(state is not None and (state.ledger.waiting or state.trials is not None) for state in states)

    @abstractmethod
    def _due(self, snapshot: ResourceSet, now: float, asked: str = "", change: Change = UNCHANGED) -> list[Outgoing]:
        """Return what must be sent so that the client holds what it subscribed to of `snapshot`, in order.

        `change` is what a request of type `asked` did, when it is a request that is answered.
        """
