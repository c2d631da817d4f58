"""A TCP relay between an Envoy and the server that can cut, freeze and say GOAWAY, and that reads along.

It knows just enough of HTTP/2 to find the responses in what the server sends: frames, and gRPC's messages in them.
https://httpwg.org/specs/rfc9113.html#FrameHeader, https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from envoy.service.discovery.v3.discovery_pb2 import DeltaDiscoveryResponse, DiscoveryResponse

if TYPE_CHECKING:
    from tests.envoy.harness.backend import Loop

_FRAME: Final = 9
_DATA: Final = 0
_PADDED: Final = 0x8
_GOAWAY: Final = b"\x00\x00\x08\x07\x00\x00\x00\x00\x00" + b"\x7f\xff\xff\xff" + b"\x00\x00\x00\x00"
"""Type 7, any stream may go on (the last that counts is 2**31-1), NO_ERROR: what a server's maximal age begins with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One response that went to Envoy whole."""

    connection: int
    """Which connection it went over, from 1."""
    type_url: str
    resources: tuple[tuple[str, str], ...]
    """Name and version of each. Of the state-of-the-world variant, which names none: just the response's version."""
    removed: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """The type's short name, such as `Cluster`."""
        return self.type_url.rpartition(".")[2]


class Relay:
    """Listens on `port`, and connects each who comes to `target` on 127.0.0.1. Runs on a Loop; call it from tests."""

    def __init__(self, loop: Loop, target: int, *, delta: bool) -> None:
        self._loop = loop
        self._target = target
        self._delta = delta
        self._open: set[_Connection] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._cut_after: int | None = None
        self.seen: list[Seen] = []
        """Every response, oldest first."""
        self.connections = 0
        self.pause = 0.0
        """Seconds to hold up the server's traffic after each response: a slow network, so that its order shows."""
        self._server = loop.run(asyncio.start_server(self._accept, "127.0.0.1", 0))
        self.port: int = self._server.sockets[0].getsockname()[1]

    @property
    def open(self) -> int:
        """How many connections are open now."""
        return len(self._open)

    def cut(self) -> None:
        """Reset every connection."""
        self._loop.run(self._cut())

    def cut_after(self, size: int) -> None:
        """Reset every connection once the server has sent `size` more bytes, the last of which still arrive."""
        self._loop.run(self._arm(size))

    def freeze(self) -> None:
        """Pass nothing on, in both directions and on new connections, without closing any."""
        self._loop.run(self._flow(on=False))

    def thaw(self) -> None:
        """Go on where `freeze` stopped; nothing is lost."""
        self._loop.run(self._flow(on=True))

    def goaway(self) -> None:
        """Tell every client that the server is about to go, as a server does with a connection that is too old."""
        self._loop.run(self._goaway())

    def close(self) -> None:
        """Stop listening, and reset every connection."""
        self._loop.run(self._stop())

    def cut_now(self) -> None:
        """See `cut`; for the Loop's own thread."""
        self._cut_after = None
        for connection in self._open:
            connection.abort()

    async def _cut(self) -> None:
        self.cut_now()

    async def _arm(self, size: int) -> None:
        self._cut_after = size

    async def _flow(self, *, on: bool) -> None:
        (self._flowing.set if on else self._flowing.clear)()

    async def _goaway(self) -> None:
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
            connection.abort()

    async def allowed(self, size: int) -> int | None:
        """Wait while frozen; then say how many of `size` bytes may pass before a cut, None for all without one."""
        await self._flowing.wait()
        if self._cut_after is None:
            return None
        self._cut_after -= size
        return None if self._cut_after > 0 else size + self._cut_after

    async def flowing(self) -> None:
        """Wait while frozen."""
        await self._flowing.wait()

    def note(self, connection: int, message: bytes) -> None:
        """Write a response down."""
        if self._delta:
            delta = DeltaDiscoveryResponse.FromString(message)
            found = tuple((one.name, one.version) for one in delta.resources)
            removed = tuple(delta.removed_resources)
            self.seen.append(Seen(connection=connection, type_url=delta.type_url, resources=found, removed=removed))
        else:
            whole = DiscoveryResponse.FromString(message)
            found = (("", whole.version_info),)
            self.seen.append(Seen(connection=connection, type_url=whole.type_url, resources=found))


class _Connection:
    def __init__(self, relay: Relay, number: int, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self._relay = relay
        self._number = number
        self._client = client
        self._server = server
        self._frames = bytearray()
        self._message = bytearray()
        self._waiting = b""

    def abort(self) -> None:
        for writer in (self._client, self._server):
            writer.transport.abort()

    def interject(self, frame: bytes) -> None:
        """Send a frame of our own to the client: now, or as soon as the server's own frame is over."""
        if self._frames:
            self._waiting = frame
        else:
            self._client.write(frame)

    async def run(self, client: asyncio.StreamReader, server: asyncio.StreamReader) -> None:
        """Pass on until either side ends."""
        tasks = [asyncio.create_task(self._up(client)), asyncio.create_task(self._down(server))]
        _, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _up(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 16):
                await self._relay.flowing()
                self._server.write(data)
                await self._server.drain()

    async def _down(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 16):
                allowed = await self._relay.allowed(len(data))
                if allowed is not None:
                    await self._pass(data[:allowed])
                    self._relay.cut_now()
                    return
                await self._pass(data)

    async def _pass(self, data: bytes) -> None:
        """Write what the server sent; between two of its frames there may be one of our own, or a pause."""
        written = 0
        for end, response in self._read(data):
            if self._waiting or (response and self._relay.pause):
                self._client.write(data[written:end] + self._waiting)
                self._waiting, written = b"", end
                await asyncio.sleep(self._relay.pause)
        self._client.write(data[written:])
        await self._client.drain()

    def _read(self, data: bytes) -> list[tuple[int, bool]]:
        """Take frames in, and return where in `data` each one ends, and whether a response ends there."""
        before = len(self._frames)
        self._frames += data
        start = 0
        ends: list[tuple[int, bool]] = []
        while len(self._frames) - start >= _FRAME:
            size = int.from_bytes(self._frames[start : start + 3])
            end = start + _FRAME + size
            if len(self._frames) < end:
                break
            kind, flags = self._frames[start + 3], self._frames[start + 4]
            if kind == _DATA:
                assert not flags & _PADDED, "gRPC pads no frame"
                self._messages(self._frames[start + _FRAME : end])
            start = end
            ends.append((end - before, kind == _DATA and not self._message))
        del self._frames[:start]
        return ends

    def _messages(self, data: bytearray) -> None:
        """Take the payload of a DATA frame in; there is one stream on a connection."""
        self._message += data
        while len(self._message) >= 5:
            end = 5 + int.from_bytes(self._message[1:5])
            if len(self._message) < end:
                return
            assert self._message[0] == 0, "not compressed"
            self._relay.note(self._number, bytes(self._message[5:end]))
            del self._message[:end]
