"""HashPolicy of a route: what a DestinationRule's consistentHash looks at (reference 1.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from translators.messages import set_duration

if TYPE_CHECKING:
    from envoy.config.route.v3.route_components_pb2 import RouteAction

    from translators.model.destination_rule import ConsistentHashLB


def set_hash_policy(out: RouteAction, hashes: list[ConsistentHashLB]) -> None:
    """Write a hash policy for each different key among the destinations' consistent hashes, in their order.

    Envoy combines them, so the same key twice would only cost time.
    """
    for i, hash_by in enumerate(hashes):
        if hash_by not in hashes[:i]:
            _add(out, hash_by)


def _add(out: RouteAction, hash_by: ConsistentHashLB) -> None:
    if hash_by.http_header_name:
        out.hash_policy.add().header.header_name = hash_by.http_header_name
    elif hash_by.http_cookie is not None:
        cookie = out.hash_policy.add().cookie
        cookie.name = hash_by.http_cookie.name
        cookie.path = hash_by.http_cookie.path
        if hash_by.http_cookie.ttl is not None:
            set_duration(cookie.ttl, hash_by.http_cookie.ttl)
        for attribute in hash_by.http_cookie.attributes:
            cookie.attributes.add(name=attribute.name, value=attribute.value)
    elif hash_by.use_source_ip:
        out.hash_policy.add().connection_properties.source_ip = True
    elif hash_by.http_query_parameter_name:
        out.hash_policy.add().query_parameter.name = hash_by.http_query_parameter_name
