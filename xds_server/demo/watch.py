"""What the control plane and the Envoy say about themselves while the demo runs."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING, Final, TypedDict, cast
from urllib.parse import quote

import aiohttp

from xds_server.demo.verdict import ROUTED_PATH, SPLIT_PATH, Xds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from xds_server.demo.stack import Stack

_TYPES: Final = ("CDS", "EDS", "LDS", "RDS")


class _TypeStatus(TypedDict, total=False):
    status: str
    version_acked: str
    error: str
    resources: int


class _ProxyStatus(TypedDict, total=False):
    id: str
    acks: int
    nacks: int
    types: dict[str, _TypeStatus]


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeLine:
    """One xDS type of the demo's Envoy."""

    name: str
    status: str
    resources: int
    version: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One look at the control plane and the Envoy; empty fields are what could not be had."""

    connected: bool = False
    xds: Xds = field(default_factory=Xds)
    types: tuple[TypeLine, ...] = ()
    targets: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Path to the share of each version, as the routes that are served say."""
    ejected: frozenset[int] = frozenset()
    """Ports of the backends that outlier detection has put aside."""
    errors: tuple[str, ...] = ()
    """What is wrong with the objects, a line each."""
    warnings: int = 0


async def look(client: aiohttp.ClientSession, stack: Stack, before: Picture) -> Picture:
    """Ask both; whoever does not answer keeps the look of before."""
    server, admin = stack.addresses.http_url, stack.addresses.admin_url
    proxy = quote(stack.proxy_id, safe="")
    try:
        proxies = cast("list[_ProxyStatus]", await _get(client, f"{server}/api/v1/proxies"))
        routes = cast("list[object]", await _get(client, f"{server}/api/v1/proxies/{proxy}/routes"))
        said = cast("list[dict[str, object]]", await _get(client, f"{server}/api/v1/diagnostics"))
        clusters = await _get(client, f"{admin}/clusters?format=json")
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return before
    ours = next((one for one in proxies if one.get("id") == stack.proxy_id), None)
    if ours is None:
        return Picture(errors=before.errors)
    types = ours.get("types", {})
    return Picture(
        connected=True,
        xds=Xds(acks=ours.get("acks", 0), nacks=ours.get("nacks", 0)),
        types=tuple(
            TypeLine(
                name=name,
                status=types[name].get("status", ""),
                resources=types[name].get("resources", 0),
                version=(types[name].get("version_acked") or "")[:8],
                error=types[name].get("error") or "",
            )
            for name in _TYPES
            if name in types
        ),
        targets={path: target_split(routes, path) for path in (SPLIT_PATH, ROUTED_PATH)},
        ejected=ejected_ports(clusters),
        warnings=sum(1 for one in said if one.get("severity") == "warning"),
        errors=tuple(complaint(one) for one in said if one.get("severity") == "error"),
    )


def target_split(configurations: Sequence[object], path: str) -> dict[str, float]:
    """Return the share of each subset, 0 to 1, of the first route that takes a plain GET of `path`."""
    for route in _routes(configurations):
        match = _table(route.get("match"))
        if match.get("headers") or match.get("query_parameters"):
            continue
        if match.get("path") != path and not path.startswith(str(match.get("prefix", "\0"))):
            continue
        action = _table(route.get("route"))
        weighted = _tables(_table(action.get("weighted_clusters")).get("clusters"))
        weights = {_version(str(one.get("name"))): float(str(one.get("weight", 0))) for one in weighted}
        if not weights and "cluster" in action:
            weights = {_version(str(action["cluster"])): 1.0}
        total = sum(weights.values())
        return {version: weight / total for version, weight in sorted(weights.items())} if total else {}
    return {}


def ejected_ports(clusters: object) -> frozenset[int]:
    """Read the ports of ejected endpoints from Envoy's `/clusters?format=json`."""
    found = set()
    for cluster in _tables(_table(clusters).get("cluster_statuses")):
        for host in _tables(cluster.get("host_statuses")):
            if _table(host.get("health_status")).get("failed_outlier_check"):
                address = _table(_table(host.get("address")).get("socket_address"))
                found.add(int(str(address.get("port_value", 0))))
    return frozenset(found)


def _routes(configurations: Sequence[object]) -> list[dict[str, object]]:
    return [
        route
        for configuration in configurations
        for host in _tables(_table(configuration).get("virtual_hosts"))
        for route in _tables(host.get("routes"))
    ]


def _version(cluster: str) -> str:
    """`outbound|80|v1|product-service.default.svc.cluster.local` is v1; without a subset, what the name ends in."""
    _, _, subset, hostname = (*cluster.split("|"), "", "", "")[:4]
    return subset or hostname.partition(".")[0].rpartition("-")[2]


def complaint(diagnostic: Mapping[str, object]) -> str:
    """Print a diagnostic of the JSON API as one line: place, code, message."""
    file, line, thing = diagnostic.get("file"), diagnostic.get("line"), _table(diagnostic.get("object"))
    where = f"{PurePath(str(file)).name}:{line}" if file else " ".join(str(value) for value in thing.values())
    return f"{where} {diagnostic.get('code', '')}: {diagnostic.get('message', '')}".strip()


async def _get(client: aiohttp.ClientSession, url: str) -> object:
    async with client.get(url) as response:
        response.raise_for_status()
        return cast("object", json.loads(await response.text()))


def _table(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _tables(value: object) -> list[dict[str, object]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
