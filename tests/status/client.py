"""A gateway on delta ADS, in a thread of its own, that remembers the versions it holds."""

from __future__ import annotations

import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Self

import grpc
from envoy.service.discovery.v3 import discovery_pb2

from tests.serving.proxy import introduce
from translators.resources import CLUSTER, ENDPOINT, LISTENER, ROUTE
from xds_server.transport.services import ADS

if TYPE_CHECKING:
    from collections.abc import Mapping

Versions = dict[str, dict[str, str]]
"""By type URL, then name."""


class Gateway:
    """Use it as a context manager: it is connected for as long as the block lasts."""

    def __init__(self, address: str, name: str = "gw-1", kept: Mapping[str, Mapping[str, str]] | None = None) -> None:
        """`kept` is what it holds from an earlier stream."""
        self.id = f"router~10.0.0.9~{name}.istio-system~istio-system.svc.cluster.local"
        self.holds: Versions = {t: dict((kept or {}).get(t, {})) for t in (CLUSTER, ENDPOINT, LISTENER, ROUTE)}
        self.news: list[str] = []
        """The names of all that it was sent and did not hold already. (Endpoints always come again: rule 53.)"""
        self.answered: set[str] = set()
        """Types that were answered at all."""
        self.rejects = ""
        """What it says of every listener that it is sent; empty: it accepts them."""
        self.mute = False
        """Whether it answers nothing."""
        self._address = address
        self._requests: SimpleQueue[Any] = SimpleQueue()

    def __enter__(self) -> Self:
        for number, type_url in enumerate(self.holds):
            request = discovery_pb2.DeltaDiscoveryRequest(
                type_url=type_url,
                resource_names_subscribe=["*"] if type_url in (ENDPOINT, ROUTE) else [],
                initial_resource_versions=self.holds[type_url],
            )
            if number == 0:
                introduce(request, self.id)
            self._requests.put(request)
        self._channel = grpc.insecure_channel(self._address)
        self._call = self._channel.stream_stream(
            f"/{ADS.name}/DeltaAggregatedResources",
            request_serializer=discovery_pb2.DeltaDiscoveryRequest.SerializeToString,
            response_deserializer=discovery_pb2.DeltaDiscoveryResponse.FromString,
        )(iter(self._requests.get, None))
        self._thread = threading.Thread(target=self._answer)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._call.cancel()
        self._requests.put(None)
        self._thread.join(10)
        self._channel.close()

    def _answer(self) -> None:
        try:
            for response in self._call:
                self._take(response)
        except grpc.RpcError:
            return  # cancelled above, or the server has gone

    def _take(self, response: discovery_pb2.DeltaDiscoveryResponse) -> None:
        held = self.holds[response.type_url]
        answer = discovery_pb2.DeltaDiscoveryRequest(type_url=response.type_url, response_nonce=response.nonce)
        if self.rejects and response.type_url == LISTENER and response.resources:
            name = response.resources[0].name
            answer.error_detail.message = f"Error adding/updating listener(s) {name}: {self.rejects}"
        else:
            for one in response.resources:
                if held.get(one.name) != one.version:
                    self.news.append(one.name)
                held[one.name] = one.version
            self.news += [name for name in response.removed_resources if held.pop(name, None)]
        self.answered.add(response.type_url)
        if not self.mute:
            self._requests.put(answer)
