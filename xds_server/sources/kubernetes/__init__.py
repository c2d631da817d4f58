"""Objects in a Kubernetes cluster, followed through its API server.

Publishes: batches of source events, each kind under a name of its own (`kubernetes/Service`), so that one that cannot
be read keeps none of the others. What was seen last stays until the server says otherwise: an API server that is away
costs no proxy anything.
"""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING, Final

from xds_server.sources.kubernetes.discovery import WATCHED, discover
from xds_server.sources.kubernetes.reflector import Reflector
from xds_server.sources.kubernetes.watching import Patience, Watcher, follow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from xds_server.kube_api import KubeApi
    from xds_server.metrics import Metrics
    from xds_server.sources.events import Batch

__all__ = ["KubernetesSource", "Patience"]

NAME: Final = "kubernetes"
NAME_IN_METRICS: Final = "pilotfish_kubernetes"
_NEEDED: Final = frozenset({"Service", "EndpointSlice", "Pod"})
"""What endpoints are made of. Without an Istio kind that is forbidden for a minute we serve, as if there were none."""
_WAITING: Final = 64
"""Batches that may wait for the Store, before the watches do."""


class KubernetesSource:
    """Follows one API server: iterate over it for batches of events, until cancelled.

    Give it an API that is connected. Istio kinds that are not installed count as empty, and are
    picked up when they come.
    """

    def __init__(
        self,
        api: KubeApi,
        *,
        patience: Patience | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`chance` returns a number from 0 to 1: no two replicas shall ask at the same moments."""
        patience = patience or Patience()
        discovery = _Discovery(api, patience.discovery)
        self._queue: asyncio.Queue[Batch] = asyncio.Queue(_WAITING)
        self.watchers = tuple(
            Watcher(
                api=api,
                reflector=Reflector(f"{NAME}/{kind.KIND}", kind),
                path=discovery.path_of(kind.GROUP, kind.KIND),
                put=self._queue.put,
                chance=chance,
                patience=patience,
                needed=kind.KIND in _NEEDED,
            )
            for kind in WATCHED
        )
        self.names = tuple(watcher.reflector.source for watcher in self.watchers)
        """The names under which the Store shall know it."""

    def measure(self, metrics: Metrics) -> None:
        """Add what is known and what happened, by kind, to a server's metrics."""

        def by_kind(read: Callable[[Watcher], float]) -> Callable[[], dict[tuple[str, ...], float]]:
            return lambda: {(watcher.reflector.kind.KIND,): float(read(watcher)) for watcher in self.watchers}

        def scrape(what: str, documentation: str, read: Callable[[Watcher], float], *, counter: bool = True) -> None:
            metrics.scrape(f"{NAME_IN_METRICS}_{what}", documentation, by_kind(read), ("kind",), counter=counter)

        scrape("objects", "Objects that the API server has, by kind.", lambda w: len(w.reflector), counter=False)
        scrape("events", "Lines of watches taken in, by kind.", lambda w: w.counts.events)
        scrape(
            "lists",
            "Listings begun, by kind: one at the start, more after something was lost.",
            lambda w: w.counts.lists,
        )
        scrape("watches", "Watches begun, by kind.", lambda w: w.counts.watches)
        scrape("failures", "Requests that failed, by kind.", lambda w: w.counts.failures)

    def __aiter__(self) -> AsyncIterator[Batch]:
        """Yield each batch as it comes."""
        return follow(self.watchers, self._queue)


class _Discovery:
    """What discovery said last, so that sixteen watchers ask once."""

    def __init__(self, api: KubeApi, seconds: float) -> None:
        self._api = api
        self._seconds = seconds
        self._found: dict[str, tuple[float, Mapping[str, str]]] = {}
        self._asking: dict[str, asyncio.Lock] = {}

    def path_of(self, group: str, kind: str) -> Callable[[], Awaitable[str | None]]:
        """Return a function that finds out where a kind is served."""

        async def find() -> str | None:
            async with self._asking.setdefault(group, asyncio.Lock()):
                asked_at, found = self._found.get(group, (0.0, {}))
                if not asked_at or time.monotonic() - asked_at > self._seconds:
                    found = await discover(self._api, group)
                    self._found[group] = time.monotonic(), found
            return found.get(kind)

        return find
