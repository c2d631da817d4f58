"""`pilotfish check`: what is wrong with a cluster."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from xds_server.cli.cluster_options import cluster_options
from xds_server.cli.findings import show_findings
from xds_server.cli.server_client import output_option
from xds_server.deployment.checking import Checker
from xds_server.deployment.manifests import NAMESPACE
from xds_server.kube_api import KubeApi, KubeConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from translators.model.origin import Diagnostic


@click.command()
@click.option(
    "--namespace", "-n", default=NAMESPACE, show_default=True, envvar="PILOTFISH_NAMESPACE", help="Where it runs."
)
@click.option(
    "--in-cluster",
    is_flag=True,
    envvar="PILOTFISH_IN_CLUSTER",
    help="Ask from a pod, as its account, and check what that account may do.",
)
@cluster_options()
@output_option
@click.pass_context
def command(
    context_: click.Context,
    *,
    namespace: str,
    in_cluster: bool,
    kubeconfig: Path | None,
    context: str | None,
    output: str,
) -> None:
    """Say what is wrong with a cluster and with the Pilotfish that runs in it.

    \b
    pilotfish check
    pilotfish check --kubeconfig other --namespace mesh -o json

    The API server and its version, the kinds that it knows, what Pilotfish's account may do, its pods, Services and
    webhooks. Nothing is changed. Each finding has a code (docs/diagnostics) and a hint. The exit status is 1 if one is
    an error.
    """  # noqa: D301 - click's mark for lines that are not to be joined
    if in_cluster and (kubeconfig is not None or context is not None):
        msg = "--in-cluster reads no kubeconfig: leave out --kubeconfig and --context"
        raise click.UsageError(msg)
    try:
        api = KubeApi.connect(kubeconfig=kubeconfig, context=context, in_cluster=in_cluster)
        server, findings = asyncio.run(_check(api, namespace, as_itself=in_cluster))
    except KubeConfigError as error:
        raise click.ClickException(str(error)) from error
    if show_findings(findings, output, server):
        context_.exit(1)


async def _check(api: KubeApi, namespace: str, *, as_itself: bool) -> tuple[str, list[Diagnostic]]:
    async with api:
        return api.server, await Checker(api=api, namespace=namespace, as_itself=as_itself).run()
