"""A proxy that subscribes to everything over delta ADS and ACKs what it gets, in a thread of its own."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import grpc
from envoy.service.discovery.v3 import discovery_pb2
from google.protobuf import struct_pb2

from translators.resources import CLUSTER, ENDPOINT, LISTENER, ROUTE
from xds_server.transport.services import ADS

if TYPE_CHECKING:
    from collections.abc import Iterator

NODE = "router~10.0.0.9~gw-1.istio-system~istio-system.svc.cluster.local"


def introduce(request: discovery_pb2.DeltaDiscoveryRequest, node_id: str) -> None:
    """Say in a first request who asks: an Envoy that is an ingress gateway."""
    request.node.id = node_id
    request.node.user_agent_name = "envoy"
    version = request.node.user_agent_build_version.version
    version.major_number, version.minor_number = 1, 40
    labels = struct_pb2.Struct()
    labels.update({"istio": "ingressgateway"})
    request.node.metadata.update({"NAMESPACE": "istio-system"})
    request.node.metadata.fields["LABELS"].struct_value.CopyFrom(labels)


@contextmanager
def connected(address: str, *, error: str = "") -> Iterator[None]:
    """Be connected for as long as the block lasts. `error`: reject every listener with it."""
    requests: SimpleQueue[Any] = SimpleQueue()
    for number, type_url in enumerate((CLUSTER, ENDPOINT, LISTENER, ROUTE)):
        request = discovery_pb2.DeltaDiscoveryRequest(
            type_url=type_url, resource_names_subscribe=["*"] if type_url in (ENDPOINT, ROUTE) else []
        )
        if number == 0:
            introduce(request, NODE)
        requests.put(request)
    with grpc.insecure_channel(address) as channel:
        call = channel.stream_stream(
            f"/{ADS.name}/DeltaAggregatedResources",
            request_serializer=discovery_pb2.DeltaDiscoveryRequest.SerializeToString,
            response_deserializer=discovery_pb2.DeltaDiscoveryResponse.FromString,
        )(iter(requests.get, None))

        def answer() -> None:
            try:
                for response in call:
                    request = discovery_pb2.DeltaDiscoveryRequest(
                        type_url=response.type_url, response_nonce=response.nonce
                    )
                    if error and response.type_url == LISTENER:
                        request.error_detail.message = error
                    requests.put(request)
            except grpc.RpcError:
                return  # cancelled below, or the server stopped

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield
        finally:
            call.cancel()
            requests.put(None)
            thread.join(10)
