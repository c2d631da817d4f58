"""What the tests of compose/quickstart share: the file, and what it says of a service."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "compose" / "quickstart"
IMAGE = "pilotfish"


def compose() -> dict[str, Any]:
    """Return docker-compose.yaml."""
    found: dict[str, Any] = yaml.safe_load((FOLDER / "docker-compose.yaml").read_text(encoding="utf-8"))
    return found


def service(name: str) -> dict[str, Any]:
    """Return one service of it."""
    found: dict[str, Any] = compose()["services"][name]
    return found


def mounts(name: str) -> dict[str, Path]:
    """Return container path to host path; each must be read-only."""
    found = {}
    for volume in service(name).get("volumes", []):
        host, inside, mode = volume.split(":")
        assert mode == "ro"
        found[inside] = (FOLDER / host).resolve()
    return found


def published(name: str) -> dict[int, int]:
    """Return container port to host port; each must be published on loopback only."""
    found = {}
    for port in service(name).get("ports", []):
        address, host, inside = port.split(":")
        assert address == "127.0.0.1"
        found[int(inside)] = int(host)
    return found
