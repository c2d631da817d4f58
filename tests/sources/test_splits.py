"""The same objects, however they lie in files and whatever happened before, are the same objects."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from xds_server.sources.events import Apply, Delete, Failed, Init
from xds_server.sources.files import Files, load_once

if TYPE_CHECKING:
    from translators.model.meta import KubeObject, ObjectKey
    from xds_server.sources.events import Batch

NAMES = [f"e{i}" for i in range(8)]
FILES = ["a.yaml", "b.yml", "sub/c.json", "sub/deep/d.yaml"]


def tree(name: str, host: str = "h.example") -> dict[str, object]:
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "ServiceEntry",
        "metadata": {"name": name},
        "spec": {"hosts": [host]},
    }


def text(file: str, objects: list[dict[str, object]], *, as_list: bool) -> bytes:
    """Write objects as a `v1 List` or as documents; either is YAML."""
    if as_list or file.endswith(".json"):
        return msgspec.json.encode({"apiVersion": "v1", "kind": "List", "items": objects})
    return b"\n---\n".join(msgspec.json.encode(o) for o in objects)


def said(batch: Batch, known: dict[ObjectKey, KubeObject] | None = None) -> dict[ObjectKey, KubeObject]:
    """Apply a batch to what is known."""
    found = dict(known or {})
    for event in batch:
        if isinstance(event, Init):
            found.clear()
        elif isinstance(event, Apply):
            found[event.key] = event.object
        elif isinstance(event, Delete):
            del found[event.key]
    return found


@given(st.permutations(NAMES), st.lists(st.sampled_from(FILES), min_size=8, max_size=8), st.booleans())
@settings(max_examples=60, deadline=None)
def test_any_order_and_any_split_say_the_same(order: list[str], places: list[str], as_list: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for file in set(places):
            objects = [tree(name) for name, place in zip(order, places, strict=True) if place == file]
            path = Path(folder) / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text(file, objects, as_list=as_list))
        batch = load_once([folder])
    keys = [event.key.name for event in batch if isinstance(event, Apply)]
    assert keys == NAMES
    assert {k.name: v for k, v in said(batch).items()} == {name: said_of(name) for name in NAMES}
    assert [event for event in batch if isinstance(event, Failed)] == []


def said_of(name: str, host: str = "h.example") -> KubeObject:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "one.yaml").write_bytes(msgspec.json.encode(tree(name, host)))
        (found,) = said(load_once([folder])).values()
    return found


class Editing(RuleBasedStateMachine):
    """Files are written, emptied, moved and removed; following them ends where reading them anew ends."""

    @initialize()
    def begin(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self.root = Path(self._folder.name)
        self.files = Files([self.root])
        self.known: dict[ObjectKey, KubeObject] = {}
        self.failed: dict[object, object] = {}

    def teardown(self) -> None:
        if hasattr(self, "_folder"):
            self._folder.cleanup()

    @rule(
        file=st.sampled_from(FILES),
        names=st.lists(st.sampled_from(NAMES), max_size=4),
        host=st.sampled_from(["h.example", "i.example"]),
        as_list=st.booleans(),
    )
    def write(self, file: str, names: list[str], host: str, as_list: bool) -> None:
        path = self.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text(file, [tree(name, host) for name in names], as_list=as_list))

    @rule(file=st.sampled_from(FILES))
    def remove(self, file: str) -> None:
        (self.root / file).unlink(missing_ok=True)

    @rule(file=st.sampled_from(FILES), to=st.sampled_from(FILES))
    def move(self, file: str, to: str) -> None:
        if (self.root / file).exists():
            (self.root / to).parent.mkdir(parents=True, exist_ok=True)
            (self.root / file).rename(self.root / to)

    @rule()
    def poll(self) -> None:
        batch = self.files.poll()
        self.known = said(batch, self.known)
        for event in batch:
            if isinstance(event, Failed):
                assert self.failed.get(event.subject, ()) != event.diagnostics
                self.failed[event.subject] = event.diagnostics

    @invariant()
    def following_is_reading_anew(self) -> None:
        self.poll()
        batch = load_once([self.root])
        assert self.known == said(batch)
        fresh = {event.subject: event.diagnostics for event in batch if isinstance(event, Failed)}
        assert {subject: found for subject, found in self.failed.items() if found} == fresh


TestEditing = Editing.TestCase
TestEditing.settings = settings(max_examples=40, stateful_step_count=15, deadline=None)
