"""`pilotfish serve` as a subprocess, on a folder of YAML that tests edit."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

import yaml

from tests.envoy.harness.client import Reply, request
from tests.envoy.harness.process import Process
from tests.envoy.harness.waiting import eventually

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path


class Folder:
    """A configuration folder; every write is one atomic rename, as editors save."""

    def __init__(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self.path = path

    def write(self, name: str, *documents: str | Mapping[str, Any]) -> Path:
        """Put YAML texts or objects into the file `name`, all at once."""
        texts = [one if isinstance(one, str) else yaml.safe_dump(dict(one), sort_keys=False) for one in documents]
        return self.write_bytes(name, "---\n".join(texts).encode())

    def write_bytes(self, name: str, content: bytes) -> Path:
        target = self.path / name
        partial = target.with_name(f".{target.name}.partial")
        partial.write_bytes(content)
        partial.replace(target)
        return target

    def replace(self, name: str, old: str, new: str) -> None:
        """Replace text that occurs in the file exactly once."""
        text = (self.path / name).read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times in {name}"
        self.write(name, text.replace(old, new))

    def remove(self, name: str) -> None:
        (self.path / name).unlink()


class Pilotfish:
    """A running `pilotfish serve`, with its ports."""

    def __init__(
        self,
        folder: Path,
        *,
        arguments: Sequence[str] = (),
        ports: tuple[int, int] = (0, 0),
        program: Sequence[str] = ("-m", "xds_server"),
        host: str = "127.0.0.1",
        prefix: Sequence[str] = (),
        ask: Callable[..., Reply] = request,
    ) -> None:
        """Start it on `folder/config`, and wait until it is ready. `ports` are xDS and HTTP, 0 for any.

        `program` is what Python is told to run, for tests of a server that is not right; `host` is the address for xDS,
        `prefix` a command that becomes the one after it (such as `nsenter …`), and `ask` sends a request to a port of
        the loopback address that the server sees.
        """
        self.config = Folder(folder / "config")
        self._log = folder / "pilotfish.log"
        self._arguments = tuple(arguments)
        self._program = tuple(program)
        self._host = host
        self._prefix = tuple(prefix)
        self._ask = ask
        self._process = self._start(*ports)
        try:
            self.xds_port, self.http_port = eventually(self._ports, 20.0, "serve logs its ports") or (0, 0)
            self.wait_ready()
        except BaseException:
            self._process.stop()
            raise

    def _start(self, xds_port: int, http_port: int) -> Process:
        command = [*self._prefix, sys.executable, *self._program, "serve", "--config", str(self.config.path)]
        command += ["--xds-address", f"{self._host}:{xds_port}", "--http-address", f"127.0.0.1:{http_port}"]
        return Process([*command, *self._arguments], self._log)

    def _ports(self) -> tuple[int, int] | None:
        self._process.assert_runs()
        found = {name: re.search(rf"\b{name}=[\d.]+:(\d+)", self._process.log) for name in ("xds", "http")}
        xds, http = found["xds"], found["http"]
        return (int(xds[1]), int(http[1])) if xds and http else None

    @property
    def log(self) -> str:
        return self._process.log

    @property
    def pid(self) -> int:
        return self._process.pid

    def get(self, path: str) -> Reply:
        """GET something from the HTTP port."""
        self._process.assert_runs()
        return self._ask(self.http_port, path)

    def api(self, path: str) -> Any:
        """Return the JSON of `/api/v1/<path>`."""
        reply = self.get(f"/api/v1/{path}")
        assert reply.status == 200, f"{path}: {reply.status} {reply.body}"
        return reply.json

    def diagnostics(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.api("diagnostics")
        return found

    def proxies(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.api("proxies")
        return found

    def wait_ready(self, deadline: float = 20.0) -> None:
        """Wait until /readyz answers 200."""
        eventually(lambda: self.get("/readyz").status == 200, deadline, "/readyz answers 200")

    def restart(self) -> None:
        """Stop it and start it again on the same ports."""
        self._process.stop()
        self.start()

    def start(self) -> None:
        """Start it again on the same ports, once it has ended."""
        self._process = self._start(self.xds_port, self.http_port)
        self.wait_ready()

    def kill(self) -> None:
        """End it without a chance to say goodbye."""
        self._process.kill()

    def stop(self) -> int:
        """End it with SIGTERM, and return its exit status."""
        return self._process.stop()

    def signal(self, number: signal.Signals) -> None:
        self._process.send(number)
