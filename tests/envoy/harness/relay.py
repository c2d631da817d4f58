"""A TCP relay between an Envoy and the server that can cut, freeze, slow down and say GOAWAY, and that reads along.

It knows just enough of HTTP/2 to find gRPC's messages: frames, and the messages in those of type DATA.
https://httpwg.org/specs/rfc9113.html#FrameHeader, https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from envoy.service.discovery.v3.discovery_pb2 import (
    DeltaDiscoveryRequest,
    DeltaDiscoveryResponse,
    DiscoveryRequest,
    DiscoveryResponse,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.envoy.harness.backend import Loop

_PREFACE: Final = 24
"""Bytes that a client sends before its first frame."""
_HEADER: Final = 9
_DATA: Final = 0
_PADDED: Final = 0x8
_GOAWAY: Final = b"\x00\x00\x08\x07\x00\x00\x00\x00\x00" + b"\x7f\xff\xff\xff" + b"\x00\x00\x00\x00"
"""Type 7, any stream may go on (the last that counts is 2**31-1), NO_ERROR: what a server's maximal age begins with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One message that was passed on whole."""

    at: float
    """When, in monotonic seconds."""
    connection: int
    """Which connection it went over, from 1."""
    kind: str
    """The type URL's last word, such as `Cluster`."""
    response: bool
    nonce: str
    """A response's own; of a request, the one that it answers, or none."""
    resources: tuple[tuple[str, str], ...] = ()
    """Of a response: name and version of each. The state-of-the-world variant tells just the whole's version."""
    removed: tuple[str, ...] = ()


class Relay:
    """Listens on `port`, and connects each who comes to `target` on 127.0.0.1. Runs on a Loop; call it from tests."""

    def __init__(self, loop: Loop, target: int, *, delta: bool) -> None:
        self._loop = loop
        self._target = target
        self._delta = delta
        self._open: set[_Connection] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._cut_size: int | None = None
        self._cut_kind = ""
        self.pause = 0.0
        self.seen: list[Seen] = []
        """Every message, oldest first."""
        self.connections = 0
        """How many there have been."""
        self.torn = 0
        """How many of them ended in the middle of a response."""
        self._server = loop.run(asyncio.start_server(self._accept, "127.0.0.1", 0))
        self.port: int = self._server.sockets[0].getsockname()[1]

    def responses(self, since: int = 0) -> list[Seen]:
        """Return the responses among `seen`, from a place in it."""
        return [one for one in self.seen[since:] if one.response]

    def tail(self, count: int = 60) -> str:
        """Return the last messages, a line each, for whoever reads of a failure."""
        return "".join(
            f"\n  {one.at:.3f} #{one.connection} {'<' if one.response else '>'} {one.kind} {one.nonce}"
            f" {' '.join(name for name, _ in one.resources)} {'gone: ' if one.removed else ''}{' '.join(one.removed)}"
            for one in self.seen[-count:]
        )

    def cut(self) -> None:
        """Reset every connection."""
        self._loop.run(self._call(self.cut_now))

    def cut_after_bytes(self, size: int) -> None:
        """Reset every connection once the server has sent `size` more bytes, the last of which still arrive."""
        self._cut_size = size

    def cut_after_response(self, kind: str) -> None:
        """Reset every connection once the server has sent a response of a kind; it still arrives, and nothing more."""
        self._cut_kind = kind

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Pass nothing on, in both directions and on new connections, without closing any; nothing is lost."""
        self._loop.run(self._call(self._flowing.clear))
        try:
            yield
        finally:
            self._loop.run(self._call(self._flowing.set))

    @contextlib.contextmanager
    def slow(self, seconds: float) -> Iterator[None]:
        """Hold up the server's traffic for a time after each response: a slow network, so that its order shows."""
        self.pause = seconds
        try:
            yield
        finally:
            self.pause = 0.0

    def goaway(self) -> None:
        """Tell every client that the server is about to go, as a server does with a connection that is too old."""
        self._loop.run(self._call(self._goaway))

    def close(self) -> None:
        """Stop listening, and reset every connection."""
        self._loop.run(self._stop())

    @staticmethod
    async def _call(function: Callable[[], object]) -> None:
        function()

    def _goaway(self) -> None:
        for connection in self._open:
            connection.interject(_GOAWAY)

    async def _stop(self) -> None:
        self._server.close()
        self._flowing.set()
        self.cut_now()
        while self._open:  # noqa: ASYNC110 - two lines are simpler than an Event
            await asyncio.sleep(0.001)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        connection = _Connection(self, self.connections, writer, up_writer)
        self._open.add(connection)
        try:
            await connection.run(reader, up_reader)
        finally:
            self._open.discard(connection)
            self.torn += connection.torn
            connection.abort()

    # What follows is for the connections, on the Loop's own thread.

    def cut_now(self) -> None:
        """See `cut`."""
        self._cut_size, self._cut_kind = None, ""
        for connection in self._open:
            connection.abort()

    async def flowing(self) -> None:
        """Wait while frozen."""
        await self._flowing.wait()

    def allowed(self, size: int) -> int:
        """Say how many of `size` bytes from the server may pass before a cut."""
        if self._cut_size is None:
            return size
        self._cut_size -= size
        return size + min(self._cut_size, 0)

    @property
    def cut_is_due(self) -> bool:
        """Whether what was sent last is the last that should arrive."""
        due = self._cut_size is not None and self._cut_size <= 0
        return due or (bool(self._cut_kind) and self.seen[-1].response and self.seen[-1].kind == self._cut_kind)

    def note(self, connection: int, message: bytes, *, response: bool) -> None:
        """Write a message down."""
        found: tuple[tuple[str, str], ...] = ()
        removed: tuple[str, ...] = ()
        parsed: DeltaDiscoveryRequest | DiscoveryRequest | DeltaDiscoveryResponse | DiscoveryResponse
        if not response:
            parsed = (DeltaDiscoveryRequest if self._delta else DiscoveryRequest).FromString(message)
            nonce = parsed.response_nonce
        elif self._delta:
            parsed = DeltaDiscoveryResponse.FromString(message)
            nonce, removed = parsed.nonce, tuple(parsed.removed_resources)
            found = tuple((one.name, one.version) for one in parsed.resources)
        else:
            parsed = DiscoveryResponse.FromString(message)
            nonce, found = parsed.nonce, (("", parsed.version_info),)
        kind = parsed.type_url.rpartition(".")[2]
        self.seen.append(
            Seen(
                at=time.monotonic(),
                connection=connection,
                kind=kind,
                response=response,
                nonce=nonce,
                resources=found,
                removed=removed,
            )
        )


class _Messages:
    """Finds gRPC's messages in one direction of a connection; there is one stream on it at a time."""

    def __init__(self, skip: int = 0) -> None:
        self._skip = skip
        self._frames = bytearray()
        self._message = bytearray()

    @property
    def between_frames(self) -> bool:
        return not self._frames

    @property
    def inside_message(self) -> bool:
        return bool(self._message) or (len(self._frames) > _HEADER and self._frames[3] == _DATA)

    def feed(self, data: bytes) -> list[tuple[int, list[bytes]]]:
        """Take bytes in; return where in `data` each frame ends, with the messages that end there."""
        skipped, self._skip = min(self._skip, len(data)), max(self._skip - len(data), 0)
        before = len(self._frames) - skipped
        self._frames += data[skipped:]
        start = 0
        ends: list[tuple[int, list[bytes]]] = []
        while len(self._frames) - start >= _HEADER:
            end = start + _HEADER + int.from_bytes(self._frames[start : start + 3])
            if len(self._frames) < end:
                break
            found: list[bytes] = []
            if self._frames[start + 3] == _DATA:
                assert not self._frames[start + 4] & _PADDED, "gRPC pads no frame"
                self._message += self._frames[start + _HEADER : end]
                found = list(self._whole())
            start = end
            ends.append((end - before, found))
        del self._frames[:start]
        return ends

    def _whole(self) -> Iterator[bytes]:
        while len(self._message) >= 5:
            end = 5 + int.from_bytes(self._message[1:5])
            if len(self._message) < end:
                return
            assert self._message[0] == 0, "not compressed"
            yield bytes(self._message[5:end])
            del self._message[:end]


class _Connection:
    def __init__(self, relay: Relay, number: int, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self._relay = relay
        self._number = number
        self._client = client
        self._server = server
        self._requests = _Messages(skip=_PREFACE)
        self._responses = _Messages()
        self._waiting = b""

    @property
    def torn(self) -> bool:
        """Whether the client has a part of a response."""
        return self._responses.inside_message

    def abort(self) -> None:
        for writer in (self._client, self._server):
            writer.transport.abort()

    def interject(self, frame: bytes) -> None:
        """Send a frame of our own to the client: now, or as soon as the server's own frame is over."""
        if self._responses.between_frames:
            self._client.write(frame)
        else:
            self._waiting = frame

    async def run(self, client: asyncio.StreamReader, server: asyncio.StreamReader) -> None:
        """Pass on until either side ends."""
        tasks = [asyncio.create_task(self._up(client)), asyncio.create_task(self._down(server))]
        _, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, AssertionError):
                raise result

    async def _up(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 16):
                await self._relay.flowing()
                for _, found in self._requests.feed(data):
                    for message in found:
                        self._relay.note(self._number, message, response=False)
                self._server.write(data)
                await self._server.drain()

    async def _down(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 16):
                await self._relay.flowing()
                await self._pass(data[: self._relay.allowed(len(data))])
                if self._relay.cut_is_due:
                    self._relay.cut_now()
                    return

    async def _pass(self, data: bytes) -> None:
        """Write what the server sent; between two of its frames there may be one of our own, a pause, or the end."""
        written = 0
        for end, found in self._responses.feed(data):
            for message in found:
                self._relay.note(self._number, message, response=True)
            if self._waiting or (found and (self._relay.pause or self._relay.cut_is_due)):
                self._client.write(data[written:end] + self._waiting)
                self._waiting, written = b"", end
                if found and self._relay.cut_is_due:
                    return
                await asyncio.sleep(self._relay.pause)
        self._client.write(data[written:])
        await self._client.drain()
