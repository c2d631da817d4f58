"""The ADS server: grpc.aio with both variants on one port, and the set of the streams that are open."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any, Final

import grpc
import grpc.aio
from envoy.service.discovery.v3 import discovery_pb2

from xds_server.protocol import DeltaStream, Encoder, SotwStream, Xlog
from xds_server.transport.stream import AdsStream, Ending

if TYPE_CHECKING:
    from collections.abc import Callable

    from xds_server.metrics import Metrics
    from xds_server.push import Push

log = logging.getLogger(__name__)

SERVICE: Final = "envoy.service.discovery.v3.AggregatedDiscoveryService"

OPTIONS: Final = (
    # Two servers on one port would each get half of the proxies.
    ("grpc.so_reuseport", 0),
    # Envoy's connection_keepalive may ping every second; grpc's default allows one in 5 min and then closes (rule 94).
    ("grpc.http2.min_ping_interval_without_data_ms", 100),
    ("grpc.http2.max_ping_strikes", 0),
    # A peer that vanished without closing its connection is noticed within 40 s.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    # The first delta request after a reconnect names every resource with its version (rule 93).
    ("grpc.max_receive_message_length", 64 << 20),
    ("grpc.max_concurrent_streams", 10_000),
)


class AdsServer:
    """Serves the streams; `push.Push` is who they get their snapshots from."""

    def __init__(
        self,
        push: Push,
        metrics: Metrics,
        *,
        identifier: str = "pilotfish",
        root_namespace: str = "istio-system",
        write_deadline: float = 60.0,
    ) -> None:
        """`identifier`: control_plane.identifier. `write_deadline`: seconds after which a proxy that does not read is
        cut off.
        """
        self.metrics = metrics
        self.root_namespace = root_namespace
        self.streams: dict[AdsStream[Any], None] = {}
        """The streams whose proxy is known."""
        self.answered: Callable[[], None] = _nothing
        """See `transport.stream.Hub`."""
        self.xlog = Xlog(time.time() - time.monotonic())
        """What was said on the streams."""
        self.port = 0
        """The port that was chosen; 0 until `start`."""
        self._push = push
        self._encoder = Encoder(identifier, nonce_prefix=f"{time.time_ns() // 1_000_000:x}-")
        self._deadline = write_deadline
        self._open: dict[AdsStream[Any], None] = {}
        self.stopping = False
        """Streams are refused, and those that are open end."""
        self._server = grpc.aio.server(options=OPTIONS)
        self._server.add_generic_rpc_handlers((self._handlers(),))

    def _handlers(self) -> grpc.GenericRpcHandler:
        """Register both methods with bytes going out as they are: a response is joined from shared parts, once."""
        return grpc.method_handlers_generic_handler(
            SERVICE,
            {
                "StreamAggregatedResources": grpc.stream_stream_rpc_method_handler(
                    self._sotw, discovery_pb2.DiscoveryRequest.FromString, None
                ),
                "DeltaAggregatedResources": grpc.stream_stream_rpc_method_handler(
                    self._delta, discovery_pb2.DeltaDiscoveryRequest.FromString, None
                ),
            },
        )

    async def _sotw(self, _requests: object, context: grpc.aio.ServicerContext) -> None:  # type: ignore[type-arg]
        await self._serve(AdsStream(SotwStream(self._encoder), context, self, delta=False), context)

    async def _delta(self, _requests: object, context: grpc.aio.ServicerContext) -> None:  # type: ignore[type-arg]
        await self._serve(AdsStream(DeltaStream(self._encoder), context, self, delta=True), context)

    async def _serve(self, stream: AdsStream[Any], context: grpc.aio.ServicerContext) -> None:  # type: ignore[type-arg]
        if self.stopping:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "shutting down")
        if not self._push.ready:
            # An empty answer would wipe a proxy's configuration (rule 98).
            await context.abort(grpc.StatusCode.UNAVAILABLE, "not ready: sources have not synced yet")
        self._open[stream] = None
        await stream.serve()

    def connected(self, stream: AdsStream[Any]) -> None:
        """See `transport.stream.Hub`."""
        self._push.attach(stream)
        self.streams[stream] = None
        log.info("%s connected from %s (%s)", stream.proxy.id, stream.peer, "delta" if stream.delta else "sotw")

    def disconnected(self, stream: AdsStream[Any]) -> None:
        """See `transport.stream.Hub`."""
        self._open.pop(stream, None)
        if stream in self.streams:
            del self.streams[stream]
            self._push.detach(stream)
            log.info("%s disconnected", stream.proxy.id)

    def pushed(self) -> None:
        """A push is over: let go of response bytes that no push used lately."""
        self._encoder.turn()

    async def start(self, address: str) -> int:
        """Listen on `host:port` and return the port, which is chosen if it is 0.

        Raises OSError if the address cannot be bound.
        """
        try:
            self.port = self._server.add_insecure_port(address)
        except RuntimeError as error:
            msg = f"cannot listen on {address}: {error}"
            raise OSError(msg) from error
        await self._server.start()
        return self.port

    async def run(self) -> None:
        """Cut off proxies that do not read, until cancelled."""
        while True:
            await asyncio.sleep(min(self._deadline / 4, 5.0))
            self._cut_off(time.monotonic() - self._deadline)

    def _cut_off(self, limit: float) -> None:
        """End the streams whose write began before `limit`; apart from `run`, which would keep the last of them."""
        for stream in [s for s in self._open if s.stuck_since() < limit]:
            log.warning("%s has not read for %.0f s: the stream is closed", repr(stream), self._deadline)
            self.metrics.write_timeouts.add()
            stream.end(Ending(grpc.StatusCode.DEADLINE_EXCEEDED, "the proxy did not read"))

    async def stop(self, grace: float = 2.0) -> None:
        """End every stream with UNAVAILABLE, so that proxies look for another server, then close the port. Takes at
        most `grace` seconds.
        """
        self.stopping = True
        for stream in list(self._open):
            stream.end(Ending(grpc.StatusCode.UNAVAILABLE, "shutting down"))
        await self._server.stop(grace)


def _nothing() -> None:
    """Stand in for a callback that nobody has set."""
