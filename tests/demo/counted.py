"""Tallies for the tests of the demo."""

from __future__ import annotations

from xds_server.demo.load import Answer, Tally
from xds_server.demo.verdict import ROUTED_PATH, SPLIT_PATH


def tally(counts: dict[tuple[str, str], int], errors: dict[int, int] | None = None) -> Tally:
    made = Tally(clock=lambda: 0.0)
    for (path, version), number in counts.items():
        for _ in range(number):
            made.add(Answer(0.0, 200, version, f"{version}-a", path))
    for status, number in (errors or {}).items():
        for _ in range(number):
            made.add(Answer(0.0, status, "", "", SPLIT_PATH))
    return made


GOOD = {(SPLIT_PATH, "v1"): 3750, (SPLIT_PATH, "v2"): 1250, (ROUTED_PATH, "v2"): 500}
