"""`pilotfish analyze`: everything that is wrong with some files or a cluster, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from translators.analysis import analyze
from translators.translate import Translator
from xds_server.cli.cluster_options import names_cluster
from xds_server.cli.config_options import loads_files
from xds_server.cli.findings import show_findings
from xds_server.cli.server_client import get, output_option
from xds_server.extensions import load_extensions
from xds_server.reports import diagnostic_of

if TYPE_CHECKING:
    from translators.model.world import World
    from xds_server.offline import Loaded


def _one_or_the_other(context: click.Context, _parameter: click.Parameter, paths: tuple[str, ...]) -> tuple[str, ...]:
    """Have it be either objects, in files or a cluster, or a server."""
    if (bool(paths) or names_cluster(context)) == bool(context.params["server"]):
        msg = "say what to check (PATH..., --kubeconfig or --context), or which server to ask (--server URL)"
        raise click.UsageError(msg)
    return paths


@click.command()
@click.option("--server", default="", metavar="URL", is_eager=True, help="Ask a running `pilotfish serve` instead.")
@click.argument("config", metavar="[PATH...]", nargs=-1, type=click.Path(), callback=_one_or_the_other)
@loads_files
@output_option
@click.pass_context
def command(context: click.Context, loaded: Loaded, *, server: str, output: str) -> None:
    """Check Kubernetes and Istio objects in files, folders or a cluster, or ask a server what it says about its own.

    \b
    pilotfish analyze examples/
    pilotfish analyze --kubeconfig ~/.kube/config
    pilotfish analyze change.yaml --kubeconfig ~/.kube/config
    pilotfish analyze --server http://127.0.0.1:15014

    Files together with a cluster are checked as if they had been applied. Each finding has a code (docs/diagnostics),
    an object, a field, a place and a hint. A server also knows what its proxies rejected, and which objects and fields
    were behind it. The exit status is 1 if one finding is an error.
    """  # noqa: D301 - click's mark for lines that are not to be joined
    if server:
        found = tuple(diagnostic_of(one) for one in get(server, "/api/v1/diagnostics"))
    else:
        found = loaded.located(analyze(loaded.world, Translator(load_extensions())))
    if show_findings(found, output, server or _objects(loaded.world)):
        context.exit(1)


def _objects(world: World) -> str:
    objects = sum(len(names) for kinds in world.objects.values() for names in kinds.values())
    return f"{objects} object{'s' if objects != 1 else ''}"
