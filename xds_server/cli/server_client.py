"""How commands ask a running server: GET or POST some JSON, find one proxy by what people type."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import ProxyHandler, Request, build_opener

import click
import yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

DEFAULT_SERVER: Final = "http://127.0.0.1:15014"
_TIMEOUT_SECONDS: Final = 30

JsonObject = dict[str, Any]

server_option: Final[Callable[..., Any]] = click.option(
    "--server",
    default=DEFAULT_SERVER,
    show_default=True,
    envvar="PILOTFISH_SERVER",
    metavar="URL",
    help="HTTP address of a running `pilotfish serve`.",
)
output_option: Final[Callable[..., Any]] = click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json", "yaml"]),
    default="table",
    show_default=True,
    envvar="PILOTFISH_OUTPUT",
)


def get(server: str, path: str) -> Any:  # noqa: ANN401 - decoded JSON
    """Return the JSON that the server has at `path`.

    Raises click.ClickException as `_ask` does.
    """
    return _ask(server, path, None)


def post(server: str, path: str) -> Any:  # noqa: ANN401 - decoded JSON
    """Have the server do what `path` stands for, and return what it says, in JSON.

    Raises click.ClickException as `_ask` does.
    """
    return _ask(server, path, b"{}")


def _ask(server: str, path: str, body: bytes | None) -> Any:  # noqa: ANN401 - decoded JSON
    """GET, or POST a body of JSON, and return the JSON that comes back.

    Raises click.ClickException (exit status 1) if there is no server, no answer within 30 s, or an error answer.
    """
    url = f"{server.rstrip('/')}{path}"
    if not url.startswith(("http://", "https://")):
        msg = f"--server is to be a URL such as {DEFAULT_SERVER}, not {server!r}"
        raise click.UsageError(msg)
    request = Request(url, data=body, headers={"Content-Type": "application/json"} if body else {})  # noqa: S310 - http(s)
    try:
        # A control plane is inside the network: what HTTP_PROXY says is for the outside.
        with build_opener(ProxyHandler({})).open(request, timeout=_TIMEOUT_SECONDS) as response:
            return json.load(response)
    except HTTPError as error:
        raise click.ClickException(_said(error)) from error
    except (URLError, OSError) as error:
        reason = getattr(error, "reason", error)
        msg = (
            f"no answer from {server}: {reason}. Is `pilotfish serve` running there? Give its HTTP address as --server"
        )
        raise click.ClickException(msg) from error
    except ValueError as error:
        msg = f"{url} is not a Pilotfish server: the answer is not JSON"
        raise click.ClickException(msg) from error


def _said(error: HTTPError) -> str:
    try:
        return str(json.load(error)["error"])
    except (ValueError, KeyError, TypeError):
        return f"{error.url} answered {error.code} {error.reason}"


def proxy_path(proxy: JsonObject, *rest: str) -> str:
    """Return the path of a proxy, or of something below it, in the server's API."""
    return "/".join(("/api/v1/proxies", quote(str(proxy["id"]), safe=""), *rest))


def short_name(proxy_id: str) -> str:
    """Return `name.namespace` of an Istio node id; any other id as it is."""
    parts = proxy_id.split("~")
    return parts[2] if len(parts) == 4 else proxy_id


def find_proxy(proxies: Sequence[JsonObject], wanted: str) -> JsonObject:
    """Return the one proxy that `wanted` names: by its whole id, by `name.namespace`, or by a prefix of either.

    Raises click.ClickException if there is none, or more than one.
    """
    by_id = {str(p["id"]): p for p in proxies}
    names = {proxy_id: short_name(proxy_id) for proxy_id in by_id}
    found: list[str] = []
    for matches in (
        [i for i in by_id if i == wanted],
        [i for i in by_id if names[i] == wanted],
        [i for i in by_id if names[i].startswith(wanted) or i.startswith(wanted)],
    ):
        if matches:
            found = sorted(matches)
            break
    if len(found) == 1:
        return by_id[found[0]]
    if found:
        msg = f"{wanted!r} fits {len(found)} proxies: {', '.join(names[i] for i in found)}. Type more of the name"
        raise click.ClickException(msg)
    known = ", ".join(sorted(names.values())) or "none"
    msg = f"no proxy {wanted!r} is connected (connected: {known})"
    raise click.ClickException(msg)


def show(output: str, value: object, table: Callable[[], str]) -> None:
    """Print a value as JSON or YAML, or the table made of it."""
    if output == "json":
        click.echo(json.dumps(value, indent=2))
    elif output == "yaml":
        click.echo(yaml.dump(value, Dumper=yaml.CSafeDumper, sort_keys=False), nl=False)
    else:
        click.echo(table())


def as_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out rows in columns three spaces apart, as istioctl does; no trailing blanks."""
    lines = [tuple(header), *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    return "\n".join("   ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines)
