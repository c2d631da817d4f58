"""What goes through a gateway besides plain requests: WebSocket, gRPC in clear text and in TLS, gRPC-Web."""

from __future__ import annotations

import asyncio
import struct
from base64 import b64decode, b64encode
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import aiohttp
import grpc
import pytest
from aiohttp import web

from tests.envoy.harness import eventually, objects, request
from tests.envoy.harness.edge import Edge

if TYPE_CHECKING:
    from collections.abc import Iterator

METHOD = "/shop.Cart/Add"


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    edge = Edge(tmp_path_factory.mktemp("protocols"))
    yield edge
    edge.close()


@pytest.fixture(scope="module")
def grpc_port() -> Iterator[int]:
    """A gRPC server that answers with what it is sent, twice."""

    def twice(message: bytes, _: grpc.ServicerContext) -> bytes:
        return message * 2

    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(twice)
    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("shop.Cart", {"Add": handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield port
    server.stop(0).wait()


def service(name: str, protocol: str, port: int) -> dict[str, Any]:
    return objects.istio(
        "ServiceEntry",
        name,
        {
            "hosts": [f"{name}.example"],
            "location": "MESH_INTERNAL",
            "resolution": "STATIC",
            "ports": [{"number": 80, "name": protocol.lower(), "protocol": protocol}],
            "endpoints": [{"address": "127.0.0.1", "ports": {protocol.lower(): port}}],
        },
    )


def to(name: str) -> dict[str, Any]:
    return objects.virtual_service("routes", f"[{{route: [{{destination: {{host: {name}.example}}}}]}}]")


def call(channel: grpc.Channel) -> bytes:
    stub: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(METHOD)
    return stub(b"abc", timeout=5)


def calls(channel: grpc.Channel) -> bool:
    """Whether a call gets through; what is not there yet is no error."""
    try:
        return call(channel) == b"abcabc"
    except grpc.RpcError as error:
        msg = str(error)
        raise AssertionError(msg) from error


def test_grpc_in_clear_text_and_in_tls(edge: Edge, grpc_port: int) -> None:
    own = edge.authority.issue("grpc", "grpc.example")
    tls = f"{{mode: SIMPLE, serverCertificate: {own[0]}, privateKey: {own[1]}}}"
    edge.serve(
        [edge.server(0, "grpc", "GRPC"), edge.server(1, "https", "HTTPS", tls)],
        service("cart", "GRPC", grpc_port),
        to("cart"),
    )
    credentials = grpc.ssl_channel_credentials(edge.authority.path.read_bytes())
    options = (("grpc.ssl_target_name_override", "grpc.example"),)
    with (
        grpc.insecure_channel(f"127.0.0.1:{edge.ports[0]}") as plain,
        grpc.secure_channel(f"127.0.0.1:{edge.ports[1]}", credentials, options) as secure,
    ):
        edge.until(lambda: calls(plain), "gRPC in clear text")
        edge.until(lambda: calls(secure), "gRPC in TLS")
    assert edge.envoy.stats(r"cluster\.outbound\|80\|\|cart\.example.*upstream_cx_http2_total")


def test_grpc_web(edge: Edge, grpc_port: int) -> None:
    edge.serve([edge.server(2, "web", "GRPC-WEB")], service("cart", "GRPC", grpc_port), to("cart"))
    frame = b"\0" + struct.pack(">I", 3) + b"abc"

    def answered() -> bool:
        headers = {"Content-Type": "application/grpc-web-text+proto", "Accept": "application/grpc-web-text+proto"}
        reply = request(edge.ports[2], METHOD, method="POST", headers=headers, body=b64encode(frame))
        message, trailers = b64decode(reply.body[:16]), b64decode(reply.body[16:])
        # A message, and then the trailers as a frame of their own: a browser sees no others.
        return message == b"\0\0\0\0\x06abcabc" and trailers.startswith(b"\x80") and b"grpc-status:0" in trailers

    edge.until(answered, "a gRPC-Web call is answered")


def test_a_websocket_is_upgraded(edge: Edge) -> None:
    async def echo(asked: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(asked)
        async for message in socket:
            await socket.send_str(f"again: {message.data}")
        return socket

    async def talk() -> None:
        app = web.Application()
        app.router.add_get("/chat", echo)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port: int = runner.addresses[0][1]
        edge.serve([edge.server(0, "http", "HTTP")], service("chat", "HTTP", port), to("chat"))
        url = f"http://127.0.0.1:{edge.ports[0]}/chat"
        try:
            async with aiohttp.ClientSession() as session:
                await asyncio.to_thread(
                    eventually, lambda: request(edge.ports[0], "/chat").status == 400, 5.0, "the route is there"
                )
                async with session.ws_connect(url) as socket:
                    await socket.send_str("hello")
                    assert (await socket.receive()).data == "again: hello"
        finally:
            await runner.cleanup()

    asyncio.run(talk())
    assert sum(edge.envoy.stats(r"http\.outbound.*downstream_cx_upgrades_total").values()) >= 1
