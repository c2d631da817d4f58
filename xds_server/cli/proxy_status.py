"""`pilotfish proxy-status`: which proxies are connected, and whether they have what they should."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from xds_server.cli.server_client import as_table, find_proxy, get, output_option, server_option, short_name, show

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xds_server.cli.server_client import JsonObject

_TYPES: Final = ("CDS", "LDS", "EDS", "RDS", "SDS")


@click.command()
@click.argument("proxy", required=False)
@server_option
@output_option
def command(proxy: str | None, server: str, output: str) -> None:
    """Show every connected proxy (or PROXY alone) and the state of each type of resource.

    SYNCED: it has acknowledged the last response. STALE: it has not yet answered. NOT SENT: there was nothing to send.
    ERROR: it rejected the last response; the reason is printed below the table.
    """
    proxies: list[JsonObject] = get(server, "/api/v1/proxies")
    if proxy is not None:
        proxies = [find_proxy(proxies, proxy)]
    show(output, proxies, lambda: _table(proxies))


def _status(proxy: JsonObject, short: str) -> str:
    """Return the state of a type; `-` if it cannot be on this stream, which is for another type alone."""
    if proxy["service"] not in ("ADS", short):
        return "-"
    return str(proxy["types"].get(short, {}).get("status", "NOT SENT"))


def _table(proxies: Sequence[JsonObject]) -> str:
    if not proxies:
        return "No proxy is connected."
    rows = [
        (
            short_name(p["id"]),
            p["type"],
            *(_status(p, short) for short in _TYPES),
            str(p["acks"]),
            str(p["nacks"]),
            p["envoy_version"],
        )
        for p in sorted(proxies, key=lambda p: str(p["id"]))
    ]
    table = as_table(("NAME", "TYPE", *_TYPES, "ACKS", "NACKS", "ENVOY"), rows)
    errors = [
        f"{short_name(p['id'])} {short}: {state['error']}"
        for p in proxies
        for short, state in sorted(p["types"].items())
        if state.get("error")
    ]
    return "\n".join([table, *([""] if errors else []), *errors])
