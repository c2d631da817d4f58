"""Diagnostics as a terminal shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from translators.model.origin import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from translators.model.origin import Diagnostic

_COLOURS: Final = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}


def diagnostic_text(diagnostic: Diagnostic) -> str:
    """Return a diagnostic as compilers print theirs, with colours that `click.echo` takes out where there is no
    terminal:

        error[PF0410] VirtualService default/reviews spec.http[0]: the route … (reviews.yaml:12)
          hint: add route, redirect, directResponse or delegate
    """
    label = click.style(f"{diagnostic.severity}[{diagnostic.code}]", fg=_COLOURS[diagnostic.severity], bold=True)
    subject = f" {diagnostic.origin}:" if diagnostic.origin else ":"
    place = f" ({diagnostic.location})" if diagnostic.location else ""
    hint = f"\n  hint: {diagnostic.hint}" if diagnostic.hint else ""
    return f"{label}{subject} {diagnostic.message}{place}{hint}"


def show_on_stderr(diagnostics: Iterable[Diagnostic]) -> bool:
    """Print diagnostics on stderr and return whether any of them is an error."""
    failed = False
    for diagnostic in diagnostics:
        click.echo(diagnostic_text(diagnostic), err=True)
        failed = failed or diagnostic.severity is Severity.ERROR
    return failed
