"""`pilotfish version`: ours, and those of the libraries that bugs depend on."""

from __future__ import annotations

import json
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Final

import click

_LIBRARIES: Final = ("grpcio", "xds-protos", "protobuf", "msgspec", "google-re2")


def versions() -> dict[str, str]:
    """Return the version of Pilotfish, of Python, and of the libraries that matter; `unknown` if not installed."""
    return {
        "pilotfish": _version("pilotfish"),
        "python": platform.python_version(),
        **{name: _version(name) for name in _LIBRARIES},
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # run from a source tree that nobody installed
        return "unknown"


@click.command()
@click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    envvar="PILOTFISH_OUTPUT",
)
def command(output: str) -> None:
    """Print the versions of Pilotfish, Python, gRPC and the Envoy API."""
    found = versions()
    if output == "json":
        click.echo(json.dumps(found, indent=2))
        return
    width = max(map(len, found))
    for name, value in found.items():
        click.echo(f"{name:{width}}   {value}")
