"""The xDS server: grpc.aio with every service and both variants on one port, and the streams that are open."""

from __future__ import annotations

import asyncio
import logging
import math
import random
import time
from typing import TYPE_CHECKING, Any, Final

import grpc
import grpc.aio
from envoy.service.discovery.v3.discovery_pb2 import DeltaDiscoveryRequest, DiscoveryRequest

from xds_server.protocol import (
    RESENT_WITH_PARENT,
    DeltaStream,
    Encoder,
    Limits,
    Quarantine,
    SotwStream,
    Xlog,
    children,
)
from xds_server.transport import client_status, health, load_stats, reflection
from xds_server.transport.calls import Calls
from xds_server.transport.ending import Ending
from xds_server.transport.health import Health
from xds_server.transport.limits import Admission, StreamLimits
from xds_server.transport.services import ADS, SERVICES, DiscoveryService
from xds_server.transport.stream import AdsStream

if TYPE_CHECKING:
    from collections.abc import Callable

    from xds_server.metrics import Metrics
    from xds_server.protocol import Outgoing
    from xds_server.push import Push

log = logging.getLogger(__name__)

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
    # The answer to the ping itself: a machine that is frozen still acknowledges bytes. grpc's default is a minute.
    ("grpc.http2.ping_timeout_ms", 10_000),
    # Nor does one cost anything for long that connects and then says nothing, or has left nothing but its connection.
    ("grpc.server_handshake_timeout_ms", 20_000),
    ("grpc.max_connection_idle_ms", 300_000),
    ("grpc.max_concurrent_streams", 10_000),
)

_BESIDES: Final = (client_status.SERVICE, load_stats.SERVICE)
"""Services that go up and down with discovery."""


class AdsServer:
    """Serves the streams; `push.Push` is who they get their snapshots from."""

    def __init__(
        self,
        push: Push,
        metrics: Metrics,
        *,
        identifier: str = "pilotfish",
        root_namespace: str = "istio-system",
        limits: StreamLimits = StreamLimits(),  # noqa: B008 - frozen
    ) -> None:
        """`identifier`: control_plane.identifier."""
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
        self._quarantine = Quarantine()
        self._limits = limits
        self._age, self._first_message, self._write_deadline = (
            span or math.inf for span in (limits.connection_age, limits.first_message, limits.write_deadline)
        )
        self._protocol_limits = Limits(subscriptions=limits.subscriptions)
        self._admission = Admission(limits.streams_per_second, limits.patience)
        self._open: dict[AdsStream[Any], None] = {}
        """All streams that were let in, until gRPC is done with them."""
        self._ads_of: dict[str, dict[AdsStream[Any], None]] = {}
        """The ADS streams of a node id."""
        self._stopping = asyncio.Event()
        self._calls = Calls()
        services = [service.name for service in SERVICES]
        self._health = Health([*services, *_BESIDES], self._calls)
        self._server = grpc.aio.server(options=(*OPTIONS, *_options(limits)))
        self._server.add_generic_rpc_handlers(
            (
                *map(self._handlers, SERVICES),
                self._health.handlers(),
                client_status.handlers(lambda: list(self.streams), self._calls),
                load_stats.handlers(metrics, self._calls),
                reflection.handlers([*services, *_BESIDES, health.SERVICE], self._calls),
            )
        )

    @property
    def opened(self) -> int:
        """How many streams are open, those included that have not said who they are."""
        return len(self._open)

    @property
    def stopping(self) -> bool:
        """Whether streams are refused, since the server is about to stop."""
        return self._stopping.is_set()

    def _handlers(self, service: DiscoveryService) -> grpc.GenericRpcHandler:
        """Register both methods with bytes going out as they are: a response is joined from shared parts, once."""

        async def sotw(_requests: object, context: grpc.aio.ServicerContext[DiscoveryRequest, bytes]) -> None:
            await self._serve(SotwStream, service, context)

        async def delta(_requests: object, context: grpc.aio.ServicerContext[DeltaDiscoveryRequest, bytes]) -> None:
            await self._serve(DeltaStream, service, context)

        return grpc.method_handlers_generic_handler(
            service.name,
            {
                service.sotw: grpc.stream_stream_rpc_method_handler(sotw, DiscoveryRequest.FromString, None),
                service.delta: grpc.stream_stream_rpc_method_handler(delta, DeltaDiscoveryRequest.FromString, None),
            },
        )

    async def _serve(
        self,
        variant: type[SotwStream | DeltaStream],
        service: DiscoveryService,
        context: grpc.aio.ServicerContext[Any, bytes],
    ) -> None:
        refusal = await self._let_in()
        if refusal is not None:
            refusal.tell(context)
            return
        core: Any = variant(self._encoder, self._quarantine, limits=self._protocol_limits)
        expires = time.monotonic() + self._age * random.uniform(0.9, 1.1)  # noqa: S311 - spreads load
        stream = AdsStream[Any](core, context, self, service, expires=expires)
        self._open[stream] = None
        try:
            await stream.serve()
        finally:
            del self._open[stream]

    async def _let_in(self) -> Ending | None:
        """Wait for a stream's turn; say why if it may not come in."""
        if not self._push.ready:
            # An empty answer would wipe a proxy's configuration (rule 98).
            return self._refused("not ready", "sources have not synced yet")
        if not self.stopping:
            turn = self._admission.turn(time.monotonic())
            if turn is None:
                return self._refused("too fast", "too many new streams at once")
            if turn:
                await self._stopped_within(turn)
        if self.stopping:
            return self._refused("shutting down", "another server will take the stream")
        if 0 < self._limits.streams <= len(self._open):
            return self._refused("too many", f"{self._limits.streams} streams are open")
        return None

    def _refused(self, reason: str, details: str) -> Ending:
        self.metrics.streams_refused.add(reason)
        full = reason.startswith("too")
        code = grpc.StatusCode.RESOURCE_EXHAUSTED if full else grpc.StatusCode.UNAVAILABLE
        return Ending(code, f"{reason}: {details}")

    async def _stopped_within(self, seconds: float) -> None:
        """Sleep, but not beyond the moment when the server begins to stop."""
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return

    def connected(self, stream: AdsStream[Any]) -> None:
        """See `transport.stream.Hub`."""
        self._push.attach(stream)
        self.streams[stream] = None
        if stream.service is ADS:
            self._ads_of.setdefault(stream.proxy.id, {})[stream] = None
        log.info("%s connected from %s (%s)", stream.proxy.id, stream.peer, "delta" if stream.delta else "sotw")

    def disconnected(self, stream: AdsStream[Any]) -> None:
        """See `transport.stream.Hub`."""
        if stream in self.streams:
            del self.streams[stream]
            self._push.detach(stream)
            log.info("%s disconnected", stream.proxy.id)
            if stream.service is ADS:
                same = self._ads_of[stream.proxy.id]
                del same[stream]
                if not same:
                    del self._ads_of[stream.proxy.id]

    def parents_sent(self, stream: AdsStream[Any], message: Outgoing) -> None:
        """See `transport.stream.Hub`. The children are on ADS, since that is where the resources say they are; they
        follow their parents on the same connection, and so arrive after them.
        """
        for other in list(self._ads_of.get(stream.proxy.id, ())):
            for child in RESENT_WITH_PARENT[message.type_url]:
                other.again(child, set(children(message.resources, child)))

    def pushed(self) -> None:
        """A push is over: let go of response bytes that no push used lately."""
        self._encoder.turn()
        self._health.set(serving=not self.stopping)

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
        """End the streams that are slow, silent or old, until cancelled."""
        spans = (self._write_deadline, self._first_message, self._age)
        while True:
            await asyncio.sleep(min(*(span / 4 for span in spans), 5.0))
            self._sweep(time.monotonic())

    def _sweep(self, now: float) -> None:
        """Apart from `run`, which would keep the last of the streams that it looked at."""
        for stream in list(self._open):
            if stream.stuck_since() < now - self._write_deadline:
                log.warning("%s has not read for %.0f s: the stream is closed", stream, self._write_deadline)
                self.metrics.write_timeouts.add()
                self._end(stream, "not reading", Ending(grpc.StatusCode.DEADLINE_EXCEEDED, "the proxy did not read"))
            elif not stream.node and stream.opened < now - self._first_message:
                self._end(stream, "no first message", Ending(grpc.StatusCode.DEADLINE_EXCEEDED, "no first message"))
            elif stream.expired(now):
                # OK, since nothing is wrong: Envoy logs anything else as a failure.
                self._end(stream, "age", Ending(grpc.StatusCode.OK, "maximum connection age"))

    def _end(self, stream: AdsStream[Any], reason: str, ending: Ending) -> None:
        if stream.end(ending):
            self.metrics.streams_ended.add(reason)

    def drain(self) -> None:
        """Say to health checks that this server is about to stop, and take no new streams."""
        self._stopping.set()
        self._health.set(serving=False)

    async def stop(self, grace: float = 2.0) -> None:
        """End every stream with UNAVAILABLE, so that proxies look for another server, then close the port. Takes at
        most `grace` seconds; streams end no faster than the servers that take them on let them in.
        """
        self.drain()
        loop = asyncio.get_running_loop()
        began = loop.time()
        ending = Ending(grpc.StatusCode.UNAVAILABLE, "shutting down")
        streams = list(self._open)
        random.shuffle(streams)
        rate = self._limits.streams_per_second
        spread = min(len(streams) / rate, grace / 2) if rate else 0.0
        for number, stream in enumerate(streams):
            loop.call_later(spread * number / len(streams), stream.end, ending)
        await asyncio.sleep(spread)
        self._calls.close()
        await self._server.stop(max(grace - (loop.time() - began), 0.0))


def _options(limits: StreamLimits) -> list[tuple[str, int]]:
    options = [("grpc.max_receive_message_length", limits.message_size)]
    if limits.connection_age:
        # The connection is told to go (GOAWAY) before its streams end, or they would come back on the same one, to the
        # same replica. gRPC draws a tenth of jitter, too. The grace ends after the last stream's age: it frees what a
        # client that never reads holds, which nothing else can (grpc.aio cannot reset a stream).
        age = limits.connection_age * 1000
        options.append(("grpc.max_connection_age_ms", int(0.8 * age)))
        options.append(("grpc.max_connection_age_grace_ms", int(1.3 * age)))
    return options


def _nothing() -> None:
    """Stand in for a callback that nobody has set."""
