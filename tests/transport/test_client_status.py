"""CSDS: what the status service says of connected proxies, and which of them it is asked about."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import pytest
from envoy.admin.v3 import config_dump_shared_pb2
from envoy.config.core.v3 import base_pb2
from envoy.service.status.v3 import csds_pb2
from envoy.type.matcher.v3 import node_pb2
from google.protobuf import json_format

from tests.transport.scripted import DEADLINE, PRIVATE, VARIANTS, Client, OneOfEach, serving, until
from translators.resources import CLUSTER, ENDPOINT, LISTENER, ROUTE, SECRET
from xds_server.transport import client_status, node
from xds_server.transport.matchers import any_matches
from xds_server.transport.services import SERVICES

if TYPE_CHECKING:
    from tests.transport.scripted import Server

EVERYTHING = (CLUSTER, ENDPOINT, LISTENER, ROUTE, SECRET)


def method(channel: grpc.aio.Channel, name: str) -> Any:
    kind = channel.stream_stream if name.startswith("Stream") else channel.unary_unary
    return kind(
        f"/{client_status.SERVICE}/{name}",
        request_serializer=csds_pb2.ClientStatusRequest.SerializeToString,
        response_deserializer=csds_pb2.ClientStatusResponse.FromString,
    )


async def fetch(server: Server, request: csds_pb2.ClientStatusRequest | None = None) -> Any:
    async with grpc.aio.insecure_channel(server.target) as channel:
        return await method(channel, "FetchClientStatus")(request or csds_pb2.ClientStatusRequest(), timeout=DEADLINE)


async def subscribed(client: Client, node: str, types: tuple[str, ...] = EVERYTHING, *, error_for: str = "") -> None:
    """Have a proxy subscribe to `one` of each type, and answer each response."""
    names = "resource_names_subscribe" if client.delta else "resource_names"
    for number, type_url in enumerate(types):
        request = client.request(type_url=type_url, **{names: ["one"]})
        if number == 0:
            request.node.id = node
            request.node.metadata["NAMESPACE"] = "istio-system"
            request.node.extensions.add(name="envoy.filters.http.router")
        await client.call.write(request)
        answer = client.request(type_url=type_url, response_nonce=(await client.read()).nonce)
        if not client.delta:
            answer.resource_names.append("one")
        if type_url == error_for:
            answer.error_detail.message = "one: bad"
        await client.call.write(answer)


def states(config: csds_pb2.ClientConfig) -> dict[str, tuple[str, str, str]]:
    return {
        entry.type_url: (
            entry.name,
            csds_pb2.ConfigStatus.Name(entry.config_status),
            config_dump_shared_pb2.ClientResourceStatus.Name(entry.client_status),
        )
        for entry in config.generic_xds_configs
    }


@VARIANTS
async def test_tells_of_each_resource_what_has_become_of_it(variant: str) -> None:
    async with serving(translator=OneOfEach()) as server, Client(server, variant) as client:
        await subscribed(client, "first", error_for=LISTENER)
        (stream,) = server.ads.streams
        await until(lambda: stream.acks == 4 and stream.nacks == 1)
        (config,) = (await fetch(server)).config
        server.change("second")
        await client.read()  # the cluster; it is not answered
        (later,) = (await fetch(server)).config

    assert config.node.id == "first"
    assert json_format.MessageToDict(config.node.metadata) == {"NAMESPACE": "istio-system"}
    assert not config.node.extensions
    accepted = ("one", "SYNCED", "ACKED")
    assert states(config) == dict.fromkeys(EVERYTHING, accepted) | {LISTENER: ("one", "ERROR", "NACKED")}
    assert states(later)[CLUSTER] == ("one", "STALE", "REQUESTED")
    by_type = {entry.type_url: entry for entry in config.generic_xds_configs}
    assert by_type[LISTENER].error_state.details == "one: bad"
    assert by_type[LISTENER].error_state.version_info
    assert by_type[LISTENER].version_info == ""  # none was accepted yet
    assert not by_type[CLUSTER].HasField("error_state")
    assert by_type[CLUSTER].xds_config.type_url == CLUSTER
    assert by_type[CLUSTER].version_info != {e.type_url: e for e in later.generic_xds_configs}[CLUSTER].version_info


@VARIANTS
async def test_never_tells_a_secret(variant: str) -> None:
    async with serving(translator=OneOfEach()) as server, Client(server, variant) as client:
        await subscribed(client, "first")
        response = await fetch(server)

    (secret,) = (e for e in response.config[0].generic_xds_configs if e.type_url == SECRET)
    assert secret.name == "one"
    assert secret.version_info
    assert not secret.HasField("xds_config")
    (listener,) = (e for e in response.config[0].generic_xds_configs if e.type_url == LISTENER)
    assert b"[redacted]" in listener.xds_config.value
    assert PRIVATE.encode() not in response.SerializeToString()


async def test_leaves_out_the_contents_if_told_to() -> None:
    async with serving(translator=OneOfEach()) as server, Client(server, "delta") as client:
        await subscribed(client, "first")
        response = await fetch(server, csds_pb2.ClientStatusRequest(exclude_resource_contents=True))

    assert len(response.config[0].generic_xds_configs) == len(EVERYTHING)
    assert not any(e.HasField("xds_config") for e in response.config[0].generic_xds_configs)


async def test_what_was_asked_for_and_does_not_exist_is_said() -> None:
    async with serving() as server, Client(server, "sotw") as client:
        await client.subscribe()
        await client.domain()
        await client.call.write(client.request(type_url=ROUTE, resource_names=["none"]))
        (stream,) = server.ads.streams
        await until(lambda: ROUTE in stream.status())
        (config,) = (await fetch(server)).config

    assert states(config)[ROUTE] == ("", "NOT_SENT", "REQUESTED")


async def test_the_streams_of_one_node_are_one_client() -> None:
    async with serving(translator=OneOfEach()) as server:
        clusters, routes = (Client(server, "delta", service=SERVICES[n]) for n in (1, 4))
        await subscribed(clusters, "first", (CLUSTER,))
        await subscribed(routes, "first", (ROUTE,))
        async with clusters, routes:
            (config,) = (await fetch(server)).config

    assert list(states(config)) == [CLUSTER, ROUTE]


async def test_node_matchers_say_whose() -> None:
    async with serving(translator=OneOfEach()) as server, grpc.aio.insecure_channel(server.target) as channel:
        clients = [Client(server, "delta") for _ in range(3)]
        for number, client in enumerate(clients):
            await subscribed(client, f"proxy-{number}", (CLUSTER,))
        stream = method(channel, "StreamClientStatus")()
        found = []
        for ids in (["proxy-1"], ["proxy-0", "proxy-2"], []):
            request = csds_pb2.ClientStatusRequest()
            for one in ids:
                request.node_matchers.add().node_id.exact = one
            await stream.write(request)
            async with asyncio.timeout(DEADLINE):
                found.append([c.node.id for c in (await stream.read()).config])
        bad = csds_pb2.ClientStatusRequest()
        bad.node_matchers.add().node_id.safe_regex.regex = "("
        await stream.write(bad)
        code = await stream.code()
        for client in clients:
            await client.__aexit__()

    assert found == [["proxy-1"], ["proxy-0", "proxy-2"], ["proxy-0", "proxy-1", "proxy-2"]]
    assert code is grpc.StatusCode.INVALID_ARGUMENT


async def test_too_much_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_status, "ANSWER_LIMIT", 100)
    async with serving(size=1000) as server, Client(server, "delta") as client:
        await client.subscribe()
        await client.domain()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await fetch(server)

    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


NODE = json_format.ParseDict(
    {
        "id": "router~10.0.0.1~gw.istio-system~x",
        "metadata": {"NAMESPACE": "istio-system", "N": 7, "ON": True, "NONE": None, "LABELS": {"app": ["gw", "edge"]}},
    },
    base_pb2.Node(),
)


@pytest.mark.parametrize(
    ("matcher", "expected"),
    [
        ({}, True),
        ({"node_id": {"exact": NODE.id}}, True),
        ({"node_id": {"exact": NODE.id.upper()}}, False),
        ({"node_id": {"exact": NODE.id.upper(), "ignore_case": True}}, True),
        ({"node_id": {"prefix": "router~"}}, True),
        ({"node_id": {"prefix": "sidecar~"}}, False),
        ({"node_id": {"suffix": "~x"}}, True),
        ({"node_id": {"suffix": "~y"}}, False),
        ({"node_id": {"contains": "gw.istio"}}, True),
        ({"node_id": {"contains": "gw.other"}}, False),
        ({"node_id": {"safe_regex": {"regex": "router~.*"}}}, True),
        ({"node_id": {"safe_regex": {"regex": "router"}}}, False),
        ({"path": "NAMESPACE", "string_match": {"exact": "istio-system"}}, True),
        ({"path": "NAMESPACE", "string_match": {"exact": "default"}}, False),
        ({"path": "NAMESPACE", "present_match": True}, True),
        ({"path": "NAMESPACE", "present_match": False}, False),
        ({"path": "ABSENT", "present_match": False}, True),
        ({"path": "ABSENT", "string_match": {"prefix": ""}}, False),
        ({"path": "NAMESPACE.deeper", "present_match": True}, False),
        ({"path": "N", "double_match": {"exact": 7}}, True),
        ({"path": "N", "double_match": {"exact": 8}}, False),
        ({"path": "N", "double_match": {"range": {"start": 7, "end": 8}}}, True),
        ({"path": "N", "double_match": {"range": {"start": 6, "end": 7}}}, False),
        ({"path": "ON", "bool_match": True}, True),
        ({"path": "ON", "bool_match": False}, False),
        ({"path": "NONE", "null_match": {}}, True),
        ({"path": "N", "null_match": {}}, False),
        ({"path": "LABELS.app", "list_match": {"one_of": {"string_match": {"exact": "edge"}}}}, True),
        ({"path": "LABELS.app", "list_match": {"one_of": {"string_match": {"exact": "core"}}}}, False),
        ({"path": "N", "or_match": {"value_matchers": [{"bool_match": True}, {"double_match": {"exact": 7}}]}}, True),
        ({"path": "N", "or_match": {"value_matchers": [{"bool_match": True}, {"null_match": {}}]}}, False),
        ({"node_id": {"prefix": "sidecar~"}, "path": "N", "double_match": {"exact": 7}}, False),
    ],
)
def test_a_matcher_on_a_node(matcher: dict[str, Any], expected: bool) -> None:
    """`path` stands for one of `node_metadatas`: a StructMatcher."""
    tree = dict(matcher)
    if "path" in tree:
        path = [{"key": key} for key in tree.pop("path").split(".")]
        value = {key: tree.pop(key) for key in list(tree) if key.endswith("_match")}
        tree["node_metadatas"] = [{"path": path, "value": value}]
    parsed = json_format.ParseDict(tree, node_pb2.NodeMatcher())
    assert any_matches([parsed], NODE) is expected


def test_without_matchers_everybody_is_meant() -> None:
    assert any_matches([], NODE)


def test_metadata_without_end_is_not_kept() -> None:
    big = base_pb2.Node(id="big")
    big.metadata["K"] = "x" * node.METADATA_LIMIT
    assert base_pb2.Node.FromString(node.kept_of(big)) == base_pb2.Node(
        id="big", locality=base_pb2.Locality(), user_agent_build_version=base_pb2.BuildVersion(version={})
    )
