"""Field paths as users read them: `spec.http[0].match[1].uri`, `spec.selector["a.b/c"]`."""

from __future__ import annotations

import re
from typing import Final

_PLAIN: Final = re.compile(r"[A-Za-z0-9_$/@-]+")
_SEGMENT: Final = re.compile(r'\[([0-9]{1,9})\]|\["((?:[^"\\]|\\.)*)"\]|\.?([^.\[\]]+)')


def key_segment(key: str) -> str:
    """Return what stands in a path for one key of a mapping: `.name`, or `["a.b"]` where a dot would mislead."""
    if _PLAIN.fullmatch(key):
        return f".{key}"
    if len(key) > 80:
        key = f"{key[:77]}..."
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    return f'["{escaped}"]'


def segments(path: str) -> tuple[str | int, ...]:
    """Split a path into keys and indexes. What cannot be read ends the path there; this never raises."""
    out: list[str | int] = []
    position = 0
    while match := _SEGMENT.match(path, position):
        index, quoted, plain = match.groups()
        if index is not None:
            out.append(int(index))
        elif quoted is not None:
            out.append(re.sub(r"\\(.)", r"\1", quoted))
        else:
            out.append(plain)
        position = match.end()
    return tuple(out)


def snake_case(name: str) -> str:
    """Return a JSON name of protobuf in the form that `.proto` files use: `perTryTimeout` to `per_try_timeout`."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()
