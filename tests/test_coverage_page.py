"""`docs/coverage.md` says of each field what it does; it is made from the model, and what it says is true of Envoy."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.core.v3 import proxy_protocol_pb2
from envoy.config.listener.v3 import listener_pb2
from envoy.config.route.v3 import route_pb2
from envoy.extensions.access_loggers.file.v3 import file_pb2
from envoy.extensions.filters.http.cors.v3 import cors_pb2
from envoy.extensions.filters.http.fault.v3 import fault_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2
from envoy.extensions.filters.network.tcp_proxy.v3 import tcp_proxy_pb2
from envoy.extensions.transport_sockets.proxy_protocol.v3 import upstream_proxy_protocol_pb2
from envoy.extensions.transport_sockets.tls.v3 import tls_pb2
from envoy.extensions.upstreams.http.v3 import http_protocol_options_pb2
from google.protobuf.descriptor_pool import Default
from kubernetes import client

from translators.model.coverage_page import DOCUMENTED, coverage_of, page
from translators.model.effects import EFFECTS
from translators.model.effects.kubernetes import NOT_READ
from translators.model.fields import fields_of

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

PAGE: Final = Path(__file__).parent.parent / "docs" / "coverage.md"

# What the tables name is found in the pool once its module is loaded.
_LOADED = (
    cluster_pb2,
    cors_pb2,
    fault_pb2,
    file_pb2,
    http_connection_manager_pb2,
    http_protocol_options_pb2,
    listener_pb2,
    proxy_protocol_pb2,
    route_pb2,
    tcp_proxy_pb2,
    tls_pb2,
    upstream_proxy_protocol_pb2,
)
MESSAGES: Final = {
    name: f"{package}.{name}"
    for package, names in {
        "envoy.config.cluster.v3": "Cluster OutlierDetection",
        "envoy.config.core.v3": "Http2ProtocolOptions ProxyProtocolConfig SocketAddress UpstreamHttpProtocolOptions",
        "envoy.config.endpoint.v3": "ClusterLoadAssignment LbEndpoint LocalityLbEndpoints",
        "envoy.config.listener.v3": "FilterChain FilterChainMatch Listener",
        "envoy.config.route.v3": "DirectResponseAction HeaderMatcher RedirectAction RetryPolicy Route RouteAction "
        "RouteConfiguration RouteMatch VirtualHost WeightedCluster",
        "envoy.extensions.access_loggers.file.v3": "FileAccessLog",
        "envoy.extensions.filters.http.cors.v3": "CorsPolicy",
        "envoy.extensions.filters.http.fault.v3": "HTTPFault",
        "envoy.extensions.filters.network.http_connection_manager.v3": "HttpConnectionManager",
        "envoy.extensions.filters.network.tcp_proxy.v3": "TcpProxy",
        "envoy.extensions.transport_sockets.proxy_protocol.v3": "ProxyProtocolUpstreamTransport",
        "envoy.extensions.transport_sockets.tls.v3": "CommonTlsContext DownstreamTlsContext Secret TlsParameters "
        "UpstreamTlsContext",
        "envoy.extensions.upstreams.http.v3": "HttpProtocolOptions",
    }.items()
    for name in names.split()
}
_NAMED = sorted(
    {
        name
        for effects in EFFECTS.values()
        for effect in effects.values()
        for name in re.findall(r"`([A-Z][\w.]*)`", effect)
    }
)


@pytest.mark.parametrize("kind", DOCUMENTED)
def test_every_field_has_a_row_and_every_row_a_field(kind: str) -> None:
    found = coverage_of(kind)
    assert (found.missing, found.stale) == ((), ())


@pytest.mark.parametrize("kind", DOCUMENTED)
def test_a_field_that_does_something_is_not_said_to_do_nothing(kind: str) -> None:
    """Unless some of its values do something, and others nothing."""
    rows = coverage_of(kind).rows
    idle = [row for row in rows if row.notice is not None and row.notice.code == "PF0208" and not row.notice.unless]
    assert [row.path for row in idle if row.effect] == []


@pytest.mark.parametrize("name", _NAMED)
def test_envoy_has_every_field_that_is_named(name: str) -> None:
    """A name is a message of MESSAGES, then nested messages or fields."""
    first, *rest = name.split(".")
    message: Descriptor | None = Default().FindMessageTypeByName(MESSAGES[first])
    for part in rest:
        assert message is not None, f"{name}: {part} is below a scalar"
        if part[0].isupper():
            message = message.nested_types_by_name[part]
        else:
            assert part in message.fields_by_name, f"{message.full_name} has no field {part}"
            message = message.fields_by_name[part].message_type


_CLIENT: Final[dict[str, dict[str, type]]] = {
    "ConfigMap": {"": client.V1ConfigMap},
    "EndpointSlice": {
        "": client.V1EndpointSlice,
        "endpoints[].": client.V1Endpoint,
        "endpoints[].conditions.": client.V1EndpointConditions,
        "ports[].": client.DiscoveryV1EndpointPort,
    },
    "Secret": {"": client.V1Secret},
    "Service": {"": client.V1Service, "spec.": client.V1ServiceSpec, "spec.ports[].": client.V1ServicePort},
}
"""Kind to the place of a message to the official client's model of it. Pods, Nodes and Namespaces are about more than
traffic: of them what is read is listed, and nothing else.
"""


@pytest.mark.parametrize("kind", _CLIENT)
def test_every_field_of_the_api_is_read_or_said_to_be_for_others(kind: str) -> None:
    there = {
        place + name
        for place, model in _CLIENT[kind].items()
        for name in model.attribute_map.values()  # type: ignore[attr-defined] # generated, without types
        if name not in {"apiVersion", "kind", "metadata"}
    }
    read = {field.path for field in fields_of(DOCUMENTED[kind])}
    assert there - read == NOT_READ.get(kind, {}).keys()


def test_the_page_says_what_the_model_says(update_goldens: bool) -> None:
    if update_goldens:
        PAGE.write_text(page(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page(), "run `make docs`"
