"""The services of single types, beside ADS on the same port."""

from __future__ import annotations

from typing import Any

import grpc
import grpc.aio
import pytest
from envoy.service.discovery.v3 import discovery_pb2
from google.protobuf import descriptor_pool

from tests.transport.scripted import VARIANTS, Client, OneOfEach, serving, until
from translators.resources import CLUSTER, ENDPOINT, ROUTE, SHORT, TYPES
from xds_server.transport.services import SERVICES, DiscoveryService

SINGLE = pytest.mark.parametrize("service", SERVICES[1:], ids=[s.short for s in SERVICES[1:]])


def test_the_table_is_what_the_api_says() -> None:
    for service in SERVICES:
        methods = descriptor_pool.Default().FindServiceByName(service.name).methods_by_name
        assert methods[service.sotw].input_type is discovery_pb2.DiscoveryRequest.DESCRIPTOR
        assert methods[service.sotw].output_type is discovery_pb2.DiscoveryResponse.DESCRIPTOR
        assert methods[service.delta].input_type is discovery_pb2.DeltaDiscoveryRequest.DESCRIPTOR
        assert methods[service.delta].output_type is discovery_pb2.DeltaDiscoveryResponse.DESCRIPTOR
        others = set(methods) - {service.sotw, service.delta}
        assert all(name.startswith("Fetch") for name in others)
    assert {s.type_url for s in SERVICES} == {"", *TYPES}
    assert set(SHORT) == set(TYPES)


@VARIANTS
@SINGLE
async def test_a_request_may_leave_out_the_type(variant: str, service: DiscoveryService) -> None:
    async with serving(translator=OneOfEach()) as server, Client(server, variant, service=service) as client:
        names = "resource_names_subscribe" if client.delta else "resource_names"
        request = client.request(**{names: ["one"]})
        request.node.id = "somebody"
        await client.call.write(request)
        response = await client.read()
        await client.call.write(client.request(response_nonce=response.nonce))
        (stream,) = server.ads.streams
        await until(lambda: stream.acks == 1)

        assert response.type_url == service.type_url
        assert len(response.resources) == 1
        assert list(stream.status()) == [service.type_url]


@VARIANTS
async def test_a_request_may_state_the_type(variant: str) -> None:
    async with serving() as server, Client(server, variant, service=SERVICES[1]) as client:
        await client.subscribe(CLUSTER)
        assert await client.domain() == "first"
        server.change("second")
        assert await client.domain() == "second"


@VARIANTS
@SINGLE
async def test_another_type_is_refused(variant: str, service: DiscoveryService) -> None:
    async with serving() as server, Client(server, variant, service=service) as client:
        other = ENDPOINT if service.type_url == CLUSTER else CLUSTER
        await client.subscribe(other)

        assert await client.ended() is grpc.StatusCode.INVALID_ARGUMENT
        assert not server.ads.streams


@VARIANTS
async def test_endpoints_on_ads_follow_their_clusters_on_cds(variant: str) -> None:
    """A modified cluster warms until it gets its endpoints again; nobody asks for them (rule 55)."""
    async with serving(translator=OneOfEach()) as server:
        clusters = Client(server, variant, service=SERVICES[1])
        endpoints, stranger = Client(server, variant), Client(server, variant)
        async with clusters, endpoints, stranger:
            await clusters.subscribe(node="somebody")
            await clusters.domain()
            for client, node in ((endpoints, "somebody"), (stranger, "stranger")):
                first = _first(client, node)
                first.type_url = ENDPOINT
                await client.call.write(first)
                assert (await client.read()).type_url == ENDPOINT
            server.change("second")
            response = await clusters.read()
            again = await endpoints.read()
            (quiet,) = (s for s in server.ads.streams if s.proxy.id == "stranger")

            assert clusters.told(response) == "second"
            assert again.type_url == ENDPOINT
            assert len(again.resources) == 1
            assert quiet.status()[ENDPOINT].nonce_sent != again.nonce


async def test_one_proxy_may_have_a_stream_for_each_type() -> None:
    """Rule 75: streams of one node are independent."""
    async with serving(translator=OneOfEach()) as server:
        clients = [Client(server, "delta", service=service) for service in SERVICES[1:6]]
        for client in clients:
            await client.call.write(_first(client))
        types = [(await client.read()).type_url for client in clients]
        await clients[0].__aexit__()
        await until(lambda: len(server.ads.streams) == 4)
        await clients[3].call.write(client.request(type_url=ROUTE, resource_names_subscribe=["one"]))
        again = await clients[3].read()
        for client in clients[1:]:
            await client.__aexit__()

    assert types == list(TYPES[:5])
    assert again.type_url == ROUTE


def _first(client: Client, node: str = "somebody") -> Any:
    request = client.request(**{"resource_names_subscribe" if client.delta else "resource_names": ["one"]})
    request.node.id = node
    return request


@pytest.mark.parametrize("method", ["FetchClusters", "StreamEverything"])
async def test_what_is_not_served_is_unimplemented(method: str) -> None:
    name = SERVICES[1].name
    async with serving() as server, grpc.aio.insecure_channel(server.target) as channel:
        call: Any = channel.unary_unary(f"/{name}/{method}")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call(discovery_pb2.DiscoveryRequest().SerializeToString())

        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
