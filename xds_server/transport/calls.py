"""Calls beside discovery (health, reflection, status, load reports): few, bounded, and ended with the server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, TypeVar

import grpc
import grpc.aio
from google.protobuf.message import DecodeError

from xds_server.transport.ending import Ending

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from google.protobuf.message import Message

Asked = TypeVar("Asked", bound="Message")
Told = TypeVar("Told", bound="Message")

LIMIT: Final = 10_000
"""Calls open at once: every proxy may report its load, and few other clients have a reason to stay."""


class Calls:
    """The streaming calls that are open; `close` ends them, since a server waits for each call before it stops."""

    def __init__(self, limit: int = LIMIT) -> None:
        """`limit`: more calls at once are refused."""
        self._limit = limit
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        """How many are open."""
        return len(self._tasks)

    def streaming(
        self,
        body: Callable[[grpc.aio.ServicerContext[Asked, Told]], Awaitable[None]],
        asked: type[Asked],
        told: type[Told],
    ) -> grpc.RpcMethodHandler[Asked, Told]:
        """Make a handler of a body that reads and writes as it likes, with its messages' types."""

        async def handle(_requests: object, context: grpc.aio.ServicerContext[Asked, Told]) -> None:
            await self.run(context, body)

        return grpc.stream_stream_rpc_method_handler(handle, asked.FromString, told.SerializeToString)

    async def run(
        self,
        context: grpc.aio.ServicerContext[Asked, Told],
        body: Callable[[grpc.aio.ServicerContext[Asked, Told]], Awaitable[None]],
    ) -> None:
        """Run the body of a call until it is done, or the server stops: then the call ends with UNAVAILABLE."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a handler always runs in one
        if len(self._tasks) >= self._limit:
            Ending(grpc.StatusCode.UNAVAILABLE, "too many calls, or the server is shutting down").tell(context)
            return
        self._tasks.add(task)
        try:
            await body(context)
        except asyncio.CancelledError:
            if self._limit:  # it is the client that has gone
                raise
            task.uncancel()
            Ending(grpc.StatusCode.UNAVAILABLE, "shutting down").tell(context)
        except DecodeError as error:
            Ending(grpc.StatusCode.INVALID_ARGUMENT, str(error)).tell(context)
        finally:
            self._tasks.discard(task)

    def close(self) -> None:
        """End all calls, and take no more."""
        self._limit = 0
        for task in self._tasks:
            task.cancel()
