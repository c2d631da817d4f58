"""`deploy/` holds what the code makes, and Helm and kustomize make of it what `pilotfish install` applies."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import Final

from xds_server.deployment.manifests import files

DEPLOY: Final = Path(__file__).parents[2] / "deploy"
HANDMADE: Final = {
    "README.md",
    "kustomize/base/kustomization.yaml",
    "kustomize/crds/kustomization.yaml",
    "kustomize/gateway/kustomization.yaml",
    "kustomize/overlays/everything/kustomization.yaml",
    "kustomize/overlays/one-node/kustomization.yaml",
}


def test_the_files_are_what_the_code_makes(update_goldens: bool) -> None:
    made = files(metadata.version("pilotfish"))
    if update_goldens:
        for name, text in made.items():
            (DEPLOY / name).parent.mkdir(parents=True, exist_ok=True)
            (DEPLOY / name).write_text(text, encoding="utf-8")
    there = {str(file.relative_to(DEPLOY)): file for file in DEPLOY.rglob("*") if file.is_file()}
    assert there.keys() == made.keys() | HANDMADE
    for name, text in made.items():
        assert there[name].read_text(encoding="utf-8") == text, f"{name}: run this test with --update-goldens"
