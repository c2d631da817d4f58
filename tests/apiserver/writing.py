"""The patches that the emulated API server takes: JSON merge patch (RFC 7386), server-side apply by whole fields."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING

from tests.apiserver.storage import Object, StatusError

if TYPE_CHECKING:
    from collections.abc import Iterator

Path = tuple[str, ...]


def merged(before: Object, patch: Object, content_type: str) -> Object:
    """Return an object after a merge patch."""
    if content_type not in ("application/merge-patch+json", "application/strategic-merge-patch+json"):
        raise StatusError(415, "UnsupportedMediaType", f"{content_type} is not emulated")
    return _merge(before, patch)


def _merge(before: Object, patch: Object) -> Object:
    made = dict(before)
    for key, value in patch.items():
        if value is None:
            made.pop(key, None)
        elif isinstance(value, dict) and isinstance(made.get(key), dict):
            made[key] = _merge(made[key], value)
        else:
            made[key] = value
    return made


def applied(before: Object | None, config: Object, manager: str, *, force: bool, subresource: str) -> Object:
    """Return an object after server-side apply: what the manager says, without what it said before and says no more.

    Fields are told apart down to lists, which belong to one manager whole.
    """
    if not manager:
        raise StatusError(400, "BadRequest", "fieldManager is required for apply patch")
    made = copy.deepcopy(before) if before is not None else {**config, "metadata": dict(config["metadata"])}
    entries = {(e["manager"], e.get("subresource", "")): e for e in made["metadata"].get("managedFields", [])}
    said = set(_leaves({k: v for k, v in config.items() if k not in ("apiVersion", "kind", "metadata")}))
    meta = {key: config["metadata"].get(key, {}) for key in ("labels", "annotations")}
    said |= {("metadata", *path) for path in _leaves(meta) if len(path) > 1}
    for (other, _), entry in entries.items():
        clash = {p for p in said & _owned(entry) if _at(made, p) != _at(config, p)} if other != manager else set()
        if clash and not force:
            raise StatusError(409, "Conflict", f'Apply failed with conflict with "{other}": {sorted(clash)}')
        if clash:
            entry["fieldsV1"] = {"paths": json.dumps(sorted(_owned(entry) - clash))}
    mine = entries.get((manager, subresource))
    for path in (_owned(mine) if mine else set()) - said:
        if not any(path in _owned(e) for e in entries.values() if e is not mine):
            _remove(made, path)
    for path in said:
        _put(made, path, _at(config, path))
    entry = {"manager": manager, "operation": "Apply", "fieldsV1": {"paths": json.dumps(sorted(said))}}
    entries[manager, subresource] = {**entry, **({"subresource": subresource} if subresource else {})}
    made["metadata"]["managedFields"] = list(entries.values())
    return made


def _owned(entry: Object) -> set[Path]:
    return {tuple(path) for path in json.loads(entry.get("fieldsV1", {}).get("paths", "[]"))}


def _leaves(tree: Object, path: Path = ()) -> Iterator[Path]:
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, (*path, key))
        else:
            yield (*path, key)


def _at(tree: Object, path: Path) -> object:
    found: object = tree
    for key in path:
        if not isinstance(found, dict) or key not in found:
            return None
        found = found[key]
    return found


def _put(tree: Object, path: Path, value: object) -> None:
    for key in path[:-1]:
        tree = tree.setdefault(key, {})
    tree[path[-1]] = value


def _remove(tree: Object, path: Path) -> None:
    for key in path[:-1]:
        tree = tree.get(key, {})
    tree.pop(path[-1], None)
