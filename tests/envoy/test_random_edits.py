"""After each of many random edits Envoy holds exactly what the files mean, and nothing was refused, waited for or lost.

The seed is printed; PILOTFISH_SEED repeats a run.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from statistics import quantiles
from typing import TYPE_CHECKING

import pytest

from tests.envoy.harness.scene import ANY
from tests.envoy.harness.shop import Shop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

VARIANTS = ("delta", "sotw")


@pytest.fixture(params=VARIANTS)
def shop(request: pytest.FixtureRequest, tmp_path: Path, report: Callable[[str], None]) -> Iterator[Shop]:
    seed = int(os.environ.get("PILOTFISH_SEED") or random.SystemRandom().randrange(2**32))
    report(f"PILOTFISH_SEED={seed}")
    running = Shop(tmp_path, seed, delta=request.param == "delta")
    yield running
    running.close()


def edits(shop: Shop, count: int, report: Callable[[str], None]) -> None:
    for _ in range(count):
        shop.edit(ANY)
    half, _, last = (quantiles(shop.times, n=100)[index] for index in (49, 94, 98))
    report(f"{count} edits; from file to Envoy: p50 {half * 1000:.0f} ms, p99 {last * 1000:.0f} ms")
    assert_nothing_sent_twice(shop)


def assert_nothing_sent_twice(shop: Shop) -> None:
    """Assert that no resource went over the wire that Envoy had, but for what a changed parent makes it want again."""
    if not shop.delta:
        return
    has: dict[tuple[str, str], str] = {}
    again: Counter[str] = Counter()
    for seen in shop.relay.seen:
        for name, version in seen.resources:
            if has.get((seen.kind, name)) == version:
                again[seen.kind] += 1
            has[seen.kind, name] = version
        for name in seen.removed:
            has.pop((seen.kind, name), None)
    assert set(again) <= {"ClusterLoadAssignment"}, again


def test_envoy_follows_every_edit(shop: Shop, report: Callable[[str], None]) -> None:
    edits(shop, 40, report)


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_envoy_follows_five_hundred_edits(shop: Shop, report: Callable[[str], None]) -> None:
    edits(shop, 500, report)
