"""The xlog of real streams: who said what, in which order, and why."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.protocol.client import NODE, resource
from tests.transport.settable import Client, Server, serving, until
from translators.resources import CLUSTER, ENDPOINT, LISTENER, ROUTE
from xds_server.protocol.passage import CLUSTER_PATIENCE
from xds_server.protocol.xlog_json import as_json
from xds_server.protocol.xlog_records import Response

if TYPE_CHECKING:
    from xds_server.protocol import Conversation

METHODS = {
    "sotw": "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources",
    "delta": "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources",
}
VARIANTS = pytest.mark.parametrize("variant", METHODS)


def _client(server: Server, variant: str) -> Client:
    return Client(server, METHODS[variant], delta=variant == "delta")


def _events(talk: Conversation) -> list[str]:
    told = [as_json(talk, record, 0.0) for record in talk.records]
    return [" ".join(filter(None, (str(r["event"]), str(r.get("type", "")), str(r.get("why", ""))))) for r in told]


@VARIANTS
async def test_a_stream_from_its_begin_to_its_end(variant: str) -> None:
    began = time.time()
    async with serving(resource(CLUSTER, "a")) as server:
        async with _client(server, variant) as client:
            await client.want(CLUSTER)
            await client.read()
            await server.put(resource(CLUSTER, "a", "2"))
            await client.read(ack=False)
            await client.nack(CLUSTER, "a: no")
            (talk,) = server.conversations()
            await until(lambda: "quarantined CDS" in _events(talk))
        await until(lambda: talk.closed_at is not None)

    assert (talk.proxy, talk.variant, talk.peer.split(":")[0]) == (NODE.id, variant, "ipv4")
    assert _events(talk) == [
        "opened",
        "request CDS",
        "response CDS request",
        "ack CDS",
        "response CDS settings",
        "nack CDS",
        "quarantined CDS",
        "closed",
    ]
    assert list(talk.fates().values()) == ["acked", "nacked"]
    assert began - 1.0 < server.ads.xlog.epoch + talk.records[0].at < time.time() + 1.0
    assert as_json(talk, talk.records[-1], 0.0)["reason"] == "the proxy left"


@VARIANTS
async def test_who_is_turned_away_leaves_a_trace(variant: str) -> None:
    async with serving() as server, _client(server, variant) as client:
        await client.call.write(client.request(type_url=CLUSTER))
        await client.call.code()
        await until(lambda: bool(server.conversations()) and server.conversations()[0].closed_at is not None)
        (talk,) = server.conversations()

    assert talk.proxy == ""
    assert as_json(talk, talk.records[-1], 0.0)["reason"] == (
        "INVALID_ARGUMENT: there is no node in the stream's first message"
    )


async def test_a_stop_is_told_as_the_end() -> None:
    async with serving(resource(CLUSTER, "a")) as server, _client(server, "delta") as client:
        await client.want(CLUSTER)
        await client.read(ack=False)
        (talk,) = server.conversations()
        await server.ads.stop(1.0)

    assert as_json(talk, talk.records[-1], 0.0)["reason"] == "UNAVAILABLE: shutting down"
    assert list(talk.fates().values()) == ["ended"]


@VARIANTS
@pytest.mark.parametrize("accepts", [True, False])
async def test_routes_that_waited_for_their_cluster(variant: str, accepts: bool) -> None:
    old = [resource(CLUSTER, "a"), resource(ENDPOINT, "a"), resource(LISTENER, "l"), resource(ROUTE, "r", clusters="a")]
    async with serving(*old) as server, _client(server, variant) as client:
        await client.want(CLUSTER)
        await client.read()
        await client.want(ROUTE, "r")
        await client.read()
        await server.put(resource(CLUSTER, "b"), resource(ROUTE, "r", "2", clusters="b"))
        assert (await client.read(ack=accepts)).type == "CDS"
        assert (await client.read()).type == "RDS"
        (talk,) = server.conversations()
        *_, clusters, routes = (record for record in talk.records if isinstance(record, Response))

    assert (clusters.why.kind, routes.why.kind) == ("settings", "waited")
    assert (routes.at - clusters.at < CLUSTER_PATIENCE) == accepts
