"""A cluster as it is now, listed once, for the commands that need no server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from xds_server.sources.events import Failed
from xds_server.sources.kubernetes import KubernetesSource, Patience
from xds_server.sources.kubernetes.mesh import MeshConfigMap
from xds_server.store import Store, check

if TYPE_CHECKING:
    from collections.abc import Sequence

    from translators.model.origin import Diagnostic
    from translators.model.world import World
    from xds_server.kube_api import KubeApi

LISTING_SECONDS: Final = 60.0
_ONCE: Final = Patience(refusal=0.0, absence=0.0, complaint=1.0)
"""Who asks once waits for no kind that is absent or forbidden, and not long for a server that does not answer."""


class ClusterError(Exception):
    """A cluster could not be read; the text says what of it, and why."""


async def listed(api: KubeApi, settings: World, before: str, *, mesh: bool = True) -> Store:
    """Return a Store with all that a cluster holds, its MeshConfig included if `mesh`, and the given settings.

    `before` is the name of one more source, whose objects will take precedence. Raises KubeConfigError, and
    ClusterError if a kind that is needed is forbidden, or the server does not answer within LISTING_SECONDS.
    """
    async with api:
        source = KubernetesSource(api, patience=_ONCE)
        readings = MeshConfigMap(api, settings.root_namespace, patience=_ONCE) if mesh else None
        store = Store([before, *source.names, *([readings.name] if readings is not None else [])], settings)
        listing = _Listing(store, before)
        following = [asyncio.create_task(listing.follow(source))]
        if readings is not None:
            following.append(asyncio.create_task(listing.follow_mesh(readings)))
        try:
            await asyncio.wait_for(listing.settled.wait(), LISTING_SECONDS)
        except TimeoutError:
            pass
        finally:
            for task in following:
                task.cancel()
            await asyncio.gather(*following, return_exceptions=True)
    if listing.missing:
        late = f"not listed within {LISTING_SECONDS:g} s"
        raise ClusterError("\n".join(listing.wrong.get(name, f"{name}: {late}") for name in sorted(listing.missing)))
    return store


class _Listing:
    """What has been listed so far."""

    def __init__(self, store: Store, before: str) -> None:
        self.store = store
        self.wrong: dict[str, str] = {}
        """Source to why it cannot be read."""
        self.settled = asyncio.Event()
        """Set once each source has been listed, or has said why not."""
        self._before = before

    @property
    def missing(self) -> set[str]:
        return {name for name, synced in self.store.sources.items() if not synced and name != self._before}

    async def follow(self, source: KubernetesSource) -> None:
        async for batch in source:
            self.store.take(await asyncio.to_thread(check, batch))
            for event in batch:
                if isinstance(event, Failed) and event.subject == event.source:
                    self._note(event.source, event.diagnostics)
            self._look()

    async def follow_mesh(self, readings: MeshConfigMap) -> None:
        async for mesh, diagnostics in readings:
            self.store.take_mesh(readings.name, mesh, diagnostics)
            self._note(readings.name, diagnostics)
            self._look()

    def _note(self, source: str, diagnostics: Sequence[Diagnostic]) -> None:
        if diagnostics:
            self.wrong[source] = diagnostics[0].message
        else:
            self.wrong.pop(source, None)

    def _look(self) -> None:
        if self.missing <= self.wrong.keys():
            self.settled.set()
