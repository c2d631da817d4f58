"""A child process whose output goes to a file, and that ends with us."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from xds_server.demo.children import die_with

if TYPE_CHECKING:
    import signal
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_STOP_SECONDS = 10.0
_TAIL = 4000


class Process:
    """A started process. `stop` ends it; `log` is everything it printed."""

    def __init__(self, command: Sequence[str], log_file: Path, environment: Mapping[str, str] | None = None) -> None:
        """Start it."""
        self.command = tuple(command)
        self._log_file = log_file
        parent = os.getpid()
        with log_file.open("wb") as log:
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
                preexec_fn=lambda: die_with(parent),  # noqa: PLW1509 - sets a flag of the process, takes no lock
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def log(self) -> str:
        return self._log_file.read_text(encoding="utf-8", errors="replace")

    def assert_runs(self) -> None:
        """Raise RuntimeError (which `eventually` lets through) if the process has ended."""
        code = self._process.poll()
        if code is not None:
            msg = f"{self.command[0]} ended with status {code}:\n{self.log[-_TAIL:]}"
            raise RuntimeError(msg)

    def stop(self) -> int:
        """End it, by force after ten seconds, and return its exit status."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                return self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
        return self._process.wait(_STOP_SECONDS)

    def kill(self) -> None:
        """End it at once (SIGKILL)."""
        self._process.kill()
        self._process.wait(_STOP_SECONDS)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)
