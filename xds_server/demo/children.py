"""Child processes that never outlive us."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h
_STOP_SECONDS: Final = 5.0
_TAIL_LINES: Final = 200
_LINE_LIMIT: Final = 1 << 20

_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class ChildDiedError(Exception):
    """A child ended that should run on; the message holds its last words."""


def die_with(parent: int) -> None:
    """Run in the child, before exec: ask the kernel for a SIGTERM when the parent goes, even if it is killed."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it went before we asked
            os._exit(1)


class Child:
    """One child process; its output is kept to its last lines."""

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        """Use `Child.start`."""
        self.name = name
        self.process = process
        self.tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, name: str, command: Sequence[str], *, environment: dict[str, str] | None = None) -> Child:
        """Start a process in a session of its own, so that Ctrl-C reaches it through us and in our order.

        Raises OSError if the program cannot be run.
        """
        parent = os.getpid()
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=lambda: die_with(parent),
            limit=_LINE_LIMIT,
            env=environment,
        )
        return cls(name, process)

    async def wait(self) -> None:
        """Return only by raising ChildDiedError, when the process ends."""
        code = await self.process.wait()
        await asyncio.wait([self._reader], timeout=1)
        how = f"was killed by signal {-code}" if code < 0 else f"ended with status {code}"
        msg = f"{self.name} {how}" + "".join(f"\n  {line}" for line in list(self.tail)[-10:])
        raise ChildDiedError(msg)

    async def stop(self) -> None:
        """Ask it to end, insist after five seconds, and leave nothing of it behind."""
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.terminate()
            try:
                await asyncio.wait_for(self.process.wait(), _STOP_SECONDS)
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    self.process.kill()
                await self.process.wait()
        await asyncio.wait([self._reader], timeout=1)
        self._reader.cancel()

    async def _read(self) -> None:
        stream = self.process.stdout
        while stream is not None:
            try:
                line = await stream.readline()
            except ValueError:  # longer than the limit; the rest of it comes as another line
                continue
            if not line:
                return
            self.tail.append(line.decode(errors="replace").rstrip())
