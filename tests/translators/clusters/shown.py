"""Envoy resources as trees, to compare with what a person writes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment

# What clusters hold as Any: the printer finds a type only if its module is loaded.
from envoy.extensions.network.dns_resolver.cares.v3 import cares_dns_resolver_pb2 as _cares
from envoy.extensions.upstreams.http.v3 import http_protocol_options_pb2 as _http
from google.protobuf import json_format

from translators.resources import CLUSTER, ENDPOINT

if TYPE_CHECKING:
    from translators.resources import Resource

_MESSAGES: dict[str, type[Cluster | ClusterLoadAssignment]] = {CLUSTER: Cluster, ENDPOINT: ClusterLoadAssignment}
_LOADED = (_cares, _http)


def shown(resource: Resource) -> dict[str, Any]:
    """Return a cluster or an assignment as Envoy's own JSON: snake_case, with `@type` inside."""
    message = _MESSAGES[resource.type_url].FromString(resource.body)
    tree: dict[str, Any] = json.loads(json_format.MessageToJson(message, preserving_proto_field_name=True))
    return tree
