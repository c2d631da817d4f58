"""How the server ends a call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import grpc
    import grpc.aio


@dataclass(frozen=True, slots=True)
class Ending:
    """Why the server ends a stream."""

    code: grpc.StatusCode
    reason: str

    def tell(self, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        """Set the status with which a call ends when its handler returns.

        Not by `context.abort`: its exception and the call refer to each other, so that all that the handler held would
        stay until the collector's last generation has its turn, which in a server with much to hold is seldom.
        """
        context.set_code(self.code)
        context.set_details(self.reason)
