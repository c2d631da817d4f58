"""Client status (CSDS): for each connected proxy, how far it is with every resource. Read-only, and away from pushes.

The states of many streams are read in portions, and the answer is put together in a worker thread.
https://www.envoyproxy.io/docs/envoy/latest/api-v3/service/status/v3/csds.proto
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import grpc
import grpc.aio
from envoy.admin.v3 import config_dump_shared_pb2
from envoy.config.core.v3.base_pb2 import Node
from envoy.service.status.v3 import csds_pb2
from google.protobuf import any_pb2

from translators.resources import SECRET, TYPES
from xds_server.printing import redact
from xds_server.transport.matchers import any_matches

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from translators.resources import Resource
    from xds_server.protocol import Case, TypeStatus
    from xds_server.transport.calls import Calls

SERVICE: Final = csds_pb2.DESCRIPTOR.services_by_name["ClientStatusDiscoveryService"].full_name

ANSWER_LIMIT: Final = 64 << 20
"""Bytes of resources in one answer; who asks for more is told to ask for less."""

_PORTION: Final = 50
"""Streams that are read before others get their turn."""

_Request = csds_pb2.ClientStatusRequest
_Response = csds_pb2.ClientStatusResponse
_Generic = csds_pb2.ClientConfig.GenericXdsConfig

_STATUS: Final = {
    "SYNCED": (csds_pb2.SYNCED, config_dump_shared_pb2.ACKED),
    "STALE": (csds_pb2.STALE, config_dump_shared_pb2.REQUESTED),
    "NOT SENT": (csds_pb2.NOT_SENT, config_dump_shared_pb2.REQUESTED),
    "ERROR": (csds_pb2.ERROR, config_dump_shared_pb2.NACKED),
}
"""`TypeStatus.status` as CSDS has it, seen from the server and from the client."""


class Client(Protocol):
    """What is asked of a stream."""

    node: bytes
    connected_at: float

    def status(self) -> Mapping[str, TypeStatus]:
        """See `protocol.Stream.status`."""

    def held(self, type_url: str) -> tuple[Resource, ...]:
        """See `protocol.Stream.held`."""

    def cases(self) -> tuple[Case, ...]:
        """See `protocol.Stream.cases`."""


@dataclass(frozen=True, slots=True)
class _Held:
    """One type of one proxy."""

    status: TypeStatus
    resources: tuple[Resource, ...]
    cases: Mapping[str, Case]
    """What the proxy rejected, by name."""


class TooMuchError(Exception):
    """The answer would be bigger than `ANSWER_LIMIT`."""


def handlers(clients: Callable[[], Collection[Client]], calls: Calls) -> grpc.GenericRpcHandler:
    """Return both methods; `clients` gives the streams whose proxy is known. One request is answered at a time."""
    turn = asyncio.Lock()

    async def stream(context: grpc.aio.ServicerContext[_Request, _Response]) -> None:
        while isinstance(request := await context.read(), _Request):
            await context.write(await fetch(request, context))

    async def fetch(request: _Request, context: grpc.aio.ServicerContext[_Request, _Response]) -> _Response:
        try:
            async with turn:
                return await client_status(request, clients())
        except ValueError as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        except TooMuchError:
            reason = "too much for one answer: set exclude_resource_contents, or node_matchers for fewer proxies"
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, reason)

    return grpc.method_handlers_generic_handler(
        SERVICE,
        {
            "StreamClientStatus": calls.streaming(stream, _Request, _Response),
            "FetchClientStatus": grpc.unary_unary_rpc_method_handler(
                fetch, _Request.FromString, _Response.SerializeToString
            ),
        },
    )


async def client_status(request: _Request, clients: Collection[Client]) -> _Response:
    """Return the status of the clients that the request's matchers name, sorted by node id.

    Streams of one node (one a type, or an old one beside its successor) make one ClientConfig; the newest stream that
    has a type tells of it. Raises ValueError on a matcher that cannot be read, TooMuchError.
    """
    matchers = request.node_matchers
    found: dict[str, tuple[Node, dict[str, _Held]]] = {}
    for number, client in enumerate(sorted(clients, key=lambda c: c.connected_at), 1):
        if number % _PORTION == 0:
            await asyncio.sleep(0)
        node = Node.FromString(client.node)
        if any_matches(matchers, node):
            _, types = found.setdefault(node.id, (node, {}))
            types |= {t: _Held(status, client.held(t), _of_type(t, client)) for t, status in client.status().items()}
    return await asyncio.to_thread(_answer, found, contents=not request.exclude_resource_contents)


def _of_type(type_url: str, client: Client) -> dict[str, Case]:
    return {case.resource.name: case for case in client.cases() if case.resource.type_url == type_url}


def _answer(found: Mapping[str, tuple[Node, Mapping[str, _Held]]], *, contents: bool) -> _Response:
    response = _Response()
    shown: dict[Resource, bytes] | None = {} if contents else None
    size = 0
    for _, (node, types) in sorted(found.items()):
        config = response.config.add(node=node)
        for type_url in sorted(types, key=TYPES.index):
            for entry in _entries(type_url, types[type_url], shown):
                size += entry.ByteSize()
                if size > ANSWER_LIMIT:
                    raise TooMuchError
                config.generic_xds_configs.append(entry)
    return response


def _entries(type_url: str, held: _Held, shown: dict[Resource, bytes] | None) -> list[_Generic]:
    """Describe one type of one proxy: an entry a resource; one without a name if there are none.

    `shown`: contents that were redacted for other proxies; None if no contents are asked for.
    """
    status, resources = held.status, {resource.name: resource for resource in held.resources}
    entries = []
    for name in sorted({*resources, *status.rejected}) or [""]:
        state = status.status
        if state == "ERROR" and status.rejected and name not in status.rejected:
            state = "SYNCED"  # what came with it was accepted
        config_status, client_status = _STATUS[state]
        entry = _Generic(type_url=type_url, name=name, config_status=config_status, client_status=client_status)
        resource = resources.get(name)
        entry.version_info = resource.version if resource is not None else ""
        if state == "ERROR":
            case = held.cases.get(name)
            entry.error_state.details = case.error if case is not None else status.error
            entry.error_state.version_info = case.resource.version if case is not None else entry.version_info
        if shown is not None and resource is not None and type_url != SECRET:
            if resource not in shown:
                wrapped = any_pb2.Any(type_url=type_url, value=resource.body)
                redact(wrapped)
                shown[resource] = wrapped.value
            entry.xds_config.type_url = type_url
            entry.xds_config.value = shown[resource]
        entries.append(entry)
    return entries
