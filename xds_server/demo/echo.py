"""An HTTP echo server that says which version it is, and that can be told to fail.

`python -m xds_server.demo.echo --version v1 --port 8000` is also the backend of `compose/quickstart`. Every request is
answered with JSON: `{"version", "instance", "method", "path", "host", "headers"}`. After
`POST /_behaviour?status=503&delay=0.2` (or `close=true`) all later requests meet that, and `POST /_behaviour` alone
heals it, so that a person can watch outlier detection and circuit breakers at work.
"""

from __future__ import annotations

import asyncio
import json
import signal
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import click
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Mapping
    from ssl import SSLContext

CONTROL_PATH: Final = "/_behaviour"
_REMEMBERED: Final = 100
_OK: Final = 200
_BAD_REQUEST: Final = 400
_STATUSES: Final = range(200, 600)


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """What a request meets."""

    status: int = _OK
    delay_seconds: float = 0.0
    close: bool = False
    """Cut the connection without an answer."""

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> Behaviour:
        """Read `status`, `delay` (seconds) and `close` from a query. Raises ValueError for anything out of range."""
        status, delay = int(query.get("status", _OK)), float(query.get("delay", 0))
        if status not in _STATUSES or not 0 <= delay <= 60:
            msg = "status goes from 200 to 599, delay from 0 to 60 seconds"
            raise ValueError(msg)
        return cls(status=status, delay_seconds=delay, close=query.get("close", "") == "true")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A request as the backend saw it."""

    method: str
    path: str
    host: str
    headers: Mapping[str, str]


@dataclass(slots=True, kw_only=True, eq=False)
class Echo:
    """One echo backend; `start` and `stop` from inside of an event loop."""

    version: str
    instance: str = ""
    behaviour: Behaviour = Behaviour()
    count: int = 0
    """Requests seen, whatever their answer."""
    recent: deque[Seen] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    _runner: web.ServerRunner | None = None

    async def start(self, host: str, port: int, tls: SSLContext | None = None) -> int:
        """Listen, in clear text or in TLS, and return the port (of use when 0 was asked for).

        Raises OSError if the port is taken.
        """
        runner = web.ServerRunner(web.Server(self._answer, access_log=None, keepalive_timeout=3600), shutdown_timeout=0)
        await runner.setup()
        site = web.TCPSite(runner, host, port, ssl_context=tls)
        try:
            await site.start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        return int(runner.addresses[0][1])

    async def stop(self) -> None:
        """Close the port and every connection."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path == CONTROL_PATH:
            return self._control(request)
        self.count += 1
        seen = Seen(
            method=request.method,
            path=request.raw_path,
            host=request.host,
            headers={name.lower(): value for name, value in request.headers.items()},
        )
        self.recent.append(seen)
        await request.read()
        behaviour = self.behaviour
        if behaviour.delay_seconds:
            await asyncio.sleep(behaviour.delay_seconds)
        if behaviour.close and request.transport is not None:
            request.transport.abort()
        return self._reply(behaviour.status, seen)

    def _reply(self, status: int, seen: Seen) -> web.Response:
        answer = {
            "version": self.version,
            "instance": self.instance or self.version,
            "method": seen.method,
            "path": seen.path,
            "host": seen.host,
            "headers": dict(seen.headers),
        }
        return web.Response(
            status=status,
            body=json.dumps(answer).encode() + b"\n",
            headers={"x-version": self.version, "x-instance": self.instance or self.version},
            content_type="application/json",
        )

    def _control(self, request: web.BaseRequest) -> web.Response:
        if request.method == "POST":
            try:
                self.behaviour = Behaviour.parse(request.query)
            except ValueError as error:
                return web.Response(status=_BAD_REQUEST, text=f"{error}\n")
        now = self.behaviour
        return web.json_response({"status": now.status, "delay": now.delay_seconds, "close": now.close})


async def _serve(echo: Echo, host: str, port: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    chosen = await echo.start(host, port)
    click.echo(f"echo {echo.version} listens on {host}:{chosen}")
    await stop.wait()
    await echo.stop()


@click.command()
@click.option("--version", required=True, help="What every answer says.")
@click.option("--instance", default="", help="Tells several backends of one version apart.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0: any free one.")
def main(*, version: str, instance: str, host: str, port: int) -> None:
    """Run one echo backend until SIGINT or SIGTERM."""
    asyncio.run(_serve(Echo(version=version, instance=instance), host, port))


if __name__ == "__main__":
    main()
