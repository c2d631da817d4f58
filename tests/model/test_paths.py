from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translators.model.paths import key_segment, segments, snake_case


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", ()),
        ("spec.http[0].match[1].uri", ("spec", "http", 0, "match", 1, "uri")),
        ('spec.selector["a.b/c"]', ("spec", "selector", "a.b/c")),
        ("metadata.labels.app", ("metadata", "labels", "app")),
        ('x["a\\"]b"].c', ("x", 'a"]b', "c")),
        ("[3].kind", (3, "kind")),
        ("a[b", ("a",)),
    ],
)
def test_paths_split(path: str, expected: tuple[str | int, ...]) -> None:
    assert segments(path) == expected


@given(st.lists(st.text(min_size=1, max_size=40), max_size=5))
def test_what_is_joined_splits_again(keys: list[str]) -> None:
    assert segments("".join(map(key_segment, keys)).lstrip(".")) == tuple(keys)


@pytest.mark.parametrize(
    ("camel", "snake"),
    [("perTryTimeout", "per_try_timeout"), ("http1MaxPendingRequests", "http1_max_pending_requests"), ("uri", "uri")],
)
def test_proto_names(camel: str, snake: str) -> None:
    assert snake_case(camel) == snake
