"""The flags for what holds for the whole mesh, shared by the commands that read files and need no server."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Concatenate, Final, ParamSpec, TypeVar, cast

import click

from xds_server.offline import Loaded, load

if TYPE_CHECKING:
    from collections.abc import Callable

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
)


def loads_files(function: Callable[Concatenate[Loaded, P], R]) -> Callable[P, R]:
    """Add `--mesh-config`, `--cluster-domain` and `--root-namespace` to a click command that has a parameter `config`
    (paths). The command receives what the files hold as its first argument.
    """

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        paths = cast("tuple[str, ...]", kwargs.pop("config"))
        loaded = load(
            paths,
            mesh_config=cast("str | None", kwargs.pop("mesh_config")),
            cluster_domain=str(kwargs.pop("cluster_domain")),
            root_namespace=str(kwargs.pop("root_namespace")),
        )
        return function(loaded, *args, **kwargs)

    decorated = cast("Callable[P, R]", wrapper)
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated
