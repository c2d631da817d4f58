"""What a stream needs of the server that it belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from xds_server.metrics import Metrics
    from xds_server.protocol import Outgoing, Xlog
    from xds_server.transport.stream import AdsStream


class Hub(Protocol):
    """What a stream needs of the server."""

    metrics: Metrics
    root_namespace: str
    answered: Callable[[], None]
    """Called when a proxy has rejected something, or accepted something after that."""
    xlog: Xlog
    """Where what is said on the streams is noted."""

    def connected(self, stream: AdsStream[Any]) -> None:
        """A stream has said who it is. Raises RuntimeError if nothing can be served yet."""

    def parents_sent(self, stream: AdsStream[Any], message: Outgoing) -> None:
        """A stream for clusters or listeners alone has sent some; what waits for their children is another stream."""

    def disconnected(self, stream: AdsStream[Any]) -> None:
        """A stream has ended; called once for each, whether it was ever `connected` or not."""
