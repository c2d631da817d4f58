"""The configuration folder of the demo: packaged objects, with the ports of this run."""

from __future__ import annotations

import os
import re
from importlib import resources
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

BACKEND_PORTS: Final = (9081, 9082, 9083, 9084)
"""As packaged: two instances of v1, then two of v2."""
GATEWAY_PORT: Final = 8080
"""As packaged."""

_GENERATED: Final = frozenset({"backends.yaml", "ingressgateway.yaml"})


def prepare(folder: Path, *, gateway_port: int, backend_ports: tuple[int, ...]) -> None:
    """Fill the folder. Files that a person edits are left alone if they exist; those with ports are written anew.

    Raises OSError if the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in sorted(packaged().items()):
        target = folder / name
        if name in _GENERATED:
            ports = dict(zip((*BACKEND_PORTS, GATEWAY_PORT), (*backend_ports, gateway_port), strict=True))
            _replace(target, _with_ports(text, ports))
        elif not target.exists():
            _replace(target, text)


def packaged() -> dict[str, str]:
    """Return the packaged objects: file name to text."""
    folder = resources.files("xds_server.demo") / "config"
    return {item.name: item.read_text(encoding="utf-8") for item in folder.iterdir() if item.name.endswith(".yaml")}


def _with_ports(text: str, ports: dict[int, int]) -> str:
    return re.sub(
        r"(?<=http: |Port: )\d+", lambda match: str(ports[int(match[0])]), text
    )  # one pass, so that a port given to one backend is not taken for another's


def _replace(target: Path, text: str) -> None:
    partial = target.with_name(f".{target.name}.new")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, target)  # noqa: PTH105 - the point is the atomic rename
