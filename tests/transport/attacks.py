"""What hostile and broken clients do to a server: `python -m tests.transport.attacks NAME HOST:PORT SEED TIMES`.

Each attack is bounded in count and in time, ends by itself, and speaks only to the address that it is given. They run
in a process of their own, so that what a well-behaved client measures meanwhile is the server's delay and not theirs.
"""

from __future__ import annotations

import asyncio
import random
import socket
import sys
import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any, Final

import grpc
import grpc.aio
import h2.config
import h2.connection
import h2.events
import h2.settings
from envoy.service.discovery.v3.discovery_pb2 import DeltaDiscoveryRequest, DiscoveryRequest

from translators.resources import CLUSTER, ENDPOINT, LISTENER, TYPES
from xds_server.transport.services import ADS, SERVICES

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

BIG: Final = "outbound|80||big.default.svc.cluster.local"
"""The cluster of the server under attack that has many endpoints."""

_PATIENCE: Final = 10.0
"""Seconds that an attacker waits for an answer."""


def channel(address: str) -> grpc.aio.Channel:
    """Return a channel with a connection of its own."""
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", -1)]
    return grpc.aio.insecure_channel(address, options=options)


def raw(connection: grpc.aio.Channel, method: str = ADS.delta, service: str = ADS.name) -> Any:
    """Open a stream on which bytes go out as they are."""
    return connection.stream_stream(f"/{service}/{method}")()


def hello(type_url: str, *names: str, node: str = "hostile", **fields: Any) -> DeltaDiscoveryRequest:
    request = DeltaDiscoveryRequest(type_url=type_url, resource_names_subscribe=names, **fields)
    request.node.id = node
    request.node.metadata.update({"LABELS": {"istio": "ingressgateway"}})
    return request


async def ended(call: Any) -> grpc.StatusCode:
    """Read until the call ends, and return how."""
    async with asyncio.timeout(_PATIENCE):
        with suppress(grpc.aio.AioRpcError):
            while await call.read() is not grpc.aio.EOF:
                pass
        code: grpc.StatusCode = await call.code()
        return code


async def expect(call: Any, code: grpc.StatusCode, *payloads: bytes) -> None:
    """Send payloads, and demand that the call ends with a status."""
    with suppress(grpc.aio.AioRpcError):  # it may end while we are still sending
        for payload in payloads:
            await call.write(payload)
    got = await ended(call)
    assert got is code, f"{got} {await call.details()}"


async def garbage(address: str, chance: random.Random, times: int) -> None:
    """Bytes that are no message, or one of nonsense, to every service and method."""
    valid = {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.UNKNOWN}
    async with channel(address) as connection:
        for _ in range(times):
            for service in SERVICES:
                for method in (service.sotw, service.delta):
                    call = raw(connection, method, service.name)
                    await expect(call, grpc.StatusCode.INVALID_ARGUMENT, b"\xff" * 10)
                    call = raw(connection, method, service.name)
                    with suppress(grpc.aio.AioRpcError):
                        await call.write(chance.randbytes(chance.randrange(1, 200)))
                        await call.done_writing()
                    got = await ended(call)
                    assert got in valid, got


async def types(address: str, chance: random.Random, times: int) -> None:
    """Types that nobody serves, and some whose names are as long as a message may be."""
    async with channel(address) as connection:
        call = raw(connection)
        await call.write(hello(CLUSTER).SerializeToString())
        for number in range(200 * times):
            name = f"type.googleapis.com/no.such.Type{number}" + "x" * (1 << 20 if number % 50 == 0 else 0)
            request = DeltaDiscoveryRequest(type_url=name, response_nonce=str(chance.random()))
            request.error_detail.message = "x" * chance.randrange(10_000)
            await call.write(request.SerializeToString())
        await call.write(DeltaDiscoveryRequest(type_url=ENDPOINT, resource_names_subscribe=["?"]).SerializeToString())
        async with asyncio.timeout(_PATIENCE):
            await call.read()  # the clusters, then the answer: the stream has lived through it
            await call.read()
        call.cancel()


async def names(address: str, _chance: random.Random, times: int) -> None:
    """A name of a megabyte."""
    async with channel(address) as connection:
        for _ in range(times):
            for type_url in TYPES:
                request = hello(type_url, "x" * (1 << 20))
                await expect(raw(connection), grpc.StatusCode.INVALID_ARGUMENT, request.SerializeToString())
                whole = DiscoveryRequest(type_url=type_url, resource_names=["x" * (1 << 20)], node=request.node)
                call = raw(connection, ADS.sotw)
                await expect(call, grpc.StatusCode.INVALID_ARGUMENT, whole.SerializeToString())


async def subscriptions(address: str, chance: random.Random, times: int) -> None:
    """As many subscriptions as are allowed, none of which exists, and then one more; and the same as kept versions."""
    async with channel(address) as connection:
        for _ in range(times):
            many = [f"outbound|80||{chance.random()}.svc.cluster.local" for _ in range(100_000)]
            call = raw(connection)
            await call.write(hello(ENDPOINT, *many).SerializeToString())
            async with asyncio.timeout(_PATIENCE):
                await call.read()
            await expect(
                call,
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                DeltaDiscoveryRequest(type_url=ENDPOINT, resource_names_subscribe=["more"]).SerializeToString(),
            )
            call = raw(connection)
            kept = hello(LISTENER, initial_resource_versions=dict.fromkeys(many, "v"))
            await call.write(kept.SerializeToString())
            async with asyncio.timeout(_PATIENCE):
                await call.read()
            call.cancel()


async def metadata(address: str, chance: random.Random, times: int) -> None:
    """A node whose metadata is big, too big, and a message that is bigger than any may be."""
    async with channel(address) as connection:
        for _ in range(times):
            big = hello(CLUSTER)
            big.node.metadata.update({str(chance.random()): {"x": [1, "y" * 500]} for _ in range(1000)})
            call = raw(connection)
            await call.write(big.SerializeToString())
            async with asyncio.timeout(_PATIENCE):
                await call.read()
            call.cancel()
            big.node.metadata["more"] = "x" * (10 << 20)
            await expect(raw(connection), grpc.StatusCode.INVALID_ARGUMENT, big.SerializeToString())
            big.node.metadata["more"] = "x" * (20 << 20)
            await expect(raw(connection), grpc.StatusCode.RESOURCE_EXHAUSTED, big.SerializeToString())


async def again(address: str, _chance: random.Random, times: int) -> None:
    """Asks for the biggest resource over and over, and never reads."""
    async with channel(address) as connection:
        call = raw(connection)
        with suppress(grpc.aio.AioRpcError):
            await call.write(hello(ENDPOINT, BIG).SerializeToString())
            request = DeltaDiscoveryRequest(type_url=ENDPOINT, resource_names_subscribe=[BIG]).SerializeToString()
            with suppress(TimeoutError):
                async with asyncio.timeout(2.0 * times):
                    while True:
                        await call.write(request)
        call.cancel()


async def churn(address: str, chance: random.Random, times: int) -> None:
    """1,000 streams that are opened and dropped, at every stage of their lives."""
    for _ in range(times):
        for _ in range(10):
            async with channel(address) as connection:
                calls = [raw(connection, chance.choice([ADS.delta, ADS.sotw])) for _ in range(100)]
                for call in calls:
                    stage = chance.randrange(4)
                    with suppress(grpc.aio.AioRpcError):
                        if stage:
                            await call.write(hello(CLUSTER, node=f"hostile-{chance.random()}").SerializeToString())
                        if stage > 1:
                            async with asyncio.timeout(_PATIENCE):
                                await call.read()
                    if stage > 2:
                        call.cancel()


class Wire:
    """One stream over HTTP/2 as h2 speaks it, where the client decides what the server may send."""

    def __init__(self, address: str, window: int) -> None:
        host, _, port = address.rpartition(":")
        self.socket = socket.create_connection((host, int(port)), timeout=_PATIENCE)
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
        own = {h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: window}
        self.h2.local_settings = h2.settings.Settings(client=True, initial_values=own)
        self.h2.initiate_connection()
        self.received = 0
        self.over = False
        path = f"/{ADS.name}/{ADS.delta}"
        pseudo = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", address)]
        self.h2.send_headers(1, [*pseudo, ("content-type", "application/grpc"), ("te", "trailers")])
        payload = hello(ENDPOINT, BIG).SerializeToString()
        self.h2.send_data(1, b"\0" + len(payload).to_bytes(4) + payload)
        self.flush()

    def flush(self) -> None:
        self.socket.sendall(self.h2.data_to_send())

    def turn(self, allowed: int) -> None:
        """Take in what has come (pings are answered), and allow that many bytes more for each that came."""
        self.socket.settimeout(0.05)
        try:
            data = self.socket.recv(1 << 16)
        except TimeoutError:
            return
        self.over |= not data
        for event in self.h2.receive_data(data):
            if isinstance(event, h2.events.DataReceived):
                self.received += len(event.data)
                if allowed and not self.over:
                    self.h2.increment_flow_control_window(allowed, 1)
            self.over |= isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset))
        self.flush()


async def deaf(address: str, _chance: random.Random, times: int) -> None:
    """Clients that let nothing be sent to them, but answer pings: they stay until they are cut off."""
    _wires(address, count=10 * times, window=0, allowed=0, seconds=4.0)


async def drip(address: str, _chance: random.Random, times: int) -> None:
    """Clients that read a byte at a time."""
    _wires(address, count=5 * times, window=1, allowed=1, seconds=4.0)


def _wires(address: str, *, count: int, window: int, allowed: int, seconds: float) -> None:
    with ExitStack() as stack:
        wires = [Wire(address, window) for _ in range(count)]
        for wire in wires:
            stack.enter_context(wire.socket)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for wire in wires:
                if not wire.over:
                    wire.turn(allowed)


async def mute(address: str, chance: random.Random, times: int) -> None:
    """Connections that say nothing, nonsense, or only that they speak HTTP/2."""
    host, _, port = address.rpartition(":")
    with ExitStack() as stack:
        for number in range(100 * times):
            connection = stack.enter_context(socket.create_connection((host, int(port)), timeout=_PATIENCE))
            with suppress(OSError):
                connection.sendall((b"", chance.randbytes(100), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")[number % 3])
        await asyncio.sleep(1.0)


async def stay(address: str, _chance: random.Random, times: int) -> None:
    """Streams that stay, for a test that stops this process: half-open connections. Says so when they are there."""
    channels = [channel(address) for _ in range(10 * times)]
    for connection in channels:
        call = raw(connection)
        await call.write(hello(CLUSTER).SerializeToString())
        await call.read()
        KEPT.append(call)
    print("there", flush=True)  # noqa: T201 - to the test
    await asyncio.sleep(120.0)


KEPT: Final[list[object]] = []

ATTACKS: Final[dict[str, Callable[[str, random.Random, int], Coroutine[None, None, None]]]] = {
    attack.__name__: attack
    for attack in (garbage, types, names, subscriptions, metadata, again, churn, deaf, drip, mute, stay)
}

if __name__ == "__main__":
    name, target, seed, count = sys.argv[1:]
    asyncio.run(ATTACKS[name](target, random.Random(int(seed)), int(count)))  # noqa: S311
