"""One proxy's stream: a sans-IO core of `xds_server.protocol` between a grpc.aio call and the Push.

The call's own task reads. A task that writes exists only while there is something to write, and the newest snapshot
waits in one slot until it is done: what a slow reader costs is one response in flight and one snapshot, however many
pushes pass it by.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import deque
from typing import TYPE_CHECKING, Final, Generic, TypeVar

import grpc
import grpc.aio
from google.protobuf.message import DecodeError

from translators.resources import SHORT
from xds_server.protocol import (
    RESENT_WITH_PARENT,
    Acked,
    Connected,
    DeltaStream,
    Ignored,
    Nacked,
    Rejected,
    Why,
    proxy_of,
)
from xds_server.protocol.xlog_records import REQUESTED
from xds_server.transport.ending import Ending
from xds_server.transport.node import kept_of, unreasonable

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from envoy.service.discovery.v3.discovery_pb2 import DeltaDiscoveryRequest, DiscoveryRequest

    from translators.model.proxy import Proxy
    from translators.resources import Resource, ResourceSet
    from xds_server.protocol import Case, Conversation, Event, Outgoing, Step, TypeStatus
    from xds_server.protocol import Stream as Core
    from xds_server.transport.hub import Hub
    from xds_server.transport.services import DiscoveryService

log = logging.getLogger(__name__)

Request = TypeVar("Request", "DiscoveryRequest", "DeltaDiscoveryRequest")

_BACKLOG: Final = 16
"""Responses that may wait to be written before no more requests are read from this proxy."""

UNHURRIED: Final = 60.0
"""Seconds that a stream which is due to end may take to come to rest first."""

_METRIC_TYPE: Final = {url: short.lower() for url, short in SHORT.items()}


class AdsStream(Generic[Request]):
    """A connected proxy, or one type of it. `push.Stream` for the Push; `serve` is the body of the gRPC handler."""

    __slots__ = (
        "_armed",
        "_context",
        "_core",
        "_ending",
        "_hub",
        "_loop",
        "_outgoing",
        "_reader",
        "_room",
        "_since",
        "_snapshot",
        "_taken_since",
        "_talk",
        "_timer",
        "_why",
        "_writer",
        "_writing_since",
        "acks",
        "connected_at",
        "delta",
        "expires",
        "nacks",
        "node",
        "opened",
        "peer",
        "proxy",
        "service",
    )

    def __init__(
        self,
        core: Core[Request],
        context: grpc.aio.ServicerContext[Request, bytes],
        hub: Hub,
        service: DiscoveryService,
        *,
        expires: float = math.inf,
    ) -> None:
        """`expires`: when the stream should end for its age (monotonic seconds)."""
        self._core: Core[Request] = core
        self._context: grpc.aio.ServicerContext[Request, bytes] = context
        self._hub = hub
        self._loop = asyncio.get_running_loop()
        self._outgoing: deque[Outgoing] = deque()
        self._snapshot: ResourceSet | None = None
        self._since = 0.0
        self._taken_since = 0.0
        self._writer: asyncio.Task[None] | None = None
        self._writing_since = math.inf
        self._reader: asyncio.Task[object] | None = None
        self._room: asyncio.Event | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._armed: float | None = None
        self._ending: Ending | None = None
        self._talk: Conversation | None = None
        self._why: Why = REQUESTED
        self.proxy: Proxy
        self.node = b""
        """The part of the proxy's Node that is kept, see `node.kept_of`; empty until it has said who it is."""
        self.service = service
        self.delta = isinstance(core, DeltaStream)
        self.opened = time.monotonic()
        self.expires = expires
        self.peer = context.peer()
        self.connected_at = time.time()
        self.acks = 0
        self.nacks = 0

    def __repr__(self) -> str:
        """Show who it is."""
        return f"<AdsStream {self.proxy.id if hasattr(self, 'proxy') else self.peer}>"

    def status(self) -> Mapping[str, TypeStatus]:
        """Return the state of every type that the proxy asked for, by type URL."""
        return self._core.status()

    def behind(self, wanted: ResourceSet) -> Mapping[str, frozenset[str]]:
        """Return what the proxy has not accepted of what it should have; see `protocol.Stream.behind`."""
        return self._core.behind(wanted)

    def held(self, type_url: str) -> tuple[Resource, ...]:
        """Return the resources of a type that the proxy should hold now, sorted by name."""
        return self._core.held(type_url)

    def offer(self, snapshot: ResourceSet, since: float, why: Why) -> None:
        """See `push.Stream.offer`. If nothing is being written the difference is taken at once, so a proxy that a
        change does not concern costs no task and no wake-up.
        """
        self._why = why if self._snapshot is None else self._why | why
        self._snapshot = snapshot
        self._since = since
        try:
            if self._writer is None and self._take_snapshot():
                self._writer = self._loop.create_task(self._write())
        except Exception as error:  # noqa: BLE001 - one stream's defect must not stop the push to the others
            self._broken(error)

    def cases(self) -> tuple[Case, ...]:
        """Return what the proxy has rejected and is kept from it, by type URL and name."""
        return self._core.cases()

    def retry(self) -> None:
        """Have all of that tried again at once."""
        now = time.monotonic()
        self._send(self._core.retry(now), now)

    def again(self, type_url: str, names: Collection[str]) -> None:
        """Send resources again; see `protocol.Stream.again`."""
        now = time.monotonic()
        try:
            self._send(self._core.again(type_url, names, now), now)
        except Exception as error:  # noqa: BLE001 - one stream's defect must not stop the others
            self._broken(error)

    def end(self, ending: Ending) -> bool:
        """Have the stream end with a status; returns at once, false if it is ending already."""
        if self._ending is not None or self._reader is None:
            return False
        self._ending = ending
        self._reader.cancel()
        return True

    def stuck_since(self) -> float:
        """Return when the write that is under way began (monotonic seconds); infinity if none is."""
        return self._writing_since

    def expired(self, now: float) -> bool:
        """Whether the stream is old enough to end and, unless it is long overdue, at rest: nothing is being written,
        and no stage of a push waits for its answer (make before break).
        """
        deadline = self._core.deadline
        at_rest = self._writer is None and (deadline is None or deadline > now + UNHURRIED)
        return now >= self.expires and (at_rest or now >= self.expires + UNHURRIED)

    async def serve(self) -> None:
        """Read requests until the proxy leaves or the stream is ended."""
        self._reader = asyncio.current_task()
        try:
            # By itself grpc.aio sends this with the first write, and again at the end if that write has failed, which
            # it then logs as an error of ours.
            await self._context.send_initial_metadata(())
            await self._read()
        except asyncio.CancelledError:
            if self._ending is None or self._reader is None:
                raise
            self._reader.uncancel()
        except DecodeError as error:
            self._ending = Ending(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        finally:
            self._reader = None
            self._hub.disconnected(self)
            if self._talk is not None:
                ending = self._ending
                self._talk.close(
                    f"{ending.code.name}: {ending.reason}" if ending else "the proxy left", time.monotonic()
                )
            await self._finish_writing()
        if self._ending is not None:
            self._ending.tell(self._context)

    async def _finish_writing(self) -> None:
        """Wait for the write that is under way: the stream's status can only follow it, and grpc.aio has no way to
        give it up. A proxy that does not read costs this one response until it does, or its connection ends.
        """
        self._outgoing.clear()
        self._snapshot = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._writer is not None:
            await asyncio.wait({self._writer})

    async def _read(self) -> None:
        read, receive, clock = self._context.read, self._core.receive, time.monotonic
        meant = self.service.type_url
        while True:
            request = await read()
            if request is grpc.aio.EOF:
                return
            if not self.node and (refusal := unreasonable(request.node)):
                self._ending = refusal
                return
            if meant and request.type_url != meant:
                if request.type_url:
                    self._ending = Ending(grpc.StatusCode.INVALID_ARGUMENT, f"{self.service.name} is for {meant} alone")
                    return
                request.type_url = meant
            now = clock()
            step = receive(request, now)
            talk = self._talk or self._begin(step.events, now)
            talk.received(request, step.events, now)
            for event in step.events:
                kind = type(event)
                if kind is Acked:
                    self.acks += 1
                    if self.nacks:
                        self._hub.answered()
                elif not self._note(event):
                    return
            if step.responses:
                self._send(step, now)
                if len(self._outgoing) > _BACKLOG:
                    await self._wait_for_room()
            else:
                self._arm()
            # Not kept while we wait for the next: many Envoys send their node, 61 KB, with every ACK.
            del request, step

    def _begin(self, events: tuple[Event, ...], now: float) -> Conversation:
        """Learn from the first request who the proxy is, if it says so."""
        variant, node_id, version = "delta" if self.delta else "sotw", "", ""
        if isinstance(events[0], Connected):
            self.proxy = proxy_of(events[0].node, self._hub.root_namespace)
            self.node = kept_of(events[0].node)
            node_id, version = self.proxy.id, self.proxy.envoy_version
        service = SHORT.get(self.service.type_url, self.service.type_url) or "ADS"
        self._talk = self._hub.xlog.open(node_id, self.peer, variant, version, now, service=service)
        return self._talk

    def _note(self, event: object) -> bool:
        """Take note of a rarer event; false if the stream is over."""
        if isinstance(event, Connected):
            try:
                self._hub.connected(self)
            except RuntimeError as error:
                self._ending = Ending(grpc.StatusCode.UNAVAILABLE, str(error))
                return False
        elif isinstance(event, Nacked):
            self.nacks += 1
            self._hub.metrics.rejects.add(_METRIC_TYPE.get(event.type_url, "other"))
            self._hub.answered()
            log.debug(
                "%s rejected %s (%s): %s",
                self.proxy.id,
                SHORT.get(event.type_url, event.type_url),
                ", ".join(event.names),
                event.message,
            )
        elif isinstance(event, Rejected):
            log.warning("%s (%s) broke the rules of the stream: %s", repr(self), self.peer, event.reason)
            self._ending = Ending(grpc.StatusCode[event.status], event.reason)
            return False
        elif isinstance(event, Ignored):
            if event.reason.startswith("stale nonce"):
                self._hub.metrics.expired_nonces.add(_METRIC_TYPE.get(event.type_url, "other"))
            log.debug("%s: ignored %s: %s", repr(self), event.type_url, event.reason)
        return True

    async def _wait_for_room(self) -> None:
        """Read no further while the proxy does not take what it asked for."""
        self._room = asyncio.Event()
        await self._room.wait()

    def _broken(self, error: Exception) -> None:
        """End a stream on which our own code failed: the proxy keeps what it has, and comes back to a fresh one."""
        log.error("%s: the stream is ended by a defect", repr(self), exc_info=error)
        self._hub.metrics.internal_errors.add()
        self.end(Ending(grpc.StatusCode.INTERNAL, "a defect in the control plane; see its log"))

    def _send(self, step: Step, now: float) -> None:
        """Have the responses of a step written, and the core woken when it wants to be."""
        if step.responses and self._talk is not None:
            why = REQUESTED if step.reason == REQUESTED.kind else Why(step.reason, self._why.objects)
            self._talk.sent(step.responses, why, now)
        self._outgoing += step.responses
        self._arm()
        if self._writer is None and self._outgoing:
            self._writer = self._loop.create_task(self._write())

    def _arm(self) -> None:
        """Have the core woken when it wants to be; nothing else is of use after that."""
        deadline = self._core.deadline
        if deadline is None or deadline == self._armed:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._armed = deadline
        self._timer = self._loop.call_later(max(deadline - time.monotonic(), 0.0), self._wake)

    def _wake(self) -> None:
        self._timer = self._armed = None
        try:
            now = time.monotonic()
            self._send(self._core.wake(now), now)
        except Exception as error:  # noqa: BLE001 - one stream's defect must not stop the others
            self._broken(error)

    def _take_snapshot(self) -> bool:
        """Turn the snapshot that waits into responses; false if it changes nothing for this proxy."""
        snapshot, self._snapshot = self._snapshot, None
        if snapshot is None:
            return False
        now = time.monotonic()
        responses = self._core.offer(snapshot, now, "push").responses
        self._arm()
        if not responses:
            return False
        if self._talk is not None:
            self._talk.sent(responses, self._why, now)
        self._outgoing += responses
        self._taken_since = self._since
        return True

    async def _write(self) -> None:
        write, outgoing, metrics, clock = self._context.write, self._outgoing, self._hub.metrics, time.monotonic
        done = clock()
        parent = self.service.type_url in RESENT_WITH_PARENT
        try:
            while True:
                while outgoing:
                    message = outgoing.popleft()
                    began = self._writing_since = clock()
                    await write(message.payload)
                    done = clock()
                    if parent:
                        self._hub.parents_sent(self, message)
                    metrics.push_time.observe(done - began, _METRIC_TYPE[message.type_url])
                if self._room is not None:
                    self._room.set()
                    self._room = None
                if self._taken_since:
                    metrics.convergence_time.observe(done - self._taken_since)
                    self._taken_since = 0.0
                if self._snapshot is None or not self._take_snapshot():
                    return
        except (grpc.aio.UsageError, grpc.aio.InternalError, asyncio.InvalidStateError) as error:
            # The proxy has gone while we wrote: grpc.aio ends the reading task, and with it the stream.
            log.debug("%s: writing stopped: %s", repr(self), error)
        except Exception as error:  # noqa: BLE001 - or the stream would go on without ever being sent anything again
            self._broken(error)
        finally:
            self._writing_since = math.inf
            self._writer = None
