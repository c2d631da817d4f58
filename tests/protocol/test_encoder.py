"""The encoder: bytes are made once for all streams, nonces come once to each, and what no push uses is forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from envoy.service.discovery.v3.discovery_pb2 import (
    DeltaDiscoveryRequest,
    DeltaDiscoveryResponse,
    DiscoveryRequest,
    DiscoveryResponse,
)

from tests.protocol.client import NODE, resource
from tests.protocol.snapshots import snapshot
from translators.resources import CLUSTER, ROUTE, TypeSet
from xds_server.protocol import DeltaStream, Encoder, Outgoing, SotwStream

if TYPE_CHECKING:
    from collections.abc import Callable

SOME = tuple(resource(ROUTE, name) for name in "abc")


def _delta(encoder: Encoder) -> DeltaStream:
    stream = DeltaStream(encoder)
    stream.receive(DeltaDiscoveryRequest(type_url=CLUSTER, node=NODE), 0.0)
    return stream


def _sotw(encoder: Encoder) -> SotwStream:
    stream = SotwStream(encoder)
    stream.receive(DiscoveryRequest(type_url=CLUSTER, node=NODE), 0.0)
    return stream


@pytest.mark.parametrize("make", [_sotw, _delta])
def test_equal_pushes_share_their_bytes_and_nonce(make: Callable[[Encoder], SotwStream | DeltaStream]) -> None:
    encoder = Encoder("test")
    streams = [make(encoder) for _ in range(5)]
    previous = None
    for content in "1234":
        current = snapshot(resource(CLUSTER, "a", content), resource(CLUSTER, "b"), previous=previous)
        pushed = [stream.offer(current, 0.0).responses for stream in streams]
        encoder.turn()
        assert len(pushed[0]) == 1
        assert all(responses[0] is pushed[0][0] for responses in pushed)
        previous = current


def test_a_stream_that_has_newer_nonces_gets_bytes_of_its_own() -> None:
    encoder = Encoder("test")
    shared = encoder.sotw(ROUTE, "v", SOME, 0)
    assert encoder.sotw(ROUTE, "v", SOME, 0) is shared
    own = encoder.sotw(ROUTE, "v", SOME, shared[0].serial)
    assert own[0].serial > shared[0].serial
    assert own[0].nonce != shared[0].nonce
    assert encoder.sotw(ROUTE, "v", SOME, 0) is own
    (first,) = encoder.delta(ROUTE, "v", SOME, (), 0)
    (second,) = encoder.delta(ROUTE, "v", SOME, (), first.serial)
    assert first.nonce != second.nonce


def test_what_a_push_does_not_use_is_forgotten() -> None:
    encoder = Encoder("test")
    one = encoder.sotw(ROUTE, "v", SOME, 0)
    encoder.turn()
    assert encoder.sotw(ROUTE, "v", SOME, 0) is one
    encoder.turn()
    encoder.turn()
    assert encoder.sotw(ROUTE, "v", SOME, 0) is not one


def test_what_is_remembered_is_bounded_between_pushes() -> None:
    encoder = Encoder("test")
    big = b"x" * (1 << 20)
    live: list[Outgoing] = []
    for index in range(3):
        live += encoder.sotw(ROUTE, str(index), (resource(ROUTE, "r", big.decode()),), 0)
    for index in range(200):
        encoder.sotw(ROUTE, f"other {index}", live[0].resources, 0)
    remembered = (*encoder._old.values(), *encoder._new.values())
    kept = [m for value in remembered if isinstance(value, tuple) for m in value if isinstance(m, Outgoing)]
    assert sum(len(message.payload) for message in kept) <= 2 * (64 << 20)
    for index in range(20_000):
        encoder.empty_assignment(str(index))
    assert len(encoder._old) + len(encoder._new) <= 2 * 4096


def test_bytes_are_what_protobuf_makes() -> None:
    encoder = Encoder("pilotfish", nonce_prefix="p-")
    (whole,) = encoder.sotw(ROUTE, "v1", SOME, 0)
    sotw = DiscoveryResponse.FromString(whole.payload)
    assert (sotw.version_info, sotw.type_url, sotw.nonce) == ("v1", ROUTE, "p-1")
    assert sotw.control_plane.identifier == "pilotfish"
    assert [(any_.type_url, any_.value) for any_ in sotw.resources] == [(ROUTE, some.body) for some in SOME]
    (message,) = encoder.delta(ROUTE, "v1", SOME, ("x", "y"), 0)
    delta = DeltaDiscoveryResponse.FromString(message.payload)
    assert (delta.system_version_info, delta.type_url, delta.nonce) == ("v1", ROUTE, "p-2")
    assert delta.control_plane.identifier == "pilotfish"
    assert [(r.name, r.version, r.resource.value) for r in delta.resources] == [
        (some.name, some.version, some.body) for some in SOME
    ]
    assert list(delta.removed_resources) == ["x", "y"]


def test_an_empty_assignment_is_one() -> None:
    name = "outbound|80||" + "x" * 200
    made = Encoder("test").empty_assignment(name)
    assert ClusterLoadAssignment.FromString(made.body) == ClusterLoadAssignment(cluster_name=name)
    assert made.name == name
    assert made.origins


def test_everything_is_sorted_and_shared() -> None:
    encoder = Encoder("test")
    types = TypeSet.of(ROUTE, [resource(ROUTE, name) for name in ("b", "c", "a")])
    everything = encoder.everything(types)
    assert [r.name for r in everything] == ["a", "b", "c"]
    assert encoder.everything(TypeSet.of(ROUTE, reversed(everything))) is everything
    assert encoder.everything(TypeSet.of(ROUTE, [])) == ()


@pytest.mark.parametrize("successor", [True, False])
def test_difference(successor: bool) -> None:
    old = TypeSet.of(ROUTE, [resource(ROUTE, name) for name in "abc"])
    after = [resource(ROUTE, "b", "2"), resource(ROUTE, "c"), resource(ROUTE, "d")]
    new = TypeSet.of(ROUTE, after, old if successor else None)
    differs = Encoder("test").difference(old, new)
    assert differs.names == {"a", "b", "d"}
    assert differs.added == {"d"}
    assert [r.name for r in differs.present] == ["b", "d"]
    assert differs.absent == ("a",)
    assert differs.within({"a", "b", "d", "e"}) is differs
    part = differs.within({"a", "c"})
    assert (part.names, part.added) == (frozenset({"a"}), frozenset())
    assert (part.present, part.absent) == ((), ("a",))


def test_a_response_does_not_show_its_payload() -> None:
    (message,) = Encoder("test").sotw(ROUTE, "v", (resource(ROUTE, "a", "secret"),), 0)
    assert repr(message) == "<Outgoing RouteConfiguration nonce=1 +('a',) -()>"
