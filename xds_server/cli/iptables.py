"""`pilotfish iptables`: lead a pod's traffic through its Envoy, or let go of it."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final, Generic, TypeVar

import click

from xds_server.interception import Interception, clean_up, install, missing, tables
from xds_server.interception.commands import InterceptionError, own_source, route_marked, tools
from xds_server.interception.settings import PROXY_PORTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from xds_server.interception.commands import Variant
    from xds_server.interception.settings import Mode

T = TypeVar("T")


class Listed(click.ParamType["tuple[T, ...]"], Generic[T]):
    """Values separated by commas; empty for none."""

    def __init__(self, name: str, read: Callable[[str], T]) -> None:
        """`read` makes one value of its text, or raises ValueError."""
        self.name = name
        self._read = read

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[T, ...]:
        """Split a text. Wrong usage if a part of it is no value."""
        if isinstance(value, tuple):
            return value
        parts = [part.strip() for part in str(value).split(",") if part.strip()]
        try:
            return tuple(self._read(part) for part in parts)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def _number(text: str, highest: int, what: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= highest):
        msg = f"{text!r} is no {what}"
        raise ValueError(msg)
    return int(text)


def _range(text: str) -> str:
    try:
        return text if text == "*" else str(ipaddress.ip_network(text, strict=False))
    except ValueError as error:
        msg = f"{text!r} is no address range such as 10.0.0.0/8"
        raise ValueError(msg) from error


PORT: Final = click.IntRange(1, 65535)
PORTS: Final = Listed("ports", lambda text: _number(text, 65535, "port"))
PORTS_OR_ALL: Final = Listed("ports", lambda text: 0 if text == "*" else _number(text, 65535, "port"))
"""`*` comes out as 0."""
RANGES: Final = Listed("ranges", _range)
NAMES: Final = Listed("names", str)
IDS: Final = Listed("ids", lambda text: _number(text, (1 << 32) - 2, "id"))


@click.command()
@click.option("--outbound-port", "-p", type=PORT, default=15001, show_default=True, help="Envoy's outbound listener.")
@click.option("--inbound-port", "-z", type=PORT, default=15006, show_default=True, help="Envoy's inbound listener.")
@click.option("--proxy-uid", "-u", type=IDS, default="1337", show_default=True, help="Whose traffic is Envoy's.")
@click.option("--proxy-gid", "-g", type=IDS, default="1337", show_default=True, help="Whose traffic is Envoy's.")
@click.option("--mode", "-m", type=click.Choice(["REDIRECT", "TPROXY"]), default="REDIRECT", show_default=True)
@click.option("--include-outbound-ranges", "-i", type=RANGES, default="*", show_default=True, help="Intercepted.")
@click.option("--exclude-outbound-ranges", "-x", type=RANGES, default="", help="Not intercepted.")
@click.option("--include-outbound-ports", "-q", type=PORTS, default="", help="Intercepted whatever the ranges say.")
@click.option("--exclude-outbound-ports", "-o", type=PORTS, default="", help="Not intercepted.")
@click.option("--include-inbound-ports", "-b", type=PORTS_OR_ALL, default="*", show_default=True, help="Intercepted.")
@click.option(
    "--exclude-inbound-ports",
    "-d",
    type=PORTS,
    default="",
    help=f"Not intercepted, beside Envoy's own ({', '.join(map(str, PROXY_PORTS))}).",
)
@click.option("--exclude-interfaces", "-c", type=NAMES, default="", help="Whose traffic is left alone.")
@click.option("--kubevirt-interfaces", "-k", type=NAMES, default="", help="Whose traffic is a virtual machine's.")
@click.option("--ipv6/--no-ipv6", default=True, show_default=True, help="IPv6 too, where the kernel has it.")
@click.option(
    "--variant",
    type=click.Choice(["auto", "nft", "legacy"]),
    default="auto",
    show_default=True,
    envvar="PILOTFISH_VARIANT",
    help="Which iptables.",
)
@click.option("--dry-run", is_flag=True, help="Print the rules; change nothing.")
@click.option("--check", is_flag=True, help="Say which rules are missing; exit status 1 if any is.")
@click.option("--clean", is_flag=True, help="Take the rules out again.")
def command(  # noqa: PLR0913 - a flag each
    *,
    outbound_port: int,
    inbound_port: int,
    proxy_uid: tuple[int, ...],
    proxy_gid: tuple[int, ...],
    mode: Mode,
    include_outbound_ranges: tuple[str, ...],
    exclude_outbound_ranges: tuple[str, ...],
    include_outbound_ports: tuple[int, ...],
    exclude_outbound_ports: tuple[int, ...],
    include_inbound_ports: tuple[int, ...],
    exclude_inbound_ports: tuple[int, ...],
    exclude_interfaces: tuple[str, ...],
    kubevirt_interfaces: tuple[str, ...],
    ipv6: bool,
    variant: Variant,
    dry_run: bool,
    check: bool,
    clean: bool,
) -> None:
    """Lead the traffic of this network namespace through its Envoy.

    TCP that leaves goes to the outbound listener, TCP that comes in to the inbound one; Envoy's own goes its way, and
    so do UDP and DNS. Needs root with CAP_NET_ADMIN and CAP_NET_RAW. Doing it twice is doing it once.
    """
    if dry_run + check + clean > 1:
        msg = "--dry-run, --check and --clean exclude each other"
        raise click.UsageError(msg)
    settings = Interception(
        outbound_port=outbound_port,
        inbound_port=inbound_port,
        user_ids=proxy_uid,
        group_ids=proxy_gid,
        include_outbound_ranges=include_outbound_ranges,
        exclude_outbound_ranges=exclude_outbound_ranges,
        include_outbound_ports=include_outbound_ports,
        exclude_outbound_ports=exclude_outbound_ports,
        include_inbound_ports="*" if 0 in include_inbound_ports else include_inbound_ports,
        exclude_inbound_ports=(*PROXY_PORTS, *exclude_inbound_ports),
        exclude_interfaces=exclude_interfaces,
        virtual_interfaces=kubevirt_interfaces,
        mode=mode,
        ipv6=ipv6,
    )
    families = (False, True) if ipv6 else (False,)
    if dry_run:
        for six in families:
            click.echo(f"# {'ip6tables' if six else 'iptables'}-restore --noflush")
            click.echo(install(tables(settings, ipv6=six)), nl=False)
        return
    try:
        lost = [line for six in families for line in _one_family(settings, variant, ipv6=six, check=check, clean=clean)]
    except InterceptionError as error:
        msg = f"{error} (this needs root with CAP_NET_ADMIN and CAP_NET_RAW)"
        raise click.ClickException(msg) from error
    if lost:
        click.echo("\n".join(lost))
        raise click.exceptions.Exit(1)


def _one_family(settings: Interception, variant: Variant, *, ipv6: bool, check: bool, clean: bool) -> list[str]:
    """Check, clean up or install; returns what a check misses."""
    wanted = tables(settings, ipv6=ipv6)
    try:
        programs = tools(variant, ipv6=ipv6)
        saved = programs.saved()
    except InterceptionError:
        if ipv6:  # a kernel without IPv6 has nothing to intercept
            return []
        raise
    if check:
        return [f"{'ip6tables' if ipv6 else 'iptables'} {line}" for line in missing(wanted, saved)]
    if settings.mode == "TPROXY":
        route_marked(ipv6=ipv6, remove=clean)
    if ipv6:
        own_source(remove=clean)
    programs.apply(clean_up(wanted, saved) if clean else install(wanted, saved))
    return []
