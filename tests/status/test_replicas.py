"""Two replicas of `pilotfish serve`: both serve the same, one writes statuses, and when it is gone the other does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.apiserver.cluster import Cluster
from tests.apiserver.emulation import TOKEN, Emulation
from tests.envoy.harness.waiting import eventually
from tests.status.client import Gateway, Versions
from tests.status.replicas import LEASE_SECONDS, condition, echo, gateway, replica, route, writers
from translators.resources import CLUSTER, ENDPOINT, LISTENER, ROUTE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.envoy.harness.pilotfish import Pilotfish


class Two:
    """Two replicas, `a` and `b`."""

    def __init__(self, folder: Path, server: Emulation) -> None:
        self.server = server
        self.cluster = Cluster(server.url, TOKEN)
        self.cluster.install()
        self.cluster.apply(gateway(), route(), echo())
        self.replicas: dict[str, Pilotfish] = {}
        for name in "ab":
            self.replicas[name] = replica(folder, server, name)

    def holder(self) -> str:
        """Return which replica writes; empty while none says so."""
        leading = [n for n, one in self.replicas.items() if "pilotfish_status_leader 1.0" in _metrics(one)]
        assert len(leading) < 2
        return leading[0] if leading else ""

    def address(self, name: str) -> str:
        return f"127.0.0.1:{self.replicas[name].xds_port}"

    def up_to_date(self, text: str, generation: int = 1) -> bool:
        found = condition(self.cluster, "VirtualService", "echo")
        return (found.get("status"), found.get("observedGeneration")) == ("True", generation) and (
            found["message"] == text
        )


@pytest.fixture
def two(tmp_path: Path, emulation: Emulation) -> Iterator[Two]:
    found = Two(tmp_path, emulation)
    try:
        yield found
    finally:
        for one in found.replicas.values():
            one.stop()


def _metrics(one: Pilotfish) -> str:
    return str(one.get("/metrics").body)


def _complete(gateway: Gateway) -> bool:
    return gateway.answered == {CLUSTER, ENDPOINT, LISTENER, ROUTE}


def _held(address: str, kept: Versions | None = None) -> Gateway:
    """Connect until everything was answered, and leave."""
    with Gateway(address, kept=kept) as found:
        eventually(lambda: _complete(found), 10.0, "each type is answered")
    return found


def test_both_serve_the_same_and_a_proxy_that_moves_is_sent_nothing_new(two: Two) -> None:
    one = _held(two.address("a"))
    assert all(one.holds.values())
    other = _held(two.address("b"))
    assert other.holds == one.holds, "versions are identical"
    moved = _held(two.address("b"), kept=one.holds)
    assert moved.news == []


@pytest.mark.timeout(180)
def test_one_writes_and_when_it_is_killed_the_other_goes_on(two: Two) -> None:
    first = eventually(two.holder, 10.0, "one of the two leads")
    (second,) = two.replicas.keys() - {first}
    with Gateway(two.address(second)), Gateway(two.address(first), "gw-2"):
        eventually(lambda: condition(two.cluster, "VirtualService", "echo"), 20.0, "a status is written")
        assert set(writers(two.server)) == {first}
        two.cluster.apply(route("a.example.com"))
        eventually(lambda: two.up_to_date("2/2 proxies up to date", 2), 30.0, "it says so of the second generation")
        assert set(writers(two.server)) == {first}, "the other one writes nothing"
        before = two.cluster.get("Lease", "pilotfish-status", "istio-system")["spec"]

        two.replicas.pop(first).kill()
        two.cluster.apply(route("b.example.com"))
        eventually(lambda: condition(two.cluster, "VirtualService", "echo").get("observedGeneration") == 3, 30.0)
    after = two.cluster.get("Lease", "pilotfish-status", "istio-system")["spec"]
    assert after["holderIdentity"] != before["holderIdentity"]
    assert after["leaseTransitions"] == before["leaseTransitions"] + 1
    told = writers(two.server)
    assert set(told[told.index(second) :]) == {second}
    assert set(told[: told.index(second)]) == {first}


def test_a_replica_that_is_told_to_stop_lets_the_lease_go(two: Two) -> None:
    first = eventually(two.holder, 10.0, "one of the two leads")
    two.replicas.pop(first).stop()
    assert two.cluster.get("Lease", "pilotfish-status", "istio-system")["spec"]["leaseDurationSeconds"] in (
        1,
        LEASE_SECONDS,
    )
    eventually(two.holder, LEASE_SECONDS, "the other one has it before it would be over")
    names = {one["metadata"]["name"] for one in two.cluster.list("ConfigMap")["items"]}
    assert not {name for name in names if name.startswith("pilotfish-status")}, "no report is left behind"
