"""A KubernetesSource at work on a Store, and what a fresh start would see."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Self

from xds_server.kube_api import KubeApi
from xds_server.sources.events import Apply, Delete
from xds_server.sources.kubernetes import KubernetesSource, Patience
from xds_server.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from translators.model.meta import KubeObject, ObjectKey
    from translators.model.world import World
    from xds_server.sources.events import Event

QUICK = Patience(
    page=3,
    request=0.5,
    watch=4.0,
    silence=1.0,
    discovery=0.2,
    first_events=1.0,
    refusal=0.3,
    absence=0.5,
    complaint=0.0,
)


def objects_of(world: World) -> dict[ObjectKey, KubeObject]:
    """Return everything in a World."""
    found = (one for kinds in world.objects.values() for names in kinds.values() for one in names.values())
    return {one.key: one for one in found}


class Following:
    """Use it as a context manager: it follows from then on."""

    def __init__(self, kubeconfig: Path, patience: Patience = QUICK) -> None:
        self._api = KubeApi.connect(kubeconfig=kubeconfig)
        self.source = KubernetesSource(self._api, patience=patience, chance=lambda: 0.0)
        self.store = Store(self.source.names)
        self.events: list[Event] = []
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._api.__aenter__()
        self._task = asyncio.create_task(self._follow())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self._api.__aexit__(None, None, None)

    async def _follow(self) -> None:
        async for batch in self.source:
            self.events += batch
            self.store.take(batch)

    @property
    def codes(self) -> set[str]:
        """Return what is wrong, by code."""
        return {diagnostic.code for diagnostic in self.store.diagnostics()}

    @property
    def waits_for(self) -> set[str]:
        """Return the sources that have not said yet that they are complete."""
        return {name for name, synced in self.store.sources.items() if not synced}

    def changes(self) -> list[str]:
        """Return what was said since the last call, without listings."""
        found = [
            f"{type(event).__name__} {event.key}"
            for event in self.events
            if type(event) is Apply or isinstance(event, Delete)
        ]
        self.events.clear()
        return found

    async def until(self, condition: Callable[[], object], what: str, seconds: float = 15.0) -> None:
        """Wait for something to be so."""
        if self._task is not None and self._task.done():
            await self._task
        try:
            async with asyncio.timeout(seconds):
                while not condition():  # noqa: ASYNC110 - of any kind
                    await asyncio.sleep(0.01)
        except TimeoutError:
            there = sorted(objects_of(self.store.world))
            msg = f"{what}: not within {seconds:g} s; {there}, {self.store.diagnostics()}"
            raise AssertionError(msg) from None

    async def synced(self) -> None:
        await self.until(lambda: self.store.synced, "everything is listed")

    def named(self, kind: str, namespace: str = "default") -> set[str]:
        """Return the names of all objects of a kind in a namespace."""
        return {key.name for key in objects_of(self.store.world) if key[:2] == (kind, namespace)}


async def fresh(kubeconfig: Path) -> dict[ObjectKey, KubeObject]:
    """Return what a server that starts now would see."""
    async with Following(kubeconfig) as following:
        await following.synced()
        return objects_of(following.store.world)


def service(name: str, port: int = 80, **meta: object) -> dict[str, object]:
    return {"kind": "Service", "metadata": {"name": name, **meta}, "spec": {"ports": [{"port": port}]}}


def route(name: str, host: str = "a.example.com", **meta: object) -> dict[str, object]:
    http = [{"route": [{"destination": {"host": "echo"}}]}]
    return {"kind": "VirtualService", "metadata": {"name": name, **meta}, "spec": {"hosts": [host], "http": http}}
