"""The JSON patch (RFC 6902) from one object to another, as a mutating webhook answers it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xds_server.injection.alignment import align

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xds_server.injection.settings import Mapping, Tree


def json_patch(before: Tree, after: Tree, path: str = "") -> Iterator[Mapping]:
    """Yield operations that make `after` of `before`, in the order in which they are to be applied."""
    if _equal(before, after):
        return
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _of_mapping(before, after, path)
    elif isinstance(before, list) and isinstance(after, list) and (places := align(before, after)) is not None:
        for index, (place, value) in enumerate(zip(places, after, strict=True)):
            if place is None:
                yield {"op": "add", "path": f"{path}/{index}", "value": value}
            else:
                yield from json_patch(before[place], value, f"{path}/{index}")
    else:
        yield {"op": "replace", "path": path, "value": after}


def _of_mapping(before: Mapping, after: Mapping, path: str) -> Iterator[Mapping]:
    for key in before:
        if key not in after:
            yield {"op": "remove", "path": f"{path}/{_escaped(key)}"}
    for key, value in after.items():
        if key in before:
            yield from json_patch(before[key], value, f"{path}/{_escaped(key)}")
        else:
            yield {"op": "add", "path": f"{path}/{_escaped(key)}", "value": value}


def _equal(one: Tree, other: Tree) -> bool:
    return type(one) is type(other) and one == other


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
