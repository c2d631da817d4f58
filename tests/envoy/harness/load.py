"""Requests at a constant rate, and backends that cost next to nothing: thousands a second on a part of a core.

Neither side uses an HTTP library. Both speak just the HTTP/1.1 that Envoy speaks to them: GET without a body one way,
Content-Length the other.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from typing import TYPE_CHECKING, Final, Self

from tests.envoy.harness.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.envoy.harness.backend import Loop

_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length: "
_SAMPLES: Final = 50


class Responder:
    """A backend that answers every request at once, and says which it is in `x-version` and `x-instance`."""

    def __init__(self, loop: Loop, version: str, instance: str) -> None:
        self.version = version
        self.instance = instance
        self.count = 0
        head = f"HTTP/1.1 200 OK\r\ncontent-length: 3\r\nx-version: {version}\r\nx-instance: {instance}\r\n\r\nok\n"
        self._answer = head.encode()
        self._loop = loop
        self._open: set[_Answering] = set()
        self._server = loop.run(self._start())
        self.port: int = self._server.sockets[0].getsockname()[1]

    async def _start(self) -> asyncio.Server:
        return await asyncio.get_running_loop().create_server(lambda: _Answering(self, self._open), "127.0.0.1", 0)

    def answer(self) -> bytes:
        self.count += 1
        return self._answer

    def stop(self) -> None:
        self._loop.run(self._stop())

    async def _stop(self) -> None:
        self._server.close()
        for connection in self._open:
            connection.abort()


class _Answering(asyncio.Protocol):
    def __init__(self, responder: Responder, others: set[_Answering]) -> None:
        self._responder = responder
        self._others = others
        self._buffer = b""
        self._transport: asyncio.Transport

    def abort(self) -> None:
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._others.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._others.discard(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while _END in self._buffer:
            _, _, self._buffer = self._buffer.partition(_END)
            self._transport.write(self._responder.answer())


class Load:
    """Sends `rate` requests a second while it is entered, to each of `paths` in turn, over keep-alive connections.

    The rate does not depend on the answers: while all connections wait, more are opened (up to `connections`), and
    what is late is sent as soon as it can be. A connection that has rested longest is taken first, so none gets old.
    """

    def __init__(
        self,
        loop: Loop,
        port: int,
        *,
        rate: float,
        paths: Sequence[str] = ("/",),
        host: str = "shop.example",
        connections: int = 64,
        address: str = "127.0.0.1",
    ) -> None:
        """`address` is where to connect to."""
        self._address = address
        self._loop = loop
        self._port = port
        self._rate = rate
        self._requests = [f"GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n".encode() for path in paths]
        self._limit = connections
        self._opened = 0
        self._waiting = 0
        self._idle: deque[_Asking] = deque()
        self._task: asyncio.Task[None] | None = None
        self.statuses: Counter[int] = Counter()
        """How often each status was answered; 0 is a connection that ended, or was refused, without an answer."""
        self.versions: Counter[str] = Counter()
        """How often each `x-version` answered."""
        self.slowest = 0.0
        """Seconds that the slowest answer took."""
        self.lost: list[str] = []
        """The first requests that were not answered with 2xx: when, and what they were answered."""
        self._began = 0.0

    @property
    def requests(self) -> int:
        """Requests that are over."""
        return self.statuses.total()

    @property
    def failed(self) -> int:
        """Requests that were answered with anything but 2xx, or not at all."""
        return sum(count for status, count in self.statuses.items() if status // 100 != 2)

    def __enter__(self) -> Self:
        self._loop.run(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        """Send no more, and wait for what is on its way."""
        self._loop.run(self._stop())

    def wait_for(self, requests: int) -> None:
        """Return once so many requests are over in all; AssertionError if it takes three times as long as it should."""
        deadline = 5 + 3 * (requests - self.requests) / self._rate
        eventually(lambda: self.requests >= requests, deadline, f"{requests} requests at {self._rate} a second")

    async def _start(self) -> None:
        self._began = time.monotonic()
        self._task = asyncio.create_task(self._run())

    async def _stop(self) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.wait({self._task})
        for _ in range(500):
            if not self._waiting:
                break
            await asyncio.sleep(0.01)
        while self._waiting:
            self.done(0, "", "never answered", 0.0)
        for connection in self._idle:
            connection.close()

    async def _run(self) -> None:
        number = 0
        while True:
            due = int((time.monotonic() - self._began) * self._rate)
            while number < due:
                connection = await self._connection()
                self._waiting += 1
                connection.ask(self._requests[number % len(self._requests)])
                number += 1
            await asyncio.sleep(max(0.001, self._began + (number + 1) / self._rate - time.monotonic()))

    async def _connection(self) -> _Asking:
        while True:
            if self._idle:
                return self._idle.popleft()
            if self._opened < self._limit:
                self._opened += 1
                try:
                    _, connection = await asyncio.get_running_loop().create_connection(
                        lambda: _Asking(self), self._address, self._port
                    )
                except OSError as error:
                    self._opened -= 1
                    self._waiting += 1
                    self.done(0, "", repr(error), 0.0)
                    await asyncio.sleep(0.01)
                    continue
                return connection
            await asyncio.sleep(0.001)

    def done(self, status: int, version: str, said: str, seconds: float) -> None:
        """Count one answer."""
        self._waiting -= 1
        self.statuses[status] += 1
        self.versions[version] += 1
        self.slowest = max(self.slowest, seconds)
        if status // 100 != 2 and len(self.lost) < _SAMPLES:
            self.lost.append(f"{time.monotonic() - self._began:.3f} s: {status} {said}")

    def rest(self, connection: _Asking) -> None:
        self._idle.append(connection)

    def gone(self, connection: _Asking) -> None:
        self._opened -= 1
        if connection in self._idle:
            self._idle.remove(connection)


class _Asking(asyncio.Protocol):
    def __init__(self, load: Load) -> None:
        self._load = load
        self._buffer = b""
        self._since: float | None = None
        self._transport: asyncio.Transport

    def ask(self, request: bytes) -> None:
        self._since = time.monotonic()
        self._transport.write(request)

    def close(self) -> None:
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._load.gone(self)
        if self._since is not None:
            self._load.done(0, "", f"the connection ended: {exc!r} {self._buffer[:80]!r}", 0.0)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(_END)
        if not found or self._since is None:
            return
        size = int(_value(head, _LENGTH) or 0)
        if len(body) < size:
            return
        self._buffer = b""
        took, self._since = time.monotonic() - self._since, None
        status = int(head[9:12])
        self._load.done(status, _value(head, b"x-version: "), f"{head!r} {body[:200]!r}" if status != 200 else "", took)
        if b"\r\nconnection: close" in head:
            self._transport.close()
        else:
            self._load.rest(self)


def _value(head: bytes, name: bytes) -> str:
    """Return a header's value; Envoy writes names in lower case."""
    _, found, rest = head.partition(b"\r\n" + name)
    return rest.partition(b"\r\n")[0].decode() if found else ""
