"""Host names: what matches what, and the index of a gateway's hosts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translators.hosts import (
    ServerHosts,
    fully_qualified,
    gateway_reference,
    is_short,
    matches,
    most_specific,
    subset_of,
)


@pytest.mark.parametrize(
    ("one", "other", "subset", "meets"),
    [
        ("a.com", "a.com", True, True),
        ("a.com", "b.com", False, False),
        ("a.com", "*", True, True),
        ("*", "a.com", False, True),
        ("*", "*", True, True),
        ("a.foo.com", "*.foo.com", True, True),
        ("a.b.foo.com", "*.foo.com", True, True),
        ("foo.com", "*.foo.com", False, False),
        ("*.foo.com", "*.com", True, True),
        ("*.com", "*.foo.com", False, True),
        ("*.foo.com", "*.foo.com", True, True),
        ("*.foo.com", "*.bar.com", False, False),
        ("*.barfoo.com", "*.foo.com", False, False),
        ("*.foo.com", "*foo.com", True, True),
        ("x-eu.foo.com", "*-eu.foo.com", True, True),
    ],
)
def test_subset_and_match(one: str, other: str, subset: bool, meets: bool) -> None:
    assert subset_of(one, other) is subset
    assert matches(one, other) is meets
    assert matches(other, one) is meets


@pytest.mark.parametrize(
    ("host", "candidates", "best"),
    [
        ("a.foo.com", ["*", "*.com", "*.foo.com"], "*.foo.com"),
        ("a.foo.com", ["*.foo.com", "a.foo.com", "*"], "a.foo.com"),
        ("a.foo.com", ["*.bar.com", "b.foo.com"], None),
        ("*.foo.com", ["*", "*.com"], "*.com"),
        ("*.foo.com", ["a.foo.com"], None),
        ("a.foo.com", [], None),
    ],
)
def test_most_specific(host: str, candidates: list[str], best: str | None) -> None:
    assert most_specific(host, candidates) == best


@pytest.mark.parametrize(
    ("host", "full"),
    [
        ("reviews", "reviews.shop.svc.cluster.local"),
        ("reviews.other", "reviews.other"),
        ("*", "*"),
        ("*.com", "*.com"),
        ("::1", "::1"),
        ("", ""),
    ],
)
def test_short_names(host: str, full: str) -> None:
    assert fully_qualified(host, "shop", "cluster.local") == full
    assert is_short(host) is (host != full)


@pytest.mark.parametrize(
    ("reference", "gateway"),
    [
        ("gw", "shop/gw"),
        ("infra/gw", "infra/gw"),
        ("./gw", "shop/gw"),
        ("gw.infra", "infra/gw"),
        ("gw.infra.svc.cluster.local", "infra/gw"),
    ],
)
def test_gateway_reference(reference: str, gateway: str) -> None:
    assert gateway_reference(reference, "shop") == gateway


def test_namespaces_of_server_hosts() -> None:
    hosts = ServerHosts(["./own.com", "shop/shop.com", "*/any.com", "plain.com", "a/two.com", "b/two.com"], "infra")
    asked = ("own.com", "shop.com", "any.com", "plain.com", "two.com")
    assert hosts.intersection(asked, "infra") == ("any.com", "own.com", "plain.com")
    assert hosts.intersection(asked, "shop") == ("any.com", "plain.com", "shop.com")
    assert hosts.intersection(asked, "b") == ("any.com", "plain.com", "two.com")
    assert tuple(hosts) == ("any.com", "own.com", "plain.com", "shop.com", "two.com")


def test_an_open_entry_wins_over_a_narrow_one() -> None:
    for entries in (["shop/a.com", "a.com"], ["a.com", "shop/a.com"]):
        assert ServerHosts(entries, "infra").intersection(("a.com",), "other") == ("a.com",)


LABELS = st.sampled_from(["a", "b", "foo", "x-eu"])
HOSTS = st.one_of(
    st.just("*"),
    st.builds(
        lambda wild, labels: wild + ".".join(labels),
        st.sampled_from(["", "*.", "*", "*-"]),
        st.lists(LABELS, min_size=1, max_size=4),
    ),
)
ENTRIES = st.builds(lambda where, host: where + host, st.sampled_from(["", "*/", "./", "shop/"]), HOSTS)


@given(st.lists(ENTRIES, max_size=8), st.lists(HOSTS, max_size=4, unique=True), st.sampled_from(["infra", "shop", "x"]))
def test_the_index_finds_what_comparing_all_pairs_finds(entries: list[str], asked: list[str], namespace: str) -> None:
    """Reference 3.7: of each pair that meets, the more specific one."""
    seen = []
    for entry in entries:
        where, slash, host = entry.rpartition("/")
        if not slash or {"*": namespace, ".": "infra"}.get(where, where) == namespace:
            seen.append(host)
    expected = {b for a in seen for b in asked if subset_of(b, a)} | {a for a in seen for b in asked if subset_of(a, b)}
    assert ServerHosts(entries, "infra").intersection(tuple(asked), namespace) == tuple(sorted(expected))
