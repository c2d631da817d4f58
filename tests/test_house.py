"""Rules of the house that no linter knows: what tracked files may hold, and that the contracts cover every module."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parent.parent
STUBS: Final = ROOT / "protos" / "stubs"
CONTRACTS: Final = {
    contract["id"]: contract
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
}


def _house_files() -> list[Path]:
    """Return the files that are, or would be, tracked; generated stubs excluded."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    files = [ROOT / name for name in sorted(set(listing.stdout.split("\0")) - {""})]
    return [file for file in files if file.is_file() and STUBS not in file.parents]


FILES: Final = _house_files()
PRODUCT: Final = [
    f for f in FILES if f.suffix == ".py" and f.relative_to(ROOT).parts[0] in {"translators", "xds_server", "protos"}
]


def _lines_matching(pattern: str) -> list[str]:
    """Return `file:line: text` for each match in a tracked text file, but for this one, which holds the patterns."""
    found = []
    for file in FILES:
        content = file.read_bytes()
        if b"\0" in content or file == Path(__file__):
            continue
        lines = enumerate(content.decode(errors="replace").splitlines(), 1)
        found += [
            f"{file.relative_to(ROOT)}:{n}: {line.strip()[:120]}" for n, line in lines if re.search(pattern, line)
        ]
    return found


def _imports(file: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def test_a_module_has_fewer_than_400_lines() -> None:
    lengths = {str(file.relative_to(ROOT)): len(file.read_text().splitlines()) for file in PRODUCT}
    assert lengths
    assert {name: length for name, length in lengths.items() if length >= 400} == {}


@pytest.mark.parametrize(
    ("what", "pattern"),
    [
        (
            "addresses of package registries",
            r"\b(pypi|registry|deb|proxy|files)\.(?!istio\.io)([a-z]+\.)*(org|com|io|dev)\b",
        ),
        ("paths of one machine", r"(?<![\w.$}])/(work|farm|root|tmp/v)/|/home/\w+/|\.pyenv\b"),
        ("work left for later", r"\b(TODO|FIXME|XXX)\b|\bNotImplementedError\b|\bnot implemented\b"),
    ],
)
def test_no_tracked_file_holds(what: str, pattern: str) -> None:
    assert _lines_matching(pattern) == [], what


def test_constraints_pin_versions_and_name_no_address() -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9_.-]+==[\w.+!]+", line)] == []
    assert lines == sorted(lines, key=str.lower)


def test_the_layers_hold_every_module_of_xds_server() -> None:
    listed = {name.strip(" ()") for layer in CONTRACTS["rooms"]["layers"] for name in re.split("[:|]", layer)}
    children = {f"xds_server.{f.stem}" for f in (ROOT / "xds_server").iterdir() if f.suffix == ".py"}
    children |= {f"xds_server.{f.name}" for f in (ROOT / "xds_server").iterdir() if (f / "__init__.py").is_file()}
    assert children - {"xds_server.__init__"} - listed == set()


def test_the_model_may_import_no_other_module_of_translators() -> None:
    children = {f"translators.{f.stem}" for f in (ROOT / "translators").iterdir() if f.suffix == ".py"}
    children |= {f"translators.{f.name}" for f in (ROOT / "translators").iterdir() if (f / "__init__.py").is_file()}
    forbidden = set(CONTRACTS["model"]["forbidden_modules"])
    assert forbidden == children - {"translators.__init__", "translators.model"} | {"protos"}


@pytest.mark.parametrize("room", ["translators", "xds_server/protocol"])
def test_only_the_adapter_knows_grpc_services(room: str) -> None:
    # import-linter sees other people's packages only as a whole, so it cannot tell a message from a service.
    files = [file for file in PRODUCT if (ROOT / room) in file.parents]
    assert files
    assert {str(f): name for f in files for name in _imports(f) if name.endswith("_pb2_grpc")} == {}
