"""A scripted client: says exactly what a test tells it to, and reads the bytes that come back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, NamedTuple

from envoy.service.discovery.v3.discovery_pb2 import (
    DeltaDiscoveryRequest,
    DeltaDiscoveryResponse,
    DiscoveryRequest,
    DiscoveryResponse,
)

from tests.protocol.client import NODE, Body
from tests.protocol.snapshots import snapshot
from translators.resources import SHORT
from xds_server.protocol import DeltaStream, Encoder, Limits, Quarantine, SotwStream

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from envoy.config.core.v3.base_pb2 import Node

    from translators.resources import Resource, ResourceSet
    from xds_server.protocol import Event, Step


class Reply(NamedTuple):
    """A response, as much of it as most tests look at: `Reply("CDS", "a=1 b=1")`, with removed names in the third."""

    type: str
    resources: str = ""
    removed: str = ""


class Wire(ABC):
    """One stream of either variant. `ask` sends a request; both `ask` and `offer` return what came back."""

    def __init__(
        self,
        *,
        encoder: Encoder | None = None,
        limits: Limits | None = None,
        quarantine: Quarantine | None = None,
        node: Node = NODE,
        peer: str = "",
    ) -> None:
        self.encoder = encoder or Encoder("test")
        self.limits = limits or Limits()
        self.quarantine = quarantine or Quarantine()
        self.node = node
        self.stream = self._new_stream(peer)
        self.current = snapshot()
        self.events: list[Event] = []
        self.nonces: list[str] = []
        self.versions: list[str] = []
        self.payloads: list[bytes] = []
        self.now = 0.0
        self.names: dict[str, tuple[str, ...]] = {}
        self._first = True

    @property
    def nonce(self) -> str:
        """The newest."""
        return self.nonces[-1]

    def holding(self, *resources: Resource) -> Wire:
        """Offer a first snapshot, before any request."""
        assert self.offer(*resources) == []
        return self

    def offer(self, *resources: Resource, successor: bool = True) -> list[Reply]:
        """Offer a snapshot of these."""
        self.current = snapshot(*resources, previous=self.current if successor else None)
        return self.offer_set(self.current)

    def offer_set(self, resource_set: ResourceSet) -> list[Reply]:
        return self._replies(self._offer(resource_set))

    @abstractmethod
    def _new_stream(self, peer: str) -> SotwStream | DeltaStream: ...

    @abstractmethod
    def ack(self, type_url: str, nonce: str | None = None) -> list[Reply]: ...

    @abstractmethod
    def nack(self, type_url: str, nonce: str | None = None, message: str = "rejected") -> list[Reply]: ...

    @abstractmethod
    def want(self, type_url: str, *names: str) -> list[Reply]:
        """Subscribe to exactly these from now on (state of the world) or to these too (delta), with the last nonce."""

    @abstractmethod
    def _offer(self, resource_set: ResourceSet) -> Step: ...

    def _replies(self, step: Step) -> list[Reply]:
        self.events += step.events
        self.now += 1.0
        replies = []
        for message in step.responses:
            self.payloads.append(message.payload)
            values, removed, nonce, version = self._decode(message.payload)
            self.nonces.append(nonce)
            self.versions.append(version)
            content = " ".join(f"{body.name}={body.content}" for body in map(Body.of, values))
            replies.append(Reply(SHORT[message.type_url], content, " ".join(removed)))
        return replies

    @abstractmethod
    def _decode(self, payload: bytes) -> tuple[list[bytes], Sequence[str], str, str]: ...


class SotwWire(Wire):
    """State of the world."""

    stream: SotwStream

    def _new_stream(self, peer: str) -> SotwStream:
        return SotwStream(self.encoder, self.quarantine, limits=self.limits, peer=peer)

    def _offer(self, resource_set: ResourceSet) -> Step:
        return self.stream.offer(resource_set, self.now, "test")

    def ask(self, type_url: str, *names: str, nonce: str = "", version: str = "", error: str = "") -> list[Reply]:
        self.names[type_url] = names
        request = DiscoveryRequest(type_url=type_url, resource_names=names, response_nonce=nonce, version_info=version)
        if error:
            request.error_detail.code, request.error_detail.message = 13, error
        return self.send(request)

    def send(self, request: DiscoveryRequest) -> list[Reply]:
        if self._first:
            request.node.CopyFrom(self.node)
            self._first = False
        return self.send_raw(request)

    def send_raw(self, request: DiscoveryRequest) -> list[Reply]:
        return self._replies(self.stream.receive(request, self.now))

    def want(self, type_url: str, *names: str) -> list[Reply]:
        return self.ask(type_url, *names, nonce=self.nonces[-1] if self.nonces else "")

    def ack(self, type_url: str, nonce: str | None = None) -> list[Reply]:
        return self.ask(type_url, *self.names[type_url], nonce=self.nonce if nonce is None else nonce, version="v")

    def nack(self, type_url: str, nonce: str | None = None, message: str = "rejected") -> list[Reply]:
        return self.ask(type_url, *self.names[type_url], nonce=self.nonce if nonce is None else nonce, error=message)

    def _decode(self, payload: bytes) -> tuple[list[bytes], Sequence[str], str, str]:
        response = DiscoveryResponse.FromString(payload)
        return [any_.value for any_ in response.resources], (), response.nonce, response.version_info


class DeltaWire(Wire):
    """Delta."""

    stream: DeltaStream

    def _new_stream(self, peer: str) -> DeltaStream:
        return DeltaStream(self.encoder, self.quarantine, limits=self.limits, peer=peer)

    def _offer(self, resource_set: ResourceSet) -> Step:
        return self.stream.offer(resource_set, self.now, "test")

    def ask(
        self,
        type_url: str,
        *names: str,
        off: Sequence[str] = (),
        nonce: str = "",
        error: str = "",
        held: Mapping[str, str] | None = None,
    ) -> list[Reply]:
        request = DeltaDiscoveryRequest(
            type_url=type_url,
            resource_names_subscribe=names,
            resource_names_unsubscribe=off,
            response_nonce=nonce,
            initial_resource_versions=held or {},
        )
        if error:
            request.error_detail.code, request.error_detail.message = 13, error
        return self.send(request)

    def send(self, request: DeltaDiscoveryRequest) -> list[Reply]:
        if self._first:
            request.node.CopyFrom(self.node)
            self._first = False
        return self.send_raw(request)

    def send_raw(self, request: DeltaDiscoveryRequest) -> list[Reply]:
        return self._replies(self.stream.receive(request, self.now))

    def want(self, type_url: str, *names: str) -> list[Reply]:
        return self.ask(type_url, *names)

    def ack(self, type_url: str, nonce: str | None = None) -> list[Reply]:
        return self.ask(type_url, nonce=self.nonce if nonce is None else nonce)

    def nack(self, type_url: str, nonce: str | None = None, message: str = "rejected") -> list[Reply]:
        return self.ask(type_url, nonce=self.nonce if nonce is None else nonce, error=message)

    def _decode(self, payload: bytes) -> tuple[list[bytes], Sequence[str], str, str]:
        response = DeltaDiscoveryResponse.FromString(payload)
        values = [wrapped.resource.value for wrapped in response.resources]
        return values, response.removed_resources, response.nonce, response.system_version_info
