"""`pilotfish inject`: workloads in, workloads with an Envoy out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from xds_server.cli.diagnostic_text import show_on_stderr
from xds_server.cli.injection_options import injection_options
from xds_server.injection.stream import inject_stream

if TYPE_CHECKING:
    from xds_server.injection.settings import InjectionSettings


def read_file(file: str) -> str:
    """Return the text of a file, or of stdin for `-`. Raises ClickException where it cannot be read."""
    try:
        if file == "-":
            return sys.stdin.buffer.read().decode()
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{file}: {error}"
        raise click.ClickException(msg) from error


@click.command()
@click.option("-f", "--filename", "file", required=True, metavar="FILE", help="File with workloads; -: stdin.")
@click.option("-n", "--namespace", default="default", show_default=True, help="Of objects that name none.")
@click.option("--cluster-domain", default="cluster.local", show_default=True, envvar="PILOTFISH_CLUSTER_DOMAIN")
@injection_options
def command(
    settings: InjectionSettings,
    *,
    file: str,
    namespace: str,
    cluster_domain: str,  # noqa: ARG001 - it is in the settings
) -> None:
    r"""Add an Envoy to each workload of a file, and print the result.

    \b
    pilotfish inject -f deployment.yaml | kubectl apply -f -

    Pods, Deployments, StatefulSets, DaemonSets, ReplicaSets, ReplicationControllers, Jobs, CronJobs and lists of them;
    all else is printed as it is. Comments stay, and what is injected already stays as it is. Where Istio refuses a pod,
    nothing is printed and the exit status is 1.
    """
    done = inject_stream(read_file(file), settings, namespace=namespace, file=file)
    if show_on_stderr(done.diagnostics):
        raise click.exceptions.Exit(1)
    click.echo(done.text, nl=False)
