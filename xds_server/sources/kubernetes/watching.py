"""One kind, followed: list, watch, and again after whatever goes wrong. The thinking is `reflector`'s."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from translators.model.codes import diagnose
from xds_server.kube_api import KubeApiError
from xds_server.sources.events import Failed
from xds_server.sources.kubernetes.backoff import Backoff
from xds_server.sources.kubernetes.reflector import (
    BrokenWatchError,
    ExpiredError,
    InterruptedWatchError,
    Page,
    Reflector,
    decode_page,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from translators.model.origin import Diagnostic
    from xds_server.kube_api import KubeApi
    from xds_server.sources.events import Batch

    Query = list[tuple[str, str]]

T = TypeVar("T")

log = logging.getLogger(__name__)

_BAD_REQUEST: Final = 400
_FORBIDDEN: Final = 403
_NOT_FOUND: Final = 404
_GONE: Final = 410
_INVALID: Final = 422
_MANY: Final = 20
"""Objects from which on decoding is done in a worker thread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Times, in seconds, and sizes of following an API server. Tests shorten them."""

    page: int = 500
    """Objects of one page of a list."""
    request: float = 60.0
    """For one page to come."""
    watch: float = 540.0
    """After which the server is asked to end a watch, at the latest; between half of that and all of it."""
    silence: float = 150.0
    """Without a bookmark (one comes each minute) or an event, after which a watch counts as stalled."""
    first_events: float = 30.0
    """For the end of the first events of a watch list. An old server may ignore that it is asked for one."""
    discovery: float = 5.0
    """For which an answer of discovery is believed; kinds that appear later are found after that."""
    refusal: float = 5.0
    """For which a kind must be absent (404) before it counts as one without objects: a server that has just started
    says such, too.
    """
    absence: float = 60.0
    """The same, once there were some; and for which a kind must be forbidden (403) at a start before we go on without
    it.
    """
    complaint: float = 5.0
    """For which something must be wrong before it is said."""


@dataclass(slots=True, kw_only=True)
class Counts:
    """What happened to one kind since the start, for the metrics."""

    events: int = 0
    lists: int = 0
    watches: int = 0
    failures: int = 0


@dataclass(slots=True, kw_only=True)
class Watcher:
    """Follows one kind for as long as `run` runs."""

    api: KubeApi
    reflector: Reflector
    path: Callable[[], Awaitable[str | None]]
    """Tells where the kind is served; None: nowhere."""
    put: Callable[[Batch], Awaitable[None]]
    """Takes what there is to say. It may let us wait: then the server has to, too."""
    chance: Callable[[], float]
    """Returns a number from 0 to 1."""
    needed: bool = False
    """Whether nothing may be served before the kind could be read, so that a restart never takes away what proxies
    have.
    """
    selector: Sequence[tuple[str, str]] = ()
    """More of the query, such as a fieldSelector."""
    patience: Patience = field(default_factory=Patience)
    counts: Counts = field(default_factory=Counts)
    watch_lists: bool = True
    """Whether the server knows watch lists; found out by asking for one."""
    _wrong_since: float | None = None
    _absent: bool = False
    """Whether what is wrong since then is that the kind is not served."""
    _said: tuple[Diagnostic, ...] = ()

    async def run(self) -> None:
        """Follow the kind until cancelled. Raises nothing that the server can cause."""
        backoff = Backoff(self.chance)
        while True:
            pause = 0.0
            try:
                await self._once()
                backoff.reset()
            except ExpiredError as error:
                log.info("%s is listed again: %s", self.reflector.kind.KIND, error)
                self.reflector.lost()
                pause = backoff.pause()
            except BrokenWatchError as error:
                log.warning("the watch of %s is broken: %s", self.reflector.kind.KIND, error)
                self.reflector.lost()
                pause = await self._failed(str(error), 0, backoff.pause())
            except KubeApiError as error:
                pause = await self._failed(str(error), error.status, backoff.pause(error.retry_after))
            if pause:
                await asyncio.sleep(pause)

    async def _once(self) -> None:
        """List if that is due, then watch until the server ends it."""
        path = await self.path()
        if path is None:
            raise KubeApiError(_NOT_FOUND, "NotFound", f"{self.reflector.kind.KIND} is not served")
        if self.reflector.version is None:
            if self.watch_lists:
                try:
                    await self._watch(path, first=True)
                except KubeApiError as error:
                    if not self.reflector.listing or error.status not in {_BAD_REQUEST, _INVALID}:
                        raise
                    self.watch_lists = False
                return
            await self._list(path)
        elif self._wrong_since is not None:
            await self._look(path)
        await self._watch(path)

    async def _list(self, path: str) -> None:
        self.reflector.begin()
        self.counts.lists += 1
        more, limit = "", self.patience.page
        while True:
            query: Query = [*self.selector]
            if limit:
                query += [("limit", str(limit)), *([("continue", more)] if more else [])]
            try:
                data = await self.api.request("GET", path, query=query, timeout=self.patience.request)
            except KubeApiError as error:
                if error.status != _GONE or not more:
                    raise
                self.reflector.begin()  # the pages took longer than the server remembers: all of it at once, then
                more, limit = "", 0
                continue
            page = _page(data)
            items = page.items or []
            await _aside(len(items), lambda items=items: self.reflector.add(items))  # type: ignore[misc]
            more = page.metadata.continue_
            if not more:
                await self._put(self.reflector.complete(page.metadata.resource_version))
                await self._well()
                return

    async def _look(self, path: str) -> None:
        """After a failure, see that the server is still the one that it was."""
        query = [*self.selector, ("limit", "1")]
        data = await self.api.request("GET", path, query=query, timeout=self.patience.request)
        self.reflector.is_behind(_page(data).metadata.resource_version)

    async def _watch(self, path: str, *, first: bool = False) -> None:
        reflector, patience = self.reflector, self.patience
        seconds = int(patience.watch * (0.5 + self.chance() / 2)) or 1
        query: Query = [*self.selector, ("watch", "true"), ("allowWatchBookmarks", "true")]
        query.append(("timeoutSeconds", str(seconds)))
        if first:
            reflector.begin()
            self.counts.lists += 1
            query += [("sendInitialEvents", "true"), ("resourceVersionMatch", "NotOlderThan")]
        else:
            query.append(("resourceVersion", reflector.version or ""))
        self.counts.watches += 1
        try:
            async with self.api.lines(path, query=query, silence=patience.silence) as lines:
                if first:
                    await self._first_events(lines)
                else:
                    await self._well()
                async for some in lines:
                    await self._take(some)
        except KubeApiError as error:
            if error.status == _GONE and not first:
                raise ExpiredError(str(error)) from error
            if error.reason == "Timeout" and error.status == 0 and not reflector.listing:
                log.info("the watch of %s is silent and begun anew", reflector.kind.KIND)
                return
            raise

    async def _first_events(self, lines: AsyncIterator[list[bytes]]) -> None:
        deadline = asyncio.get_running_loop().time() + self.patience.first_events
        with contextlib.suppress(TimeoutError, StopAsyncIteration):
            while self.reflector.listing:
                async with asyncio.timeout_at(deadline):
                    some = await anext(lines)
                await self._take(some)
            await self._well()
            return
        self.watch_lists = False
        self.reflector.lost()
        raise KubeApiError(0, "NoWatchList", "the server does not end the first events of a watch")

    async def _take(self, lines: list[bytes]) -> None:
        self.counts.events += len(lines)
        try:
            batch = await _aside(len(lines), lambda: self.reflector.watched(lines))
        except InterruptedWatchError as error:
            await self._put(error.batch)
            raise error.cause from error
        await self._put(batch)

    async def _put(self, batch: Batch) -> None:
        if batch:
            await self.put(batch)

    async def _failed(self, what: str, status: int, pause: float) -> float:
        """Note a failure, and say it if it lasts; return the seconds until the next try."""
        self.counts.failures += 1
        now = time.monotonic()
        if self._wrong_since is None or self._absent != (status == _NOT_FOUND):
            self._wrong_since, self._absent = now, status == _NOT_FOUND
        lasted, reflector = now - self._wrong_since, self.reflector
        if status == _NOT_FOUND:
            await self._is_absent(lasted)
            return max(pause, self.patience.discovery)
        batch: Batch = ()
        if status == _FORBIDDEN and lasted >= self.patience.absence and not (reflector.synced or self.needed):
            batch = reflector.forget()
        if lasted >= self.patience.complaint or batch:
            self._said = (_complaint(reflector, what, status),)
            batch = (*batch, Failed(source=reflector.source, subject=reflector.source, diagnostics=self._said))
        await self._put(batch)
        return pause

    async def _is_absent(self, lasted: float) -> None:
        """The kind is not served: there are no objects of it, unless there were some a moment ago."""
        reflector, patience = self.reflector, self.patience
        if lasted >= (patience.absence if len(reflector) else patience.refusal):
            await self._put(reflector.forget())

    async def _well(self) -> None:
        self._wrong_since = None
        if self._said:
            self._said = ()
            await self.put((Failed(source=self.reflector.source, subject=self.reflector.source),))


def _page(data: bytes) -> Page:
    try:
        return decode_page(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise KubeApiError(0, "Unreadable", f"a list is answered with something else: {error}") from error


def _complaint(reflector: Reflector, what: str, status: int) -> Diagnostic:
    kind, known = reflector.kind.KIND, len(reflector)
    forbidden = status == _FORBIDDEN
    if known:
        served = f"the {known} that were seen are served on"
    else:
        served = "none is known" if reflector.synced else "nothing is served before it could be read"
    return diagnose(
        "PF0121" if forbidden else "PF0120",
        f"{kind} cannot be read from the API server: {what}; {served}",
        hint=f"allow it to list and watch {kind}" if forbidden else "look whether the API server is well",
    )


async def follow(watchers: Sequence[Watcher], queue: asyncio.Queue[Batch]) -> AsyncIterator[Batch]:
    """Run watchers that put their batches into a queue, and yield what comes out of it."""
    tasks = [asyncio.create_task(watcher.run()) for watcher in watchers]
    running = asyncio.gather(*tasks)  # they do not end but by a defect: let that be seen
    getting: asyncio.Task[Batch] | None = None
    try:
        while True:
            getting = asyncio.create_task(queue.get())
            await asyncio.wait((getting, running), return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                await running
            if getting.done():
                yield getting.result()
    finally:
        for task in (*tasks, *([getting] if getting is not None else [])):
            task.cancel()
        await asyncio.gather(running, *tasks, return_exceptions=True)


async def _aside(count: int, work: Callable[[], T]) -> T:
    """Do what may take long in a worker thread, and what does not at once."""
    return await asyncio.to_thread(work) if count > _MANY else work()
