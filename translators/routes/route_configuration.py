"""RouteConfiguration, joined from encoded virtual hosts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from envoy.config.core.v3.base_pb2 import HeaderValueOption
from envoy.config.route.v3.route_pb2 import RouteConfiguration

from translators.resources import CLUSTER, ROUTE, Resource, length_delimited
from translators.services.addresses import UNIX

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from translators.model.meta import ObjectKey
    from translators.recorder import Recorder
    from translators.routes.virtual_host import VirtualHostFragment
    from translators.services.destination import Destination

HTTP_PROXY: Final = "http_proxy"
"""The routes of requests that say host and port of what they want, as those to a Unix socket do, whose routes are named
as it is. In all others, the port was told by the listener.
"""

_NAME: Final = 1
_MAX_BODY: Final = 1 << 20


def _tail(*, ignore_port: bool) -> bytes:
    """Encode what all route configurations share. Its field numbers are greater than those before it."""
    message = RouteConfiguration(ignore_port_in_host_matching=ignore_port)
    # A route may name a cluster that does not exist: its requests are answered 503, the others are served.
    message.validate_clusters.value = False
    message.max_direct_response_body_size_bytes.value = _MAX_BODY
    return message.SerializeToString(deterministic=True)


_TAIL: Final = _tail(ignore_port=True)
_TAIL_OF_PROXY: Final = _tail(ignore_port=False)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RouteTable:
    """A RouteConfiguration, and the destinations that its routes reach and that exist."""

    resource: Resource
    destinations: Mapping[str, Destination]
    """By cluster name."""


def route_configuration(
    name: str, origins: tuple[ObjectKey, ...], *hosts: VirtualHostFragment, recorder: Recorder
) -> RouteTable:
    """Memoised step: join virtual hosts, in their order. `origins` are the objects that asked for the whole."""
    keys = dict.fromkeys(origins)
    clusters: dict[str, Destination | None] = {}
    for i, host in enumerate(hosts):
        keys.update(dict.fromkeys(host.origins))
        clusters.update(host.clusters)
        if recorder.active:
            recorder.include(f"virtual_hosts[{i}]", host.notes)
    resource = Resource(
        ROUTE,
        name,
        joined(name, hosts),
        tuple(keys),
        refs=tuple((CLUSTER, cluster) for cluster in sorted(clusters)),
        notes=recorder.notes(),
    )
    return RouteTable(resource=resource, destinations={name: d for name, d in clusters.items() if d is not None})


def joined(name: str, hosts: Iterable[VirtualHostFragment]) -> bytes:
    """Return a RouteConfiguration of virtual hosts, in their order."""
    tail = _TAIL_OF_PROXY if name == HTTP_PROXY or name.startswith(UNIX) else _TAIL
    return b"".join([length_delimited(_NAME, name.encode()), *[host.body for host in hosts], tail])


def with_alt_svc(table: RouteTable, port: int, *, recorder: Recorder) -> RouteTable:
    """Memoised step: let every response say that the same is to be had over HTTP/3, at a UDP port (RFC 7838). Clients
    come by TCP first, and have no other way to know.
    """
    del recorder
    before = table.resource
    message = RouteConfiguration.FromString(before.body)
    option = message.response_headers_to_add.add(append_action=HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD)
    option.header.key = "alt-svc"
    option.header.value = f'h3=":{port}"; ma=86400'
    body = message.SerializeToString(deterministic=True)
    resource = Resource(ROUTE, before.name, body, before.origins, refs=before.refs, notes=before.notes)
    return RouteTable(resource=resource, destinations=table.destinations)
