"""Writes statuses, one at a time: the newest that is wanted of each object, at a bounded rate, while it leads.

What waits is bounded by the number of objects. What fails is tried again when it is wanted again, after a pause.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from translators.model.codes import diagnose
from translators.model.origin import Origin
from xds_server.kube_api import MERGE_PATCH, KubeApiError
from xds_server.sources.kubernetes.backoff import Backoff
from xds_server.sources.kubernetes.reflector import BrokenWatchError, Written, written_of
from xds_server.status.bucket import Bucket
from xds_server.status.merging import Difference, difference, merge_patch

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from translators.model.meta import ObjectKey
    from translators.model.origin import Diagnostic
    from xds_server.kube_api import KubeApi
    from xds_server.metrics import Metrics
    from xds_server.status.wanted import Wanted

log = logging.getLogger(__name__)

RATE: Final = 20.0
"""Writes a second, over time and at once."""
_CONFLICTS: Final = 5
"""Times that an object is read again and written in a row, if somebody else is faster each time."""
_LASTING: Final = 3
"""Failures in a row from which on it is said (PF0130)."""

_UNAUTHORIZED: Final = 401
_FORBIDDEN: Final = 403
_NOT_FOUND: Final = 404
_CONFLICT: Final = 409
_MANY: Final = 429
_SERVER: Final = 500


class Done(NamedTuple):
    """The last write of one object."""

    wanted: Wanted
    at: float
    written: Written
    """What the server answered: the object after it."""


class _Job(NamedTuple):
    wanted: Wanted
    written: Written


@dataclass(slots=True)
class _Hold:
    """An object, or a kind, that is left alone for a while."""

    backoff: Backoff
    until: float = 0.0
    failures: int = 0
    error: str = ""


class Writer:
    """Give it what is wanted, and run it."""

    def __init__(
        self,
        api: KubeApi,
        path_of: Callable[[ObjectKey], Awaitable[str | None]],
        leads: Callable[[], bool],
        metrics: Metrics,
        *,
        rate: float = RATE,
        request_seconds: float = 4.0,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`path_of` tells where an object is served; None: nowhere. `leads` is asked before each write, and
        a request that takes longer than `request_seconds` is given up, so that none outlives the Lease.
        """
        self._api, self._path_of, self._leads = api, path_of, leads
        self._metrics, self._clock, self._chance = metrics, clock, chance
        self._request_seconds = request_seconds
        self._bucket = Bucket(rate, rate, clock())
        self._urgent: dict[ObjectKey, _Job] = {}
        self._idle: dict[ObjectKey, _Job] = {}
        """Those that differ in their text alone; they go last."""
        self._holds: dict[ObjectKey | str, _Hold] = {}
        self._all = _Hold(Backoff(chance))
        self._wake = asyncio.Event()
        self.done: dict[ObjectKey, Done] = {}
        """What was written since this replica has led."""

    def __len__(self) -> int:
        """How many wait."""
        return len(self._urgent) + len(self._idle)

    def want(self, key: ObjectKey, wanted: Wanted, written: Written, how: Difference) -> None:
        """Have a status written, in place of what was wanted of this object before and has not been.

        `written` is the object as the API server has it, as far as is known; `how` its status differs.
        """
        now = self._clock()
        if any(hold.until > now for one in (key, key.kind) if (hold := self._holds.get(one)) is not None):
            return
        job = _Job(wanted, written)
        if how > Difference.TEXT:
            self._idle.pop(key, None)
            self._urgent[key] = job
        elif key in self._urgent:
            self._urgent[key] = job
        else:
            self._idle[key] = job
        self._wake.set()

    def forget(self, key: ObjectKey) -> None:
        """Write nothing of this object: it is as it should be, or gone."""
        self._urgent.pop(key, None)
        self._idle.pop(key, None)

    def keep(self, keys: Collection[ObjectKey]) -> None:
        """Forget all about other objects: they are gone."""
        known = set(keys)
        for mapping in (self._urgent, self._idle, self.done):
            for key in mapping.keys() - known:
                mapping.pop(key, None)
        for subject in [one for one in self._holds if not isinstance(one, str) and one not in known]:
            del self._holds[subject]

    def clear(self) -> None:
        """Begin anew, as who has just become the leader."""
        self._urgent.clear()
        self._idle.clear()
        self.done.clear()
        self._holds.clear()

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Return a PF0130 for each object or kind whose status cannot be written, or one for all."""
        found = []
        for subject, hold in self._holds.items():
            if hold.failures >= _LASTING or isinstance(subject, str):
                origin = None if isinstance(subject, str) else Origin(subject)
                of = f"of {subject} objects" if isinstance(subject, str) else f"of {subject}"
                hint = f"allow it to patch the status of {subject}" if isinstance(subject, str) else ""
                found.append(diagnose("PF0130", f"the status {of} cannot be written: {hold.error}", origin, hint=hint))
        if self._all.failures >= _LASTING:
            found.append(diagnose("PF0130", f"the status of objects cannot be written: {self._all.error}"))
        return tuple(found)

    async def run(self) -> None:
        """Write until cancelled. Raises nothing that the server can cause."""
        while True:
            await self._wake.wait()
            if not len(self) or not self._leads():
                self._wake.clear()
                continue
            wait = self._all.until - self._clock()
            if wait > 0 or (wait := self._bucket.take(self._clock())) > 0:
                await asyncio.sleep(wait)
                continue
            key = next(iter(self._urgent or self._idle))
            job = self._urgent.pop(key, None) or self._idle.pop(key)
            try:
                await self._write(key, job)
            except KubeApiError as error:
                self._failed(key, error)

    async def _write(self, key: ObjectKey, job: _Job) -> None:
        path = await self._path_of(key)
        if path is None:
            return
        wanted, written = job
        for _ in range(_CONFLICTS):
            if difference(written.status, wanted) is Difference.NONE or not self._leads():
                return
            patch = merge_patch(written.status, wanted, version=written.version, now=_wall())
            try:
                answer = await self._request("PATCH", f"{path}/status", patch)
            except KubeApiError as error:
                if error.status != _CONFLICT:
                    raise
                self._metrics.status_writes.add("conflict")
            else:
                self._metrics.status_writes.add("written")
                self.done[key] = Done(wanted, self._clock(), answer)
                self._all.backoff.reset()
                self._all.failures = 0
                self._holds.pop(key, None)
                self._holds.pop(key.kind, None)
                return
            written = await self._request("GET", path)
            if written.generation != wanted.generation:
                return  # it has changed since: what is to be said about it now will be wanted soon
        raise KubeApiError(_CONFLICT, "Conflict", "others write it all the time")

    async def _request(self, method: str, path: str, body: object = None) -> Written:
        data = await self._api.request(method, path, body=body, content_type=MERGE_PATCH, timeout=self._request_seconds)
        try:
            return written_of(data)
        except BrokenWatchError as error:
            raise KubeApiError(0, "Unreadable", str(error)) from error

    def _failed(self, key: ObjectKey, error: KubeApiError) -> None:
        """Leave alone what failed: the object, its kind if that is forbidden, or the server if it is not well."""
        self._metrics.status_writes.add("failed")
        status = error.status
        if status in {0, _UNAUTHORIZED, _MANY} or status >= _SERVER:
            hold = self._all
        else:
            subject = key.kind if status == _FORBIDDEN else key
            hold = self._holds.setdefault(subject, _Hold(Backoff(self._chance)))
        hold.failures += status != _NOT_FOUND  # it may be gone, which our watch has not told yet
        hold.until = self._clock() + hold.backoff.pause(error.retry_after)
        hold.error = str(error)
        log.debug("the status of %s is not written: %s", key, error)


def _wall() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
