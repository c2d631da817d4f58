"""No configuration change costs a request: constant load while everything behind it is renamed, split and replaced."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.envoy.harness import misordered
from tests.envoy.harness.scene import MOVING, SAFE
from tests.envoy.harness.shop import Shop

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.envoy.harness.load import Load

WRONG = (str(Path(misordered.__file__)),)
SLOW_SECONDS = 0.03
"""Between two responses, where the order is to show: traffic meets Envoy at each point of its way through a push."""
RATE = 300
"""Requests a second then; an edit gets a second."""


def test_edits_under_load_lose_no_request(shop: Shop, report: Callable[[str], None]) -> None:
    lost_none(shop, edits=25, rate=400, requests=3000, report=report)


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_two_hundred_edits_lose_none_of_100_000_requests(shop: Shop, report: Callable[[str], None]) -> None:
    lost_none(shop, edits=200, rate=600, requests=100_000, report=report)


def lost_none(shop: Shop, *, edits: int, rate: float, requests: int, report: Callable[[str], None]) -> None:
    began = time.monotonic()
    with shop.load(rate) as load:
        for number in range(edits):
            shop.edit(SAFE)
            load.wait_for(requests * (number + 1) // edits)  # so that the edits are spread over all of them
    took = time.monotonic() - began
    report(
        f"{load.requests} requests in {took:.0f} s, {edits} edits, {load.failed} lost; "
        f"slowest answer {load.slowest * 1000:.0f} ms; {shop.said_times()}"
    )
    assert load.failed == 0, shop.describe(load)
    assert load.requests >= requests
    assert set(load.versions) == {"v1", "v2"}


def test_on_a_slow_wire_too_none_is_lost(shop: Shop, report: Callable[[str], None]) -> None:
    load = moved(shop)
    report(f"{load.requests} requests, {load.failed} lost")
    assert load.failed == 0, shop.describe(load)
    shop.agree("in the end")


def test_what_changed_while_envoy_was_away_loses_none(shop: Shop, report: Callable[[str], None]) -> None:
    """It comes back with the clusters and the routes of before, and no moment may come at which they do not match."""
    with shop.load(RATE) as load, shop.relay.slow(SLOW_SECONDS):
        for _ in range(3):
            with shop.relay.frozen():
                shop.change(MOVING)
                shop.server_follows()
                shop.relay.cut()
            shop.agree("it is back")
    report(f"{load.requests} requests, {load.failed} lost")
    assert load.failed == 0, shop.describe(load)


@pytest.mark.parametrize("variant", ["delta", "sotw"])
def test_the_wrong_order_loses_requests(variant: str, tmp_path: Path, report: Callable[[str], None]) -> None:
    """The same with a server that sends each push backwards: if nothing were lost, the others would show nothing."""
    shop = Shop(tmp_path, delta=variant == "delta", program=WRONG)
    try:
        load = moved(shop)
        report(f"{load.requests} requests, {load.failed} lost, as it must be")
        assert load.failed > 0
        assert set(load.statuses) == {200, 503}, shop.describe(load)
    finally:
        shop.close()


def moved(shop: Shop) -> Load:
    """Send requests while what is behind them moves, four times, on a slow wire."""
    with shop.load(RATE) as load, shop.relay.slow(SLOW_SECONDS):
        for number in range(1, 5):
            shop.change(MOVING)
            load.wait_for(RATE * number)
    return load
