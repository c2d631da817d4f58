"""grpc.health.v1: whether the server, or one of its services, takes streams. It says what /readyz says.

The messages are those of grpcio-health-checking. Its servicer is not used: it holds a lock while it writes to a
watcher, so that one watcher that does not read would keep the server from ever saying that it shuts down.
https://github.com/grpc/grpc/blob/master/doc/health-checking.md
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xds_server.transport.calls import Calls

SERVICE: Final = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name

_Request = health_pb2.HealthCheckRequest
_Response = health_pb2.HealthCheckResponse


class Health:
    """The health service. All services have the status of the server; `""` is the server itself."""

    def __init__(self, services: Iterable[str], calls: Calls) -> None:
        """Begin as not serving. `services`: the full names that may be asked for."""
        self._services = frozenset({"", *services})
        self._calls = calls
        self._serving = False
        self._changed = asyncio.Event()

    def set(self, *, serving: bool) -> None:
        """Tell whether streams are taken from now on."""
        if serving != self._serving:
            self._serving = serving
            # Whoever waited for the old event looks again; whoever looks from now on waits for the new one.
            changed, self._changed = self._changed, asyncio.Event()
            changed.set()

    def handlers(self) -> grpc.GenericRpcHandler:
        """Return the methods, to be added to a server."""
        return grpc.method_handlers_generic_handler(
            SERVICE,
            {
                "Check": grpc.unary_unary_rpc_method_handler(
                    self._check, _Request.FromString, _Response.SerializeToString
                ),
                "Watch": grpc.unary_stream_rpc_method_handler(
                    self._watch, _Request.FromString, _Response.SerializeToString
                ),
            },
        )

    def _status(self, service: str) -> _Response | None:
        """Return the status of a service; None if it is not here."""
        if service not in self._services:
            return None
        return _Response(status=_Response.SERVING if self._serving else _Response.NOT_SERVING)

    async def _check(self, request: _Request, context: grpc.aio.ServicerContext[_Request, _Response]) -> _Response:
        status = self._status(request.service)
        if status is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        return status

    async def _watch(self, request: _Request, context: grpc.aio.ServicerContext[_Request, _Response]) -> None:
        async def watch(context: grpc.aio.ServicerContext[_Request, _Response]) -> None:
            told: _Response | None = None
            while True:
                changed = self._changed
                status = self._status(request.service) or _Response(status=_Response.SERVICE_UNKNOWN)
                if status != told:
                    await context.write(status)
                    told = status
                await changed.wait()

        await self._calls.run(context, watch)
