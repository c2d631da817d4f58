"""The decision table of subscriptions, without a stream: each row is a history of requests and what it leads to."""

from __future__ import annotations

import pytest

from translators.resources import CLUSTER, ENDPOINT, EXTENSION, LISTENER, ROUTE, SECRET, TYPES
from xds_server.protocol.subscription import NAMED_ONLY, UNCHANGED, Change, Subscription


def _state(subscription: Subscription) -> str:
    return " ".join([*(["*"] if subscription.wildcard else []), *sorted(subscription.names)])


SOTW = [
    # rule, legacy type, requests, the state after each
    ("22 legacy", True, [""], ["*"]),
    ("22 legacy goes on", True, ["", "", ""], ["*", "*", "*"]),
    ("24 the spec's example", True, ["", "* A", "A", ""], ["*", "* A", "A", ""]),
    ("24 legacy, then a name", True, ["", "A", ""], ["*", "A", ""]),
    ("24 nothing is nothing for ever", True, ["A", "", "", ""], ["A", "", "", ""]),
    ("23 explicit", True, ["*"], ["*"]),
    ("23 explicit, then nothing", True, ["*", ""], ["*", ""]),
    ("23 explicit and named", True, ["* A", "*", "* B"], ["* A", "*", "* B"]),
    ("21 no names", False, ["", "A", ""], ["", "A", ""]),
    ("21 explicit wildcard of a named type", False, ["*", ""], ["*", ""]),
    ("20 names are the whole list", False, ["A B", "B C", "B"], ["A B", "B C", "B"]),
]


@pytest.mark.parametrize(("rule", "legacy", "requests", "states"), SOTW, ids=[f"rule-{row[0]}" for row in SOTW])
def test_sotw_table(rule: str, legacy: bool, requests: list[str], states: list[str]) -> None:  # noqa: ARG001
    subscription = Subscription(legacy=legacy)
    seen = []
    for request in requests:
        subscription.replace(request.split())
        seen.append(_state(subscription))
        assert subscription.among(request.split()) or "*" in request
    assert seen == states


DELTA = [
    # rule, legacy type, (subscribe / unsubscribe) of each request, the state after each
    ("43 legacy", True, ["/"], ["*"]),
    ("43 the spec's example", True, ["/", "A/", "/*", "/A"], ["*", "* A", "A", ""]),
    ("43 nothing is nothing for ever", True, ["A/", "/A", "/", "/"], ["A", "", "", ""]),
    ("43 off at once", True, ["/*"], [""]),
    ("44 explicit", True, ["*/", "/*", "/"], ["*", "", ""]),
    ("44 explicit keeps the named", True, ["* A/", "/*"], ["* A", "A"]),
    ("45 a name under the legacy wildcard", True, ["/", "OD1/"], ["*", "* OD1"]),
    ("40 not subscribed", False, ["A/", "/B"], ["A", "A"]),
    ("36 both at once", False, ["A B/", "C/A"], ["A B", "B C"]),
    ("36 the same name in both", False, ["A/", "A/A"], ["A", "A"]),
    ("21 no names", False, ["/", "A/"], ["", "A"]),
]


@pytest.mark.parametrize(("rule", "legacy", "requests", "states"), DELTA, ids=[f"rule-{row[0]}" for row in DELTA])
def test_delta_table(rule: str, legacy: bool, requests: list[str], states: list[str]) -> None:  # noqa: ARG001
    subscription = Subscription(legacy=legacy)
    seen = []
    for request in requests:
        subscribe, _, unsubscribe = request.partition("/")
        subscription.update(subscribe.split(), unsubscribe.split())
        seen.append(_state(subscription))
    assert seen == states


CHANGES = [
    # rule, subscribed before, (subscribe / unsubscribe), what must happen
    ("39 again", "A", "A/", Change(subscribed=("A",), owed=("A",))),
    ("39 again, everything", "*", "*/", Change(wildcard=True)),
    ("40 not subscribed", "A", "/B", Change()),
    ("41 gone", "A B", "/B", Change(unsubscribed=("B",))),
    ("42 gone, yet under the wildcard", "* A", "/A", Change(unsubscribed=("A",), owed=("A",))),
    ("42 only what was named", "*", "/A", Change()),
    ("44 both gone", "* A", "/* A", Change(unsubscribed=("A",), wildcard=False)),
    ("36 nothing", "A", "/", UNCHANGED),
]


@pytest.mark.parametrize(("rule", "before", "request_", "expected"), CHANGES, ids=[f"rule-{row[0]}" for row in CHANGES])
def test_delta_changes(rule: str, before: str, request_: str, expected: Change) -> None:  # noqa: ARG001
    subscription = Subscription(legacy=True)
    subscription.update(before.split(), ())
    subscribe, _, unsubscribe = request_.partition("/")
    assert subscription.update(subscribe.split(), unsubscribe.split()) == expected


def test_rule_19_sotw_owes_what_is_new_and_only_that() -> None:
    subscription = Subscription(legacy=False)
    subscription.replace(["A", "B"])
    assert subscription.replace(["C", "B"]) == Change(subscribed=("C",), unsubscribed=("A",), owed=("C",))
    assert subscription.replace(["A", "B", "C"]) == Change(subscribed=("A",), owed=("A",))


def test_rule_24_sotw_going_on_with_the_wildcard_owes_nothing() -> None:
    subscription = Subscription(legacy=True)
    assert subscription.replace([]) == Change(wildcard=True)
    assert subscription.replace([]) == Change()
    assert subscription.replace(["*"]) == Change()
    assert subscription.replace(["A"]) == Change(subscribed=("A",), wildcard=False, owed=("A",))
    assert subscription.replace(["*", "A"]) == Change(wildcard=True)


def test_a_change_says_whether_it_is_one() -> None:
    assert not UNCHANGED
    assert not UNCHANGED.owes
    assert Change(unsubscribed=("A",))
    assert Change(wildcard=False)
    assert not Change(wildcard=False).owes
    assert Change(wildcard=True).owes
    assert Change(owed=("A",)).owes


def test_rule_22_types_that_may_be_asked_for_without_names() -> None:
    assert {t for t in TYPES if t not in NAMED_ONLY} == {CLUSTER, LISTENER}
    assert {ENDPOINT, ROUTE, SECRET, EXTENSION} == NAMED_ONLY


def test_wants() -> None:
    subscription = Subscription(legacy=False)
    assert not subscription
    subscription.update(["A"], ())
    assert subscription
    assert (subscription.wants("A"), subscription.wants("B")) == (True, False)
    subscription.update(["*"], ["A"])
    assert subscription.wants("B")
