from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from protos.generate import ROOT, SOURCES, STUBS, generate, modules_imported

if TYPE_CHECKING:
    from pathlib import Path


def test_the_stubs_in_the_tree_are_those_that_the_script_makes(tmp_path: Path) -> None:
    generate(tmp_path, [ROOT / folder for folder in SOURCES])
    made = {file.relative_to(tmp_path): file.read_text() for file in tmp_path.rglob("*.pyi")}
    kept = {file.relative_to(STUBS): file.read_text() for file in STUBS.rglob("*.pyi")}
    assert made.keys() == kept.keys(), "run `make protos`"
    assert [name for name in made if made[name] != kept[name]] == [], "run `make protos`"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("from envoy.config.cluster.v3 import cluster_pb2", {"envoy.config.cluster.v3.cluster_pb2"}),
        ("from envoy.config.cluster.v3 import (\n    cluster_pb2 as c,\n)", {"envoy.config.cluster.v3.cluster_pb2"}),
        ("from envoy.config.cluster.v3.cluster_pb2 import Cluster", {"envoy.config.cluster.v3.cluster_pb2"}),
        ("import google.rpc.status_pb2", {"google.rpc.status_pb2"}),
        ("from google.protobuf import any_pb2", set()),
        ("from envoy.service.discovery.v3 import ads_pb2_grpc", set()),
        ("from tests import wire_pb2", set()),
    ],
)
def test_which_imports_call_for_a_stub(tmp_path: Path, line: str, expected: set[str]) -> None:
    (tmp_path / "module.py").write_text(f"def later() -> None:\n    {line}\n")
    assert set(modules_imported([tmp_path])) == expected


@pytest.mark.timeout(300)
def test_mypy_knows_the_fields_of_envoy_messages(tmp_path: Path) -> None:
    source = tmp_path / "use.py"
    source.write_text(
        "from envoy.config.cluster.v3 import cluster_pb2\n"
        "good = cluster_pb2.Cluster(name='reviews', lb_policy=cluster_pb2.Cluster.ROUND_ROBIN)\n"
        "cluster_pb2.Cluster(nome='reviews')\n"
        "good.lb_polizy\n"
        "good.name = 80\n"
        "cluster_pb2.Kluster\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), "--no-pretty", str(source)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    found = [line.partition("use.py:")[2] for line in done.stdout.splitlines() if ": error:" in line]
    assert found == [
        '3: error: Unexpected keyword argument "nome" for "Cluster"  [call-arg]',
        '4: error: "Cluster" has no attribute "lb_polizy"; maybe "lb_policy"?  [attr-defined]',
        '5: error: Incompatible types in assignment (expression has type "int", variable has type "str")  [assignment]',
        '6: error: Module has no attribute "Kluster"; maybe "Cluster"?  [attr-defined]',
    ]
