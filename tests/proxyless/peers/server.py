"""gRPC servers in a process of their own: `[--xds] PORT=VERSION…`. Every method answers with the version, but
`/echo.Echo/Held` with what the process holds, and `/echo.Echo/Flaky` with UNAVAILABLE two times of three.
"""

from __future__ import annotations

import itertools
import json
import sys
from concurrent.futures import ThreadPoolExecutor

import grpc

from tests.proxyless.peers.held import held


class Echo(grpc.GenericRpcHandler):
    def __init__(self, version: str) -> None:
        self._version = version
        self._calls = itertools.count()

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        def answer(_request: bytes, context: grpc.ServicerContext) -> bytes:
            if details.method == "/echo.Echo/Flaky" and next(self._calls) % 3 < 2:
                context.abort(grpc.StatusCode.UNAVAILABLE, "flaky")
            return (json.dumps(held()) if details.method == "/echo.Echo/Held" else self._version).encode()

        return grpc.unary_unary_rpc_method_handler(answer)


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
