"""The conformance checklist, section 1E: what only a real connection can show. Test ids carry the rule's number."""

from __future__ import annotations

import asyncio
import gc

import pytest

from tests.protocol.client import NODE, resource
from tests.transport.settable import Client, Said, Server, serving, until
from translators.resources import CLUSTER, ENDPOINT, LISTENER
from xds_server.transport.stream import AdsStream

ADS = "/envoy.service.discovery.v3.AggregatedDiscoveryService/"
METHODS = {"sotw": f"{ADS}StreamAggregatedResources", "delta": f"{ADS}DeltaAggregatedResources"}
VARIANTS = pytest.mark.parametrize("variant", METHODS)


def _client(server: Server, variant: str, *options: tuple[str, int]) -> Client:
    return Client(server, METHODS[variant], *options, delta=variant == "delta")


@VARIANTS
async def test_rule_75_two_streams_of_one_node(variant: str) -> None:
    async with (
        serving(resource(CLUSTER, "a"), resource(CLUSTER, "b")) as server,
        _client(server, variant) as one,
        _client(server, variant) as two,
    ):
        for client in (one, two):
            await client.want(CLUSTER, "a")
            await client.read()
        await one.want(CLUSTER)
        await server.unsubscribed()
        await server.put(resource(CLUSTER, "a", "2"))
        assert (await two.read()).content() == Said("CDS", "a=2")
        assert await one.quiet()


async def test_rule_93_a_client_that_comes_back_with_50000_names() -> None:
    """Its first request has them all with their versions: more than 4 MiB, gRPC's default limit."""
    hosts = (f"service-{number:04}.a-namespace-of-its-own.svc.cluster.local" for number in range(5000))
    names = [f"outbound|80{port}||{host}" for host in hosts for port in range(10)]
    async with serving(resource(CLUSTER, names[0])) as server, _client(server, "delta") as client:
        request = client.request(type_url=CLUSTER, node=NODE)
        for name in names:
            request.initial_resource_versions[name] = "0123456789abcdef"
        assert request.ByteSize() > 4 << 20
        await client.call.write(request)
        resources, removed = "", 0
        while removed < len(names) - 1:
            said = await client.read(ack=False)
            resources += said.resources
            removed += len(said.removed.split())

    assert (resources, removed) == (f"{names[0]}=1", len(names) - 1)


async def test_rule_93_clusters_of_ten_megabytes() -> None:
    """State of the world has to send them in one message; Envoy itself has no limit."""
    big = [resource(CLUSTER, f"c{n:03}", "x" * 100_000) for n in range(100)]
    async with serving(*big) as server, _client(server, "sotw", ("grpc.max_receive_message_length", -1)) as client:
        await client.want(CLUSTER)
        said = await client.read()

    assert len(said.resources.split()) == 100


async def test_rule_59_and_93_delta_splits_what_would_be_too_much_for_a_client() -> None:
    big = [resource(CLUSTER, f"c{n:03}", "x" * 100_000) for n in range(100)]
    async with (
        serving(*big) as server,
        _client(server, "delta") as client,
    ):  # which takes 4 MiB, as gRPC does by default
        await client.want(CLUSTER)
        names: list[str] = []
        while len(names) < 100:
            names += [body.partition("=")[0] for body in (await client.read()).resources.split()]

    assert names == [f"c{n:03}" for n in range(100)]
    assert len(client.said) == 3


@VARIANTS
async def test_rule_102_nothing_is_left_of_a_client_that_is_gone(variant: str) -> None:
    async with serving(resource(CLUSTER, "a")) as server:
        for _ in range(10):
            clients = [_client(server, variant) for _ in range(10)]
            for client in clients:
                await client.want(CLUSTER)
            assert [(await client.read()).content() for client in clients] == [Said("CDS", "a=1")] * 10
            for client in clients:
                await client.__aexit__()
        await until(lambda: not server.ads.streams and not server.push.served)
        await until(lambda: _left() == 0)


def _left() -> int:
    gc.collect()
    return sum(isinstance(each, AdsStream) for each in gc.get_objects())


@VARIANTS
async def test_rule_103_and_112_streams_are_not_bounded_by_a_pool(variant: str) -> None:
    """A synchronous gRPC server has a thread a stream, and silently makes the next one wait."""
    async with serving(resource(CLUSTER, "a")) as server:
        clients = [_client(server, variant) for _ in range(200)]
        await asyncio.gather(*(client.want(CLUSTER) for client in clients))
        await asyncio.gather(*(client.read() for client in clients))
        await server.put(resource(CLUSTER, "a", "2"))
        said = await asyncio.gather(*(client.read() for client in clients))
        assert {each.content() for each in said} == {Said("CDS", "a=2")}
        assert len({each.nonce for each in said}) == 1  # and the bytes are shared
        await asyncio.gather(*(client.__aexit__() for client in clients))


@VARIANTS
async def test_rule_104_a_request_is_heard_before_the_next_push(variant: str) -> None:
    """What is asked for while changes pour in is in the answer, whatever push the client had seen when it asked."""
    async with serving(resource(ENDPOINT, "a"), resource(ENDPOINT, "b")) as server, _client(server, variant) as client:
        await client.want(ENDPOINT, "a")
        await client.read()
        pushing = asyncio.create_task(_keep_changing(server))
        await client.want(ENDPOINT, "a", "b")
        async with asyncio.timeout(10):
            while "b=1" not in (await client.read()).resources:
                pass
        pushing.cancel()
        await asyncio.gather(pushing, return_exceptions=True)


async def _keep_changing(server: Server) -> None:
    number = 1
    while True:
        number += 1
        await server.put(resource(ENDPOINT, "a", str(number)))


@VARIANTS
async def test_rule_105_what_a_client_says_of_its_address_is_not_believed(variant: str) -> None:
    async with serving(resource(LISTENER, "l")) as server:
        client = _client(server, variant)
        client.open(metadata=(("x-forwarded-for", "203.0.113.7"), ("x-envoy-internal", "true")))
        async with client:
            await client.want(LISTENER)
            await client.read()
            (talk,) = server.conversations()

    assert talk.peer.startswith("ipv4:127.0.0.1:")
