"""What a client has asked for and not accepted as it should be; the statuses of objects are made from this."""

from __future__ import annotations

import pytest

from tests.protocol.client import resource
from tests.protocol.wire import DeltaWire, SotwWire, Wire
from translators.resources import CLUSTER, ROUTE

wires = pytest.mark.parametrize("wire", [SotwWire, DeltaWire], ids=["sotw", "delta"])


def behind(wire: Wire) -> dict[str, list[str]]:
    return {type_url: sorted(names) for type_url, names in wire.stream.behind(wire.current).items()}


@wires
def test_until_it_is_accepted(wire: type[Wire]) -> None:
    one = wire()
    one.holding(resource(CLUSTER, "a"), resource(CLUSTER, "b"))
    assert behind(one) == {}, "it has asked for nothing"
    one.want(CLUSTER)
    assert behind(one) == {CLUSTER: ["a", "b"]}
    one.ack(CLUSTER)
    assert behind(one) == {CLUSTER: []}
    one.offer(resource(CLUSTER, "a"), resource(CLUSTER, "b", "2"))
    assert "b" in behind(one)[CLUSTER]
    one.ack(CLUSTER)
    assert behind(one) == {CLUSTER: []}


@wires
def test_before_it_is_offered(wire: type[Wire]) -> None:
    one = wire()
    one.holding(resource(CLUSTER, "a"))
    one.want(CLUSTER)
    one.ack(CLUSTER)
    newer = wire()
    newer.holding(resource(CLUSTER, "a", "2"))
    assert one.stream.behind(newer.current) == {CLUSTER: {"a"}}


@wires
def test_what_it_did_not_ask_for_does_not_count(wire: type[Wire]) -> None:
    one = wire()
    one.holding(resource(ROUTE, "a"), resource(ROUTE, "b"))
    one.want(ROUTE, "a")
    one.ack(ROUTE)
    one.offer(resource(ROUTE, "a"), resource(ROUTE, "b", "2"))
    assert behind(one) == {ROUTE: []}


@wires
def test_what_it_rejects_stays_behind(wire: type[Wire]) -> None:
    one = wire()
    one.holding(resource(CLUSTER, "a"), resource(CLUSTER, "b"))
    one.want(CLUSTER)
    one.ack(CLUSTER)
    one.offer(resource(CLUSTER, "a", "2", bad=True), resource(CLUSTER, "b"))
    one.nack(CLUSTER, message="Error adding/updating cluster(s) a: bad")
    while one.stream.status()[CLUSTER].status == "STALE":
        one.ack(CLUSTER)
    assert behind(one) == {CLUSTER: ["a"]}
