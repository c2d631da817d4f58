"""What the README says: every feature has a test, every link leads somewhere, every command exists."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from xds_server.cli.main import VERBS, main

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
FEATURES = re.findall(r"^\| ([^|]+) \|[^|]*\| `(tests/[^`]+)` \|$", README, re.MULTILINE)
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *(p for p in ROOT.glob("docs/**/*.md") if p.name != "template.md"),
    *ROOT.glob("compose/**/*.md"),
]


def test_there_is_a_table_of_features() -> None:
    rows = README[README.index("<!-- features -->") : README.index("<!-- /features -->")].strip().splitlines()
    assert len(FEATURES) == len(rows) - 3 > 10


@pytest.mark.parametrize(("feature", "held_by"), FEATURES, ids=[feature for feature, _ in FEATURES])
def test_every_feature_names_a_test_that_exists(feature: str, held_by: str) -> None:
    file, _, name = held_by.partition("::")
    source = (ROOT / file).read_text(encoding="utf-8")
    assert re.search(rf"^(?:async )?def {name}\(|^{name} = ", source, re.MULTILINE), feature


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))
    here = [link for link in links if "://" not in link]
    assert [link for link in here if not (page.parent / link).exists()] == []


def test_every_command_of_the_readme_exists() -> None:
    lines = re.findall(r"^\$ (.+)$", README, re.MULTILINE)
    commands = [shlex.split(line, comments=True) for line in lines]
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert {words[1] for words in commands if words[0] == "make"} <= targets
    for _, verb, *arguments in (words for words in commands if words[0] == "pilotfish"):
        assert verb in VERBS
        command = main.get_command(click.Context(main), verb)
        assert command is not None
        command.make_context(verb, arguments)
