"""`pilotfish demo`: a control plane, a real Envoy and echo backends on this machine, and where requests go, live."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import signal
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import aiohttp
import click
from rich.console import Console
from rich.live import Live

from xds_server.demo.children import ChildDiedError
from xds_server.demo.envoy import EnvoyNotFoundError, find_envoy
from xds_server.demo.folder import GATEWAY_PORT
from xds_server.demo.load import Load, Tally
from xds_server.demo.screen import guide, introduction, progress, screen
from xds_server.demo.stack import DemoError, Stack, running
from xds_server.demo.verdict import MINIMUM_REQUESTS, ROUTED_PATH, SPLIT_PATH, Verdict, conclude
from xds_server.demo.watch import Picture, look

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

_PATHS: Final = {SPLIT_PATH: 10, ROUTED_PATH: 1}
_RATE: Final = 440.0
"""Requests a second: 400 on the path that is split."""
_MARGIN: Final = 1.3
_REFRESH_SECONDS: Final = 0.25
_LOOK_SECONDS: Final = 0.5
_LINE_SECONDS: Final = 2.0
_INTERRUPTED: Final = 130


def _seconds(_context: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    if value is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(s|m)", value)
    seconds = float(match[1]) * (60 if match[2] == "m" else 1) if match else 0.0
    if seconds <= 0:
        msg = f"{value!r} is not a time such as 20s or 1.5m"
        raise click.BadParameter(msg, param=parameter)
    return seconds


@click.command()
@click.option(
    "--for",
    "duration",
    callback=_seconds,
    metavar="TIME",
    envvar="PILOTFISH_FOR",
    help="End after this time of traffic (20s, 1m), and fail unless the split is 75 to 25.",
)
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=GATEWAY_PORT,
    show_default=True,
    envvar="PILOTFISH_PORT",
    help="The gateway's port; another one if it is taken.",
)
@click.option(
    "--envoy",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="PILOTFISH_ENVOY",
    help="The Envoy to run.  [default: the one of the extra `demo`, else the one on the PATH]",
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="PILOTFISH_FOLDER",
    help="Where to put the configuration, and leave it.  [default: a temporary folder]",
)
@click.pass_context
def command(
    context: click.Context, *, duration: float | None, port: int, envoy: Path | None, folder: Path | None
) -> None:
    """Run Pilotfish with a real Envoy on this machine, and show where requests go."""
    try:
        binary = find_envoy(envoy)
        context.exit(asyncio.run(_demo(binary, port, folder, duration)))
    except (EnvoyNotFoundError, DemoError, ChildDiedError) as error:
        raise click.ClickException(str(error)) from error


async def _demo(envoy: Path, port: int, folder: Path | None, duration: float | None) -> int:
    """Run the demo, and return the exit status."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    console = Console()
    with tempfile.TemporaryDirectory(prefix="pilotfish-demo-") as scratch:
        place = folder or Path(scratch) / "config"
        runtime = Path(scratch) / "run"
        runtime.mkdir()
        click.echo("Pilotfish demo: starting the control plane, an Envoy and four backends …")
        run = _Run(duration=duration, tally=Tally(), stop=stop, console=console)
        main = asyncio.create_task(run.all(envoy, place.resolve(), runtime, port))
        interrupted = asyncio.create_task(stop.wait())
        await asyncio.wait([main, interrupted], return_when=asyncio.FIRST_COMPLETED)
        interrupted.cancel()
        if not main.done():
            main.cancel()
        await asyncio.gather(main, interrupted, return_exceptions=True)
        if main.cancelled():
            click.echo("stopped; nothing was left running")
            return _INTERRUPTED if duration is not None else 0
        verdict = main.result()
        for fault in verdict.faults:
            click.echo(f"fault: {fault}", err=True)
        click.echo(json.dumps(verdict.summary()))
        return 1 if verdict.faults else 0


@dataclass(slots=True, kw_only=True)
class _Run:
    """One run of the demo: traffic, looking, showing, until the time is over."""

    duration: float | None
    tally: Tally
    stop: asyncio.Event
    console: Console
    picture: Picture = field(default_factory=Picture)

    async def all(self, envoy: Path, folder: Path, scratch: Path, port: int) -> Verdict:
        """Start everything, run for `duration` (or for ever), stop everything."""
        async with running(envoy=envoy, folder=folder, scratch=scratch, gateway_port=port) as stack:
            for line in introduction(stack):
                click.echo(line)
            rate = max(_RATE, _MARGIN * MINIMUM_REQUESTS / self.duration if self.duration else 0)
            load = Load(url=stack.addresses.gateway_url, paths=_PATHS, rate=rate)
            async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as client:
                self.picture = await look(client, stack, self.picture)
                async with _beside(stack.watch(), load.run(self.tally), self._look(client, stack)):
                    await self._show(stack)
                self.picture = await look(client, stack, self.picture)
            return conclude(
                self.tally,
                xds=self.picture.xds,
                envoy_version=stack.envoy_version,
                gateway_url=stack.addresses.gateway_url,
            )

    async def _look(self, client: aiohttp.ClientSession, stack: Stack) -> None:
        while True:
            self.picture = await look(client, stack, self.picture)
            await asyncio.sleep(_LOOK_SECONDS)

    async def _show(self, stack: Stack) -> None:
        begin = time.monotonic()
        if not self.console.is_terminal:
            while self._goes_on(begin):
                left = self._left(begin)
                await asyncio.sleep(_LINE_SECONDS if left is None else min(_LINE_SECONDS, max(left, 0)))
                click.echo(progress(self.tally, self.picture, time.monotonic() - begin))
            return
        self.console.print(guide(stack))
        with Live(console=self.console, auto_refresh=False, transient=self.duration is not None) as live:
            while self._goes_on(begin):
                live.update(screen(stack, self.tally, self.picture, remaining=self._left(begin)), refresh=True)
                await asyncio.sleep(_REFRESH_SECONDS)

    def _left(self, begin: float) -> float | None:
        return None if self.duration is None else self.duration - (time.monotonic() - begin)

    def _goes_on(self, begin: float) -> bool:
        left = self._left(begin)
        return left is None or left > 0


@contextlib.asynccontextmanager
async def _beside(*endless: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run coroutines beside the block, and cancel them when it ends. What one of them raises ends the block."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in endless]
            yield
            for task in tasks:
                task.cancel()
    except* (ChildDiedError, DemoError) as errors:
        raise errors.exceptions[0] from None
