"""Servers of the protocols that a sidecar has to tell apart, and clients that speak them over a given socket."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import grpc
import h2.config
import h2.connection
import h2.events

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.envoy.harness.pods import Namespace

SECONDS = 10.0


class TcpServer:
    """A server on all addresses of a namespace; `handle` is called for each connection, on a thread of its own."""

    def __init__(self, namespace: Namespace, handle: Callable[[socket.socket], None], port: int) -> None:
        self._handle = handle
        self._socket = namespace.call(socket.create_server, ("0.0.0.0", port))
        self.port = port
        self.peers: list[str] = []
        """Addresses that connections came from."""
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                connection, peer = self._socket.accept()
                self.peers.append(peer[0])
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(SECONDS)
        with connection, contextlib.suppress(OSError):
            self._handle(connection)

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def shout(connection: socket.socket) -> None:
    """Answer each line in capital letters: a protocol that nobody knows."""
    with connection.makefile("rb") as lines:
        for line in lines:
            connection.sendall(line.upper())


def greet(connection: socket.socket) -> None:
    """Speak first, as MySQL does."""
    connection.sendall(b"welcome\n")
    shout(connection)


def http2(connection: socket.socket) -> None:
    """Answer each request with the path that it asked for, over HTTP/2 without TLS; nothing else is understood."""
    state = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    state.initiate_connection()
    connection.sendall(state.data_to_send())
    while data := connection.recv(65536):
        for event in state.receive_data(data):
            if isinstance(event, h2.events.RequestReceived):
                path = dict(event.headers or ())[b":path"]
                state.send_headers(event.stream_id, [(":status", "200"), ("x-version", "h2")])
                state.send_data(event.stream_id, path, end_stream=True)
        connection.sendall(state.data_to_send())


def grpc_server(namespace: Namespace, port: int) -> grpc.Server:
    """Start a gRPC server with one method for all names: it sends back what it gets."""

    class Echo(grpc.GenericRpcHandler):
        def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
            del handler_call_details
            return grpc.unary_unary_rpc_method_handler(lambda request, _: request)

    server = grpc.server(ThreadPoolExecutor(2), handlers=[Echo()])
    assert namespace.call(server.add_insecure_port, f"0.0.0.0:{port}") == port
    server.start()
    return server


def say(namespace: Namespace, address: str, port: int, *lines: bytes, listen: bool = False) -> list[bytes]:
    """Connect from a namespace, send lines, and return a line of answer for each (and one before, if `listen`)."""
    with namespace.call(socket.create_connection, (address, port), SECONDS) as connection:
        answers = connection.makefile("rb")
        found = [answers.readline()] if listen else []
        for line in lines:
            connection.sendall(line)
            found.append(answers.readline())
        return found


def ask_http2(
    namespace: Namespace, address: str, port: int, headers: Mapping[str, str], body: bytes | None = None
) -> tuple[dict[str, str], bytes]:
    """Send one request over HTTP/2 without TLS; return headers and trailers, and the body."""
    state = h2.connection.H2Connection()
    with namespace.call(socket.create_connection, (address, port), SECONDS) as connection:
        state.initiate_connection()
        state.send_headers(1, list(headers.items()), end_stream=body is None)
        if body is not None:
            state.send_data(1, body, end_stream=True)
        connection.sendall(state.data_to_send())
        found: dict[str, str] = {}
        content = b""
        while data := connection.recv(65536):
            for event in state.receive_data(data):
                if isinstance(event, (h2.events.ResponseReceived, h2.events.TrailersReceived)):
                    found |= {k.decode(): v.decode() for k, v in event.headers or ()}
                elif isinstance(event, h2.events.DataReceived):
                    content += event.data or b""
                elif isinstance(event, h2.events.StreamEnded):
                    return found, content
                elif isinstance(event, (h2.events.StreamReset, h2.events.ConnectionTerminated)):
                    raise ConnectionError(repr(event))
            connection.sendall(state.data_to_send())
    msg = f"the connection ended: {found}"
    raise ConnectionError(msg)


def ask_grpc(namespace: Namespace, address: str, port: int, authority: str, message: bytes) -> tuple[str, bytes]:
    """Call a method over gRPC; return the status and the answer's message."""
    headers = {
        ":method": "POST",
        ":scheme": "http",
        ":path": "/test.Echo/Say",
        ":authority": authority,
        "content-type": "application/grpc",
        "te": "trailers",
    }
    found, body = ask_http2(namespace, address, port, headers, struct.pack("!BI", 0, len(message)) + message)
    return found.get("grpc-status", ""), body[5:]
