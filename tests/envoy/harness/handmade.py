"""A server of handmade resources: everything of ours from the Push to the wire, with no translator before it."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, Final

from google.protobuf import json_format

from tests.envoy.harness.waiting import eventually
from translators.model.meta import ObjectKey
from translators.model.world import World
from translators.resources import (
    TYPES,
    Resource,
    ResourceSet,
    TypeSet,
)
from xds_server.metrics import Metrics
from xds_server.push import Debounce, Push
from xds_server.transport.server import AdsServer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from google.protobuf.message import Message

    from translators.model.proxy import ProxyView

ORIGIN: Final = ObjectKey("Handmade", "default", "resource")


class _Made:
    """Stands for the Translator: serves what it is told."""

    def __init__(self) -> None:
        self.resources: tuple[Resource, ...] = ()

    def selector_keys(self, _world: World) -> frozenset[str]:
        return frozenset()

    def translate(self, _world: World, view: ProxyView, previous: ResourceSet | None = None) -> ResourceSet:
        types = {
            t: TypeSet.of(t, [r for r in self.resources if r.type_url == t], previous[t] if previous else None)
            for t in TYPES
        }
        return ResourceSet(view=view, types=types)


class Handmade:
    """A running server. `serve` replaces all that it serves; `stop` is due at the end."""

    def __init__(self) -> None:
        self._made = _Made()
        self._started = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._thread.start()
        assert self._started.wait(10.0)

    async def _run(self) -> None:
        metrics = Metrics()
        self.push = Push(self._made, debounce=Debounce(quiet=0.0), metrics=metrics)
        self.ads = AdsServer(self.push, metrics)
        self.push.after_push = self.ads.pushed
        self.port = await self.ads.start("127.0.0.1:0")
        self._loop = asyncio.get_running_loop()
        self._stopped = asyncio.Event()
        tasks = [asyncio.create_task(self.push.run()), asyncio.create_task(self.ads.run())]
        self.push.publish(World)
        self._started.set()
        await self._stopped.wait()
        await self.ads.stop(0.2)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def call(self, function: Callable[[], object]) -> None:
        """Have something done in the server's own thread."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(function)

    def serve(self, *resources: Resource) -> None:
        """Serve these, and nothing else; returns when they have been offered."""
        eventually(lambda: self.push.ready, 5.0, "the first World is served")
        before = self.push.pushes
        self._made.resources = resources
        self.call(lambda: self.push.publish(lambda: World(cluster_domain=f"edit-{before}")))
        eventually(lambda: self.push.pushes > before, 5.0, "the push is over")

    def stop(self) -> None:
        if self._loop is not None:
            self.call(self._stopped.set)
        self._thread.join(10.0)


def made(type_url: str, body: Mapping[str, Any], message: type[Message], name: str, *refs: tuple[str, str]) -> Resource:
    """Make a resource of a message in JSON form."""
    parsed = json_format.ParseDict(dict(body), message())
    return Resource(type_url, name, parsed.SerializeToString(deterministic=True), (ORIGIN,), refs=refs)
