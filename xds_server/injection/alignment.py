"""Which item of a changed list was which item of the list before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xds_server.injection.settings import Tree


def align(before: Sequence[Tree], after: Sequence[Tree]) -> list[int | None] | None:
    """Return for each item of `after` its place in `before`, None for a new one.

    None for the whole where items went away or changed their order. Items are told apart by their name (kind, namespace
    and name), else by all that they hold.
    """
    found: list[int | None] = []
    place = 0
    for item in after:
        if place < len(before) and _same(before[place], item):
            found.append(place)
            place += 1
        else:
            found.append(None)
    return found if place == len(before) else None


def _same(one: Tree, other: Tree) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in ("name", "metadata"):
            if key in one and key in other:
                return _name(one[key]) == _name(other[key]) and one.get("kind") == other.get("kind")
    return one == other


def _name(value: Tree) -> Tree:
    """Return a name, or the name and namespace in an object's metadata."""
    return {key: value.get(key) for key in ("name", "namespace")} if isinstance(value, dict) else value
