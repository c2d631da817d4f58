"""No NUL bytes and no broken Unicode in any text of an object, and no list without end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from translators.model.kubernetes import EndpointSlice, Secret
from translators.model.paths import key_segment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from translators.model.meta import KubeObject
    from translators.validation.findings import Findings

_QUICK: Final = msgspec.json.Encoder(enc_hook=str)
_EXEMPT: Final = (Secret,)
"""Values of Secrets are never looked at: they may not reach a message."""

LIMITS: Final = {"hosts": 256, "servers": 256, "ports": 256, "endpoints": 4096, "http": 4096, "match": 4096}
"""Istio's CRDs state these for hosts, ports and endpoints (MaxItems); the others keep one object from holding the
server up.
"""
_OTHERS: Final = 65536
_SHORTEST: Final = min(LIMITS.values())


def check_text(found: Findings, obj: KubeObject) -> bool:
    """Check every text of an object; return False if the object must not be looked at further.

    Envoy refuses NUL in nearly every field (a NACK of the whole resource), and protobuf refuses what is not Unicode.
    """
    if isinstance(obj, _EXEMPT):
        return True
    try:
        text = _QUICK.encode(obj)
        suspicious, long = b"\\u0000" in text, text.count(b",") >= _SHORTEST
    except UnicodeEncodeError:
        suspicious = long = True
    sound = True
    if suspicious:
        for path, part in _texts("", obj):
            problem = _problem(part)
            if problem:
                sound = False
                found.add("PF0286", path, problem, "remove it")
    if long and not isinstance(obj, EndpointSlice):
        for path, length, limit in _long_lists("", obj):
            sound = False
            found.add(
                "PF0287", path, f"{length} entries, and at most {limit} are allowed", "split it over several objects"
            )
    return sound


def _problem(text: str) -> str:
    if "\0" in text:
        return "the text holds a NUL byte"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "the text is not valid Unicode (half of a surrogate pair)"
    return ""


def _texts(path: str, value: object) -> Iterator[tuple[str, str]]:
    """Yield each text below `value` with its path; keys of maps stand under the map's own path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, msgspec.Struct):
        for name, shown in zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True):
            yield from _texts(f"{path}.{shown}".lstrip("."), getattr(value, name))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield path, key
            yield from _texts(f"{path}{key_segment(key)}", item)
    elif isinstance(value, (tuple, list)):
        for index, item in enumerate(value):
            yield from _texts(f"{path}[{index}]", item)


def _long_lists(path: str, value: msgspec.Struct) -> Iterator[tuple[str, int, int]]:
    for name, shown in zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True):
        item = getattr(value, name)
        if isinstance(item, msgspec.Struct):
            yield from _long_lists(f"{path}.{shown}".lstrip("."), item)
        elif isinstance(item, tuple) and item:
            below, limit = f"{path}.{shown}".lstrip("."), LIMITS.get(name, _OTHERS)
            if len(item) > limit:
                yield below, len(item), limit
            elif isinstance(item[0], msgspec.Struct):
                for index, part in enumerate(item):
                    yield from _long_lists(f"{below}[{index}]", part)
