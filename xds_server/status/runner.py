"""Status, wired: each replica looks at its proxies; the leader has the differences written, the others report to it."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from translators.model.codes import diagnose
from translators.model.kinds import ISTIO_KINDS
from xds_server.kube_api import KubeApiError
from xds_server.status.elector import Elector
from xds_server.status.exchange import Exchange
from xds_server.status.plan import Moment, Planner
from xds_server.status.reports import report_of
from xds_server.status.steady import Patience
from xds_server.status.usage import Origins, Sight, usage
from xds_server.status.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from translators.model.meta import ObjectKey
    from translators.model.origin import Diagnostic
    from translators.model.world import World
    from xds_server.kube_api import KubeApi
    from xds_server.metrics import Metrics
    from xds_server.push import Push
    from xds_server.sources.kubernetes import KubernetesSource
    from xds_server.sources.kubernetes.reflector import Known
    from xds_server.status.plan import Write
    from xds_server.status.reports import Report
    from xds_server.transport.stream import AdsStream

log = logging.getLogger(__name__)

T = TypeVar("T")

LEASE: Final = "pilotfish-status"

_LOOK_SECONDS: Final = 0.25
"""Between two looks; they cost next to nothing while nothing changes."""
_REPORT_SECONDS: Final = 1.0
"""Between two reports of a replica that does not lead, and two readings of them by the one that does."""
_REQUEST_SECONDS: Final = 4.0
"""For one write; and no more than what a Lease lasts after its holder has stopped to write."""
_SHARE: Final = 20
"""A look that took long is followed by so many times its length without one."""
_LASTING: Final = 5
"""Failures in a row to exchange reports from which on it is said (PF0133)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """What this replica sees at one moment. Nothing in it changes any more, so a worker thread may go through it."""

    world: World
    known: dict[ObjectKey, Known]
    sights: list[Sight]
    diagnostics: tuple[Diagnostic, ...]


class StatusRunner:
    """Writes the status of the objects of one cluster, if this replica is the one to."""

    def __init__(  # noqa: PLR0913 - what it looks at
        self,
        api: KubeApi,
        source: KubernetesSource,
        push: Push,
        streams: Callable[[], Iterable[AdsStream[Any]]],
        diagnostics: Callable[[], Iterable[Diagnostic]],
        metrics: Metrics,
        *,
        namespace: str,
        lease_seconds: float = 15.0,
        patience: Patience | None = None,
    ) -> None:
        """`namespace` is where the Lease is; `diagnostics` returns all that there is to say about objects."""
        istio = {kind.KIND for kind in ISTIO_KINDS}
        self._watchers = {w.reflector.kind.KIND: w for w in source.watchers if w.reflector.kind.KIND in istio}
        self._push, self._streams, self._found = push, streams, diagnostics
        self._planner = Planner(patience or Patience())
        self._origins = Origins()
        self._world: World | None = None
        self._ready = asyncio.Event()
        self._mark: object = None
        self._report: Report = {}
        self._spent = 0.0
        self._exchanged_at = 0.0
        self._unheard, self._failures = "", 0
        self.elector = Elector(api, namespace=namespace, name=LEASE, seconds=lease_seconds)
        election = self.elector.election
        self.writer = Writer(
            api,
            self._path_of,
            lambda: self.elector.leads,
            metrics,
            request_seconds=min(_REQUEST_SECONDS, election.seconds / 3),
        )
        self._exchange = Exchange(api, namespace=namespace, identity=election.identity, seconds=election.seconds)
        metrics.scrape(
            "pilotfish_status_leader",
            "Whether this replica holds the Lease, and writes the status of objects.",
            lambda: {(): float(self.elector.leads)},
        )
        metrics.scrape(
            "pilotfish_status_pending", "Statuses that wait to be written.", lambda: {(): float(len(self.writer))}
        )

    def pushed(self) -> None:
        """Note that a World has been offered to every stream."""
        self._world = self._push.world
        self._ready.set()

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Return what is wrong with writing statuses."""
        found = [*self.elector.diagnostics(), *self.writer.diagnostics(), *self._planner.diagnostics()]
        if self._failures >= _LASTING:
            message = f"replicas cannot tell each other about their proxies: {self._unheard}"
            found.append(diagnose("PF0133", message, hint="allow it to list, create, update and delete configmaps"))
        return tuple(found)

    async def run(self) -> None:
        """Run until cancelled, and then let the Lease go. A replica that serves nothing yet is no candidate."""
        await self._ready.wait()
        async with asyncio.TaskGroup() as group:
            group.create_task(self.elector.run())
            group.create_task(self.writer.run())
            group.create_task(self._look())

    async def _look(self) -> None:
        try:
            while True:
                await asyncio.sleep(max(_LOOK_SECONDS, _SHARE * self._spent))
                self._spent = 0.0
                if self._world is not None:
                    try:
                        await (self._lead(self._world) if self.elector.leads else self._follow(self._world))
                    except Exception:
                        log.exception("statuses could not be worked out")
        finally:
            await self._exchange.withdraw()

    async def _lead(self, world: World) -> None:
        """Have what differs written."""
        if self.elector.acquired.is_set():
            self.elector.acquired.clear()
            self.writer.clear()
            self._planner.clear()
            self._mark = None
            await self._exchange.withdraw()
        await self._exchanged(self._exchange.collect)
        reports = self._exchange.reports
        mark = (self._changes(), list(reports))
        if mark == self._mark and not self._planner.restless:
            return
        self._mark = mark
        look, others = self._seen(world), list(reports.values())
        for write in await self._aside(lambda: self._due(look, others)):
            self.writer.want(write.key, write.wanted, write.written, write.how)
        self.writer.keep(look.known)

    async def _follow(self, world: World) -> None:
        """Tell the one that leads."""
        mark = self._changes()
        if mark != self._mark:
            self._mark = mark
            look = self._seen(world)
            self._report = await self._aside(lambda: self._reported(look))
        await self._exchanged(lambda: self._exchange.publish(self._report))

    async def _exchanged(self, exchange: Callable[[], Awaitable[None]]) -> None:
        """Do one side of the exchange, if it is time for that."""
        now = time.monotonic()
        if now - self._exchanged_at < _REPORT_SECONDS:
            return
        try:
            await exchange()
            self._failures = 0
        except KubeApiError as error:
            self._failures, self._unheard = self._failures + 1, str(error)
        self._exchanged_at = time.monotonic()

    async def _aside(self, work: Callable[[], T]) -> T:
        """Do something in a worker thread, and note how long it took."""
        began = time.monotonic()
        found = await asyncio.to_thread(work)
        self._spent = time.monotonic() - began
        return found

    def _changes(self) -> object:
        """Return something that differs from before whenever a status may have to."""
        streams = list(self._streams())
        answers = sum(stream.acks + stream.nacks for stream in streams)
        events = sum(watcher.counts.events + watcher.counts.lists for watcher in self._watchers.values())
        return self._world, frozenset(map(id, streams)), answers, events

    def _seen(self, world: World) -> _Look:
        known: dict[ObjectKey, Known] = {}
        for watcher in self._watchers.values():
            known.update(watcher.reflector.known)
        return _Look(world=world, known=known, sights=self._sights(), diagnostics=tuple(self._found()))

    def _sights(self) -> list[Sight]:
        found = []
        for stream in self._streams():
            served = self._push.snapshot(stream)
            if served is not None:
                behind = stream.behind(served)
                cases = (case for case in stream.cases() if case.resource.type_url in behind)
                rejected = tuple((case.resource.origins, case.error) for case in cases)
                found.append(Sight(stream.proxy.id, served, behind, rejected))
        return found

    def _due(self, look: _Look, reports: list[Report]) -> list[Write]:
        moment = Moment(
            world=look.world,
            known=look.known,
            usage=usage(look.sights, self._origins),
            diagnostics=look.diagnostics,
            reports=reports,
            done=self.writer.done,
            now=time.monotonic(),
        )
        return list(self._planner.due(moment))

    def _reported(self, look: _Look) -> Report:
        return report_of(look.world, look.known, usage(look.sights, self._origins), look.diagnostics)

    async def _path_of(self, key: ObjectKey) -> str | None:
        """Return where an object is served. Raises KubeApiError if the server does not say."""
        path = await self._watchers[key.kind].path()
        if path is None:
            return None
        head, _, plural = path.rpartition("/")
        return f"{head}/namespaces/{key.namespace}/{plural}/{key.name}"
