"""`pilotfish bootstrap`: print what an Envoy needs to find us."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import click

from translators.model.proxy import GRPC
from xds_server.app_probes import AppProbe, add_app_probes, read_app_probes
from xds_server.bootstrap import (
    ADMIN_PORT,
    FIRST_UNPRIVILEGED_PORT,
    METRICS_PORT,
    STATUS_PORT,
    BootstrapSettings,
    as_json,
    as_yaml,
    bootstrap,
    grpc_bootstrap,
    may_bind_low_ports,
    split_address,
)
from xds_server.cli.node_options import NodeOptions, node_options

_PORT = click.IntRange(0, 65535)
_CAP_NET_BIND_SERVICE = 1 << 10  # linux/capability.h


def privileged_here() -> bool:
    """Whether a process started by this one may bind the ports below 1024 that a gateway uses (Linux)."""
    try:
        start = int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text(encoding="ascii"))
    except (OSError, ValueError):
        start = FIRST_UNPRIVILEGED_PORT  # not Linux, or a kernel before 4.11
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        # A capability survives execve() of an ordinary binary only in the ambient set (capabilities(7)).
        ambient = int(status.partition("\nCapAmb:")[2].split(maxsplit=1)[0], 16)
    except (OSError, ValueError, IndexError):
        ambient = 0
    return may_bind_low_ports(
        euid=os.geteuid(), net_bind_service=bool(ambient & _CAP_NET_BIND_SERVICE), unprivileged_port_start=start
    )


def _address(_context: click.Context, parameter: click.Parameter, value: str) -> tuple[str, int]:
    try:
        return split_address(value)
    except ValueError as error:
        raise click.BadParameter(str(error), param=parameter) from error


@click.command()
@node_options
@click.option(
    "--xds-address",
    required=True,
    metavar="HOST:PORT",
    callback=_address,
    envvar="PILOTFISH_XDS_ADDRESS",
    help="Where `pilotfish serve` is reached from the proxy, such as pilotfish:15010.",
)
@click.option(
    "--admin-port",
    type=_PORT,
    default=ADMIN_PORT,
    show_default=True,
    envvar="PILOTFISH_ADMIN_PORT",
    help="Envoy's admin interface, on loopback; 0: none.",
)
@click.option(
    "--status-port",
    type=_PORT,
    default=None,
    envvar="PILOTFISH_STATUS_PORT",
    help=f"Answers /healthz/ready; 0: none.  [default: {STATUS_PORT}]",
)
@click.option(
    "--metrics-port",
    type=_PORT,
    default=None,
    envvar="PILOTFISH_METRICS_PORT",
    help=f"Answers /stats/prometheus; 0: none.  [default: {METRICS_PORT}]",
)
@click.option(
    "--sotw",
    is_flag=True,
    envvar="PILOTFISH_SOTW",
    help="State-of-the-world ADS; without it, delta.",
)
@click.option(
    "--unprivileged/--privileged",
    default=None,
    envvar="PILOTFISH_UNPRIVILEGED",
    help="Whether the proxy may not bind ports below 1024.  [default: as it is for you on this machine]",
)
@click.option(
    "--labels-file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    envvar="PILOTFISH_LABELS_FILE",
    help="Labels as the downward API writes them; --label wins.",
)
@click.option(
    "--app-probers",
    default="",
    metavar="JSON",
    envvar="ISTIO_KUBE_APP_PROBERS",
    help="Probes of the app that Envoy answers on port 15020, as `pilotfish inject` writes them.",
)
@click.option(
    "--write", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file instead of printing."
)
@click.option(
    "-o", "--output", type=click.Choice(["yaml", "json"]), default="yaml", show_default=True, envvar="PILOTFISH_OUTPUT"
)
def command(  # noqa: PLR0913 - a flag each
    node: NodeOptions,
    *,
    xds_address: tuple[str, int],
    admin_port: int,
    status_port: int | None,
    metrics_port: int | None,
    sotw: bool,
    unprivileged: bool | None,
    labels_file: Path | None,
    app_probers: str,
    write: Path | None,
    output: str,
) -> None:
    """Print the bootstrap of an Envoy, or with --grpc that of a gRPC client or server: JSON for a file that
    GRPC_XDS_BOOTSTRAP names.

    Pipe it into an Envoy: `pilotfish bootstrap --type router --name gw --label istio=ingressgateway --xds-address
    127.0.0.1:15010 > bootstrap.yaml && envoy -c bootstrap.yaml`.
    """
    if not admin_port and (status_port or metrics_port):
        msg = "the status and metrics listeners forward to the admin interface: give --admin-port, or 0 for them too"
        raise click.UsageError(msg)
    if labels_file is not None:
        node = replace(node, labels={**_labels(labels_file), **node.labels})
    proxy = node.proxy()
    if proxy.generator == GRPC:
        nowhere = BootstrapSettings(
            xds_host=xds_address[0],
            xds_port=xds_address[1],
            admin_port=None,
            status_port=0,
            metrics_port=0,
            metadata=node.metadata,
        )
        _out(as_json(grpc_bootstrap(proxy, nowhere)), write)
        return
    if unprivileged is None:
        unprivileged = proxy.unprivileged_pod or not privileged_here()
    settings = BootstrapSettings(
        xds_host=xds_address[0],
        xds_port=xds_address[1],
        admin_port=admin_port or None,
        status_port=_default(status_port, STATUS_PORT if admin_port else 0),
        metrics_port=_default(metrics_port, METRICS_PORT if admin_port else 0),
        delta=not sotw,
        metadata=node.metadata,
    )
    tree = bootstrap(replace(proxy, unprivileged_pod=unprivileged), settings)
    if app_probers:
        add_app_probes(tree, _probes(app_probers), proxy.ip_addresses)
    _out(as_json(tree) if output == "json" else as_yaml(tree), write)


def _out(text: str, file: Path | None) -> None:
    if file is None:
        click.echo(text, nl=False)
        return
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(str(error)) from error


def _labels(file: Path) -> dict[str, str]:
    """Read the lines `key="value"` of the downward API, whose values are quoted as Go quotes texts."""
    found = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition("=")
        try:
            found[key] = str(json.loads(value))
        except ValueError as error:
            msg = f"{file}: {line!r} is no label as the downward API writes them"
            raise click.UsageError(msg) from error
    return found


def _probes(text: str) -> tuple[AppProbe, ...]:
    try:
        return read_app_probes(text)
    except ValueError as error:
        msg = f"--app-probers cannot be read: {error}"
        raise click.UsageError(msg) from error


def _default(value: int | None, default: int) -> int:
    return default if value is None else value
