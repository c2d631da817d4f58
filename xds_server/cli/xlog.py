"""`pilotfish xlog`: the conversation between a running server and its proxies, as a person reads it."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

import click
import yaml

from xds_server.cli.server_client import get, output_option, server_option, short_name, show

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from xds_server.cli.server_client import JsonObject

_INTERVAL: Final = 0.5
"""Seconds between two questions of `--follow`."""

_AT_ONCE: Final = 10_000
"""Records asked for at once; the most that a server gives."""

_NAMES: Final = 4
"""Names of a list that are printed."""

_ARROWS: Final = {"response": "->", "opened": "--", "closed": "--", "quarantined": "--", "healed": "--"}
"""Which way an event goes; all others come from the proxy."""


@click.command()
@click.argument("proxy", required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on with what is said from now on, until Ctrl-C.")
@click.option(
    "-n",
    "--limit",
    type=click.IntRange(min=1, max=_AT_ONCE),
    default=200,
    show_default=True,
    help="How many of the newest records to begin with.",
)
@server_option
@output_option
def command(proxy: str | None, *, follow: bool, limit: int, server: str, output: str) -> None:
    """Show what was said on the xDS streams, of every proxy or of PROXY alone.

    PROXY is a node id or `name.namespace`, or how either begins; it may have left: its stream is kept for ten minutes.
    Each line has the time, the proxy, which way (<- from it, -> to it, -- neither), the type, what was said, the nonce,
    and in parentheses why: a request, or the objects whose change led to it. `waited`: those routes had to wait for the
    ACK of their clusters, or a removal for that of the routes.
    """
    query = {"limit": str(limit), **({"proxy": proxy} if proxy else {})}
    answer: JsonObject = get(server, f"/api/v1/xlog?{urlencode(query)}")
    records: list[JsonObject] = answer["records"]
    if not follow:
        if proxy and not records:
            msg = f"nothing is known of a proxy {proxy!r}"
            raise click.ClickException(msg)
        show(output, records, lambda: "\n".join(_lines(records)) or "Nothing has been said yet.")
        return
    try:
        for batch in _followed(server, query, answer):
            _print(output, batch)
    except KeyboardInterrupt:
        return


def _followed(server: str, query: dict[str, str], answer: JsonObject) -> Iterator[list[JsonObject]]:
    """Yield what is new, again and again, also past a restart of the server, whose numbers then begin anew."""
    query = {**query, "limit": str(_AT_ONCE)}
    yield answer["records"]
    lost = False
    while True:
        if len(answer["records"]) < _AT_ONCE:
            time.sleep(_INTERVAL)
        try:
            now = get(server, f"/api/v1/xlog?{urlencode({**query, 'since': answer['seq']})}")
            if now["log"] != answer["log"]:
                now = get(server, f"/api/v1/xlog?{urlencode({**query, 'since': 0})}")
        except click.ClickException as error:
            if not lost:
                click.echo(f"{error.message}; trying on", err=True)
            lost, answer = True, {**answer, "records": []}
            continue
        lost, answer = False, now
        yield answer["records"]


def _print(output: str, records: list[JsonObject]) -> None:
    """Print a batch: JSON as lines, YAML as one growing list."""
    if output == "json":
        for record in records:
            click.echo(json.dumps(record))
    elif output == "yaml":
        if records:
            click.echo(yaml.dump(records, Dumper=yaml.CSafeDumper, sort_keys=False), nl=False)
    else:
        for line in _lines(records):
            click.echo(line)


def _lines(records: Sequence[JsonObject]) -> Iterator[str]:
    """Lay out records; the column of proxies is as wide as the longest of them."""
    width = max((len(_name(record)) for record in records), default=0)
    for record in records:
        arrow = _ARROWS.get(str(record["event"]), "<-")
        kind = str(record.get("type", ""))
        what, why = _what(record), _why(record)
        nonce = str(record.get("nonce", ""))
        end = "  ".join(filter(None, [what, f"nonce {nonce}" if nonce else "", f"({why})" if why else ""]))
        yield _printable(f"{record['time']}  {_name(record):{width}}  {arrow} {kind:4} {end}")


def _name(record: JsonObject) -> str:
    return short_name(str(record["proxy"])) or "(unknown)"


def _what(record: JsonObject) -> str:
    match record["event"]:
        case "response":
            return _response(record)
        case "ack":
            return f"ACK after {_span(record['seconds'])}"
        case "nack":
            span = f" after {_span(record['seconds'])}" if record["seconds"] is not None else ""
            doubt = f" [{_few(record, 'in_doubt')}]" if record["in_doubt_count"] else ""
            return f"NACK{span}{doubt}: {record['message']}"
        case "request":
            return _request(record)
        case "quarantined":
            return f"{record['resource']} is kept back, and tried again in {_span(record['retry_seconds'])}"
        case "healed":
            return f"{record['resource']} is accepted now"
        case "opened":
            envoy = f", Envoy {record['envoy_version']}" if record["envoy_version"] else ""
            return f"stream {record['stream']} opened: {record['variant']} {record['service']}, {record['peer']}{envoy}"
        case "closed":
            return f"stream {record['stream']} closed: {record['reason']}"
        case _:
            return f"ignored: {record.get('reason', '')}"


def _response(record: JsonObject) -> str:
    said = []
    if record["resources_count"]:
        said.append(f"{record['resources_count']}: {_few(record, 'resources')}")
    if record["removed_count"]:
        said.append(f"removed {record['removed_count']}: {_few(record, 'removed')}")
    return f"{'; '.join(said) or 'empty'} [{_size(record['bytes'])}]"


def _request(record: JsonObject) -> str:
    said = []
    if record["wildcard"]:
        said.append("everything")
    if record["wildcard"] is False:
        said.append("no longer everything")
    if record["subscribed_count"]:
        said.append(f"+{record['subscribed_count']}: {_few(record, 'subscribed')}")
    if record["unsubscribed_count"]:
        said.append(f"-{record['unsubscribed_count']}: {_few(record, 'unsubscribed')}")
    if record["held"]:
        said.append(f"holds {record['held']}")
    return f"asks: {'; '.join(said) or 'as before'}"


def _why(record: JsonObject) -> str:
    if record["event"] != "response":
        return ""
    why = str(record["why"])
    if record["objects_count"]:
        objects = _few(record, "objects")
        why = objects if why == "push" else f"{why}: {objects}"
    return f"{why}; with its {record['parent']}" if record["parent"] else why


def _few(record: JsonObject, label: str) -> str:
    """Return the first names of a list, and how many more there are."""
    names, count = record[label][:_NAMES], record[f"{label}_count"]
    more = f" and {count - len(names)} more" if count > len(names) else ""
    return f"{', '.join(names)}{more}"


def _span(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


def _size(number: int) -> str:
    return f"{number} B" if number < 1000 else f"{number / 1000:.1f} kB" if number < 1e6 else f"{number / 1e6:.1f} MB"


def _printable(text: str) -> str:
    """Escape what could steer a terminal: names and messages are the proxy's."""
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)
