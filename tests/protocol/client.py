"""Fake xDS clients, joined to a stream in memory: they apply responses as Envoy does and answer them.

What they copy from Envoy 1.40: endpoints of an unknown cluster are dropped; a cluster that was added or modified
warms until it gets its endpoints anew (or any are rejected), and nobody asks for them; while one warms, no CDS answer
and no CDS request goes out; a new listener needs its secrets anew; of a bad clusters or listeners response the good
part is applied, and the message names the bad, but one that is not even valid spoils the whole response; of any other
bad response only the part before the bad one is applied, and the message names nothing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from envoy.config.core.v3.base_pb2 import Node
from envoy.service.discovery.v3.discovery_pb2 import (
    DeltaDiscoveryRequest,
    DeltaDiscoveryResponse,
    DiscoveryRequest,
    DiscoveryResponse,
)

from translators.resources import CLUSTER, ENDPOINT, LISTENER, ROUTE, SECRET, TYPES, Resource
from xds_server.protocol import DeltaStream, Encoder, Quarantine, Rejected, SotwStream

if TYPE_CHECKING:
    from collections.abc import Iterable

    from google.protobuf.any_pb2 import Any as ProtoAny

    from translators.resources import ResourceSet
    from xds_server.protocol import Event, Outgoing, Step

WHOLE = (CLUSTER, LISTENER)
PATIENCE = 45.0
"""Seconds until a test takes the wire to be at rest: longer than any wait for an answer, shorter than a quarantine."""

INVALID = "invalid"
"""Content of a bad cluster or listener that Envoy cannot validate: it applies nothing of the whole response."""

NODE = Node(id="router~10.0.0.1~gw.istio-system~istio-system.svc.cluster.local")


def resource(
    type_url: str,
    name: str,
    content: str = "1",
    *,
    bad: bool = False,
    routes: Iterable[str] = (),
    secrets: Iterable[str] = (),
    clusters: Iterable[str] = (),
) -> Resource:
    """A resource whose body the fake clients can read; the protocol never looks into a body."""
    body = ";".join((name, content, "bad" if bad else "", ",".join(routes), ",".join(secrets)))
    refs = (*((ROUTE, r) for r in routes), *((SECRET, s) for s in secrets), *((CLUSTER, c) for c in clusters))
    return Resource(type_url, name, body.encode(), (), refs=refs)


@dataclass(frozen=True)
class Body:
    """A body, read back."""

    name: str
    content: str
    bad: bool
    routes: frozenset[str]
    secrets: frozenset[str]

    @classmethod
    def of(cls, value: bytes) -> Body:
        if b";" not in value:  # an empty ClusterLoadAssignment: field 1, its name
            return cls(value[2:].decode(), "", bad=False, routes=frozenset(), secrets=frozenset())
        name, content, bad, routes, secrets = value.decode().split(";")
        return cls(name, content, bool(bad), *(frozenset(filter(None, part.split(","))) for part in (routes, secrets)))


Req = TypeVar("Req", DiscoveryRequest, DeltaDiscoveryRequest)


@dataclass
class FakeEnvoy(ABC, Generic[Req]):
    """What both variants share: what is held, what is wanted, what warms."""

    encoder: Encoder
    quarantine: Quarantine = field(default_factory=Quarantine)
    named: dict[str, set[str]] = field(default_factory=dict)
    """Names asked for beside what the configuration refers to."""
    held: dict[str, dict[str, bytes]] = field(default_factory=lambda: {t: {} for t in TYPES})
    warming: set[str] = field(default_factory=set)
    now: float = 0.0

    def __post_init__(self) -> None:
        self.events: list[Event] = []
        self.nonces: set[str] = set()
        self.rejected_nonces: set[str] = set()
        self.invalid = ""
        self.kept: dict[tuple[str, str], bytes | None] = {}
        """What it held under the name of a bad resource when it last rejected one; None: nothing."""
        self.wanted: dict[str, set[str]] = {}
        self.applied: dict[tuple[str, str], set[tuple[str, str, bytes]]] = {}
        """By type and nonce, what the server does not know yet that we accepted."""
        self.accepted: set[tuple[str, str, bytes]] = set()
        """What the server knows that it accepted: type, name and value. Secrets of this stream only: nobody has proved
        who we are.
        """
        self.connect()

    # The wire: both directions are queues, so that a test may hold back what it likes.

    def connect(self) -> None:
        """Start a stream, as Envoy does: clusters (unless one is warming), then what is held refers to."""
        self.stream = self._new_stream()
        self.to_server: deque[Req] = deque()
        self.to_client: deque[Outgoing] = deque()
        self.asked: set[str] = set()
        self.nonces.clear()
        self.withheld: list[Req] = []
        self.accepted = {one for one in self.accepted if one[0] != SECRET}
        self.applied.clear()
        self.last_nonce: dict[str, str] = {}
        self.wanted = {}
        self.server_wants: dict[str, set[str]] = {}
        self.first = True
        if not self.warming:
            self._ask(CLUSTER)
        self.refresh()
        self._ask(LISTENER)

    def refresh(self) -> None:
        """Ask for what the held resources refer to, as far as that has changed."""
        for type_url in (ENDPOINT, ROUTE, SECRET):
            want = set(self.named.get(type_url, ()))
            if type_url == ENDPOINT:
                want |= self.held[CLUSTER].keys()
            else:
                for value in self.held[LISTENER].values():
                    want |= Body.of(value).routes if type_url == ROUTE else Body.of(value).secrets
            for gone in self.held[type_url].keys() - want:
                del self.held[type_url][gone]
            if want != self.wanted.get(type_url, set()):
                self._want(type_url, want)

    def offer(self, snapshot: ResourceSet) -> None:
        """The server has something new."""
        self._take(self.stream.offer(snapshot, self.now, "test"))

    def server_reads(self) -> None:
        """The server takes in the oldest request."""
        request = self.to_server.popleft()
        if not request.HasField("error_detail"):
            self.accepted |= self.applied.pop((request.type_url, request.response_nonce), set())
        self._follow(request)
        self._take(self._receive(type(request).FromString(request.SerializeToString())))

    def client_reads(self) -> None:
        """The client applies the oldest response, and answers."""
        message = self.to_client.popleft()
        bad = self.apply(message)
        answer = self._request(message.type_url, message.nonce)
        if bad:
            self.rejected_nonces.add(message.nonce)
            answer.error_detail.code = 13
            answer.error_detail.message = (
                f'goo.gle/debugonly name: "{self.invalid}" : Proto constraint validation failed'
                if self.invalid
                else f"Error adding/updating {', '.join(bad)}"
                if message.type_url in WHOLE
                else "something"
            )
        else:
            held = self.held[message.type_url]
            applied = {(message.type_url, name, held[name]) for name in message.names if name in held}
            self.applied[message.type_url, message.nonce] = applied
        self.last_nonce[message.type_url] = message.nonce
        self.refresh()  # Envoy asks for endpoints before it acknowledges the clusters
        self._applied(message, answer)
        if message.type_url == CLUSTER:
            self._withhold(answer)
        else:
            self._put(answer)
        if not self.warming:
            self.warmed()

    def warmed(self) -> None:
        """Nothing warms any more: what was withheld may go."""
        for answer in self.withheld:
            self._put(answer)
        self.withheld.clear()
        if CLUSTER not in self.asked:
            self._ask(CLUSTER)

    def _withhold(self, answer: Req) -> None:
        """Keep an answer about clusters until nothing warms; they go in the order of the responses."""
        self.withheld.append(answer)

    def settle(self, patience: float = PATIENCE) -> int:
        """Let everything flow until it is quiet for so many seconds; returns how many messages went. Fails if it never
        ends.
        """
        count = 0
        until = self.now + patience
        while self.to_server or self.to_client or (self.stream.deadline or until) < until:
            if self.to_server:
                self.server_reads()
            elif self.to_client:
                self.client_reads()
            elif self.stream.deadline is not None:
                self.now = max(self.now, self.stream.deadline)
                self._take(self.stream.wake(self.now))
            count += 1
            assert count < 2000, "the wire does not come to rest"
        return count

    def _take(self, step: Step) -> None:
        self.now += 0.001
        self.events += step.events
        assert not any(isinstance(event, Rejected) for event in step.events)
        for message in step.responses:
            assert message.nonce
            assert message.nonce not in self.nonces
            self.nonces.add(message.nonce)
            assert message.version
            wants = self.server_wants[message.type_url]
            assert "*" in wants or set(message.names) <= wants, "a resource that nobody asked for"
            self.to_client.append(message)

    # Applying.

    def apply(self, message: Outgoing) -> list[str]:
        """Apply a response; returns the names of the bad resources in it."""
        values, removed = self._decode(message)
        type_url, held = message.type_url, self.held[message.type_url]
        names = [Body.of(value).name for value in values]
        assert len(set(names)) == len(names), "a name twice in one response (rule 17)"
        assert names == sorted(names)
        assert not set(names) & set(removed), "a name added and removed in one response (rule 48)"
        bad = [Body.of(value).name for value in values if Body.of(value).bad]
        self.kept.update(((type_url, name), held.get(name)) for name in bad)
        self.invalid = next((name for name in bad if INVALID in str(values[names.index(name)])), "")
        if type_url not in WHOLE:
            self.invalid = ""
        elif self.invalid:
            return bad
        if type_url not in WHOLE and bad:
            values = values[: names.index(bad[0])]
            removed = []
            if type_url == ENDPOINT:
                self.warming.clear()
        for value in values:
            body = Body.of(value)
            if body.bad:
                continue
            if type_url not in WHOLE and body.name not in self.wanted.get(type_url, ()):
                continue
            if type_url == ENDPOINT:
                if body.name not in self.held[CLUSTER]:
                    continue
                self.warming.discard(body.name)
            elif held.get(body.name) != value:
                self._renewed(type_url, body)
            held[body.name] = value
        for name in removed:
            held.pop(name, None)
            self._gone(type_url, name)
        return bad

    def _gone(self, type_url: str, name: str) -> None:
        if type_url in (CLUSTER, ENDPOINT):
            self.warming.discard(name)
            self.held[ENDPOINT].pop(name, None)

    def _renewed(self, type_url: str, body: Body) -> None:
        if type_url == CLUSTER:
            self.warming.add(body.name)
            self.held[ENDPOINT].pop(body.name, None)
        elif type_url == LISTENER:
            for name in body.secrets:
                self.held[SECRET].pop(name, None)

    def _put(self, request: Req) -> None:
        if self.first:
            request.node.CopyFrom(NODE)
            self.first = False
        self.to_server.append(request)

    @abstractmethod
    def _new_stream(self) -> SotwStream | DeltaStream: ...

    @abstractmethod
    def _receive(self, request: Req) -> Step: ...

    @abstractmethod
    def _request(self, type_url: str, nonce: str) -> Req: ...

    @abstractmethod
    def _ask(self, type_url: str) -> None: ...

    @abstractmethod
    def _want(self, type_url: str, names: set[str]) -> None: ...

    def _applied(self, message: Outgoing, answer: Req) -> None:
        """What a variant does between applying a response and answering it."""

    @abstractmethod
    def _decode(self, message: Outgoing) -> tuple[list[bytes], list[str]]: ...

    @abstractmethod
    def _follow(self, request: Req) -> None: ...


class SotwClient(FakeEnvoy[DiscoveryRequest]):
    """A client of the state-of-the-world variant."""

    stream: SotwStream

    def _new_stream(self) -> SotwStream:
        self.versions: dict[str, str] = getattr(self, "versions", {})
        return SotwStream(self.encoder, self.quarantine)

    def _receive(self, request: DiscoveryRequest) -> Step:
        return self.stream.receive(request, self.now)

    def _request(self, type_url: str, nonce: str) -> DiscoveryRequest:
        names = self.wanted.get(type_url, set())
        version = self.versions.get(type_url, "")
        return DiscoveryRequest(
            type_url=type_url, response_nonce=nonce, resource_names=sorted(names, reverse=True), version_info=version
        )

    def _ask(self, type_url: str) -> None:
        self.asked.add(type_url)
        names = self.named.get(type_url, set())
        self.wanted[type_url] = {"*", *names} if names else set()
        self._put(self._request(type_url, self.last_nonce.get(type_url, "")))

    def _want(self, type_url: str, names: set[str]) -> None:
        self.wanted[type_url] = names
        self._put(self._request(type_url, self.last_nonce.get(type_url, "")))

    def _withhold(self, answer: DiscoveryRequest) -> None:
        """There is one request of a type, with the newest nonce."""
        self.withheld = [answer]

    def _applied(self, message: Outgoing, answer: DiscoveryRequest) -> None:
        if not answer.HasField("error_detail"):
            self.versions[message.type_url] = answer.version_info = message.version
        if message.type_url in WHOLE and not self.invalid:
            # A rejected resource keeps what it had; what is missing from the response is gone.
            held = self.held[message.type_url]
            for name in held.keys() - set(message.names):
                del held[name]
                self._gone(message.type_url, name)
            self.refresh()
        del answer.resource_names[:]
        answer.resource_names.extend(sorted(self.wanted.get(message.type_url, ())))

    def _decode(self, message: Outgoing) -> tuple[list[bytes], list[str]]:
        response = DiscoveryResponse.FromString(message.payload)
        assert (response.type_url, response.nonce, response.version_info) == (
            message.type_url,
            message.nonce,
            message.version,
        )
        assert response.control_plane.identifier == "test"
        return [_value(any_, message) for any_ in response.resources], []

    def _follow(self, request: DiscoveryRequest) -> None:
        names = set(request.resource_names)
        type_url = request.type_url
        if not names and type_url in WHOLE and self.server_wants.get(type_url, {"*"}) == {"*"}:
            names = {"*"}
        self.server_wants[type_url] = names


class DeltaClient(FakeEnvoy[DeltaDiscoveryRequest]):
    """A client of the delta variant."""

    stream: DeltaStream

    def _new_stream(self) -> DeltaStream:
        return DeltaStream(self.encoder, self.quarantine)

    def _receive(self, request: DeltaDiscoveryRequest) -> Step:
        return self.stream.receive(request, self.now)

    def _request(self, type_url: str, nonce: str) -> DeltaDiscoveryRequest:
        return DeltaDiscoveryRequest(type_url=type_url, response_nonce=nonce)

    def _first_of(self, type_url: str, names: Iterable[str]) -> DeltaDiscoveryRequest:
        request = DeltaDiscoveryRequest(type_url=type_url, resource_names_subscribe=sorted(names))
        for name, value in self.held[type_url].items():
            request.initial_resource_versions[name] = Resource(type_url, name, value, ()).version
        return request

    def _ask(self, type_url: str) -> None:
        self.asked.add(type_url)
        names = self.named.get(type_url, set())
        self.wanted[type_url] = {"*", *names}
        self._put(self._first_of(type_url, self.wanted[type_url] if names else ()))

    def _want(self, type_url: str, names: set[str]) -> None:
        old = self.wanted.get(type_url)
        self.wanted[type_url] = names
        if old is None:
            self._put(self._first_of(type_url, names))
        else:
            self._put(
                DeltaDiscoveryRequest(
                    type_url=type_url,
                    resource_names_subscribe=sorted(names - old),
                    resource_names_unsubscribe=sorted(old - names),
                )
            )

    def subscribe_again(self, type_url: str, name: str) -> None:
        """What Envoy does when it took something out and put it back."""
        self.held[type_url].pop(name, None)
        self._put(DeltaDiscoveryRequest(type_url=type_url, resource_names_subscribe=[name]))

    def _decode(self, message: Outgoing) -> tuple[list[bytes], list[str]]:
        response = DeltaDiscoveryResponse.FromString(message.payload)
        assert (response.type_url, response.nonce, response.system_version_info) == (
            message.type_url,
            message.nonce,
            message.version,
        )
        assert response.control_plane.identifier == "test"
        values = []
        for wrapped in response.resources:
            value = _value(wrapped.resource, message)
            assert wrapped.name == Body.of(value).name  # rule 33
            assert wrapped.version  # rule 34
            values.append(value)
        return values, list(response.removed_resources)

    def _follow(self, request: DeltaDiscoveryRequest) -> None:
        type_url = request.type_url
        if type_url not in self.server_wants:
            legacy = type_url in WHOLE and not request.resource_names_subscribe
            self.server_wants[type_url] = {"*"} if legacy else set()
        wants = self.server_wants[type_url]
        wants -= set(request.resource_names_unsubscribe)
        wants |= set(request.resource_names_subscribe)


def _value(any_: ProtoAny, message: Outgoing) -> bytes:
    assert any_.type_url == message.type_url
    return any_.value
