"""The HTTP filters of a gateway: Istio's order, stock Envoy's filters only (reference 2.5, 2.6). Encoded once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from envoy.extensions.filters.http.cors.v3.cors_pb2 import Cors
from envoy.extensions.filters.http.fault.v3.fault_pb2 import HTTPFault
from envoy.extensions.filters.http.grpc_stats.v3.config_pb2 import FilterConfig
from envoy.extensions.filters.http.grpc_web.v3.grpc_web_pb2 import GrpcWeb
from envoy.extensions.filters.http.router.v3.router_pb2 import Router
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
    HttpFilter,
)

from translators.messages import pack
from translators.resources import length_delimited
from translators.routes import cors, fault

if TYPE_CHECKING:
    from google.protobuf.message import Message


def _encode(name: str, config: Message) -> bytes:
    message = HttpFilter(name=name)
    pack(message.typed_config, config)
    field = HttpConnectionManager.DESCRIPTOR.fields_by_name["http_filters"]
    return length_delimited(field.number, message.SerializeToString(deterministic=True))


def _grpc_stats() -> FilterConfig:
    config = FilterConfig(emit_filter_state=True)
    config.stats_for_all_methods.value = False
    return config


_GRPC_WEB: Final = _encode("envoy.filters.http.grpc_web", GrpcWeb())
_REST: Final = b"".join(
    (
        _encode("envoy.filters.http.grpc_stats", _grpc_stats()),
        _encode(fault.FILTER, HTTPFault()),
        _encode(cors.FILTER, Cors()),
        _encode("envoy.filters.http.router", Router()),
    )
)


def encoded_filters(*, grpc_web: bool) -> bytes:
    """Return the filters as a piece of an encoded HttpConnectionManager."""
    return _GRPC_WEB + _REST if grpc_web else _REST
