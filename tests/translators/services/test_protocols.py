"""Protocol selection (reference 2.2)."""

from __future__ import annotations

import pytest

from translators.model.service import Protocol
from translators.services.protocols import entry_protocol, kubernetes_protocol


@pytest.mark.parametrize(
    ("transport", "app_protocol", "name", "number", "protocol"),
    [
        ("UDP", "http", "http", 80, Protocol.UDP),
        ("TCP", "http", "tcp", 80, Protocol.HTTP),
        ("TCP", "kubernetes.io/h2c", "tcp", 80, Protocol.HTTP2),
        ("TCP", "kubernetes.io/ws", "tcp", 80, Protocol.HTTP),
        ("TCP", "kubernetes.io/wss", "tcp", 443, Protocol.HTTPS),
        ("TCP", "GRPC", "", 80, Protocol.GRPC),
        ("TCP", "", "http", 80, Protocol.HTTP),
        ("TCP", "", "HTTP-web", 80, Protocol.HTTP),
        ("TCP", "", "http2", 80, Protocol.HTTP2),
        ("TCP", "", "http2-api", 80, Protocol.HTTP2),
        ("TCP", "", "grpc-api", 80, Protocol.GRPC),
        ("TCP", "", "grpc-web", 80, Protocol.GRPC_WEB),
        ("TCP", "", "gRPC-Web-x", 80, Protocol.GRPC_WEB),
        ("TCP", "", "https", 443, Protocol.HTTPS),
        ("TCP", "", "tls-sni", 443, Protocol.TLS),
        ("TCP", "", "tcp-raw", 9000, Protocol.TCP),
        ("TCP", "", "mongo", 1, Protocol.MONGO),
        ("TCP", "", "redis-a", 1, Protocol.REDIS),
        ("TCP", "", "mysql", 1, Protocol.MYSQL),
        ("TCP", "", "http_proxy", 1, Protocol.HTTP_PROXY),
        ("TCP", "", "httpx", 80, Protocol.UNSUPPORTED),
        ("TCP", "", "", 80, Protocol.UNSUPPORTED),
        ("TCP", "", "", 3306, Protocol.TCP),
        ("TCP", "", "db", 27017, Protocol.TCP),
        ("TCP", "", "http", 25, Protocol.HTTP),
        ("TCP", "my.company/protocol", "http", 80, Protocol.UNSUPPORTED),
    ],
)
def test_the_protocol_of_a_services_port(
    transport: str, app_protocol: str, name: str, number: int, protocol: Protocol
) -> None:
    assert kubernetes_protocol(transport, app_protocol, name, number) is protocol


@pytest.mark.parametrize(
    ("text", "number", "protocol"),
    [
        ("HTTP", 80, Protocol.HTTP),
        ("http2", 80, Protocol.HTTP2),
        ("GRPC-WEB", 80, Protocol.GRPC_WEB),
        ("HTTP_PROXY", 80, Protocol.HTTP_PROXY),
        ("TLS", 443, Protocol.TLS),
        ("", 80, Protocol.UNSUPPORTED),
        ("", 53, Protocol.TCP),
        ("HTTP", 53, Protocol.HTTP),
    ],
)
def test_the_protocol_of_a_service_entrys_port(text: str, number: int, protocol: Protocol) -> None:
    assert entry_protocol(text, number) is protocol
