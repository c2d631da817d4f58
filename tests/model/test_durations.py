from __future__ import annotations

import pytest
from google.protobuf import duration_pb2
from hypothesis import given
from hypothesis import strategies as st

from translators.model.common import Duration

MILLISECOND = 1_000_000
SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("0", 0),
        ("0s", 0),
        ("8ms", 8 * MILLISECOND),
        ("1.5s", 1_500 * MILLISECOND),
        ("1m", 60 * SECOND),
        ("1h30m", 5_400 * SECOND),
        ("-3s", -3 * SECOND),
        ("+3s", 3 * SECOND),
        (".5s", 500 * MILLISECOND),
        ("1.s", SECOND),
        ("100us", 100_000),
        ("100µs", 100_000),
        ("1ns", 1),
        ("0.0000000019s", 1),
        ("315576000000s", 315_576_000_000 * SECOND),
    ],
)
def test_go_durations_are_read(text: str, nanoseconds: int) -> None:
    assert int(Duration.parse(text)) == nanoseconds


@pytest.mark.parametrize(
    "text", ["", "5", "1d", "s", "1 s", "1s ", "--1s", "1e3s", "1:30", "٣s", "315576000001s", "1" * 5_000 + "s"]
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|longer than 10,000 years"):
        Duration.parse(text)


@given(st.integers(-(10**18), 10**18))
def test_seconds_and_nanos_are_protobufs(nanoseconds: int) -> None:
    duration, reference = Duration(nanoseconds), duration_pb2.Duration()
    reference.FromNanoseconds(nanoseconds)
    assert (duration.seconds, duration.nanos) == (reference.seconds, reference.nanos)


@given(st.integers(-(10**18), 10**18))
def test_text_form_reads_back(nanoseconds: int) -> None:
    assert Duration.parse(str(Duration(nanoseconds))) == nanoseconds
