"""A wanted status and the one that is there in, a patch out: only what is ours is touched. Pure.

Ours are the condition `Reconciled` and the messages with codes of our own. A JSON merge patch replaces lists whole, so
what others wrote into the same lists goes back with it; a patch names the resourceVersion that it is made for, so it is
refused (409) where anybody has written since, and nothing of theirs can be lost.
https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xds_server.status.wanted import Wanted

RECONCILED: Final = "Reconciled"
DOCUMENTATION: Final = "docs/diagnostics/README.md"
"""Where every code is explained, in this repository and in the package's documentation."""

_OURS: Final = "PF"


class Difference(IntEnum):
    """How much a status differs from the one that is wanted; the greater, the more it matters."""

    NONE = 0
    TEXT = 1
    """In the reason or the text of the condition: the count of proxies has changed."""
    MESSAGES = 2
    """In the analysis messages."""
    STATE = 3
    """In what the condition says, or about which generation."""


def difference(status: bytes, wanted: Wanted) -> Difference:
    """Tell how a status (JSON, or nothing) differs from the one that is wanted."""
    tree = _tree(status)
    condition = _condition(tree)
    if condition is None:
        return Difference.STATE
    if condition.get("status") != _word(wanted) or str(condition.get("observedGeneration")) != str(wanted.generation):
        return Difference.STATE
    if [m for m in _list(tree, "validationMessages") if _is_ours(m)] != _messages(wanted):
        return Difference.MESSAGES
    same = condition.get("reason") == wanted.reason and condition.get("message") == wanted.message
    return Difference.NONE if same else Difference.TEXT


def merge_patch(status: bytes, wanted: Wanted, *, version: str, now: str) -> dict[str, Any]:
    """Return the JSON merge patch that makes a status the one that is wanted; call it where they differ.

    `version` is the resourceVersion of the object that has this status, and `now` an RFC 3339 time.
    """
    tree = _tree(status)
    before = _condition(tree)
    kept = before is not None and before.get("status") == _word(wanted)
    since = (before or {}).get("lastTransitionTime") if kept else None
    ours = {
        "type": RECONCILED,
        "status": _word(wanted),
        "reason": wanted.reason,
        "message": wanted.message,
        "lastTransitionTime": since or now,
        "observedGeneration": wanted.generation,
    }
    conditions = [ours if c is before else c for c in _list(tree, "conditions")]
    patch: dict[str, Any] = {"conditions": conditions if before is not None else [*conditions, ours]}
    messages = _list(tree, "validationMessages")
    if [m for m in messages if _is_ours(m)] != _messages(wanted):
        theirs = [m for m in messages if not _is_ours(m)]
        patch["validationMessages"] = [*theirs, *_messages(wanted)] or None
    return {"metadata": {"resourceVersion": version}, "status": patch}


def _word(wanted: Wanted) -> str:
    return "True" if wanted.reconciled else "False"


def _tree(status: bytes) -> dict[str, Any]:
    """Return a status as a tree; anybody may have put anything there."""
    try:
        tree = msgspec.json.decode(status) if status else {}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return tree if isinstance(tree, dict) else {}


def _list(tree: dict[str, Any], name: str) -> list[Any]:
    found = tree.get(name)
    return found if isinstance(found, list) else []


def _condition(tree: dict[str, Any]) -> dict[str, Any] | None:
    conditions: Iterable[Any] = _list(tree, "conditions")
    return next((c for c in conditions if isinstance(c, dict) and c.get("type") == RECONCILED), None)


def _messages(wanted: Wanted) -> list[dict[str, Any]]:
    return [
        {
            "type": {"code": message.code, "name": message.name},
            "level": message.level,
            "documentationUrl": DOCUMENTATION,
        }
        for message in wanted.messages
    ]


def _is_ours(message: object) -> bool:
    named = message.get("type") if isinstance(message, dict) else None
    return isinstance(named, dict) and str(named.get("code", "")).startswith(_OURS)
