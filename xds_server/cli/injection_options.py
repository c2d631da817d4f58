"""The flags of injection, shared by `inject`, `check-inject` and `serve`."""

from __future__ import annotations

import functools
from dataclasses import fields
from typing import TYPE_CHECKING, Concatenate, Final, ParamSpec, TypeVar, cast

import click

from xds_server.injection.settings import InjectionSettings

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
R = TypeVar("R")

_DEFAULT: Final = InjectionSettings()
_HELP: Final = {
    "proxy_image": "Envoy's image.",
    "pilotfish_image": "Image of the init containers.",
    "image_pull_policy": "When images are pulled.  [default: Kubernetes' own]",
    "proxy_xds_address": "Where proxies find the control plane.",
    "proxy_log_level": "Envoy's log level.",
    "cluster_id": "Name of the cluster, as proxies tell it.",
    "proxy_network": "Istio network of the proxies.",
    "revision": "Which istio.io/rev this control plane is.",
}
_FIELDS: Final = {"proxy_xds_address": "xds_address", "proxy_log_level": "log_level", "proxy_network": "network"}
"""Parameter to the field of the settings, where they differ."""

_NATIVE: Final = click.option(
    "--native-sidecars/--plain-sidecars",
    "native",
    default=True,
    show_default=True,
    envvar="PILOTFISH_NATIVE_SIDECARS",
    help="Envoy as an init container that stays (Kubernetes 1.29), or beside the others.",
)
_PROBES: Final = click.option(
    "--rewrite-probes/--keep-probes",
    "rewrite_probes",
    default=True,
    show_default=True,
    envvar="PILOTFISH_REWRITE_PROBES",
    help="Lead kubelet's probes through Envoy.",
)


def _option(name: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    default = getattr(_DEFAULT, _FIELDS.get(name, name))
    flag = f"--{name.replace('_', '-')}"
    return click.option(
        flag, name, default=default, show_default=bool(default), envvar=f"PILOTFISH_{name.upper()}", help=_HELP[name]
    )


def injection_options(function: Callable[Concatenate[InjectionSettings, P], R]) -> Callable[P, R]:
    """Add the flags to a click command, which receives them as its first argument, one `InjectionSettings`."""

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        names = [*_HELP, "native", "rewrite_probes"]
        given = {_FIELDS.get(name, name): kwargs.pop(name) for name in names}
        if isinstance(domain := kwargs.get("cluster_domain"), str):
            given["cluster_domain"] = domain
        known = {one.name for one in fields(InjectionSettings)}
        settings = InjectionSettings(**{k: v for k, v in given.items() if k in known})  # type: ignore[arg-type] # click checked the types
        return function(settings, *args, **kwargs)

    decorated = cast("Callable[P, R]", wrapper)
    for option in (_PROBES, _NATIVE):
        decorated = option(decorated)
    for name in reversed(_HELP):
        decorated = _option(name)(decorated)
    return decorated
