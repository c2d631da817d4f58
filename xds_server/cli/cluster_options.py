"""The flags that say which cluster is meant."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

R = TypeVar("R")

_CLUSTER: Final = "Which cluster.  [default: $KUBECONFIG, else ~/.kube/config]"


def cluster_options(what_for: str = _CLUSTER) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Return a decorator that adds `--kubeconfig` (whose help is `what_for`) and `--context` to a command, which gets a
    Path or None, and a str or None. They are there before other flags and arguments are looked at.
    """
    kubeconfig = click.option(
        "--kubeconfig",
        type=click.Path(path_type=Path, dir_okay=False),
        is_eager=True,
        envvar="PILOTFISH_KUBECONFIG",
        help=what_for,
    )
    context = click.option(
        "--context",
        is_eager=True,
        envvar="PILOTFISH_CONTEXT",
        help="Context of the kubeconfig.  [default: its current one]",
    )
    return lambda command: kubeconfig(context(command))


def names_cluster(context: click.Context) -> bool:
    """Whether a command was told of a cluster by these flags."""
    return any(context.params[name] is not None for name in ("kubeconfig", "context"))
