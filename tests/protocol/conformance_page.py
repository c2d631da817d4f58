"""docs/xds-conformance.md, made from the table of rules and a run of their tests: `pytest --update-conformance`."""

from __future__ import annotations

import importlib
import inspect
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.protocol.conformance import ALL, BOTH, EACH, SECTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.protocol.conformance import Rule

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "xds-conformance.md"

_NUMBERED: Final = re.compile(r"^(?:async )?def (test_rule_((?:\d+_(?:and_)?)+)\w*)\(", re.MULTILINE)
_RESULT: Final = re.compile(r"^\| (\d+) \|(?:[^|]*\|){3} ([^|]*) \|", re.MULTILINE)

_EVERY_TYPE: Final = r"\bTYPES\b|\beach_type\b|\bremovable\b"
_SIGNS: Final = {
    "sotw": r"SotwWire|\"sotw\"|\.replace\(|\bboth\b|\bVARIANTS\b|\bways\b",
    "delta": r"DeltaWire|\"delta\"|\.update\(|\bboth\b|\bVARIANTS\b|\bways\b|\bdeltas\b",
    "CDS": rf'\bCLUSTER\b|"CDS"|{_EVERY_TYPE}|\bwhole_types\b|\bWHOLE\b|\bresumable\b',
    "LDS": rf'\bLISTENER\b|"LDS"|{_EVERY_TYPE}|\bwhole_types\b|\bWHOLE\b|\bresumable\b',
    "EDS": rf'\bENDPOINT\b|"EDS"|{_EVERY_TYPE}|\b(named|part)_types\b',
    "RDS": rf'\bROUTE\b|"RDS"|{_EVERY_TYPE}|\b(named|part)_types\b|\bresumable\b',
    "ECDS": rf'\bEXTENSION\b|"ECDS"|{_EVERY_TYPE}|\bpart_types\b',
    "SDS": rf'\bSECRET\b|"SDS"|{_EVERY_TYPE}|\b(named|part)_types\b',
}
"""By what a test's source (decorators included) shows that it is about a variant or a type."""


@cache
def numbered() -> dict[int, tuple[str, ...]]:
    """Return the tests that say by their name which rule they hold, as `file::name`, by the rule's number."""
    found: dict[int, list[str]] = {}
    for file in sorted(ROOT.glob("tests/*/test_*.py")):
        for name, numbers in _NUMBERED.findall(file.read_text(encoding="utf-8")):
            for number in re.findall(r"\d+", numbers):
                found.setdefault(int(number), []).append(f"{file.relative_to(ROOT)}::{name}")
    return {number: tuple(tests) for number, tests in found.items()}


def held_by(rule: Rule) -> tuple[str, ...]:
    """Return the tests of a rule, as `file::name`."""
    return tuple(dict.fromkeys((*numbered().get(rule.number, ()), *rule.tests)))


def covered(test: str) -> frozenset[str]:
    """Return the variants and types that a test is about."""
    file, _, name = test.partition("::")
    tested = getattr(importlib.import_module(file.removesuffix(".py").replace("/", ".")), name)
    if isinstance(tested, type):  # the state machine
        return frozenset((*BOTH, *EACH))
    source = inspect.getsource(tested)
    return frozenset(what for what, signs in _SIGNS.items() if re.search(signs, source))


def results(page: str) -> dict[int, str]:
    """Return the result of each rule as a page has it."""
    return {int(number): result for number, result in _RESULT.findall(page)}


def render(result_of: Mapping[int, str]) -> str:
    """Return the page, with these results."""
    lines = [_HEAD]
    for title, rules in SECTIONS.items():
        lines += ["", f"## {title}", "", *_COLUMNS]
        lines += [_row(rule, result_of.get(rule.number, "not run")) for rule in rules]
    return "\n".join([*lines, ""])


def _row(rule: Rule, result: str) -> str:
    tests = held_by(rule)
    held = "<br>".join(filter(None, (*(f"`{test.removeprefix('tests/')}`" for test in tests), rule.why)))
    types = "all" if rule.types == EACH else ", ".join(rule.types)
    variants = ", ".join(rule.variants)
    return f"| {rule.number} | {rule.says} | {variants} | {types} | {result if tests else '–'} | {held} |"


class ConformanceRun:
    """A plugin that lets only the tests of the rules run, and writes the page with what came out."""

    def __init__(self) -> None:
        self._wanted = {test for rule in ALL for test in held_by(rule)}
        self._passed: dict[str, int] = {}
        self._others: dict[str, str] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        chosen = [item for item in items if _test(item.nodeid) in self._wanted]
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = chosen

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        test = _test(report.nodeid)
        if report.when == "call" and report.passed:
            self._passed[test] = self._passed.get(test, 0) + 1
        elif not report.passed:
            self._others[test] = report.outcome

    def pytest_sessionfinish(self) -> None:
        before = results(PAGE.read_text(encoding="utf-8")) if PAGE.exists() else {}
        PAGE.write_text(render({r.number: self._result(r, before) for r in ALL}), encoding="utf-8")

    def _result(self, rule: Rule, before: Mapping[int, str]) -> str:
        """Return what came out, or what did before if not all of the rule's tests were asked for."""
        tests = held_by(rule)
        bad = sorted({outcome for test, outcome in self._others.items() if test in tests})
        if bad:
            return ", ".join(bad)
        if not all(test in self._passed for test in tests):
            return before.get(rule.number, "not run")
        return f"✓ {sum(self._passed[test] for test in tests)}"


def _test(nodeid: str) -> str:
    """Return `file::name` of a test's id, without parameters; of a class, its own name."""
    file, _, rest = nodeid.partition("::")
    return f"{file}::{rest.partition('[')[0].partition('::')[0]}"


_COLUMNS: Final = ("| | a server … | variants | types | result | held by |", "|---|---|---|---|---|---|")

_HEAD: Final = """# xDS conformance

What the xDS protocol asks of a server, what clients are known to do, and the tests that hold it: the rules of the
project's checklist, which was written from Envoy's documentation of
[the protocol](https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol), from the sources of other control
planes, and from what Envoy 1.40 and gRPC were seen to do. The number behind ✓ is how many cases passed; where there is
no test, the last column says why.

This page is made by `pytest --update-conformance` from the table in `tests/protocol/conformance.py` and a run of its
tests. `tests/protocol/test_conformance.py` fails when it is stale, when a rule has neither test nor reason, and when no
test covers a variant or type that a rule is about."""
