"""gRPC health and reflection, asked as their own clients ask."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import pytest
from google.protobuf import descriptor_pool
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from tests.transport.scripted import DEADLINE, serving, until
from xds_server.transport.services import ADS, SERVICES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.transport.scripted import Server

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN


@asynccontextmanager
async def stub(server: Server) -> AsyncIterator[Any]:
    async with grpc.aio.insecure_channel(server.target) as channel:
        yield HealthStub(channel)


async def status(health: Any, service: str) -> int:
    answer = await health.Check(health_pb2.HealthCheckRequest(service=service), timeout=DEADLINE)
    return int(answer.status)


@pytest.mark.parametrize("service", ["", *(s.name for s in SERVICES)])
async def test_health_follows_readiness(service: str) -> None:
    async with serving(ready=False) as server, stub(server) as health:
        before = await status(health, service)
        server.change("first")
        await until(lambda: server.push.ready)
        ready = await status(health, service)
        server.ads.drain()

        assert (before, ready, await status(health, service)) == (NOT_SERVING, SERVING, NOT_SERVING)


async def test_a_service_that_is_not_here_is_not_found() -> None:
    async with serving() as server, stub(server) as health:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await status(health, "no.such.Service")

        assert caught.value.code() is grpc.StatusCode.NOT_FOUND


async def test_who_watches_is_told_of_each_change_and_of_the_end() -> None:
    async with serving(ready=False) as server, stub(server) as health:
        watch = health.Watch(health_pb2.HealthCheckRequest(service=ADS.name), timeout=DEADLINE)
        unknown = health.Watch(health_pb2.HealthCheckRequest(service="?"), timeout=DEADLINE)
        told = [(await watch.read()).status]
        server.change("first")
        told.append((await watch.read()).status)
        server.ads.drain()
        told.append((await watch.read()).status)

        assert told == [NOT_SERVING, SERVING, NOT_SERVING]
        assert (await unknown.read()).status == UNKNOWN
        loop = asyncio.get_running_loop()
        began = loop.time()
        await server.ads.stop(5.0)
        assert loop.time() - began < 2.0  # it does not wait for those who watch
        assert await watch.code() is grpc.StatusCode.UNAVAILABLE


async def test_reflection_lists_the_services_and_describes_their_messages() -> None:
    async with serving() as server:
        listed, method = await asyncio.to_thread(_reflect, server.target)

    assert {*(s.name for s in SERVICES), "grpc.health.v1.Health"} < set(listed)
    assert {"envoy.service.status.v3.ClientStatusDiscoveryService", "grpc.reflection.v1alpha.ServerReflection"} < set(
        listed
    )
    assert method == "envoy.service.discovery.v3.DeltaDiscoveryRequest"


def _reflect(target: str) -> tuple[list[str], str]:
    with grpc.insecure_channel(target) as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        pool = descriptor_pool.DescriptorPool(database)
        listed = list(database.get_services())
        for name in listed:
            assert pool.FindServiceByName(name).full_name == name
        method = pool.FindServiceByName(ADS.name).FindMethodByName("DeltaAggregatedResources")
        return listed, method.input_type.full_name
