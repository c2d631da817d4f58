from __future__ import annotations

import json

import pytest

from tests.demo.counted import GOOD, tally
from xds_server.demo.load import Answer, Tally
from xds_server.demo.screen import shares
from xds_server.demo.verdict import ROUTED_PATH, SPLIT_PATH, Xds, conclude


@pytest.mark.parametrize(
    ("counts", "errors", "nacks", "faults"),
    [
        (GOOD, {}, 0, []),
        ({**GOOD, (SPLIT_PATH, "v1"): 3890, (SPLIT_PATH, "v2"): 1110}, {}, 0, []),
        (
            {**GOOD, (SPLIT_PATH, "v1"): 4000, (SPLIT_PATH, "v2"): 1000},
            {},
            0,
            ["80.0% of /product went to v1, not 75% ± 3%", "20.0% of /product went to v2, not 25% ± 3%"],
        ),
        (
            {**GOOD, (SPLIT_PATH, "v1"): 3749},
            {},
            0,
            ["4,999 requests on /product, fewer than 5,000"],
        ),
        ({**GOOD, (ROUTED_PATH, "v1"): 1}, {}, 0, ["/product/v2 was answered by v1, v2, not by v2 alone"]),
        (GOOD, {503: 2, 0: 1}, 0, ["2 × 503", "1 × no answer"]),
        (GOOD, {}, 1, ["Envoy refused 1 xDS responses"]),
    ],
)
def test_the_verdict(counts: dict[tuple[str, str], int], errors: dict[int, int], nacks: int, faults: list[str]) -> None:
    verdict = conclude(tally(counts, errors), xds=Xds(acks=9, nacks=nacks), envoy_version="1.40.0", gateway_url="u")
    assert verdict.faults == faults


def test_the_last_line() -> None:
    verdict = conclude(tally(GOOD), xds=Xds(acks=9), envoy_version="1.40.0", gateway_url="http://127.0.0.1:8080")
    assert json.loads(json.dumps(verdict.summary())) == {
        "requests": 5000,
        "split": {"v1": 0.75, "v2": 0.25},
        "errors": {},
        "envoy_version": "1.40.0",
        "gateway_url": "http://127.0.0.1:8080",
        "xds": {"acks": 9, "nacks": 0},
    }


def test_the_window_is_three_seconds() -> None:
    now = [0.0]
    made = Tally(clock=lambda: now[0])
    for at in range(10):
        now[0] = float(at)
        made.add(Answer(now[0], 200, "v1", "v1-a", "/"))
    assert [answer.at for answer in made.recent()] == [6.0, 7.0, 8.0, 9.0]
    assert made.rate == pytest.approx(4 / 3)
    assert made.requests == 10


def test_shares_are_of_good_answers_on_one_path() -> None:
    answers = [
        Answer(0, 200, "v1", "", "/a"),
        Answer(0, 200, "v2", "", "/a"),
        Answer(0, 503, "v2", "", "/a"),
        Answer(0, 200, "v2", "", "/b"),
    ]
    assert shares(answers, "/a") == {"v1": 0.5, "v2": 0.5}
    assert shares(answers, "/c") == {}
