"""What a stream does about what its client rejects: find the culprit, keep it from the client, try it again later."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from translators.resources import ENDPOINT, EXTENSION, LISTENER, ROUTE, SECRET
from xds_server.protocol.effective import Hold
from xds_server.protocol.events import MESSAGE_LIMIT, Confined, Healed, Ignored, Nacked
from xds_server.protocol.offering import Offering
from xds_server.protocol.quarantine import Ward, standby_of
from xds_server.protocol.step import QUIET, Step
from xds_server.protocol.trials import NAMING, TRIAL_PATIENCE, Trials, judge

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from google.rpc.status_pb2 import Status

    from translators.resources import Resource, ResourceSet, TypeSet
    from xds_server.protocol.encoder import Encoder
    from xds_server.protocol.events import Event
    from xds_server.protocol.quarantine import Case, Quarantine
    from xds_server.protocol.state import TypeState
    from xds_server.protocol.step import Limits, Outgoing

LISTENER_AND_NEEDS: Final = frozenset({LISTENER, ROUTE, SECRET, EXTENSION})

_NOBODY: Final = Ward()
"""Of a client that has not said who it is; nothing is ever put into it."""


class Treatment(Offering):
    """The part of a stream that deals with NACKs; see `quarantine` for what is remembered of them."""

    __slots__ = ("_quarantine", "_released", "_trying", "_ward")

    def __init__(self, encoder: Encoder, quarantine: Quarantine, *, limits: Limits) -> None:
        super().__init__(encoder, limits=limits)
        self._quarantine = quarantine
        self._ward = _NOBODY
        self._trying: set[str] = set()
        """The types that have trials."""
        self._released: set[Case] = set()
        """Cases that are being tried again: the client is sent the resource as if there were no case."""

    def _admit(self, ward: Ward, now: float) -> None:
        """Learn who the client is."""
        self._ward = ward
        self._steer_again(now)

    @property
    def deadline(self) -> float | None:
        """See `step.Stream.deadline`."""
        if not self._trying and not self._ward.cases:
            return self._patience
        times = [case.retry_at for case in self._ward.cases.values() if self._will_be_tried(case)]
        times += [trials.deadline for t in self._trying if (trials := self._types[t].trials) is not None]
        if self._patience is not None:
            times.append(self._patience)
        return min(times, default=None)

    def cases(self) -> tuple[Case, ...]:
        """See `step.Stream.cases`."""
        found = (case for case in self._ward.cases.values() if case not in self._released or self._wants(case.resource))
        return tuple(sorted(found, key=_key))

    def _rejected(self, type_url: str, state: TypeState) -> tuple[set[str], str]:
        """Return the names that are kept from the client though it wants them, and what it says about them."""
        wants, trials = state.subscription.wants, state.trials
        found = {name: case.error for (t, name), case in self._ward.cases.items() if t == type_url and wants(name)}
        if trials is not None:
            found.update((r.name, trials.error) for r in trials.pending if wants(r.name) and r.name not in found)
        return set(found), next((error for error in found.values() if error), "")

    def _effective(self, wanted: ResourceSet) -> ResourceSet:
        ward = self._ward
        if not self._trying and not ward.cases:
            return wanted  # the way of almost every client
        for case in ward.outdated(wanted):
            self._released.discard(case)
            state = self._types.get(case.resource.type_url)
            if state is not None and case.resource.name not in wanted[case.resource.type_url].resources:
                state.owe([case.resource.name])  # the client may hold a version of it that we do not know
        for type_url in self._trying:
            state = self._types[type_url]
            if state.trials is not None and (gone := state.trials.drop(wanted[type_url].resources)):
                state.owe(gone)  # the client may have applied it before it came to what it rejects
        holds = {(hold.type_url, hold.name): hold for hold in self._pending(wanted)}
        for case in ward.cases.values():
            if case not in self._released and not case.watched:
                resource, here = case.resource, self._accepted_here(case.resource.type_url)
                standby = standby_of(ward, here, resource)
                holds[case.key] = Hold(resource.type_url, resource.name, resource.version, standby, confirmed=True)
        if not holds:
            return wanted
        accepted = {**ward.accepted}
        if (secrets := self._accepted_here(SECRET)) is not None:
            accepted[SECRET] = secrets
        served = self._encoder.effective(wanted, tuple(holds[key] for key in sorted(holds)), accepted)
        for case in ward.cases.values():
            case.lasting = case.key in served.lasting
        return served.snapshot

    def _pending(self, wanted: ResourceSet) -> Iterator[Hold]:
        """Yield what waits for its trial, as far as it is still current."""
        for type_url in self._trying:
            state = self._types[type_url]
            for resource in state.trials.pending if state.trials is not None else ():
                now = wanted[type_url].resources.get(resource.name)
                if now is not None and now.version == resource.version:
                    standby = standby_of(self._ward, state.ledger.accepted, resource)
                    yield Hold(type_url, resource.name, resource.version, standby, confirmed=False)

    def _withheld(self, type_url: str) -> frozenset[str]:
        """Return the names of a type that are kept from the client for now, though they are served."""
        if not self._trying and not self._ward.cases:
            return frozenset()
        names = {name for t, name in self._ward.cases if t == type_url}
        state = self._types[type_url]
        return frozenset(names.union(r.name for r in (state.trials.pending if state.trials is not None else ())))

    # What a client accepts.

    def _accept(self, type_url: str, state: TypeState) -> Iterable[Event]:
        """Take in an ACK."""
        ward, accepted = self._ward, state.ledger.accepted
        if type_url in LISTENER_AND_NEEDS:
            self._settle_listeners()
        if accepted is not None and type_url != LISTENER and (type_url != SECRET or ward.proven):
            ward.accepted[type_url] = accepted
        if not ward.cases or accepted is None:
            return ()
        healed = [case for case in ward.healed(accepted) if state.subscription.wants(case.resource.name)]
        for case in healed:
            del ward.cases[case.key]
            self._released.discard(case)
        return [Healed(resource=case.resource) for case in healed]

    def _settle_listeners(self) -> None:
        """Envoy accepts a listener before it asks for what the listener needs: it has proved good once that is accepted
        as well.
        """
        listeners = self._types.get(LISTENER)
        accepted = listeners.ledger.accepted if listeners is not None else None
        if accepted is None or accepted is self._ward.accepted.get(LISTENER):
            return
        states = (self._types.get(type_url) for type_url in LISTENER_AND_NEEDS)
        if all(state is None or not (state.ledger.waiting or state.trials) for state in states):
            self._ward.accepted[LISTENER] = accepted

    # What it rejects.

    def _reject(self, type_url: str, state: TypeState, nonce: str, error: Status, now: float) -> list[Event]:
        """Take in a NACK (rules 5 to 7): an error_detail, and nothing else, is one. What it led to goes out with the
        next `_steer` and `_treat`; never the same again (rule 37).
        """
        message = error.message[:MESSAGE_LIMIT]
        if type_url == SECRET:
            message = message.partition("inline_")[0].partition("-----BEGIN")[0]  # Envoy may print the whole secret
        refused = state.ledger.refuse(nonce)
        if refused is None:
            reason = f"error for nonce {nonce!r}, which waits for no answer: {message}"
            return [Ignored(type_url=type_url, reason=reason)]
        response, types = refused
        newer = state.ledger.newer()
        verdict = judge(response, error.message, state.ledger.accepted)
        suspects, rest = (
            [r for r in some if self._is_meant(state, r, newer)] for some in (verdict.suspects, verdict.rest)
        )
        if verdict.in_part and types is not None:
            before = state.ledger.accepted.resources if state.ledger.accepted is not None else {}
            state.ledger.accepted = self._without(types, verdict.suspects, before)
        repeated = set() if verdict.in_part else self._repeated(state, response, newer)
        names = tuple(sorted({*(resource.name for resource in suspects), *repeated}))
        events: list[Event] = [
            Nacked(
                type_url=type_url, nonce=nonce, version=response.version, code=error.code, message=message, names=names
            )
        ]
        if verdict.certain:
            cases = {r: case for r in suspects if (case := self._confine(state, r, message, now))}
            rest = rest if len(cases) == len(suspects) else []  # it would come with what is not confined
            suspects = [resource for resource, case in cases.items() if not case.watched]
            events += (
                Confined(resource=c.resource, error=c.error, retry_at=c.retry_at, rejections=c.rejections)
                for c in cases.values()
            )
        elif self._ward.full:
            suspects = rest = []
        elif suspects:
            state.trials = state.trials or Trials(message, now)
            state.trials.split(tuple(suspects))
            self._trying.add(type_url)
        later = [r for r in (*verdict.suspects, *verdict.rest) if r.name in newer]
        self._take_back(type_url, state, (*suspects, *rest), later)
        if suspects or rest:
            state.owe(repeated)
        elif response.resources and repeated.issuperset(names):
            state.owe(repeated)  # whatever was bad is not wanted any more
        elif names or not response.resources:
            state.ledger.error = message
        return events

    @staticmethod
    def _is_meant(state: TypeState, resource: Resource, newer: set[str]) -> bool:
        """Whether the client should hold just this; what is in newer responses is left to their answer."""
        now = state.base.resources.get(resource.name) if state.base is not None else None
        wanted = state.subscription.wants(resource.name) and resource.name not in newer
        return wanted and now is not None and now.version == resource.version

    def _repeated(self, state: TypeState, response: Outgoing, newer: set[str]) -> set[str]:
        """Return the names in a rejected response that are to be answered once more, in a response without the culprit:
        the absence of resources, which nobody can be to blame for.
        """
        served = state.base.resources if state.base is not None else {}
        absent = {*response.removed, *(r.name for r in response.resources if r.type_url == ENDPOINT)}
        return {n for n in absent if n not in served and n not in newer and state.subscription.wants(n)}

    def _confine(self, state: TypeState, resource: Resource, error: str, now: float) -> Case | None:
        """Put a resource into quarantine; None if that is full."""
        ward = self._ward
        ward.disown(resource)
        case = ward.confine(resource, standby_of(ward, state.ledger.accepted, resource), error, now)
        if case is not None:
            self._released.discard(case)
        return case

    def _take_back(
        self, type_url: str, state: TypeState, suspects: tuple[Resource, ...], later: list[Resource]
    ) -> None:
        """Correct what we believe the client to hold: in place of what it rejected, what it accepted before. What comes
        `later` in a response that waits for its answer is missing until then.
        """
        ledger = state.ledger
        if ledger.accepted is not None and suspects:
            ledger.accepted = self._without(ledger.accepted, suspects, None)
        before = ledger.accepted.resources if ledger.accepted is not None else {}
        ledger.amend((*suspects, *later), lambda types, missing: self._without(types, missing, before))
        if state.base is not None and self._snapshot is not None and suspects:
            state.base = self._without(state.base, suspects, before)
            self._snapshot = replace(self._snapshot, types={**self._snapshot.types, type_url: state.base})

    def _without(self, types: TypeSet, suspects: Iterable[Resource], before: Mapping[str, Resource] | None) -> TypeSet:
        """Return a set with what is in `before` in place of the suspects that are in it."""
        found = sorted(r.name for r in suspects if (is_ := types.resources.get(r.name)) and is_.version == r.version)
        updates = tuple((name, before.get(name) if before else None) for name in found)
        return self._encoder.altered(types, updates) if updates else types

    # What happens then.

    def _on_deadline(self, now: float) -> list[Outgoing]:
        return [*super()._on_deadline(now), *self._treat(now)]

    def retry(self, now: float) -> Step:
        """See `step.Stream.retry`."""
        for case in self._ward.cases.values():
            case.rejections = 0
            case.retry_at = now
            case.lasting = False
        responses = self._treat(now)
        return Step(tuple(responses), (), "retry") if responses else QUIET

    def _treat(self, now: float) -> list[Outgoing]:
        """Begin the trials whose turn it is."""
        if not self._trying and not self._ward.cases:
            return []
        out = self._steer_again(now) if self._retries(now) else []
        for type_url in sorted(self._trying):
            state = self._types[type_url]
            while (trials := state.trials) is not None and not trials.busy(state.ledger, now):
                if not trials.queue:
                    state.trials = None
                    self._trying.discard(type_url)
                    break
                for resource in trials.queue.popleft():
                    self._release(resource)
                out += self._steer_again(now)
                trials.serial, trials.deadline = state.ledger.serial, now + TRIAL_PATIENCE
        return out

    def _steer_again(self, now: float) -> list[Outgoing]:
        if self._wanted is None:
            return []
        target = self._effective(self._wanted)
        return self._rebase(target, now) if self._homeward else self._steer(target, now)

    def _release(self, resource: Resource) -> None:
        case = self._ward.cases.get((resource.type_url, resource.name))
        if case is not None and case.resource.version == resource.version:
            self._released.add(case)
            if case.watched:
                self._types[resource.type_url].owe([resource.name])  # it is among what was sent

    def _retries(self, now: float) -> bool:
        """Have the cases tried again whose time has come; whether some need no trial, since nobody asks for them."""
        due: dict[str, list[Resource]] = {}
        at_once = False
        for case in self._ward.cases.values():
            if case.retry_at > now or not self._will_be_tried(case):
                continue
            case.retry_at = now + case.patience
            if self._wants(case.resource):
                due.setdefault(case.resource.type_url, []).append(case.resource)
            else:
                self._released.add(case)
                at_once = True
        for type_url, resources in due.items():
            state = self._types[type_url]
            trials = state.trials = state.trials or Trials("", now)
            # Clusters and listeners that are bad are named, so they may go together.
            trials.queue.extend([tuple(resources)] if type_url in NAMING else [(r,) for r in resources])
            self._trying.add(type_url)
        return at_once

    def _will_be_tried(self, case: Case) -> bool:
        """Whether its time will come, and has not yet."""
        return not case.lasting and case not in self._released

    def _wants(self, resource: Resource) -> bool:
        state = self._types.get(resource.type_url)
        return state is not None and state.subscription.wants(resource.name)

    def _accepted_here(self, type_url: str) -> TypeSet | None:
        state = self._types.get(type_url)
        return state.ledger.accepted if state is not None else None


def _key(case: Case) -> tuple[str, str]:
    return case.key
