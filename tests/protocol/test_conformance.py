"""The conformance page says what is so: every rule is there, and has its tests."""

from __future__ import annotations

import re

import pytest

from tests.protocol.conformance import ALL, Rule
from tests.protocol.conformance_page import PAGE, ROOT, covered, held_by, numbered, render, results

rules = pytest.mark.parametrize("rule", ALL, ids=[str(rule.number) for rule in ALL])


def test_every_rule_stands_in_the_table_once() -> None:
    assert [rule.number for rule in ALL] == list(range(1, 113))


def test_tests_name_rules_that_exist() -> None:
    assert set(numbered()) <= {rule.number for rule in ALL}


@rules
def test_a_rule_has_a_test_or_a_reason(rule: Rule) -> None:
    assert held_by(rule) or rule.why
    assert not re.search(r"[\n|]", rule.says + rule.why)


@rules
def test_its_tests_exist(rule: Rule) -> None:
    for test in held_by(rule):
        file, _, name = test.partition("::")
        source = (ROOT / file).read_text(encoding="utf-8")
        assert re.search(rf"^(?:async )?def {name}\(|^{name} = ", source, re.MULTILINE), test


@rules
def test_they_cover_the_variants_and_types_that_it_is_about(rule: Rule) -> None:
    here = frozenset[str]().union(*(covered(test) for test in held_by(rule)))
    assert {*rule.variants, *rule.types} <= here or not held_by(rule)


def test_the_page_is_not_stale() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert render(results(page)) == page, "make it anew with `pytest --update-conformance`"


@rules
def test_its_result_is_good(rule: Rule) -> None:
    result = results(PAGE.read_text(encoding="utf-8"))[rule.number]
    assert re.fullmatch(r"✓ \d+" if held_by(rule) else "–", result)
