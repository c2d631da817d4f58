"""The xlog on disk: JSON lines, written by a thread of their own, of which nothing that fails can hurt serving."""

from __future__ import annotations

import logging
import os
import stat
import threading
from collections import deque
from typing import TYPE_CHECKING, Final

import msgspec

from xds_server.protocol.xlog_json import as_json

if TYPE_CHECKING:
    from pathlib import Path

    from xds_server.protocol import Conversation, Xlog
    from xds_server.protocol.xlog_records import Record

log = logging.getLogger(__name__)

BUFFERED: Final = 50_000
"""Records that may wait to be written. If the disk is too slow the oldest are lost, which shows as a gap in `seq`."""

INTERVAL: Final = 0.2
"""Seconds between writes."""

STOP_SECONDS: Final = 2.0
"""How long a stop waits for the last write; a disk that hangs must not hang the server."""


class XlogFile:
    """Appends the records of an Xlog to a file; `path.1` holds what came before, once `size` bytes are reached.

    A regular file grows to `size` and is then renamed to `path.1`, whose predecessor goes: twice `size` at most. What
    is no regular file (a pipe, /dev/stderr) is written to as it is. A write that fails is logged once, and tried again
    with what comes next.
    """

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        self._size = size
        self._waiting: deque[tuple[Conversation, Record]] = deque(maxlen=BUFFERED)
        self._encoder = msgspec.json.Encoder()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._file = -1
        self._failing = False
        self._epoch = 0.0

    def start(self, xlog: Xlog) -> None:
        """Begin to take what is noted from now on."""
        self._epoch = xlog.epoch
        xlog.sink = self._take
        self._thread = threading.Thread(target=self._run, name="xlog", daemon=True)
        self._thread.start()

    def stop(self, xlog: Xlog) -> None:
        """Write what is left, for at most `STOP_SECONDS`."""
        xlog.sink = None
        self._stop.set()
        if self._thread is not None:
            self._thread.join(STOP_SECONDS)

    def _take(self, conversation: Conversation, record: Record) -> None:
        self._waiting.append((conversation, record))

    def _run(self) -> None:
        stopping = False
        while not stopping:
            stopping = self._stop.wait(INTERVAL)
            while chunk := self._chunk():
                self._write(chunk)
        self._close()

    def _chunk(self, most: int = 1000) -> bytes:
        """Return the next lines; in the writer's thread, while others are appended."""
        lines = bytearray()
        for _ in range(min(most, len(self._waiting))):
            conversation, record = self._waiting.popleft()
            lines += self._encoder.encode(as_json(conversation, record, self._epoch))
            lines += b"\n"
        return bytes(lines)

    def _write(self, chunk: bytes) -> None:
        try:
            self._make_room(len(chunk))
            if self._failing:
                chunk = b"\n" + chunk  # the failed write may have left half a line
            written = os.write(self._file, chunk)
            if written < len(chunk):
                os.write(self._file, chunk[written:])  # the second tells what stopped the first
        except OSError as error:
            if not self._failing:
                log.warning("the xlog cannot be written to %s: %s. Serving goes on", self._path, error)
            self._failing = True
            self._close()
        else:
            if self._failing:
                log.info("the xlog is written to %s again", self._path)
            self._failing = False

    def _make_room(self, size: int) -> None:
        """Open the file, and begin a new one if this much no longer fits."""
        if self._file < 0:
            self._file = self._open()
        state = os.fstat(self._file)
        if stat.S_ISREG(state.st_mode) and state.st_size and state.st_size + size > self._size:
            self._close()
            self._path.replace(f"{self._path}.1")
            self._file = self._open()

    def _open(self) -> int:
        # Not blocking: a pipe that nobody reads is an error, not a wait.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC
        return os.open(self._path, flags, 0o640)

    def _close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
