"""RouteConfiguration, joined from encoded virtual hosts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from envoy.config.route.v3.route_pb2 import RouteConfiguration

from translators.resources import CLUSTER, ROUTE, Resource, length_delimited

if TYPE_CHECKING:
    from collections.abc import Mapping

    from translators.model.meta import ObjectKey
    from translators.recorder import Recorder
    from translators.routes.virtual_host import VirtualHostFragment
    from translators.services.destination import Destination

_NAME: Final = 1
_VIRTUAL_HOSTS: Final = 2
_MAX_BODY: Final = 1 << 20


def _tail() -> bytes:
    """Encode what all route configurations share. Its field numbers are greater than those before it."""
    message = RouteConfiguration(ignore_port_in_host_matching=True)
    # A route may name a cluster that does not exist: its requests are answered 503, the others are served.
    message.validate_clusters.value = False
    message.max_direct_response_body_size_bytes.value = _MAX_BODY
    return message.SerializeToString(deterministic=True)


_TAIL: Final = _tail()


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
    body = b"".join(
        (
            length_delimited(_NAME, name.encode()),
            *(length_delimited(_VIRTUAL_HOSTS, host.body) for host in hosts),
            _TAIL,
        )
    )
    resource = Resource(
        ROUTE,
        name,
        body,
        tuple(keys),
        refs=tuple((CLUSTER, cluster) for cluster in sorted(clusters)),
        notes=recorder.notes(),
    )
    return RouteTable(resource=resource, destinations={name: d for name, d in clusters.items() if d is not None})
