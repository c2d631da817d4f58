"""Each workload of testdata/: `<case>.in.yaml` is what somebody wrote, `<case>.out.yaml` what is made of it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from xds_server.injection.decision import STATUS
from xds_server.injection.settings import InjectionSettings
from xds_server.injection.stream import Stream, inject_stream
from xds_server.injection.text import documents, read
from xds_server.injection.workloads import template_of

TESTDATA: Final = Path(__file__).parent / "testdata"
CASES: Final = sorted(path.name.removesuffix(".in.yaml") for path in TESTDATA.glob("*.in.yaml"))
SETTINGS: Final = InjectionSettings(pilotfish_image="pilotfish:test", proxy_image="envoyproxy/envoy:v1.40.0")


def injected(case: str) -> Stream:
    return inject_stream((TESTDATA / f"{case}.in.yaml").read_text(encoding="utf-8"), SETTINGS, file=f"{case}.in.yaml")


def shown(done: Stream) -> str:
    """Return the text, below what was said about it."""
    said = [f"#! {d.severity} {d.code} {d.origin or ''}: {d.message} ({d.location})\n" for d in done.diagnostics]
    return "".join(said) + done.text


@pytest.mark.parametrize("case", CASES)
def test_golden(case: str, update_goldens: bool) -> None:
    golden = TESTDATA / f"{case}.out.yaml"
    found = shown(injected(case))
    if update_goldens:
        golden.write_text(found, encoding="utf-8")
    assert found == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("case", CASES)
def test_twice_is_once(case: str) -> None:
    once = injected(case)
    assert inject_stream(once.text, SETTINGS).text == once.text


@pytest.mark.parametrize("case", CASES)
def test_what_was_written_stays(case: str) -> None:
    """Each comment is still there, unless the document is in flow style or has anchors."""
    before = (TESTDATA / f"{case}.in.yaml").read_text(encoding="utf-8")
    comments = [line.strip() for line in before.splitlines() if line.strip().startswith("#")]
    after = [line.strip() for line in injected(case).text.splitlines()]
    assert [line for line in after if line in comments] == comments


def test_every_golden_has_its_input() -> None:
    assert sorted(path.name.removesuffix(".out.yaml") for path in TESTDATA.glob("*.out.yaml")) == CASES
    assert len(CASES) >= 40


def test_the_status_names_what_was_added() -> None:
    for case in CASES:
        for document in documents(injected(case).text):
            tree = read(document)
            template = template_of(tree) if isinstance(tree, dict) else None
            if template is None or case == "injected_already":
                continue
            status = read(str((template.get("metadata") or {}).get("annotations", {}).get(STATUS, "{}")))  # type: ignore[union-attr]
            for kind in ("containers", "initContainers", "volumes"):
                there = [one["name"] for one in template["spec"].get(kind) or []]  # type: ignore[index, union-attr, call-overload]
                assert set(status.get(kind, ())) <= set(there), (case, kind)  # type: ignore[union-attr, arg-type]
