"""What files hold, without asyncio and without waiting: `Files.poll` after each change."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any

import pytest

from translators.model.common import Duration
from translators.model.meta import ObjectKey
from translators.model.origin import Severity
from translators.model.service_entry import ServiceEntry
from xds_server.sources.events import Apply, Delete, Event, Failed, Init, InitApply
from xds_server.sources.files import Files, load_mesh_config, load_once

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

LIMIT = 10_000


def entry(name: str, host: str = "a.example", namespace: str = "default") -> str:
    return f"""\
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  hosts: [{host}]
"""


def key(name: str, namespace: str = "default") -> ObjectKey:
    return ObjectKey("ServiceEntry", namespace, name)


def replace(path: Path, text: str) -> None:
    """Write as editors do: aside, then rename."""
    aside = path.parent / f".{path.name}.new"
    aside.write_text(text)
    aside.rename(path)


class Reader:
    """Applies batches as the Store does, as far as these tests need it."""

    def __init__(self, *paths: Path) -> None:
        self.files = Files(paths, max_file_size=LIMIT)
        self.hosts: dict[ObjectKey, str] = {}
        self.failed: dict[ObjectKey | str, tuple[Any, ...]] = {}
        self.marks: dict[ObjectKey, Any] = {}

    def poll(self) -> tuple[Event, ...]:
        batch = self.files.poll()
        for event in batch:
            match event:
                case Init():
                    self.hosts.clear()
                    self.failed.clear()
                case Apply(object=ServiceEntry() as found):
                    self.hosts[event.key] = found.spec.hosts[0]
                    self.marks[event.key] = event.marks
                case Delete():
                    del self.hosts[event.key]
                case Failed():
                    self.failed[event.subject] = event.diagnostics
                    if not event.diagnostics:
                        del self.failed[event.subject]
        return batch

    def codes(self) -> dict[str, list[str]]:
        return {str(subject): [d.code for d in found] for subject, found in self.failed.items()}


def kinds(batch: Iterable[Event]) -> list[str]:
    return [type(event).__name__ for event in batch]


def test_folders_are_read_whole(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(entry("a") + "---\n" + entry("b"))
    (tmp_path / "sub" / "deep").mkdir(parents=True)
    (tmp_path / "sub" / "deep" / "c.yml").write_text(entry("c"))
    (tmp_path / "sub" / "d.json").write_text(
        '{"kind": "List", "apiVersion": "v1", "items": [\n{"apiVersion": "networking.istio.io/v1",\n"kind":'
        ' "ServiceEntry",\n"metadata": {"name": "d"}, "spec": {"hosts": ["a.example"]}}]}'
    )
    for ignored in ("note.txt", "a.yaml~", ".a.yaml.swp", ".hidden.yaml", "yaml"):
        (tmp_path / ignored).write_text("nonsense: [")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "x.yaml").write_text("nonsense: [")
    reader = Reader(tmp_path)
    batch = reader.poll()
    assert kinds(batch) == ["Init", "InitApply", "InitApply", "InitApply", "InitApply", "InitDone"]
    assert sorted(reader.hosts) == [key("a"), key("b"), key("c"), key("d")]
    assert reader.poll() == ()
    assert str(reader.marks[key("b")].locate("spec.hosts")) == f"{tmp_path}/a.yaml:11"
    assert str(reader.marks[key("d")].locate("metadata.name")) == f"{tmp_path}/sub/d.json:4"


def test_edits_are_followed(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(entry("a"))
    reader = Reader(tmp_path)
    reader.poll()
    replace(file, entry("a", "b.example"))
    assert kinds(reader.poll()) == ["Apply"]
    assert reader.hosts == {key("a"): "b.example"}
    file.write_text(entry("a", "c.example"))
    reader.poll()
    assert reader.hosts == {key("a"): "c.example"}
    file.unlink()
    assert reader.poll() == (Delete(source="files", key=key("a")),)
    file.write_text(entry("a"))
    reader.poll()
    assert reader.hosts == {key("a"): "a.example"}


def test_a_write_within_one_tick_of_the_clock_is_seen(tmp_path: Path) -> None:
    """Same size, same inode, same times: only the content tells."""
    file = tmp_path / "a.yaml"
    reader = Reader(tmp_path)
    for turn in range(30):
        file.write_text(entry("a", f"{turn:02}.example"))
        reader.poll()
        assert reader.hosts == {key("a"): f"{turn:02}.example"}


def test_a_new_line_on_top_moves_the_marks_only(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(entry("a"))
    reader = Reader(tmp_path)
    first = reader.poll()[1]
    replace(file, "# new\n" + entry("a"))
    (second,) = reader.poll()
    assert isinstance(first, InitApply)
    assert isinstance(second, Apply)
    assert second.object == first.object
    assert second.marks is not None
    assert str(second.marks.locate("")) == f"{file}:2"


def test_an_object_that_moves_to_another_file_is_no_deletion(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(entry("a") + "---\n" + entry("b"))
    reader = Reader(tmp_path)
    reader.poll()
    replace(tmp_path / "a.yaml", entry("b"))
    replace(tmp_path / "z.yaml", entry("a"))
    assert [(type(e), e.key) for e in reader.poll() if isinstance(e, Apply | Delete)] == [
        (Apply, key("a")),
        (Apply, key("b")),
    ]
    (tmp_path / "z.yaml").rename(tmp_path / "y.yaml")
    assert kinds(reader.poll()) == ["Apply"]


def test_symlinks_of_a_mounted_config_map_are_read_once_and_swapped_as_one(tmp_path: Path) -> None:
    def publish(version: str) -> None:
        folder = tmp_path / f"..{version}"
        folder.mkdir()
        for name in ("a", "b"):
            (folder / f"{name}.yaml").write_text(entry(name, f"{version}.example"))
        (tmp_path / "..data_tmp").symlink_to(folder.name)
        (tmp_path / "..data_tmp").rename(tmp_path / "..data")

    publish("v1")
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").symlink_to(f"..data/{name}.yaml")
    reader = Reader(tmp_path)
    reader.poll()
    assert reader.hosts == {key("a"): "v1.example", key("b"): "v1.example"}
    assert reader.failed == {}
    publish("v2")
    assert kinds(reader.poll()) == ["Apply", "Apply"]
    assert reader.hosts == {key("a"): "v2.example", key("b"): "v2.example"}


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"a: [", "PF0103"),
        (b"\tb", "PF0103"),
        (b"[" * 9_000, "PF0104"),
        (b"x\0y", "PF0107"),
        (b"\xff\xfea\0", "PF0107"),
        (b"a: b\n" * (LIMIT // 5 + 1), "PF0102"),
        (b"a: 1\na: 2", "PF0106"),
    ],
)
def test_a_file_that_cannot_be_read_keeps_what_it_held(tmp_path: Path, content: bytes, code: str) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(entry("a") + "---\n" + entry("b"))
    (tmp_path / "other.yaml").write_text(entry("c"))
    reader = Reader(tmp_path)
    reader.poll()
    file.write_bytes(content)
    replace(tmp_path / "other.yaml", entry("c", "new.example"))
    reader.poll()
    assert reader.hosts == {key("a"): "a.example", key("b"): "a.example", key("c"): "new.example"}
    assert reader.codes() == {str(file): [code]}
    assert reader.poll() == ()
    replace(file, entry("a", "healed.example"))
    assert kinds(reader.poll()) == ["Failed", "Apply", "Delete"]
    assert reader.hosts == {key("a"): "healed.example", key("c"): "new.example"}
    assert reader.failed == {}


def test_a_broken_document_breaks_its_file_but_a_broken_object_only_itself(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(entry("a") + "---\n" + entry("b"))
    reader = Reader(tmp_path)
    reader.poll()
    replace(file, entry("a", "5") + "---\n" + entry("b", "new.example"))
    reader.poll()
    assert reader.hosts == {key("a"): "a.example", key("b"): "new.example"}
    assert reader.codes() == {str(key("a")): ["PF0205"]}
    ((diagnostic,),) = reader.failed.values()
    assert str(diagnostic.location) == f"{file}:5"
    replace(file, entry("b", "new.example"))
    reader.poll()
    assert reader.hosts == {key("b"): "new.example"}
    assert reader.failed == {}


def test_an_object_that_was_never_good_is_absent(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(entry("a", "5"))
    reader = Reader(tmp_path)
    reader.poll()
    assert reader.hosts == {}
    replace(tmp_path / "a.yaml", entry("a", "ok"))
    assert kinds(reader.poll()) == ["Failed", "Apply"]
    assert reader.hosts == {key("a"): "ok"}


@pytest.mark.parametrize("broken", ["kind: ServiceEntry\n", "metadata: {name: a}\nspec: {}\n", "just text\n"])
def test_a_document_that_lost_its_name_may_be_any_of_those_before(tmp_path: Path, broken: str) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(entry("a") + "---\n" + entry("b"))
    reader = Reader(tmp_path)
    reader.poll()
    replace(file, broken + "---\n" + entry("b", "new.example"))
    reader.poll()
    assert reader.hosts == {key("a"): "a.example", key("b"): "new.example"}
    assert reader.codes() == {str(file): ["PF0201"]}
    replace(file, entry("b", "new.example"))
    reader.poll()
    assert reader.hosts == {key("b"): "new.example"}
    assert reader.failed == {}


def test_an_unknown_kind_is_a_warning_and_keeps_nothing(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(entry("a"))
    reader = Reader(tmp_path)
    reader.poll()
    replace(file, "apiVersion: config.istio.io/v1alpha2\nkind: QuotaSpec\nmetadata: {name: q}\n")
    reader.poll()
    assert reader.hosts == {}
    ((diagnostic,),) = reader.failed.values()
    assert (diagnostic.code, diagnostic.severity) == ("PF0202", Severity.WARNING)
    assert str(diagnostic.location) == f"{file}:1"


def test_of_two_places_the_first_counts_and_both_are_named(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text(entry("a", "second.example"))
    (tmp_path / "a.yaml").write_text(
        entry("x") + "---\n" + entry("a", "first.example") + "---\n" + entry("a", "3.example")
    )
    reader = Reader(tmp_path)
    reader.poll()
    assert reader.hosts == {key("x"): "a.example", key("a"): "first.example"}
    ((first, second),) = reader.failed.values()
    assert (first.code, str(first.location), second.code, str(second.location)) == (
        "PF0109",
        f"{tmp_path}/a.yaml:13",
        "PF0109",
        f"{tmp_path}/b.yaml:1",
    )
    assert f"{tmp_path}/a.yaml:7" in first.message
    assert f"{tmp_path}/a.yaml:7" in second.message
    (tmp_path / "a.yaml").unlink()
    reader.poll()
    assert reader.hosts == {key("a"): "second.example"}
    assert reader.failed == {}


def test_the_same_file_under_two_names_is_no_duplicate(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(entry("a"))
    (tmp_path / "b.yaml").symlink_to("a.yaml")
    os.link(tmp_path / "a.yaml", tmp_path / "c.yaml")
    (tmp_path / "sub").symlink_to(".")
    reader = Reader(tmp_path, tmp_path / "a.yaml")
    reader.poll()
    assert sorted(reader.hosts) == [key("a")]
    assert reader.codes() == {f"{tmp_path}/sub": ["PF0111"]}


def test_a_folder_that_disappears_keeps_all_its_objects(tmp_path: Path) -> None:
    root = tmp_path / "config"
    root.mkdir()
    (root / "a.yaml").write_text(entry("a"))
    reader = Reader(root)
    reader.poll()
    root.rename(tmp_path / "away")
    assert kinds(reader.poll()) == ["Failed"]
    assert reader.hosts == {key("a"): "a.example"}
    assert reader.codes() == {str(root): ["PF0108"]}
    assert reader.poll() == ()
    (tmp_path / "away").rename(root)
    assert reader.poll() == (Failed(source="files", subject=str(root)),)
    replace(root / "a.yaml", entry("a", "b.example"))
    reader.poll()
    assert reader.hosts == {key("a"): "b.example"}


def test_a_server_does_not_begin_with_nothing_where_something_should_be(tmp_path: Path) -> None:
    root = tmp_path / "config"
    reader = Reader(root, tmp_path)
    (tmp_path / "a.yaml").write_text(entry("a"))
    assert kinds(reader.poll()) == ["Init", "Failed"]
    assert reader.poll() == ()
    root.mkdir()
    batch = reader.poll()
    assert kinds(batch) == ["Init", "InitApply", "InitDone"]
    assert reader.failed == {}


def test_what_is_no_regular_file_is_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.yaml")
    (tmp_path / "null.yaml").symlink_to("/dev/zero")
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    (tmp_path / "gone.yaml").symlink_to("nowhere")
    (tmp_path / "a.yaml").write_text(entry("a"))
    (tmp_path / "folder.yaml").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket.yaml"))
        reader = Reader(tmp_path)
        reader.poll()
    assert reader.hosts == {key("a"): "a.example"}
    assert {subject.rpartition("/")[2]: codes for subject, codes in reader.codes().items()} == {
        "fifo.yaml": ["PF0110"],
        "null.yaml": ["PF0110"],
        "socket.yaml": ["PF0110"],
        "loop.yaml": ["PF0101"],
        "gone.yaml": ["PF0101"],
    }


def test_an_unreadable_file_keeps_what_it_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests may run as root, who may read anything: let `open` refuse."""
    file = tmp_path / "a.yaml"
    file.write_text(entry("a"))
    reader = Reader(tmp_path)
    reader.poll()
    replace(file, entry("a", "b.example"))
    with monkeypatch.context() as patch:

        def refuse(path: str, flags: int) -> int:
            raise PermissionError(13, "Permission denied", path, None, None) if flags >= 0 else ValueError

        patch.setattr("xds_server.sources.scan.os.open", refuse)
        reader.poll()
        assert reader.hosts == {key("a"): "a.example"}
        ((diagnostic,),) = reader.failed.values()
        assert (diagnostic.code, diagnostic.message) == ("PF0101", "Permission denied")
    reader.poll()
    assert reader.hosts == {key("a"): "b.example"}
    assert reader.failed == {}


def test_a_subfolder_that_cannot_be_listed_keeps_what_it_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sub = tmp_path / "sub"
    sub.mkdir()
    (sub / "a.yaml").write_text(entry("a"))
    (tmp_path / "b.yaml").write_text(entry("b"))
    reader = Reader(tmp_path)
    reader.poll()
    (tmp_path / "b.yaml").unlink()
    listing = os.scandir

    def refuse(path: str) -> Any:
        if path == str(sub):
            raise PermissionError(13, "Permission denied", path)
        return listing(path)

    monkeypatch.setattr("xds_server.sources.scan.os.scandir", refuse)
    reader.poll()
    assert reader.hosts == {key("a"): "a.example"}
    assert reader.codes() == {str(sub): ["PF0101"]}


def test_a_defect_of_ours_costs_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.yaml").write_text(entry("a"))

    def defect(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("xds_server.sources.reading.decode", defect)
    reader = Reader(tmp_path)
    reader.poll()
    assert reader.codes() == {f"{tmp_path}/a.yaml": ["PF0112"]}


def test_json_that_is_no_yaml_is_read_without_lines(tmp_path: Path) -> None:
    emoji = (
        '{"apiVersion":"networking.istio.io/v1","kind":"ServiceEntry","metadata":{"name":"a"},'
        '"spec":{"hosts":["\\ud83d\\ude00"]}}'
    )
    (tmp_path / "a.json").write_text(emoji)
    reader = Reader(tmp_path)
    reader.poll()
    assert reader.hosts == {key("a"): "😀"}
    assert str(reader.marks[key("a")].locate("spec.hosts")) == f"{tmp_path}/a.json"
    replace(tmp_path / "a.json", emoji[:-1])
    reader.poll()
    assert reader.codes() == {f"{tmp_path}/a.json": ["PF0103"]}


def test_one_load_for_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(entry("a"))
    assert kinds(load_once([tmp_path / "a.yaml", tmp_path / "missing"])) == ["Init", "InitApply", "Failed", "InitDone"]


def test_a_mesh_config_file(tmp_path: Path) -> None:
    file = tmp_path / "mesh.yaml"
    file.write_text("rootNamespace: istio-system\nconnectTimeout: 3s\n")
    mesh, diagnostics = load_mesh_config(file)
    assert mesh is not None
    assert mesh.connect_timeout == Duration.parse("3s")
    assert diagnostics == ()
    file.write_text("\nconnectTimeout: 3\n")
    mesh, (diagnostic,) = load_mesh_config(file)
    assert mesh is None
    assert str(diagnostic.location) == f"{file}:2"
    file.write_text("ingressClass: x\nproxyHttpPort: 70000\n")
    mesh, (warning, diagnostic) = load_mesh_config(file)
    assert (mesh, warning.code, diagnostic.code, str(diagnostic.location)) == (None, "PF0208", "PF0290", f"{file}:2")
    file.write_text("a: [")
    assert load_mesh_config(file)[1][0].code == "PF0103"
    file.write_text("--- {}\n--- {}\n")
    assert load_mesh_config(file)[1][0].code == "PF0201"
    assert load_mesh_config(tmp_path / "missing")[1][0].code == "PF0101"
