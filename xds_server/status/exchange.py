"""Where replicas leave their reports for the one that writes: a ConfigMap each, beside the Lease.

A report that has not been renewed for as long as a Lease lasts, by the leader's own clock, is that of a replica that is
gone, and its proxies are with another one by then.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import time
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from xds_server.kube_api import KubeApiError
from xds_server.status.reports import decode, encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from xds_server.kube_api import KubeApi
    from xds_server.status.reports import Report

log = logging.getLogger(__name__)

LABEL: Final = "pilotfish.io/status-report"
_KEY: Final = "report"
_LARGEST: Final = 700_000
"""Bytes of a report: a ConfigMap holds 1 MiB, and base64 makes four bytes of three."""
_NOT_FOUND: Final = 404
_RELEASE_SECONDS: Final = 2.0
_FORGOTTEN: Final = 4
"""A report that is so many times too old is deleted."""


class _Meta(msgspec.Struct, frozen=True, rename="camel"):
    name: str = ""
    resource_version: str = ""


class _ConfigMap(msgspec.Struct, frozen=True, rename="camel"):
    metadata: _Meta = _Meta()
    binary_data: dict[str, str] | None = None


class _List(msgspec.Struct, frozen=True):
    items: list[_ConfigMap] | None = None


_decode_list: Final = msgspec.json.Decoder(_List).decode


class _Seen(NamedTuple):
    version: str
    at: float
    said: str
    """The version in which it said this first; renewals say the same."""
    report: Report


class Exchange:
    """One replica's part in it. Each method raises KubeApiError where the server does not do what it is asked."""

    def __init__(
        self,
        api: KubeApi,
        *,
        namespace: str,
        identity: str,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`seconds` is how long a report is believed without being renewed."""
        self._api, self._clock, self._seconds = api, clock, seconds
        self._base = f"/api/v1/namespaces/{namespace}/configmaps"
        self.name = f"pilotfish-status-{identity.lower().replace('_', '-').replace('.', '-')}"[-200:].lstrip("-")
        self._published = b""
        self._published_at = 0.0
        self._exists = False
        self._seen: dict[str, _Seen] = {}

    @property
    def reports(self) -> dict[tuple[str, str], Report]:
        """What the other replicas said last, as far as they still say it; by name and version."""
        oldest = self._clock() - self._seconds
        return {(name, seen.said): seen.report for name, seen in sorted(self._seen.items()) if seen.at >= oldest}

    async def publish(self, report: Report) -> None:
        """Leave a report, unless it says what the last one said and that need not be renewed yet."""
        data = encode(report)
        if not report and not self._exists:
            return
        now = self._clock()
        if data == self._published and now - self._published_at < self._seconds / 3:
            return
        if len(data) > _LARGEST:
            raise KubeApiError(0, "TooLarge", f"the report of this replica has {len(data)} bytes")
        body = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": self.name, "labels": {LABEL: "true"}},
            "binaryData": {_KEY: base64.b64encode(data).decode()},
            "data": {"renewed": f"{now:.3f}"},  # what makes it another version
        }
        await self._put(body)
        self._published, self._published_at = data, now

    async def _put(self, body: object) -> None:
        patience = self._seconds / 3
        if self._exists:
            try:
                await self._api.request("PUT", f"{self._base}/{self.name}", body=body, timeout=patience)
            except KubeApiError as error:
                if error.status != _NOT_FOUND:
                    raise
                self._exists = False
            else:
                return
        await self._api.request("POST", self._base, body=body, timeout=patience)
        self._exists = True

    async def collect(self) -> None:
        """Read what the others left, as the leader; delete what is long forgotten."""
        query = [("labelSelector", f"{LABEL}=true")]
        data = await self._api.request("GET", self._base, query=query, timeout=self._seconds / 3)
        try:
            found = _decode_list(data).items or []
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise KubeApiError(0, "Unreadable", f"reports are answered with something else: {error}") from error
        now = self._clock()
        before, self._seen = self._seen, {}
        for one in found:
            name, version = one.metadata.name, one.metadata.resource_version
            if name == self.name:
                continue
            seen = before.get(name)
            if seen is None or seen.version != version:
                report = await asyncio.to_thread(_report_in, one)
                same = seen is not None and seen.report == report
                seen = _Seen(version, now, seen.said if same and seen is not None else version, report)
            self._seen[name] = seen
            if now - seen.at > self._seconds * _FORGOTTEN:
                await self._delete(name)

    async def withdraw(self) -> None:
        """Take the report back: this replica leads, or ends."""
        if not self._exists:
            return
        self._exists, self._published = False, b""
        with contextlib.suppress(TimeoutError, KubeApiError):
            async with asyncio.timeout(_RELEASE_SECONDS):
                await self._delete(self.name)

    async def _delete(self, name: str) -> None:
        try:
            await self._api.request("DELETE", f"{self._base}/{name}", timeout=self._seconds / 3)
        except KubeApiError as error:
            if error.status != _NOT_FOUND:
                raise


def _report_in(config_map: _ConfigMap) -> Report:
    try:
        return decode(base64.b64decode((config_map.binary_data or {}).get(_KEY, "")))
    except ValueError as error:
        log.warning("ConfigMap %s holds no report: %s", config_map.metadata.name, error)
        return {}
