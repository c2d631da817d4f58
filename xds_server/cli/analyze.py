"""`pilotfish analyze`: everything that is wrong with some files, and where."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import click
import yaml

from translators.analysis import analyze
from translators.model.origin import Severity
from translators.translate import Translator
from xds_server.cli.config_options import loads_files
from xds_server.cli.diagnostic_text import diagnostic_text
from xds_server.cli.server_client import get
from xds_server.extensions import load_extensions
from xds_server.reports import diagnostic_json, diagnostic_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from translators.model.origin import Diagnostic
    from translators.model.world import World
    from xds_server.offline import Loaded


def _one_or_the_other(context: click.Context, _parameter: click.Parameter, paths: tuple[str, ...]) -> tuple[str, ...]:
    """Have it be either files or a server."""
    if bool(paths) == bool(context.params["server"]):
        msg = "say which files and folders to check (PATH...), or which server to ask (--server URL)"
        raise click.UsageError(msg)
    return paths


@click.command()
@click.option("--server", default="", metavar="URL", is_eager=True, help="Ask a running `pilotfish serve` instead.")
@click.argument("config", metavar="[PATH...]", nargs=-1, type=click.Path(), callback=_one_or_the_other)
@loads_files
@click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json", "yaml"]),
    default="table",
    show_default=True,
    envvar="PILOTFISH_OUTPUT",
)
@click.pass_context
def command(context: click.Context, loaded: Loaded, *, server: str, output: str) -> None:
    r"""Check files and folders with Kubernetes and Istio objects, or ask a server what it has to say about its own.

    \b
    pilotfish analyze examples/
    pilotfish analyze --server http://127.0.0.1:15014

    Each finding has a code (docs/diagnostics), an object, a field, a place and a hint. A server also knows what its
    proxies rejected, and which objects and fields were behind it. The exit status is 1 if one finding is an error.
    """
    if server:
        found = tuple(diagnostic_of(one) for one in get(server, "/api/v1/diagnostics"))
    else:
        found = loaded.located(analyze(loaded.world, Translator(load_extensions())))
    if output == "table":
        for diagnostic in found:
            click.echo(diagnostic_text(diagnostic))
        click.echo(_summary(found, server or _objects(loaded.world)))
    else:
        listed = [diagnostic_json(diagnostic) for diagnostic in found]
        if output == "json":
            click.echo(json.dumps(listed, indent=2, ensure_ascii=False))
        else:
            click.echo(yaml.dump(listed, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True), nl=False)
    if any(diagnostic.severity is Severity.ERROR for diagnostic in found):
        context.exit(1)


def _objects(world: World) -> str:
    objects = sum(len(names) for kinds in world.objects.values() for names in kinds.values())
    return f"{objects} object{'s' if objects != 1 else ''}"


def _summary(found: Sequence[Diagnostic], things: str) -> str:
    """Say how much was found, in one line."""
    if not found:
        return click.style(f"All is well: nothing to say about {things}.", fg="green")
    counts = Counter(diagnostic.severity for diagnostic in found)
    words = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "remark"}
    parts = [f"{counts[s]} {word}{'s' if counts[s] != 1 else ''}" for s, word in words.items() if counts[s]]
    return f"{', '.join(parts)} in {things}."
