"""Kills, freezes and cuts, of the server, of Envoy and of the wire between them, while edits and requests go on."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import pytest

from tests.envoy.harness import eventually
from tests.envoy.harness.scene import MOVING, SAFE, STEADY
from tests.envoy.harness.shop import Shop

if TYPE_CHECKING:
    from pathlib import Path

RATE = 200
"""Requests a second."""

LENGTHS = [3, pytest.param(30, marks=pytest.mark.soak)]
"""Seconds that something stays frozen."""

ROUNDS = [2, pytest.param(30, marks=pytest.mark.soak)]


def connected(shop: Shop) -> bool:
    return shop.envoy.stat("control_plane.connected_state") == 1


@pytest.mark.parametrize("rounds", ROUNDS)
def test_a_server_is_killed_and_edits_are_made_while_it_is_away(shop: Shop, rounds: int) -> None:
    with shop.load(RATE) as load:
        for _ in range(rounds):
            shop.pilotfish.kill()
            eventually(lambda: not connected(shop), 5.0, "Envoy notices")
            for _ in range(3):
                shop.change(MOVING if shop.delta else STEADY)
            load.wait_for(load.requests + RATE)  # Envoy serves meanwhile
            shop.pilotfish.start()
            shop.agree("the server is back")
            shop.edit(SAFE)
    assert load.failed == 0, shop.describe(load)
    if shop.delta:
        shop.assert_nothing_sent_twice()


@pytest.mark.timeout(200)
@pytest.mark.parametrize("seconds", LENGTHS)
def test_a_server_is_frozen(shop: Shop, seconds: int) -> None:
    with shop.load(RATE) as load:
        shop.pilotfish.signal(signal.SIGSTOP)
        try:
            for number in range(3):
                shop.change(SAFE)
                load.wait_for(RATE * seconds * (number + 1) // 3)
        finally:
            shop.pilotfish.signal(signal.SIGCONT)
        shop.agree("the server goes on")
        shop.edit(SAFE)
    assert load.failed == 0, shop.describe(load)


@pytest.mark.timeout(200)
@pytest.mark.parametrize("seconds", LENGTHS)
def test_an_envoy_is_frozen(shop: Shop, seconds: int) -> None:
    with shop.load(RATE) as load:
        shop.envoy.process.send(signal.SIGSTOP)
        try:
            for _ in range(3):
                shop.change(MOVING)
                shop.server_follows()
            # Nothing tells that time has passed but time.
            time.sleep(seconds)
        finally:
            shop.envoy.process.send(signal.SIGCONT)
        shop.agree("Envoy goes on")
        shop.edit(SAFE)
    assert load.failed == 0, shop.describe(load)  # late, but answered


@pytest.mark.parametrize("rounds", ROUNDS)
def test_the_wire_is_cut_in_the_middle_of_a_push(shop: Shop, rounds: int) -> None:
    before = shop.relay.torn
    with shop.load(RATE) as load:
        for _ in range(rounds):
            shop.relay.cut_after_bytes(shop.scene.chance.randint(20, 1500))
            for _ in range(4):
                shop.edit(SAFE)
    assert shop.relay.torn - before > rounds / 4, "cuts in the middle of a response"
    assert load.failed == 0, shop.describe(load)


@pytest.mark.parametrize("rounds", ROUNDS)
def test_a_server_says_goaway_and_closes_later(shop: Shop, rounds: int) -> None:
    """As one does with a connection that has reached its greatest age: Envoy stays until it is closed (rule 95)."""
    before = shop.relay.connections
    with shop.load(RATE) as load:
        for number in range(rounds):
            shop.relay.goaway()
            shop.edit(SAFE)
            shop.edit(SAFE)
            assert shop.relay.connections == before + number, "Envoy stays"
            shop.change(SAFE)
            shop.relay.cut()
            shop.agree("over a new connection")
            assert shop.relay.connections == before + number + 1
    assert load.failed == 0, shop.describe(load)


@pytest.mark.parametrize("delta", [True, False], ids=["delta", "sotw"])
def test_streams_end_at_their_age(tmp_path: Path, *, delta: bool) -> None:
    """`--max-connection-age`, at every moment of an edit: the server ends the stream, Envoy begins another."""
    shop = Shop(tmp_path, delta=delta, arguments=["--max-connection-age", "1s", "--max-streams-per-second", "0"])
    try:
        with shop.load(RATE) as load:
            while load.requests < RATE * 6:
                shop.edit(SAFE)
        assert load.failed == 0, shop.describe(load)
        first = [one for one in shop.relay.seen if one.kind == "Cluster" and not one.response and not one.nonce]
        assert len(first) >= 4, "streams that began"
    finally:
        shop.close()


@pytest.mark.timeout(200)
@pytest.mark.parametrize("lost", [False, True], ids=["comes back", "is reset"])
@pytest.mark.parametrize("seconds", LENGTHS)
def test_the_wire_goes_dead(shop: Shop, seconds: int, lost: bool) -> None:
    """Nothing passes for a time, in neither direction, and neither side is told."""
    before = shop.relay.connections
    with shop.load(RATE) as load:
        with shop.relay.frozen():
            for number in range(3):
                shop.change(MOVING)
                shop.server_follows()
                load.wait_for(RATE * seconds * (number + 1) // 3)
            if lost:
                shop.relay.cut()
        shop.agree("the wire is back")
        shop.edit(SAFE)
    assert load.failed == 0, shop.describe(load)
    # Neither side has noticed anything, unless it was for so long that the server's pings were missed.
    assert shop.relay.connections == before + lost or seconds > 10
