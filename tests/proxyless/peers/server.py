"""gRPC servers in a process of their own: `server.py [--xds] PORT=VERSION…`. Every method answers with the version."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import grpc


class Echo(grpc.GenericRpcHandler):
    def __init__(self, version: str) -> None:
        self._handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(
            lambda _request, _context: version.encode()
        )

    def service(self, _details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        return self._handler


def main() -> None:
    xds = "--xds" in sys.argv
    servers = []
    for port, _, version in (argument.partition("=") for argument in sys.argv[1:] if "=" in argument):
        server = grpc.server(ThreadPoolExecutor(4), xds=xds)
        server.add_generic_rpc_handlers((Echo(version),))
        server.add_insecure_port(f"127.0.0.1:{port}")
        server.start()
        servers.append(server)
    sys.stdout.write("started\n")
    sys.stdout.flush()
    for server in servers:
        server.wait_for_termination()


if __name__ == "__main__":
    main()
