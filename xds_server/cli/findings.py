"""A list of diagnostics as a command's whole output."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import click
import yaml

from translators.model.origin import Severity
from xds_server.cli.diagnostic_text import diagnostic_text
from xds_server.reports import diagnostic_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from translators.model.origin import Diagnostic


def show_findings(found: Sequence[Diagnostic], output: str, things: str) -> bool:
    """Print diagnostics as a table (with a line that sums up what there is to say about `things`), json or yaml.

    Returns whether one of them is an error.
    """
    if output == "table":
        for diagnostic in found:
            click.echo(diagnostic_text(diagnostic))
        click.echo(_summary(found, things))
    else:
        listed = [diagnostic_json(diagnostic) for diagnostic in found]
        if output == "json":
            click.echo(json.dumps(listed, indent=2, ensure_ascii=False))
        else:
            click.echo(yaml.dump(listed, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True), nl=False)
    return any(diagnostic.severity is Severity.ERROR for diagnostic in found)


def _summary(found: Sequence[Diagnostic], things: str) -> str:
    """Say how much was found, in one line."""
    if not found:
        return click.style(f"All is well: nothing to say about {things}.", fg="green")
    counts = Counter(diagnostic.severity for diagnostic in found)
    words = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "remark"}
    parts = [f"{counts[s]} {word}{'s' if counts[s] != 1 else ''}" for s, word in words.items() if counts[s]]
    return f"{', '.join(parts)} in {things}."
