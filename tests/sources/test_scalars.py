from __future__ import annotations

import math

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from xds_server.sources.scalars import resolve, tagged


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("yes", True),
        ("Off", False),
        ("TRUE", True),
        ("y", "y"),
        ("80", 80),
        ("-1", -1),
        ("1_000", 1000),
        ("0x1F", 31),
        ("0b101", 5),
        ("0777", 511),
        ("0o17", 15),
        ("0099", "0099"),
        ("1.5", 1.5),
        ("1e5", 1e5),
        (".5", 0.5),
        ("1.10", 1.1),
        (".inf", math.inf),
        ("-.inf", -math.inf),
        ("1.2.3", "1.2.3"),
        ("10.0.0.1", "10.0.0.1"),
        ("2020-01-01", "2020-01-01"),
        ("2020-01-01T00:00:00Z", "2020-01-01T00:00:00Z"),
        ("12:30", "12:30"),
        ("-", "-"),
        ("+", "+"),
        (".", "."),
        ("0x", "0x"),
        ("0x_", "0x_"),
        ("1s", "1s"),
        ("NaN", "NaN"),
        ("18446744073709551615", 18446744073709551615),
    ],
)
def test_plain_scalars_mean_what_kubernetes_reads(text: str, value: object) -> None:
    found = resolve(text)
    assert (found, type(found)) == (value, type(value))


def test_numbers_of_any_length_are_read() -> None:
    assert resolve("9" * 10_000) == math.inf
    assert resolve("0x" + "f" * 10_000) == "0x" + "f" * 10_000
    assert math.isnan(float(resolve(".nan") or 0))


@given(st.text(max_size=12) | st.from_regex(r"[-+]?[0-9_.eExXobB:]{1,12}", fullmatch=True))
def test_it_never_raises_and_differs_from_pyyaml_where_the_docstring_says(text: str) -> None:
    found = resolve(text)
    if isinstance(found, str):
        assert found == text
    elif isinstance(found, bool) or found is None:
        assert found == yaml.safe_load(text)
    else:
        assert set(text) <= set("0123456789abcdefABCDEF+-._xoninfINFaAN")


@pytest.mark.parametrize(
    ("tag", "text", "value"),
    [("str", "80", "80"), ("int", "80", 80), ("float", "80", 80), ("bool", "yes", True), ("null", "~", None)],
)
def test_simple_tags(tag: str, text: str, value: object) -> None:
    assert tagged(f"tag:yaml.org,2002:{tag}", text) == value


@pytest.mark.parametrize(
    ("tag", "text"), [("int", "x"), ("bool", "1"), ("timestamp", "2020-01-01"), ("python/name:os", "")]
)
def test_other_tags_are_refused(tag: str, text: str) -> None:
    with pytest.raises(ValueError, match="!!"):
        tagged(f"tag:yaml.org,2002:{tag}", text)
