"""`pilotfish serve`: the control plane."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import logging
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from xds_server.cli.cluster_options import cluster_options
from xds_server.cli.injection_options import injection_options
from xds_server.cli.span import Span
from xds_server.cli.stream_options import stream_options

if TYPE_CHECKING:
    from xds_server.app import Settings
    from xds_server.injection.settings import InjectionSettings
    from xds_server.transport.limits import StreamLimits


class Address(click.ParamType[tuple[str, int]]):
    """`host:port`, with an IPv6 host in brackets; port 0 means one that is free."""

    name = "host:port"

    def convert(
        self,
        value: object,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[str, int]:
        """Split a value. Wrong usage if it is none."""
        if isinstance(value, tuple):
            return value  # converted before
        host, colon, port = str(value).rpartition(":")
        bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
        if (
            not colon
            or (":" in bare and bare == host)
            or not (port.isascii() and port.isdigit() and int(port) < 1 << 16)
        ):
            self.fail(f"{value!r} is not of the form HOST:PORT (IPv6: [::1]:15010)", param, ctx)
        return bare or "0.0.0.0", int(port)  # noqa: S104 - ":15010" means every address, as Istio's flags do


class OneLine(logging.Formatter):
    """Time, level, logger and message on one line, whatever the message holds."""

    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"
    converter = time.gmtime  # type: ignore[assignment] # as logging's documentation has it

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """Format, with line breaks (a traceback's, or an attacker's) escaped."""
        return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in super().format(record))


def configure_logging(level: str) -> None:
    """Send the log of this process to stderr, one line a record."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


def allow_descriptors() -> None:
    """Raise this process's limit on open files to what it may have: a proxy's connection is one, and the usual limit of
    1024 would be met by its thousandth.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@click.command()
@click.option(
    "--config",
    "config",
    multiple=True,
    type=click.Path(path_type=Path),
    envvar="PILOTFISH_CONFIG",
    help="File or folder with objects, followed while it changes; repeatable.",
)
@cluster_options("Follow the objects of a cluster; beside files, those in files win.")
@click.option(
    "--in-cluster",
    is_flag=True,
    envvar="PILOTFISH_IN_CLUSTER",
    help="Follow the objects of the cluster that this runs in.",
)
@click.option(
    "--xds-address",
    type=Address(),
    default="127.0.0.1:15010",
    show_default=True,
    envvar="PILOTFISH_XDS_ADDRESS",
    help="Plaintext xDS; port 0: any.",
)
@click.option(
    "--http-address",
    type=Address(),
    default="127.0.0.1:15014",
    show_default=True,
    envvar="PILOTFISH_HTTP_ADDRESS",
    help="Health, metrics, debug and API; port 0: any.",
)
@click.option(
    "--status/--no-status",
    default=True,
    show_default=True,
    envvar="PILOTFISH_STATUS",
    help="Write the status of Istio objects of the cluster; of several replicas, one does.",
)
@click.option(
    "--lease-duration",
    type=Span(),
    default="15s",
    show_default=True,
    envvar="PILOTFISH_LEASE_DURATION",
    help="Time after which that one is replaced, when it says nothing any more.",
)
@click.option(
    "--mesh-config",
    type=click.Path(path_type=Path),
    envvar="PILOTFISH_MESH_CONFIG",
    help="File with Istio's MeshConfig keys, followed while it changes.",
)
@click.option(
    "--cluster-domain",
    default="cluster.local",
    show_default=True,
    envvar="PILOTFISH_CLUSTER_DOMAIN",
    help="What names of Kubernetes services end in.",
)
@click.option(
    "--root-namespace",
    default="istio-system",
    show_default=True,
    envvar="PILOTFISH_ROOT_NAMESPACE",
    help="Namespace whose objects hold for the whole mesh.",
)
@click.option(
    "--max-file-size",
    type=click.IntRange(min=1),
    default=8 << 20,
    show_default=True,
    envvar="PILOTFISH_MAX_FILE_SIZE",
    help="Bytes; a bigger file is an error.",
)
@click.option(
    "--debounce-after",
    type=Span(),
    default="20ms",
    show_default=True,
    envvar="PILOTFISH_DEBOUNCE_AFTER",
    help="Quiet time after a change before it is pushed.",
)
@click.option(
    "--debounce-max",
    type=Span(),
    default="500ms",
    show_default=True,
    envvar="PILOTFISH_DEBOUNCE_MAX",
    help="Time after which a change is pushed even without quiet.",
)
@click.option(
    "--injection",
    is_flag=True,
    envvar="PILOTFISH_INJECTION",
    help="Serve the webhook that gives pods of the cluster an Envoy, and keep its certificates and caBundle.",
)
@click.option(
    "--webhook-address",
    type=Address(),
    default="127.0.0.1:15017",
    show_default=True,
    envvar="PILOTFISH_WEBHOOK_ADDRESS",
    help="Of that webhook, over TLS; port 0: any.",
)
@injection_options
@stream_options
@click.option(
    "--drain-delay",
    type=Span(),
    default="0s",
    show_default=True,
    envvar="PILOTFISH_DRAIN_DELAY",
    help="Time at SIGTERM in which it says that it is not ready, takes no new streams and serves those it has.",
)
@click.option(
    "--shutdown-grace",
    type=Span(),
    default="2s",
    show_default=True,
    envvar="PILOTFISH_SHUTDOWN_GRACE",
    help="Time over which streams are then ended.",
)
@click.option(
    "--xlog-file",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="PILOTFISH_XLOG_FILE",
    help="Also write what `pilotfish xlog` shows to this file, as JSON lines.",
)
@click.option(
    "--xlog-file-size",
    type=click.IntRange(min=1 << 16),
    default=64 << 20,
    show_default=True,
    envvar="PILOTFISH_XLOG_FILE_SIZE",
    help="Bytes after which that file becomes FILE.1 and is begun anew.",
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    envvar="PILOTFISH_LOG_LEVEL",
)
def command(  # noqa: PLR0913 - a flag each
    injected: InjectionSettings,
    *,
    injection: bool,
    webhook_address: tuple[str, int],
    config: tuple[Path, ...],
    kubeconfig: Path | None,
    context: str | None,
    in_cluster: bool,
    xds_address: tuple[str, int],
    http_address: tuple[str, int],
    status: bool,
    lease_duration: float,
    mesh_config: Path | None,
    cluster_domain: str,
    root_namespace: str,
    max_file_size: int,
    debounce_after: float,
    debounce_max: float,
    limits: StreamLimits,
    drain_delay: float,
    shutdown_grace: float,
    xlog_file: Path | None,
    xlog_file_size: int,
    log_level: str,
) -> None:
    """Serve Envoys, from objects in files, in a cluster, or both.

    Whatever is wrong with the objects is logged and leaves their last good version in place; the server stays up.
    """
    from xds_server.app import Settings  # noqa: PLC0415 - `--help` need not load gRPC
    from xds_server.kube_api import KubeConfigError  # noqa: PLC0415 - as below

    if in_cluster and (kubeconfig is not None or context is not None):
        msg = "--in-cluster reads no kubeconfig: leave out --kubeconfig and --context"
        raise click.UsageError(msg)
    if not config and not in_cluster and kubeconfig is None and context is None:
        msg = "Missing option '--config' (files), '--kubeconfig' or '--in-cluster' (a cluster)."
        raise click.UsageError(msg)
    if injection and not in_cluster and kubeconfig is None and context is None:
        msg = "--injection is for pods of a cluster: give --kubeconfig or --in-cluster"
        raise click.UsageError(msg)
    if injection and importlib.util.find_spec("cryptography") is None:
        msg = "the package `cryptography` is missing: pip install 'pilotfish[kubernetes]'"
        raise click.ClickException(msg)
    configure_logging(log_level)
    allow_descriptors()
    settings = Settings(
        config=config,
        kubeconfig=kubeconfig,
        context=context,
        in_cluster=in_cluster,
        xds_address=xds_address,
        http_address=http_address,
        injection=injected if injection else None,
        webhook_address=webhook_address,
        status=status,
        lease_duration=lease_duration,
        mesh_config=mesh_config,
        cluster_domain=cluster_domain,
        root_namespace=root_namespace,
        revision=injected.revision,
        max_file_size=max_file_size,
        debounce_after=debounce_after,
        debounce_max=debounce_max,
        limits=limits,
        drain_delay=drain_delay,
        shutdown_grace=shutdown_grace,
        xlog_file=xlog_file,
        xlog_file_size=xlog_file_size,
        own_process=True,
    )
    try:
        _run(settings)
    except (KubeConfigError, OSError) as error:
        raise click.ClickException(str(error)) from error
    except ExceptionGroup as group:  # the webhook binds its address while the rest runs already
        refused, other = group.split(OSError)
        if refused is None or other is not None:
            raise
        raise click.ClickException(str(_first(refused))) from group


def _first(group: ExceptionGroup[OSError]) -> OSError:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, ExceptionGroup) else error


def _run(settings: Settings) -> None:
    from xds_server.app import App  # noqa: PLC0415 - as above

    async def serve() -> None:
        await App(settings).run()

    try:
        import uvloop  # noqa: PLC0415 - not on every platform
    except ImportError:
        asyncio.run(serve())
    else:
        uvloop.run(serve())
