"""Minutes of random edits under load on a real Envoy, on both variants (`make soak`)."""

from __future__ import annotations

import os
import random
import threading
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.envoy.harness import assert_clean, many

if TYPE_CHECKING:
    from tests.envoy.harness import Mesh

EDITS = 200


def _routes(chance: random.Random) -> str:
    """Return routes that every request finds an answer in: to one subset, to all endpoints, or split by weight."""
    kind = chance.randrange(4)
    if kind == 0:
        return f"- route: [{{destination: {{host: echo, subset: v{chance.randint(1, 2)}}}}}]"
    if kind == 1:
        return "- route: [{destination: {host: echo}}]"
    weight = chance.randint(1, 99)
    split = (
        f"- route:\n"
        f"  - {{destination: {{host: echo, subset: v1}}, weight: {weight}}}\n"
        f"  - {{destination: {{host: echo, subset: v2}}, weight: {100 - weight}}}"
    )
    if kind == 2:
        return split
    return (
        f"- match: [{{uri: {{prefix: /p{chance.randrange(9)}}}}}]\n  route: [{{destination: {{host: echo}}}}]\n{split}"
    )


@pytest.mark.soak
def test_random_edits_under_load_cost_no_request(mesh: Mesh) -> None:
    seed = int(os.environ.get("PILOTFISH_SEED") or random.SystemRandom().randrange(2**32))
    print(f"PILOTFISH_SEED={seed}")  # noqa: T201 - pytest shows it when the test fails
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    mesh.route("- route: [{destination: {host: echo}}]")
    counted: Counter[int] = Counter()
    ended = threading.Event()

    def load() -> None:
        while not ended.is_set():
            counted.update(status for status, _ in many(mesh.port, "/", 40, concurrency=4).elements())

    thread = threading.Thread(target=load)
    thread.start()
    try:
        for _ in range(EDITS):
            if chance.random() < 0.2:
                limit = chance.randint(500, 5000)
                mesh.policy(f"connectionPool: {{tcp: {{maxConnections: {limit}}}}}", _routes(chance))
            else:
                mesh.route(_routes(chance))
    finally:
        ended.set()
        thread.join()
    assert_clean(mesh.envoy)
    assert set(counted) == {200}, counted
    assert counted[200] > EDITS * 20
