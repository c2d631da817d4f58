"""Microseconds of the protocol core alone: one change offered to many streams, and its ACK taken in.

Run: `python benchmarks/protocol_micro.py [streams] [clusters]`. No gRPC: what `make bench` (c) adds to a bare server.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import TYPE_CHECKING

from envoy.config.core.v3.base_pb2 import Node
from envoy.service.discovery.v3.discovery_pb2 import DeltaDiscoveryRequest, DiscoveryRequest

from translators.model.proxy import ProxyView
from translators.resources import CLUSTER, ENDPOINT, LISTENER, ROUTE, Resource, ResourceSet, TypeSet
from xds_server.protocol import DeltaStream, Encoder, SotwStream

if TYPE_CHECKING:
    from collections.abc import Callable

    from xds_server.protocol import Outgoing

ROUNDS = 9


def _resource(type_url: str, name: str, content: int) -> Resource:
    return Resource(type_url, name, f"{name} {content}".encode() + b"." * 600, ())


def _snapshot(count: int) -> ResourceSet:
    names = [f"outbound|80||svc-{index}.default.svc.cluster.local" for index in range(count)]
    types = {t: TypeSet.of(t, [_resource(t, name, 0) for name in names]) for t in (CLUSTER, ENDPOINT)}
    types |= {t: TypeSet.of(t, [_resource(t, f"http.{index}", 0) for index in range(3)]) for t in (LISTENER, ROUTE)}
    return ResourceSet(view=ProxyView(type="router", namespace="default"), types=types)


def _changed(old: ResourceSet, type_url: str, content: int) -> ResourceSet:
    name = min(old[type_url].resources)
    new = old[type_url].replace({name: _resource(type_url, name, content)})
    return ResourceSet(view=old.view, types={**old.types, type_url: new})


def _names(snapshot: ResourceSet, type_url: str) -> list[str]:
    return [] if type_url in (CLUSTER, LISTENER) else sorted(snapshot[type_url].resources)


def _delta(encoder: Encoder, snapshot: ResourceSet) -> DeltaStream:
    stream = DeltaStream(encoder)
    stream.offer(snapshot, 0.0)
    for type_url in snapshot.types:
        names = _names(snapshot, type_url)
        request = DeltaDiscoveryRequest(node=Node(id="n"), type_url=type_url, resource_names_subscribe=names)
        for message in stream.receive(request, 0.0).responses:
            stream.receive(DeltaDiscoveryRequest(type_url=type_url, response_nonce=message.nonce), 0.0)
    return stream


def _sotw(encoder: Encoder, snapshot: ResourceSet) -> SotwStream:
    stream = SotwStream(encoder)
    stream.offer(snapshot, 0.0)
    for type_url in snapshot.types:
        names = _names(snapshot, type_url)
        request = DiscoveryRequest(node=Node(id="n"), type_url=type_url, resource_names=names)
        for message in stream.receive(request, 0.0).responses:
            ack = DiscoveryRequest(type_url=type_url, response_nonce=message.nonce, resource_names=names)
            stream.receive(ack, 0.0)
    return stream


def _measure(
    streams: list[DeltaStream | SotwStream], encoder: Encoder, start: ResourceSet, type_url: str
) -> tuple[float, float]:
    """Median CPU microseconds per stream of: an offer of one changed resource; parsing and taking in its ACK."""
    offers, acks = [], []
    names = {each: _names(start, each) for each in start.types}
    current = start
    for content in range(1, ROUNDS + 1):
        current = _changed(current, type_url, content)
        began = time.process_time()
        steps = [stream.offer(current, 0.0, "bench") for stream in streams]
        encoder.turn()
        offers.append(time.process_time() - began)
        answered = 0.0
        for stream, step in zip(streams, steps, strict=True):
            for message in step.responses:
                answered += _ack(stream, message, names[message.type_url])
        acks.append(answered)
    scale = 1e6 / len(streams)
    return statistics.median(offers) * scale, statistics.median(acks) * scale


def _ack(stream: DeltaStream | SotwStream, message: Outgoing, names: list[str]) -> float:
    """Acknowledge; returns the seconds that it took the server."""
    type_url, nonce = message.type_url, message.nonce
    if isinstance(stream, DeltaStream):
        raw = DeltaDiscoveryRequest(type_url=type_url, response_nonce=nonce).SerializeToString()
        began = time.perf_counter()
        stream.receive(DeltaDiscoveryRequest.FromString(raw), 0.0)
    else:
        raw = DiscoveryRequest(type_url=type_url, response_nonce=nonce, resource_names=names).SerializeToString()
        began = time.perf_counter()
        stream.receive(DiscoveryRequest.FromString(raw), 0.0)
    return time.perf_counter() - began


def main(count: int = 500, clusters: int = 1000) -> None:
    """Print a table."""
    snapshot = _snapshot(clusters)
    encoder = Encoder("bench")
    print(f"{count} streams, {clusters} clusters; µs per stream, median of {ROUNDS}")
    variants: dict[str, Callable[[Encoder, ResourceSet], DeltaStream | SotwStream]] = {"delta": _delta, "sotw": _sotw}
    for variant, connect in variants.items():
        began = time.process_time()
        streams = [connect(encoder, snapshot) for _ in range(count)]
        took = (time.process_time() - began) * 1e6 / count
        print(f"{variant:6} connect (4 types, {clusters} EDS names)  {took:8.1f}")
        for type_url in (ENDPOINT, CLUSTER, ROUTE):
            offer, ack = _measure(streams, encoder, snapshot, type_url)
            print(f"{variant:6} {type_url.rpartition('.')[2]:24} offer {offer:6.2f}  ack {ack:6.2f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
