"""`pilotfish proxy-status`: which proxies are connected, and whether they have what they should."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from xds_server.cli.server_client import (
    as_table,
    find_proxy,
    get,
    output_option,
    post,
    proxy_path,
    server_option,
    short_name,
    show,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xds_server.cli.server_client import JsonObject

_TYPES: Final = ("CDS", "LDS", "EDS", "RDS", "SDS")

_MOST_OBJECTS: Final = 3
"""Objects named for one resource; a route configuration may come from a thousand."""


@click.command()
@click.argument("proxy", required=False)
@server_option
@output_option
@click.option("--retry", is_flag=True, help="Have PROXY sent again, at once, what it rejected.")
def command(proxy: str | None, server: str, output: str, *, retry: bool) -> None:
    """Show every connected proxy (or PROXY alone) and the state of each type of resource.

    SYNCED: it has acknowledged the last response. STALE: it has not yet answered. NOT SENT: there was nothing to send.
    ERROR: it rejected something. That is listed below the table, with the object that it was made from: it is kept from
    the proxy, which goes on with what it had before, and tried again after a minute, then two, up to half an hour; when
    the object changes; or with --retry.
    """
    proxies: list[JsonObject] = get(server, "/api/v1/proxies")
    if proxy is not None:
        proxies = [find_proxy(proxies, proxy)]
    if retry:
        if proxy is None:
            msg = "--retry is for one PROXY: say which"
            raise click.UsageError(msg)
        tried = post(server, proxy_path(proxies[0], "retry"))["tried"]
        click.echo(f"{tried} resource{'s are' if tried != 1 else ' is'} tried again.", err=True)
        return
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
    quarantine = [(short_name(p["id"]), case) for p in proxies for case in p["quarantine"]]
    return "\n\n".join(
        [table, *([_quarantine(quarantine)] if quarantine else []), *(["\n".join(errors)] if errors else [])]
    )


def _quarantine(cases: Sequence[tuple[str, JsonObject]]) -> str:
    rows = [
        (
            name,
            case["type"],
            case["name"],
            _time(case["since"]),
            _time(case["retry_at"]) if case["retry_at"] else "when it changes",
            "the version before" if case["served"] else "nothing",
            ", ".join(_object(one) for one in case["objects"][:_MOST_OBJECTS])
            + (", …" if len(case["objects"]) > _MOST_OBJECTS else ""),
        )
        for name, case in cases
    ]
    return as_table(("REJECTED BY", "TYPE", "RESOURCE", "SINCE", "NEXT TRY", "SERVED", "MADE FROM"), rows)


def _time(iso: str) -> str:
    """Return the time of day, in UTC, to the second."""
    return f"{iso[11:19]}Z"


def _object(made_from: JsonObject) -> str:
    place = f" ({made_from['place']})" if made_from["place"] else ""
    name = "/".join(filter(None, (made_from["namespace"], made_from["name"])))
    return f"{made_from['kind']} {name}{place}"
