"""`pilotfish translate`: what an Envoy would be served, printed without a server."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import click

from translators.model.gateway import Gateway
from translators.model.proxy import GRPC, view_of
from translators.resources import CLUSTER, ENDPOINT, EXTENSION, LISTENER, ROUTE, SECRET
from translators.translate import Translator
from xds_server.cli.annotated import annotated_yaml
from xds_server.cli.cluster_options import names_cluster
from xds_server.cli.config_options import loads_files
from xds_server.cli.diagnostic_text import show_on_stderr
from xds_server.cli.node_options import NodeOptions, node_options
from xds_server.extensions import load_extensions
from xds_server.printing import to_json

if TYPE_CHECKING:
    from translators.model.world import World
    from translators.resources import Resource, ResourceSet
    from xds_server.offline import Loaded

SECTIONS: Final = {
    "listeners": LISTENER,
    "routes": ROUTE,
    "clusters": CLUSTER,
    "endpoints": ENDPOINT,
    "secrets": SECRET,
    "extensions": EXTENSION,
}
"""Section to type URL, in the order in which a request meets them."""

_MOST_SELECTORS: Final = 5


def _something(context: click.Context, _parameter: click.Parameter, paths: tuple[str, ...]) -> tuple[str, ...]:
    """Have files named, or a cluster."""
    if not paths and not names_cluster(context):
        msg = "Missing option '--config' (files) or '--kubeconfig' (a cluster)."
        raise click.UsageError(msg)
    return paths


@click.command()
@click.option(
    "--config",
    multiple=True,
    type=click.Path(),
    callback=_something,
    envvar="PILOTFISH_CONFIG",
    help="File or folder (recursive) with Kubernetes and Istio objects; repeatable.",
)
@node_options
@loads_files
@click.option("--origins", is_flag=True, help="Say where each route, virtual host and field comes from (YAML only).")
@click.option(
    "-o", "--output", type=click.Choice(["yaml", "json"]), default="yaml", show_default=True, envvar="PILOTFISH_OUTPUT"
)
@click.pass_context
def command(context: click.Context, loaded: Loaded, node: NodeOptions, *, origins: bool, output: str) -> None:
    """Print the Envoy resources that a proxy would be served for some files, or for what a cluster holds.

    \b
    pilotfish translate --config examples/ --type router --label istio=ingressgateway
    pilotfish translate --kubeconfig ~/.kube/config --type sidecar --namespace shop

    Diagnostics go to stderr; the exit status is 1 if one of them is an error. What has errors is left out, as a server
    would leave it out that starts with these files.
    """  # noqa: D301 - click's mark for lines that are not to be joined
    world = loaded.world
    domain = node.dns_domain or f"{node.namespace}.svc.{world.cluster_domain}"
    translator = Translator(load_extensions())
    view = view_of(replace(node, dns_domain=domain).proxy(), translator.selector_keys(world))
    # The same bytes either way; notes are what comments are made of.
    resources = translator.with_notes(world, view) if output == "yaml" else translator.translate(world, view)
    sections = sections_of(resources)
    if output == "yaml":
        click.echo(annotated_yaml(sections, loaded.locate, finer=origins), nl=False)
    else:
        printed = {section: [to_json(r) for r in found] for section, found in sections.items()}
        click.echo(json.dumps(printed, indent=2, ensure_ascii=False))
    failed = show_on_stderr(loaded.located(resources.diagnostics))
    if not sections["listeners"]:
        click.echo(_why_nothing(world, node), err=True)
    if failed:
        context.exit(1)


def sections_of(resources: ResourceSet) -> dict[str, list[Resource]]:
    """Return the resources of each section, sorted by name; `extensions` only where an EnvoyFilter adds some."""
    return {
        section: [resources[type_url].resources[name] for name in sorted(resources[type_url].resources)]
        for section, type_url in SECTIONS.items()
        if type_url != EXTENSION or resources[type_url].resources
    }


def _why_nothing(world: World, node: NodeOptions) -> str:
    """Say why a proxy has no listeners, which is nearly always a label that was not given."""
    if node.proxy().generator == GRPC:
        return f"note: namespace {node.namespace} sees no service, so that a gRPC client there finds none"
    if node.type != "router":
        return "note: there are no listeners: nothing is redirected to this sidecar, and it sees no service"
    labels = ", ".join(f"{k}={v}" for k, v in sorted(node.labels.items())) or "none"
    gateways = list(world.each(Gateway))
    if not gateways:
        return "note: there are no listeners, since the files hold no valid Gateway"
    wanted = [
        f"{gateway.key} wants {' '.join(f'--label {k}={v}' for k, v in sorted(gateway.spec.selector.items()))}"
        for gateway in gateways[:_MOST_SELECTORS]
    ]
    return f"note: there are no listeners. The proxy's labels: {labels}. " + "; ".join(wanted)
