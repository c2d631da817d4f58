"""grpc.reflection.v1alpha: lets grpcurl and its like list the services here and describe their messages.

https://github.com/grpc/grpc/blob/master/doc/server-reflection.md
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import grpc
import grpc.aio
from grpc_reflection.v1alpha import reflection, reflection_pb2

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from xds_server.transport.calls import Calls

SERVICE: Final = reflection.SERVICE_NAME

_Request = reflection_pb2.ServerReflectionRequest
_Response = reflection_pb2.ServerReflectionResponse


def handlers(services: Iterable[str], calls: Calls) -> grpc.GenericRpcHandler:
    """Return the method that tells of `services` (full names, whose modules are loaded) and of itself."""
    servicer = reflection.aio.ReflectionServicer([*services, SERVICE])

    async def requests(context: grpc.aio.ServicerContext[_Request, _Response]) -> AsyncIterator[_Request]:
        while isinstance(request := await context.read(), _Request):
            yield request

    async def info(context: grpc.aio.ServicerContext[_Request, _Response]) -> None:
        answers: Any = servicer.ServerReflectionInfo(requests(context), context)  # its stub takes it for a coroutine
        async for response in answers:
            await context.write(response)

    return grpc.method_handlers_generic_handler(
        SERVICE, {"ServerReflectionInfo": calls.streaming(info, _Request, _Response)}
    )
