"""Which protocol a port speaks (reference 2.2)."""

from __future__ import annotations

from typing import Final

from translators.model.service import Protocol

_BY_NAME: Final = {
    "tcp": Protocol.TCP,
    "udp": Protocol.UDP,
    "grpc": Protocol.GRPC,
    "grpc-web": Protocol.GRPC_WEB,
    "http": Protocol.HTTP,
    "http2": Protocol.HTTP2,
    "https": Protocol.HTTPS,
    "tls": Protocol.TLS,
    "mongo": Protocol.MONGO,
    "redis": Protocol.REDIS,
    "mysql": Protocol.MYSQL,
    "http_proxy": Protocol.HTTP_PROXY,
}

_APP_PROTOCOLS: Final = {
    "kubernetes.io/h2c": Protocol.HTTP2,
    "kubernetes.io/ws": Protocol.HTTP,
    "kubernetes.io/wss": Protocol.HTTPS,
}
"""Kubernetes' own names: https://kubernetes.io/docs/concepts/services-networking/service/#application-protocol."""

_SERVER_FIRST: Final = frozenset({25, 53, 3306, 27017})
"""Ports whose server speaks first (SMTP, MySQL, …): a sniffer would wait for the client for ever."""


def kubernetes_protocol(transport: str, app_protocol: str, name: str, number: int) -> Protocol:
    """Return the protocol of a Service's port, from its `protocol`, `appProtocol`, `name` and number."""
    if transport == "UDP":
        return Protocol.UDP
    if known := _APP_PROTOCOLS.get(app_protocol):
        return known
    text = (app_protocol or name).lower()
    if text.startswith("grpc-web"):
        return Protocol.GRPC_WEB
    known = _BY_NAME.get(text.partition("-")[0])
    if known is not None:
        return known
    return Protocol.TCP if number in _SERVER_FIRST else Protocol.UNSUPPORTED


def entry_protocol(text: str, number: int) -> Protocol:
    """Return the protocol of a ServiceEntry's port, from its `protocol` and number; unknown and unset are sniffed."""
    known = _BY_NAME.get(text.lower())
    if known is not None:
        return known
    return Protocol.TCP if not text and number in _SERVER_FIRST else Protocol.UNSUPPORTED
