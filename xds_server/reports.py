"""Diagnostics as people and programs read them, and the log that says each once as it appears and once as it heals."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from translators.model.meta import ObjectKey
from translators.model.origin import Diagnostic, Location, Origin, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

log = logging.getLogger("pilotfish.diagnostics")

_LEVELS: Final = {Severity.ERROR: logging.ERROR, Severity.WARNING: logging.WARNING, Severity.INFO: logging.INFO}


def diagnostic_json(diagnostic: Diagnostic) -> dict[str, object]:
    """Return a diagnostic as the JSON API has it; what is unknown is an empty string, 0 or null."""
    origin, where = diagnostic.origin, diagnostic.location
    return {
        "code": diagnostic.code,
        "severity": str(diagnostic.severity),
        "message": diagnostic.message,
        "object": {"kind": origin.key.kind, "namespace": origin.key.namespace, "name": origin.key.name}
        if origin
        else None,
        "path": origin.path if origin else "",
        "file": where.file if where else "",
        "line": where.line if where else 0,
        "column": where.column if where else 0,
        "hint": diagnostic.hint,
    }


def diagnostic_of(tree: Mapping[str, Any]) -> Diagnostic:
    """Return the diagnostic that `diagnostic_json` has printed.

    Raises KeyError or ValueError if that is not what it is.
    """
    named, file = tree["object"], tree["file"]
    key = ObjectKey(named["kind"], named["namespace"], named["name"]) if named else None
    return Diagnostic(
        code=tree["code"],
        severity=Severity(tree["severity"]),
        message=tree["message"],
        origin=Origin(key, tree["path"]) if key else None,
        location=Location(file, tree["line"], tree["column"]) if file else None,
        hint=tree["hint"],
    )


def diagnostic_line(diagnostic: Diagnostic) -> str:
    """Return a diagnostic as one line: place, code, object and path, message, hint."""
    parts = [str(diagnostic.location)] if diagnostic.location else []
    parts.append(diagnostic.code)
    if diagnostic.origin:
        parts.append(str(diagnostic.origin))
    line = f"{' '.join(parts)}: {diagnostic.message}"
    return " ".join(f"{line} (hint: {diagnostic.hint})".split()) if diagnostic.hint else " ".join(line.split())


Identity = tuple[str, "Origin | None", str, str]
"""What makes a diagnostic the same one: code, origin, message and file; not the line."""


class DiagnosticLog:
    """Logs the difference between what was wrong and what is wrong now."""

    def __init__(self) -> None:
        self._known: dict[Identity, Diagnostic] = {}

    def update(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Take in all that there is to say now. A diagnostic that only moved to another line is not said again."""
        now: dict[Identity, Diagnostic] = {
            (d.code, d.origin, d.message, d.location.file if d.location else ""): d for d in diagnostics
        }
        for identity, diagnostic in now.items():
            if identity not in self._known:
                log.log(_LEVELS[diagnostic.severity], "%s", diagnostic_line(diagnostic))
        for identity, diagnostic in self._known.items():
            if identity not in now:
                log.info("healed: %s", diagnostic_line(diagnostic))
        self._known = now
