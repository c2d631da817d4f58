"""The Push: one translation per distinct ProxyView, offered to every stream of that view.

Subscribes: Worlds from the Store; streams from the transport. Publishes: ResourceSets, to the streams.

Translations run one at a time in a worker thread of their own, so that the event loop goes on answering ACKs, pings
and health checks while a big World is translated; the memo is touched by that thread alone.
"""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

from translators.model.codes import diagnose
from translators.model.proxy import view_of
from xds_server.protocol.xlog_records import REQUESTED, because_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from translators.model.origin import Diagnostic
    from translators.model.proxy import Proxy, ProxyView
    from translators.model.world import World
    from translators.resources import ResourceSet
    from xds_server.metrics import Metrics
    from xds_server.protocol import Why

log = logging.getLogger(__name__)

T = TypeVar("T")


class Stream(Protocol):
    """What the Push knows of a connected proxy's stream."""

    @property
    def proxy(self) -> Proxy:
        """Who is connected."""

    def offer(self, snapshot: ResourceSet, since: float, why: Why) -> None:
        """Take the newest snapshot; returns at once. The stream sends it when its writer is ready, and skips to the
        newest if several were offered meanwhile. `since`: when the first change in it was made (monotonic seconds).
        `why`: what the xlog will say of it.
        """


class Translate(Protocol):
    """The part of `translators.translate.Translator` that is used here."""

    def selector_keys(self, world: World) -> frozenset[str]:
        """See `Translator.selector_keys`."""

    def translate(self, world: World, view: ProxyView, previous: ResourceSet | None = None) -> ResourceSet:
        """See `Translator.translate`."""


@dataclass(slots=True)
class Debounce:
    """When to push: after `quiet` seconds without a change, but at most `maximum` seconds after the first one.

    It has no clock: times are given, in seconds.
    """

    quiet: float = 0.02
    maximum: float = 0.5
    _first: float | None = None
    _last: float = 0.0

    def change(self, now: float) -> None:
        """Note a change."""
        if self._first is None:
            self._first = now
        self._last = now

    @property
    def due(self) -> float | None:
        """When the push is due; None if nothing has changed."""
        return None if self._first is None else min(self._last + self.quiet, self._first + self.maximum)

    def fire(self, now: float) -> float:
        """Begin a push: forget the changes and return how long the first of them has waited."""
        waited = 0.0 if self._first is None else now - self._first
        self._first = None
        return waited


@dataclass(slots=True)
class _View:
    """One distinct view: the streams that share it, and what they were last offered."""

    streams: dict[Stream, None] = field(default_factory=dict)
    served: ResourceSet | None = None
    failure: Diagnostic | None = None


class Push:
    """Debounces Worlds, translates each distinct view once, offers the result to the view's streams.

    A translation that raises stops nothing: the view goes on with its last ResourceSet, and PF0903 says so.
    """

    def __init__(
        self,
        translator: Translate,
        *,
        debounce: Debounce | None = None,
        metrics: Metrics | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with no World: `ready` is false until `run` has taken the first one."""
        self._debounce = debounce or Debounce()
        self._translator = translator
        self._metrics = metrics
        self._clock = clock
        self._views: dict[ProxyView, _View] = {}
        self._view_of_stream: dict[Stream, ProxyView] = {}
        self._pending: Callable[[], World] | None = None
        self._keys: frozenset[str] = frozenset()
        self._unfinished: dict[ProxyView, None] = {}
        self._wake = asyncio.Event()
        self._worker = ThreadPoolExecutor(1, "translate")
        self.world: World | None = None
        """The World that is being served; None until the first push."""
        self.pushes = 0
        """How many Worlds have gone out."""
        self.after_push: Callable[[], None] = _nothing
        """Called when a World has been offered to every stream."""

    @property
    def ready(self) -> bool:
        """Whether a World is being served, so that streams may be accepted."""
        return self.world is not None

    def publish(self, latest: Callable[[], World]) -> None:
        """Learn that there is a new World. `latest` is asked for it when the debounce is over."""
        self._pending = latest
        self._debounce.change(self._clock())
        self._wake.set()

    def attach(self, stream: Stream) -> None:
        """Take on a stream, and offer it what its view is served as soon as that is translated.

        Raises RuntimeError before the first World.
        """
        if self.world is None:
            msg = "no World yet: streams are to be refused until `ready`"
            raise RuntimeError(msg)
        self._place(stream, REQUESTED)

    def detach(self, stream: Stream) -> None:
        """Let a stream go; the last one of a view takes the view's ResourceSet with it."""
        view = self._view_of_stream.pop(stream, None)
        if view is not None:
            self._leave(stream, view)

    def snapshot(self, stream: Stream) -> ResourceSet | None:
        """Return what a stream's view is served."""
        view = self._view_of_stream.get(stream)
        return self._views[view].served if view is not None else None

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Return what the translations in service have to say, each once however many views say it."""
        found: dict[Diagnostic, None] = {}
        for state in self._views.values():
            found.update(dict.fromkeys(state.served.diagnostics if state.served else ()))
            if state.failure is not None:
                found[state.failure] = None
        return tuple(found)

    @property
    def served(self) -> Mapping[ProxyView, ResourceSet]:
        """What each view is served now."""
        return {view: state.served for view, state in self._views.items() if state.served is not None}

    async def run(self) -> None:
        """Push until cancelled."""
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                await self._translate_unfinished()
                due = self._debounce.due
                if due is None:
                    continue
                wait = due - self._clock()
                if wait > 0:
                    await self._wait_for_change(wait)
                    self._wake.set()
                    continue
                await self._push()
        finally:
            self._worker.shutdown(cancel_futures=True)

    async def _wait_for_change(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _push(self) -> None:
        latest, self._pending = self._pending, None
        began = self._clock()
        waited = self._debounce.fire(began)
        world = latest() if latest is not None else self.world
        if world is None or world is self.world:
            return
        try:
            keys = await self._in_worker(self._translator.selector_keys, world)
        except Exception:
            log.exception("the selectors could not be gathered: proxies keep the views that they have")
            keys = self._keys
        why = because_of(world.changed_since(self.world)) if self.world is not None else REQUESTED
        self.world = world
        if keys != self._keys:
            self._keys = keys
            for stream in list(self._view_of_stream):
                self._place(stream, why)
        for view in list(self._views):
            await self._serve(view, world, began - waited, why)
        self.pushes += 1
        self.after_push()
        if self._metrics is not None:
            self._metrics.debounce_time.observe(waited)

    async def _translate_unfinished(self) -> None:
        """Translate the views that appeared since the last push."""
        while self._unfinished and self.world is not None:
            view = next(iter(self._unfinished))
            del self._unfinished[view]
            if view in self._views and self._views[view].served is None:
                await self._serve(view, self.world, self._clock(), REQUESTED)

    async def _serve(self, view: ProxyView, world: World, since: float, why: Why) -> None:
        """Translate one view and offer the result to its streams."""
        state = self._views.get(view)
        if state is None:
            return
        self._unfinished.pop(view, None)
        began = self._clock()
        try:
            served = await self._in_worker(self._translator.translate, world, view, state.served)
        except Exception as error:  # noqa: BLE001 - a defect in a translator must not take the server down
            self._failed(state, view, error)
            return
        if self._metrics is not None:
            self._metrics.translation_time.observe(self._clock() - began)
        state.failure = None
        if served is not state.served:
            state.served = served
            await self._offer(state, served, since, why)

    @staticmethod
    async def _offer(state: _View, served: ResourceSet, since: float, why: Why) -> None:
        """Offer to each stream of a view. Offering only wakes a stream's writer, so 1,000 of them take about 10 ms."""
        streams = list(state.streams)
        for number, stream in enumerate(streams, 1):
            if stream in state.streams:
                stream.offer(served, since, why)
            if number % 1000 == 0:
                await asyncio.sleep(0)

    def _failed(self, state: _View, view: ProxyView, error: Exception) -> None:
        log.error("translation for %s proxies of namespace %s failed", view.type, view.namespace, exc_info=error)
        what = f"{type(error).__name__}: {error}"
        state.failure = diagnose(
            "PF0903",
            f"translating for {view.type} proxies of namespace {view.namespace} failed: {what}",
            hint="they are served what they had before; please report this with the objects that changed",
        )
        if self._metrics is not None:
            self._metrics.internal_errors.add()

    async def _in_worker(self, function: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._worker, function, *arguments)

    def _place(self, stream: Stream, why: Why) -> None:
        """Put a stream with the others of its view; its view may have changed with the selector keys."""
        view = view_of(stream.proxy, self._keys)
        before = self._view_of_stream.get(stream)
        if before == view:
            return
        if before is not None:
            self._leave(stream, before)
        self._view_of_stream[stream] = view
        state = self._views.setdefault(view, _View())
        state.streams[stream] = None
        if state.served is not None:
            stream.offer(state.served, self._clock(), why)
        else:
            self._unfinished[view] = None
            self._wake.set()

    def _leave(self, stream: Stream, view: ProxyView) -> None:
        state = self._views[view]
        del state.streams[stream]
        if not state.streams:
            del self._views[view]
            self._unfinished.pop(view, None)


def _nothing() -> None:
    """Stand in for a callback that nobody has set."""
