"""The flags that say what to read, shared by the commands that need no server: a cluster, and settings of the mesh."""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, Concatenate, Final, ParamSpec, TypeVar, cast

import click

from xds_server.cli.cluster_options import cluster_options
from xds_server.offline import Loaded, load

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from translators.model.world import World
    from xds_server.store import Store

P = ParamSpec("P")
R = TypeVar("R")

_OPTIONS: Final = (
    click.option(
        "--mesh-config",
        type=click.Path(),
        default=None,
        envvar="PILOTFISH_MESH_CONFIG",
        help="File with Istio's MeshConfig keys.",
    ),
    click.option(
        "--cluster-domain",
        default="cluster.local",
        show_default=True,
        envvar="PILOTFISH_CLUSTER_DOMAIN",
        help="DNS suffix.",
    ),
    click.option(
        "--root-namespace",
        default="istio-system",
        show_default=True,
        envvar="PILOTFISH_ROOT_NAMESPACE",
        help="Namespace whose configuration is for the whole mesh.",
    ),
    click.option(
        "--revision",
        default="default",
        show_default=True,
        envvar="PILOTFISH_REVISION",
        help="Leave out Istio objects that have another label istio.io/rev.",
    ),
)


def loads_files(function: Callable[Concatenate[Loaded, P], R]) -> Callable[P, R]:
    """Add `--kubeconfig`, `--context`, `--mesh-config`, `--cluster-domain`, `--root-namespace` and `--revision` to a
    click command that has a parameter `config` (paths). The command receives what the files and the cluster hold as
    its first argument.
    """

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        paths = cast("tuple[str, ...]", kwargs.pop("config"))
        kubeconfig = cast("Path | None", kwargs.pop("kubeconfig"))
        name = cast("str | None", kwargs.pop("context"))
        mesh_config = cast("str | None", kwargs.pop("mesh_config"))
        cluster = functools.partial(_listed, kubeconfig, name, mesh=mesh_config is None)
        loaded = load(
            paths,
            beside=None if kubeconfig is None and name is None else cluster,
            mesh_config=mesh_config,
            cluster_domain=str(kwargs.pop("cluster_domain")),
            root_namespace=str(kwargs.pop("root_namespace")),
            revision=str(kwargs.pop("revision")),
        )
        return function(loaded, *args, **kwargs)

    decorated = cast("Callable[P, R]", wrapper)
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return cluster_options("Read the objects of this cluster, too; those in files come before them.")(decorated)


def _listed(kubeconfig: Path | None, context: str | None, settings: World, before: str, *, mesh: bool) -> Store:
    """Return a Store with what a cluster holds, its MeshConfig if `mesh`. Raises ClickException."""
    # Without a cluster nobody need wait until an HTTP client is imported.
    from xds_server.kube_api import KubeApi, KubeConfigError  # noqa: PLC0415
    from xds_server.listing import ClusterError, listed  # noqa: PLC0415

    try:
        api = KubeApi.connect(kubeconfig=kubeconfig, context=context)
        return asyncio.run(listed(api, settings, before, mesh=mesh))
    except (KubeConfigError, ClusterError) as error:
        raise click.ClickException(str(error)) from error
