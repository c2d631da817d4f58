"""Objects in files: read once for the command line, or followed while they change.

Publishes: batches of source events, each of them one consistent scan. Files are polled, not watched: inotify misses
network and overlay mounts, and looking at a thousand files costs a few milliseconds.
"""

from __future__ import annotations

import asyncio
import logging
import time
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from translators.model.codes import diagnose
from translators.model.origin import Location
from xds_server.sources.events import Failed, Init
from xds_server.sources.picture import Picture
from xds_server.sources.reading import Content, file_diagnostic, parse, parse_mesh_config, retained
from xds_server.sources.scan import Signature, UnreadableError, read, scan
from xds_server.sources.yaml_tree import YamlError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable
    from os import PathLike

    from translators.model.mesh_config import MeshConfig
    from translators.model.origin import Diagnostic
    from xds_server.sources.events import Batch
    from xds_server.sources.scan import Scan

MAX_FILE_SIZE: Final = 8 << 20
POLL_INTERVAL: Final = 0.2
NAME: Final = "files"

_SETTLE: Final = 0.05
"""Seconds that what was seen must stay as it is before it counts: an editor may be in the middle of writing."""
_SETTLE_GONE: Final = 0.25
"""The same when something is missing or became shorter: some editors move the old file away first, or truncate it."""
_LONGEST_SETTLING: Final = 1.0
_SHARE: Final = 10
"""A look is followed by a pause of this many times its duration, so that a huge folder costs a tenth of a core."""
_LONGEST_PAUSE: Final = 2.0


log = logging.getLogger(__name__)


class _File:
    """What is known of one file: what was read last, and what was last good."""

    __slots__ = ("content", "digest", "problem", "signature")

    def __init__(self) -> None:
        self.signature: Signature | None = None
        self.digest = b""
        self.content = Content()
        self.problem: Diagnostic | None = None


class Files:
    """Follows files without asyncio: `poll` when asked. All of it blocks; use it from one thread at a time."""

    def __init__(
        self,
        paths: Iterable[str | PathLike[str]],
        *,
        name: str = NAME,
        max_file_size: int = MAX_FILE_SIZE,
        now: Callable[[], int] = time.time_ns,
    ) -> None:
        """Follow files and folders. `max_file_size` is in bytes; `now` is the wall clock in nanoseconds."""
        self.name = name
        self._paths = sorted({str(path) for path in paths})
        self._max_file_size = max_file_size
        self._now = now
        self._files: dict[str, _File] = {}
        self._seen: Scan | None = None
        self._said: Picture | None = None
        self._waiting: Batch = ()
        self.cost = 0.0
        """Seconds that the last look at all files took, without reading any."""

    def settle(self, sleep: Callable[[float], None] = time.sleep) -> Scan:
        """Scan until what is seen stays the same for a moment; a scan like the last one counts at once.

        Returns what to read. What changes on and on counts as it is after a second.
        """
        began = time.monotonic()
        seen = scan(self._paths)
        self.cost = time.monotonic() - began
        deadline = _LONGEST_SETTLING
        while seen != self._seen and deadline > 0:
            pause = _SETTLE_GONE if self._lost(seen) else _SETTLE
            sleep(pause)
            deadline -= pause
            again = scan(self._paths)
            if again == seen:
                break
            seen = again
        return seen

    def _lost(self, seen: Scan) -> bool:
        """Whether a scan has less than the one before it."""
        before = self._seen.files if self._seen is not None else {}
        return any(path not in seen.files or seen.files[path].size < before[path].size for path in before)

    def poll(self, seen: Scan | None = None, *, wait_for_roots: bool = True) -> Batch:
        """Read what changed and return the events for it; an empty batch if nothing did.

        The first listing is complete (Init to InitDone). While a configured path has never been there, and
        `wait_for_roots`, only its failure is said: a server that began with nothing would take from its proxies
        what they have.
        """
        seen = seen or scan(self._paths)
        changed = self._take(seen)
        if not changed and self._said is not None and seen == self._seen:
            return ()
        self._seen = seen
        failures = dict(seen.failures)
        failures.update((path, file.problem) for path, file in self._files.items() if file.problem is not None)
        picture = Picture.of({path: file.content for path, file in self._files.items()}, failures)
        if self._said is None:
            if wait_for_roots and any(root in seen.failures for root in self._paths):
                return self._wait(picture)
            self._said = picture
            return picture.listing(self.name)
        events = picture.since(self._said, self.name)
        self._said = picture
        return events

    def _wait(self, picture: Picture) -> Batch:
        failures = sorted(picture.failures.items(), key=str)
        failed = [Failed(source=self.name, subject=subject, diagnostics=found) for subject, found in failures]
        batch: Batch = (Init(source=self.name), *failed)
        if batch == self._waiting:
            return ()
        self._waiting = batch
        return batch

    def _take(self, seen: Scan) -> bool:
        """Read the files whose signature is new (or cannot be trusted yet), forget those that went."""
        changed = False
        for path in [p for p in self._files if p not in seen.files and not _at_or_below(p, seen.failures)]:
            del self._files[path]
            changed = True
        for path, signature in seen.files.items():
            file = self._files.setdefault(path, _File())
            if file.signature != signature or signature.recent(self._now()):
                changed = self._read(path, file) or changed
        return changed

    def _read(self, path: str, file: _File) -> bool:
        """Read one file; what it held stays if that does not work. Returns whether anything is new."""
        try:
            data, signature = read(path, self._max_file_size)
        except UnreadableError as error:
            changed = file.problem != error.diagnostic
            file.problem = error.diagnostic
            file.signature = None
            file.digest = b""
            return changed
        digest = blake2b(data, digest_size=16).digest()
        file.signature = signature
        if digest == file.digest:
            return False
        file.digest = digest
        try:
            content = parse(path, data)
        except YamlError as error:
            file.problem = file_diagnostic(path, error)
            return True
        except Exception as error:  # a defect here must cost one file, not the server
            log.exception("reading %s failed", path)
            message = f"reading this file failed: {type(error).__name__}: {error}"
            file.problem = diagnose("PF0112", message, location=Location(path), hint="please report this")
            return True
        file.problem = None
        file.content = retained(content, file.content) if content.nameless else content
        return True


def _at_or_below(path: str, failures: Iterable[str]) -> bool:
    return any(path == failed or path.startswith(f"{failed.rstrip('/')}/") for failed in failures)


class FileSource:
    """Follows files and folders for a server: iterate over it for batches of events, until cancelled.

    Scanning, reading and decoding happen in a worker thread; the event loop does none of it.
    """

    def __init__(
        self,
        paths: Iterable[str | PathLike[str]],
        *,
        name: str = NAME,
        max_file_size: int = MAX_FILE_SIZE,
        poll_interval: float = POLL_INTERVAL,
    ) -> None:
        """Follow `paths`; look every `poll_interval` seconds, less often if a look takes long."""
        self.name = name
        self.names = (name,)
        self._files = Files(paths, name=name, max_file_size=max_file_size)
        self._poll_interval = poll_interval

    def _look(self) -> Batch:
        return self._files.poll(self._files.settle())

    async def batches(self) -> AsyncIterator[Batch]:
        """Yield each batch as it is seen; the first one says all that there is (or that a folder is missing)."""
        while True:
            batch = await asyncio.to_thread(self._look)
            if batch:
                yield batch
            await asyncio.sleep(max(self._poll_interval, min(_SHARE * self._files.cost, _LONGEST_PAUSE)))

    def __aiter__(self) -> AsyncIterator[Batch]:
        return self.batches()


def load_once(paths: Iterable[str | PathLike[str]], *, name: str = NAME, max_file_size: int = MAX_FILE_SIZE) -> Batch:
    """Read files and folders as they are now: one complete listing, with a Failed for each thing that is wrong."""
    return Files(paths, name=name, max_file_size=max_file_size).poll(wait_for_roots=False)


def load_mesh_config(
    path: str | PathLike[str], *, max_file_size: int = MAX_FILE_SIZE
) -> tuple[MeshConfig | None, tuple[Diagnostic, ...]]:
    """Read a MeshConfig file. None in the place of the settings if it cannot be used; the diagnostics say why."""
    try:
        data, _ = read(str(path), max_file_size)
    except UnreadableError as error:
        return None, (error.diagnostic,)
    return parse_mesh_config(str(path), data)
