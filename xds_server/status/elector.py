"""Holds a Lease, or waits for it: the election of one leader among the replicas, by the API server.

Whoever does not lead serves xDS all the same; only what all of them would write alike depends on it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import socket
import time
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec

from translators.model.codes import diagnose
from xds_server.kube_api import KubeApiError
from xds_server.status.election import Election, Lease

if TYPE_CHECKING:
    from collections.abc import Callable

    from translators.model.origin import Diagnostic
    from xds_server.kube_api import KubeApi

log = logging.getLogger(__name__)

_API: Final = "/apis/coordination.k8s.io/v1"
_NOT_FOUND: Final = 404
_CONFLICT: Final = 409
_RELEASE_SECONDS: Final = 2.0
_COMPLAINT_SECONDS: Final = 10.0
"""So long the Lease must be out of reach before it is said."""


class _Meta(msgspec.Struct, frozen=True, rename="camel"):
    resource_version: str = ""


class _Spec(msgspec.Struct, frozen=True, rename="camel"):
    holder_identity: str | None = None
    lease_duration_seconds: int | None = None
    acquire_time: str | None = None
    renew_time: str | None = None
    lease_transitions: int | None = None


class _Lease(msgspec.Struct, frozen=True):
    metadata: _Meta = _Meta()
    spec: _Spec = _Spec()


_decode: Final = msgspec.json.Decoder(_Lease).decode


def new_identity() -> str:
    """Return a name for this process that no other one has, and that tells people where it runs."""
    return f"{os.environ.get('POD_NAME') or socket.gethostname()}_{uuid.uuid4().hex[:12]}"


class Elector:
    """Run it for as long as this replica is a candidate; `leads` tells whether it is the leader."""

    def __init__(
        self,
        api: KubeApi,
        *,
        namespace: str,
        name: str,
        identity: str = "",
        seconds: float = 15.0,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`seconds` is the duration of the Lease: how long the others wait for a leader that says nothing."""
        self._api = api
        self._namespace, self._name = namespace, name
        self._clock, self._chance = clock, chance
        self.election = Election(identity or new_identity(), seconds)
        self._version = ""
        self._led = False
        self._wrong_since: float | None = None
        self._wrong = ""
        self.acquired = asyncio.Event()
        """Set when this replica has become the leader; whoever waits for it clears it."""

    @property
    def leads(self) -> bool:
        """Whether this replica may act as the leader at this moment."""
        return self.election.leads(self._clock())

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Return PF0132 if the Lease has been out of reach for a while."""
        if self._wrong_since is None or self._clock() - self._wrong_since < _COMPLAINT_SECONDS:
            return ()
        where = f"Lease {self._namespace}/{self._name}"
        hint = f"allow it to get, create and update leases in namespace {self._namespace}, or serve with --no-status"
        message = f"{where} cannot be had, so this replica writes no status: {self._wrong}"
        return (diagnose("PF0132", message, hint=hint),)

    async def run(self) -> None:
        """Be a candidate until cancelled, and then let the Lease go. Raises nothing that the server can cause."""
        try:
            while True:
                try:
                    await self._round()
                    self._wrong_since = None
                except KubeApiError as error:
                    self._failed(error)
                self._tell()
                # Replicas that were started together shall not go on asking together.
                await asyncio.sleep(self.election.retry * (1 + self._chance() / 5))
        finally:
            with contextlib.suppress(TimeoutError, KubeApiError):
                async with asyncio.timeout(_RELEASE_SECONDS):
                    await self._release()

    async def _round(self) -> None:
        """Look, unless the Lease is ours by what we know; then bid."""
        now = self._clock()
        if not self.election.leads(now):
            await self._look()
        bid = self.election.bid(self._clock(), _wall())
        if bid is None:
            return
        asked_at = self._clock()
        try:
            await self._write(bid)
        except KubeApiError as error:
            if error.status != _CONFLICT:
                raise
            await self._look()  # another one was faster, or has taken it from us
            return
        self.election.wrote(bid, asked_at)

    async def _look(self) -> None:
        try:
            data = await self._api.request("GET", self._path(), timeout=self._patience)
        except KubeApiError as error:
            if error.status != _NOT_FOUND:
                raise
            self._version = ""
            self.election.saw(None, self._clock())
            return
        found = _decoded(data)
        self._version, spec = found.metadata.resource_version, found.spec
        lease = Lease(
            spec.holder_identity or "",
            spec.lease_duration_seconds or self.election.seconds,
            spec.acquire_time or "",
            spec.renew_time or "",
            spec.lease_transitions or 0,
        )
        self.election.saw(lease, self._clock())

    async def _write(self, lease: Lease) -> None:
        meta = {"name": self._name, "namespace": self._namespace}
        spec = {
            "holderIdentity": lease.holder,
            "leaseDurationSeconds": lease.seconds,
            "acquireTime": lease.acquired or None,
            "renewTime": lease.renewed or None,
            "leaseTransitions": lease.transitions,
        }
        body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": meta, "spec": spec}
        if self._version:
            body["metadata"] = {**meta, "resourceVersion": self._version}
            data = await self._api.request("PUT", self._path(), body=body, timeout=self._patience)
        else:
            data = await self._api.request("POST", self._path(whole=True), body=body, timeout=self._patience)
        self._version = _decoded(data).metadata.resource_version

    async def _release(self) -> None:
        lease = self.election.release(_wall())
        if lease is not None:
            await self._write(lease)
            log.info("the Lease %s is released", self._name)

    @property
    def _patience(self) -> float:
        """Seconds for one request: a hanging one must leave time for another before the Lease is over."""
        return self.election.seconds / 3

    def _path(self, *, whole: bool = False) -> str:
        base = f"{_API}/namespaces/{self._namespace}/leases"
        return base if whole else f"{base}/{self._name}"

    def _failed(self, error: KubeApiError) -> None:
        if self._wrong_since is None:
            self._wrong_since = self._clock()
        self._wrong = str(error)
        log.debug("the Lease %s: %s", self._name, error)

    def _tell(self) -> None:
        """Say when this replica becomes the leader, and when it is no longer."""
        if self.leads == self._led:
            return
        self._led = not self._led
        if self._led:
            log.info("this replica (%s) holds the Lease %s, and writes statuses", self.election.identity, self._name)
            self.acquired.set()
        else:
            log.warning("this replica holds the Lease %s no longer; %s does", self._name, self.election.holder or "?")


def _decoded(data: bytes) -> _Lease:
    try:
        return _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise KubeApiError(0, "Unreadable", f"a Lease is answered with something else: {error}") from error


def _wall() -> str:
    """Return the time of day as Kubernetes' MicroTime."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
