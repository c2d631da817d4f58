"""What the demo shows: pure functions from what was counted and seen to something that rich can draw."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.console import Group
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from xds_server.demo.echo import CONTROL_PATH
from xds_server.demo.verdict import ROUTED_PATH, SPLIT_PATH

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import RenderableType

    from xds_server.demo.load import Answer, Tally
    from xds_server.demo.stack import Stack
    from xds_server.demo.watch import Picture

_BAR: Final = 24
_NEAR: Final = 0.05
_OK: Final = 200
_COLOURS: Final = {"v1": "cyan", "v2": "magenta"}
_SHOWN_ERRORS: Final = 3


def screen(stack: Stack, tally: Tally, picture: Picture, *, remaining: float | None) -> RenderableType:
    """Draw what changes; `remaining` is in seconds, None if the demo runs until Ctrl-C."""
    recent = list(tally.recent())
    left = "Ctrl-C ends it" if remaining is None else f"{max(remaining, 0):.0f} s to go"
    title = Text.assemble(("Pilotfish", "bold"), f"  {tally.rate:.0f} requests/s through Envoy {stack.envoy_version}  ")
    return Panel(
        Group(
            _where(tally, recent, picture),
            _health(stack, tally, recent, picture),
            _wire(picture),
            *_complaints(picture),
        ),
        title=title,
        subtitle=left,
        border_style="blue",
        padding=(1, 2),
    )


def guide(stack: Stack) -> RenderableType:
    """Draw what to try and where to look. It stays above what changes, where it can be copied from."""
    return Group(_try(stack), _look(stack), "")


def shares(answers: Iterable[Answer], path: str) -> dict[str, float]:
    """Return each version's share, 0 to 1, of the good answers on a path."""
    counts: dict[str, int] = {}
    for answer in answers:
        if answer.path == path and answer.status == _OK:
            counts[answer.version] = counts.get(answer.version, 0) + 1
    total = sum(counts.values())
    return {version: n / total for version, n in sorted(counts.items())}


def progress(tally: Tally, picture: Picture, seconds: float) -> str:
    """Return one plain line, for output that is no terminal."""
    split = "  ".join(f"{version} {share:6.1%}" for version, share in tally.split(SPLIT_PATH).items())
    errors = sum(tally.errors.values())
    xds = f"acks {picture.xds.acks}  nacks {picture.xds.nacks}"
    return f"{seconds:5.1f} s  {tally.requests:7,} requests  {SPLIT_PATH}: {split}  errors {errors}  xDS {xds}"


def introduction(stack: Stack) -> list[str]:
    """Return the first lines of output: the URLs, the folder, and what was unusual."""
    return [
        f"gateway_url: {stack.addresses.gateway_url}",
        f"folder: {stack.folder}  (edit a file in it, and traffic follows)",
        f"admin_url: {stack.addresses.admin_url}",
        f"control_plane_url: {stack.addresses.http_url}",
        *(f"note: {note}" for note in stack.notes),
    ]


def _where(tally: Tally, recent: list[Answer], picture: Picture) -> RenderableType:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("path", "answered by"):
        table.add_column(name)
    for name in ("requests", "share", "target"):
        table.add_column(name, justify="right")
    table.add_column("the last 3 seconds")
    for path in (SPLIT_PATH, ROUTED_PATH):
        now, target = shares(recent, path), picture.targets.get(path, {})
        total = tally.split(path)
        for number, version in enumerate(sorted({*total, *target})):
            share, goal = now.get(version, 0.0), target.get(version)
            near = goal is not None and abs(share - goal) <= _NEAR
            table.add_row(
                Text(path if number == 0 else "", style="bold"),
                Text(version, style=_COLOURS.get(version, "yellow")),
                f"{tally.versions[path, version]:,}",
                Text(f"{share:.1%}", style="green" if near else "yellow"),
                "" if goal is None else f"{goal:.0%}",
                bar(share, goal, _COLOURS.get(version, "yellow")),
            )
    return table


def bar(share: float, goal: float | None, colour: str) -> Text:
    """Draw a share as a bar, with a tick where its target is."""
    filled = round(share * _BAR)
    tick = None if goal is None else min(round(goal * _BAR), _BAR - 1)
    text = Text()
    for cell in range(_BAR):
        if cell == tick:
            text.append("┃", style="bold white")
        else:
            text.append("█" if cell < filled else "░", style=colour if cell < filled else "dim")
    return text


def _health(stack: Stack, tally: Tally, recent: list[Answer], picture: Picture) -> RenderableType:
    line = Text("instances   ", style="dim")
    for echo, port in zip(stack.echoes, stack.addresses.backends, strict=True):
        if port in picture.ejected:
            style, word = "bold red", " ejected"
        elif echo.behaviour.status != _OK or echo.behaviour.delay_seconds or echo.behaviour.close:
            style, word = "yellow", " broken"
        else:
            style, word = "green", ""
        line.append("● ", style=style)
        line.append(
            f"{echo.instance}:{port} {tally.instances[echo.version, echo.instance]:,}{word}   ", style="default"
        )
    failed = sum(1 for answer in recent if answer.status != _OK)
    total = sum(tally.errors.values())
    what = ", ".join(f"{count} × {error}" for error, count in sorted(tally.errors.items()))
    errors = Text("errors      ", style="dim")
    if total:
        errors.append(f"{failed} in the last 3 seconds, {total} in all ({what})", style="red" if failed else "yellow")
    else:
        errors.append("none", style="green")
    return Padding(Group(line, errors), (1, 0, 0, 0))


def _wire(picture: Picture) -> RenderableType:
    line = Text("xDS         ", style="dim")
    if not picture.connected:
        line.append("the Envoy is not connected to the control plane", style="bold red")
        return line
    for one in picture.types:
        good = one.status == "SYNCED"
        line.append(f"{one.name} ", style="bold")
        line.append(f"{one.resources} " + (one.version or one.status) + "   ", style="green" if good else "yellow")
    nacks = picture.xds.nacks
    line.append(f"{picture.xds.acks} acks, ", style="default")
    line.append(f"{nacks} nacks", style="bold red" if nacks else "default")
    return line


def _complaints(picture: Picture) -> list[RenderableType]:
    refused = [f"Envoy refused {one.name}: {one.error}" for one in picture.types if one.error]
    lines = [*picture.errors, *refused]
    if not lines and picture.warnings:
        hint = f"objects     {picture.warnings} warnings, no errors: `pilotfish analyze` says more"
        return [Text(hint, style="dim")]
    if not lines:
        return []
    text = Text("\n".join(lines[:_SHOWN_ERRORS]), style="red", overflow="fold")
    if len(lines) > _SHOWN_ERRORS:
        text.append(f"\nand {len(lines) - _SHOWN_ERRORS} more", style="red")
    return [Padding(text, (1, 0, 0, 0))]


def _try(stack: Stack) -> RenderableType:
    broken = f"http://127.0.0.1:{stack.addresses.backends[0]}{CONTROL_PATH}"
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("move traffic", f"edit {stack.folder}/virtualservice.yaml: 75 and 25 to 50 and 50, and save")
    table.add_row("break one", f"curl -X POST '{broken}?status=503'   and outlier detection ejects it")
    table.add_row("heal it", f"curl -X POST {broken}   and 30 s later it is back")
    table.add_row("make a mistake", "write `weight: lots`, save: it is named below, and the last good version stays")
    return Group(Text("Try", style="bold"), table)


def _look(stack: Stack) -> RenderableType:
    at = stack.addresses
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("the gateway", f"{at.gateway_url}{SPLIT_PATH}   {at.gateway_url}{ROUTED_PATH}")
    table.add_row("Envoy", f"{at.admin_url}/config_dump   {at.admin_url}/clusters")
    table.add_row("Pilotfish", f"{at.http_url}/readyz?verbose   {at.http_url}/metrics   {at.http_url}/api/v1/proxies")
    table.add_row("commands", f"pilotfish proxy-status --server {at.http_url}   pilotfish analyze {stack.folder}")
    return Padding(Group(Text("Look", style="bold"), table), (1, 0, 0, 0))
