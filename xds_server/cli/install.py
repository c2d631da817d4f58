"""`pilotfish install`: print what runs Pilotfish in a cluster, or apply it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec
import yaml

from xds_server.cli.cluster_options import cluster_options
from xds_server.deployment.applying import apply
from xds_server.deployment.manifests import NAMESPACE, manifests
from xds_server.deployment.rendering import as_yaml
from xds_server.deployment.values import Values, read_values
from xds_server.kube_api import KubeApi, KubeApiError, KubeConfigError

if TYPE_CHECKING:
    from xds_server.deployment.parts import Object


@click.command()
@click.option(
    "--namespace",
    "-n",
    default=NAMESPACE,
    show_default=True,
    envvar="PILOTFISH_NAMESPACE",
    help="Where it runs; also the mesh's root namespace.",
)
@click.option(
    "--values",
    "values_file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    envvar="PILOTFISH_VALUES",
    help="YAML file with what shall differ from the defaults: the keys are those of the Helm chart.",
)
@click.option("--image", envvar="PILOTFISH_IMAGE", help="Image of Pilotfish.  [default: pilotfish:VERSION]")
@click.option("--gateway/--no-gateway", default=None, help="Whether to add an ingress gateway.  [default: with]")
@click.option(
    "--crds/--no-crds",
    default=True,
    show_default=True,
    help="Whether to add the definitions of Istio's kinds. With --apply, those of somebody else are left alone.",
)
@click.option("--apply", "applies", is_flag=True, help="Apply to a cluster, and do not print.")
@cluster_options()
def command(
    *,
    namespace: str,
    values_file: Path | None,
    image: str | None,
    gateway: bool | None,
    crds: bool,
    applies: bool,
    kubeconfig: Path | None,
    context: str | None,
) -> None:
    """Print the manifests of a deployment, or apply them.

    \b
    pilotfish install | less
    pilotfish install --image example.com/pilotfish:1 --apply
    pilotfish install --values mine.yaml --no-crds | kubectl apply --server-side -f -

    The objects are those of deploy/ (kustomize, Helm). What is applied again overwrites what others changed in it, and
    deletes nothing. Afterwards: `pilotfish check`.
    """  # noqa: D301 - click's mark for lines that are not to be joined
    if not applies and (kubeconfig is not None or context is not None):
        msg = "--kubeconfig and --context say where to apply: add --apply"
        raise click.UsageError(msg)
    objects = manifests(_values(values_file, image, gateway=gateway), namespace, crds=crds)
    if not applies:
        click.echo(as_yaml(objects), nl=False)
        return
    try:
        asyncio.run(_apply(KubeApi.connect(kubeconfig=kubeconfig, context=context), objects))
    except (KubeApiError, KubeConfigError) as error:
        raise click.ClickException(str(error)) from error


def _values(file: Path | None, image: str | None, *, gateway: bool | None) -> Values:
    try:
        values = read_values(yaml.safe_load(file.read_bytes()) if file is not None else {})
    except (OSError, ValueError, yaml.YAMLError) as error:
        msg = f"{file}: {error}"
        raise click.UsageError(msg) from error
    if image is not None:
        values = msgspec.structs.replace(values, image=image)
    if gateway is not None:
        values = msgspec.structs.replace(values, gateway=msgspec.structs.replace(values.gateway, enabled=gateway))
    return values


async def _apply(api: KubeApi, objects: list[Object]) -> None:
    async with api:
        async for one in apply(api, objects):
            click.echo(f"{one.kind} {one.name}: {one.outcome}")
