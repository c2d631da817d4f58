"""A load generator: a steady rate of requests over a few keep-alive connections, counted by who answered."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_OK: Final = 200
_WINDOW_SECONDS: Final = 3.0
NO_ANSWER: Final = "no answer"


class Answer(NamedTuple):
    """Who answered one request, and how."""

    at: float
    status: int
    """0: the connection failed."""
    version: str
    instance: str
    path: str


@dataclass(slots=True, kw_only=True, eq=False)
class Tally:
    """Counts answers, over everything and over the last three seconds."""

    clock: Callable[[], float] = time.monotonic
    requests: int = 0
    versions: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(path, version) to good answers."""
    instances: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(version, instance) to good answers, over all paths."""
    errors: Counter[str] = field(default_factory=Counter)
    """What went wrong (`503`, `no answer`) to how often."""
    _window: deque[Answer] = field(default_factory=deque)

    def add(self, answer: Answer) -> None:
        """Count one answer."""
        self.requests += 1
        if answer.status == _OK:
            self.versions[answer.path, answer.version] += 1
            self.instances[answer.version, answer.instance] += 1
        else:
            self.errors[str(answer.status) if answer.status else NO_ANSWER] += 1
        self._window.append(answer)
        self.recent()

    def split(self, path: str) -> dict[str, float]:
        """Return each version's share of the good answers on a path, from 0 to 1; empty if there were none."""
        counts = {version: n for (where, version), n in sorted(self.versions.items()) if where == path}
        total = sum(counts.values())
        return {version: n / total for version, n in counts.items()}

    def recent(self) -> deque[Answer]:
        """Return the answers of the last three seconds, oldest first."""
        horizon = self.clock() - _WINDOW_SECONDS
        while self._window and self._window[0].at < horizon:
            self._window.popleft()
        return self._window

    @property
    def rate(self) -> float:
        """Requests a second, over the last three seconds."""
        recent = self.recent()
        if len(recent) < 2:
            return 0.0
        return len(recent) / max(recent[-1].at - recent[0].at, 0.1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Sends `rate` requests a second to `url`, spread over `paths` by their weights, until it is cancelled."""

    url: str
    paths: Mapping[str, int]
    rate: float
    headers: Mapping[str, str] = field(default_factory=dict)
    connections: int = 16
    timeout_seconds: float = 5.0

    async def run(self, tally: Tally) -> None:
        """Send until cancelled. Late requests are sent at once, so the average rate holds on a busy machine."""
        order = [path for path, weight in self.paths.items() for _ in range(weight)]
        timeout = aiohttp.ClientTimeout(total=self.timeout_seconds)
        connector = aiohttp.TCPConnector(limit=self.connections)
        async with (
            aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
            asyncio.TaskGroup() as workers,
        ):
            begin = tally.clock()
            for first in range(self.connections):
                workers.create_task(self._work(session, tally, order, first, begin))

    async def _work(
        self, session: aiohttp.ClientSession, tally: Tally, order: list[str], first: int, begin: float
    ) -> None:
        number = first
        while True:
            wait = begin + number / self.rate - tally.clock()
            if wait > 0:
                await asyncio.sleep(wait)
            tally.add(await self._send(session, order[number % len(order)], tally.clock))
            number += self.connections

    async def _send(self, session: aiohttp.ClientSession, path: str, clock: Callable[[], float]) -> Answer:
        try:
            async with session.get(self.url + path, headers=self.headers) as response:
                await response.read()
                headers = response.headers
                return Answer(
                    clock(), response.status, headers.get("x-version", ""), headers.get("x-instance", ""), path
                )
        except (aiohttp.ClientError, TimeoutError, OSError):
            return Answer(clock(), 0, "", "", path)
