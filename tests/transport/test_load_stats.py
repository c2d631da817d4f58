"""LRS: a client that reports its load is answered once, and stays."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import grpc.aio
from envoy.service.load_stats.v3 import lrs_pb2

from tests.transport.scripted import DEADLINE, serving, until
from xds_server.transport import load_stats


def reports(channel: grpc.aio.Channel) -> Any:
    return channel.stream_stream(
        f"/{load_stats.SERVICE}/StreamLoadStats",
        request_serializer=lrs_pb2.LoadStatsRequest.SerializeToString,
        response_deserializer=lrs_pb2.LoadStatsResponse.FromString,
    )()


async def test_reports_are_asked_for_once_and_counted() -> None:
    async with serving() as server, grpc.aio.insecure_channel(server.target) as channel:
        call = reports(channel)
        request = lrs_pb2.LoadStatsRequest()
        request.node.id = "somebody"
        await call.write(request)
        async with asyncio.timeout(DEADLINE):
            response = await call.read()
        report = lrs_pb2.LoadStatsRequest()
        for name in ("one", "two"):
            report.cluster_stats.add(cluster_name=name)
        for _ in range(3):
            await call.write(report)
        await until(lambda: server.metrics.load_reports.get() == 6)

        assert response.send_all_clusters
        assert response.load_reporting_interval.ToTimedelta() == load_stats.INTERVAL
        assert not call.done()
        await server.ads.stop(1.0)
        assert await call.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_client_that_leaves_is_forgotten() -> None:
    async with serving() as server, grpc.aio.insecure_channel(server.target) as channel:
        calls = [reports(channel) for _ in range(3)]
        for call in calls:
            await call.write(lrs_pb2.LoadStatsRequest())
        await until(lambda: len(server.ads._calls) == 3)
        calls[0].cancel()
        await calls[1].done_writing()
        await until(lambda: len(server.ads._calls) == 1)
        async with asyncio.timeout(DEADLINE):
            await calls[1].read()  # the status comes after what was sent
            assert await calls[1].code() is grpc.StatusCode.OK
        calls[2].cancel()
        await until(lambda: len(server.ads._calls) == 0)
