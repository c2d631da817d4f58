from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.require import envoy_binary, require
from xds_server.cli.main import main

FOLDER = Path(__file__).parents[2] / "envoy-configs"
FILES = sorted(FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_its_first_line_is_the_command_that_prints_the_rest(file: Path) -> None:
    first, _, rest = file.read_text(encoding="utf-8").partition("\n")
    command = re.fullmatch("# pilotfish (bootstrap .*)", first)
    assert command
    result = CliRunner().invoke(main, shlex.split(command[1]), catch_exceptions=False)
    assert (result.exit_code, result.stdout) == (0, rest)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_envoy_accepts_it(file: Path) -> None:
    require("envoy")
    result = subprocess.run(
        [str(envoy_binary()), "--mode", "validate", "-l", "warning", "-c", file],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")


def test_the_readme_lists_each_file() -> None:
    named = re.findall(r"\]\(([\w-]+\.yaml)\)", (FOLDER / "README.md").read_text(encoding="utf-8"))
    assert sorted(named) == [file.name for file in FILES]
