"""After each of many random edits Envoy holds exactly what the files mean, and nothing was refused, waited for or lost.

The seed is printed; PILOTFISH_SEED repeats a run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.envoy.harness.scene import ANY

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.envoy.harness.shop import Shop


def edits(shop: Shop, count: int, report: Callable[[str], None]) -> None:
    for _ in range(count):
        shop.edit(ANY)
    report(f"{count} edits, {len(shop.times)} of them seen by Envoy: {shop.said_times()}")
    if shop.delta:
        shop.assert_nothing_sent_twice()


def test_envoy_follows_every_edit(shop: Shop, report: Callable[[str], None]) -> None:
    edits(shop, 40, report)


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_envoy_follows_five_hundred_edits(shop: Shop, report: Callable[[str], None]) -> None:
    edits(shop, 500, report)
