"""The Store: last good versions, listings, several sources, and the same World in whatever order things are said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translators.model.codes import diagnose
from translators.model.kubernetes import Pod
from translators.model.mesh_config import MeshConfig
from translators.model.meta import REVISION_LABEL, ObjectKey, ObjectMeta
from translators.model.origin import Diagnostic, Location, Origin, Severity
from translators.model.service_entry import ServiceEntry, ServiceEntrySpec
from translators.model.world import World
from xds_server.sources.events import Apply, Delete, Failed, Init, InitApply, InitDone
from xds_server.store import Store, check

if TYPE_CHECKING:
    from collections.abc import Callable

    from translators.model.meta import KubeObject
    from xds_server.sources.events import Event

BAD = "bad.example"
"""A host that the validation of these tests refuses."""


@dataclass(frozen=True)
class Line:
    """Marks: everything stands on one line."""

    number: int
    file: str = "a.yaml"

    def locate(self, path: str) -> Location:
        return Location(self.file, self.number, len(path))


def entry(name: str, host: str = "a.example") -> ServiceEntry:
    return ServiceEntry(metadata=ObjectMeta(name=name, namespace="default"), spec=ServiceEntrySpec(hosts=(host,)))


def key(name: str) -> ObjectKey:
    return ObjectKey("ServiceEntry", "default", name)


def refuse(obj: KubeObject) -> tuple[Diagnostic, ...]:
    if isinstance(obj, ServiceEntry) and obj.spec.hosts == (BAD,):
        return (Diagnostic("PF0000", Severity.ERROR, "bad host", Origin(obj.key, "spec.hosts[0]")),)
    return ()


def store(*sources: str) -> Store:
    return Store(sources or ("files",), validate=refuse)


def apply(name: str, host: str = "a.example", *, line: int = 1, source: str = "files") -> Apply:
    return Apply(source=source, key=key(name), object=entry(name, host), marks=Line(line))


def listing(*objects: ServiceEntry, source: str = "files") -> list[Event]:
    said = [InitApply(source=source, key=o.key, object=o, marks=Line(1)) for o in objects]
    return [Init(source=source), *said, InitDone(source=source)]


def hosts(world: World) -> dict[str, str]:
    return {o.metadata.name: o.spec.hosts[0] for o in world.each(ServiceEntry)}


def test_an_invalid_version_leaves_the_last_good_one_and_says_why() -> None:
    subject = store()
    subject.apply(listing(entry("x", "one.example")))

    world = subject.apply([apply("x", BAD, line=7)])

    assert hosts(world) == {"x": "one.example"}
    assert [(d.message, str(d.location)) for d in subject.diagnostics()] == [("bad host", "a.yaml:7")]


def test_a_good_version_heals() -> None:
    subject = store()
    subject.apply(listing(entry("x")))
    subject.apply([apply("x", BAD)])

    world = subject.apply([apply("x", "two.example")])

    assert hosts(world) == {"x": "two.example"}
    assert subject.diagnostics() == ()


def test_an_object_that_was_never_good_is_not_there() -> None:
    subject = store()

    world = subject.apply(listing(entry("x", BAD), entry("y")))

    assert hosts(world) == {"y": "a.example"}
    assert len(subject.diagnostics()) == 1


def test_an_object_that_cannot_be_decoded_keeps_its_last_good_version() -> None:
    subject = store()
    subject.apply(listing(entry("x"), entry("y")))
    wrong = diagnose("PF0901", "wrong type", Origin(key("x"), "spec"), location=Location("a.yaml", 3))

    world = subject.apply([Failed(source="files", subject=key("x"), diagnostics=(wrong,))])

    assert hosts(world) == {"x": "a.example", "y": "a.example"}
    assert [str(d.location) for d in subject.diagnostics()] == ["a.yaml:3"]
    subject.apply([Failed(source="files", subject=key("x"))])
    assert subject.diagnostics() == ()


def test_a_listing_replaces_what_it_does_not_say_but_not_what_it_says_is_broken() -> None:
    subject = store()
    subject.apply(listing(entry("gone"), entry("broken"), entry("kept")))
    begin, *_, done = listing()
    wrong = diagnose("PF0901", "wrong type", Origin(key("broken")))

    during = subject.apply([begin, InitApply(source="files", key=key("kept"), object=entry("kept", "new.example"))])
    after = subject.apply([Failed(source="files", subject=key("broken"), diagnostics=(wrong,)), done])

    assert hosts(during) == {"gone": "a.example", "broken": "a.example", "kept": "a.example"}
    assert hosts(after) == {"broken": "a.example", "kept": "new.example"}


def test_a_listing_forgets_failures_that_it_does_not_repeat() -> None:
    subject = store()
    missing = diagnose("PF0901", "no such folder")
    subject.apply([Init(source="files"), Failed(source="files", subject="/etc/x", diagnostics=(missing,))])
    assert [d.message for d in subject.diagnostics()] == ["no such folder"]

    subject.apply(listing(entry("x")))

    assert subject.diagnostics() == ()


def test_delete() -> None:
    subject = store()
    subject.apply(listing(entry("x"), entry("y")))

    assert hosts(subject.apply([Delete(source="files", key=key("x"))])) == {"y": "a.example"}


def test_equal_content_is_the_same_object_and_the_same_world() -> None:
    subject = store()
    before = subject.apply(listing(entry("x")))

    after = subject.apply([apply("x", line=99)])

    assert after is before
    assert subject.locate(Origin(key("x"), "spec")) == Location("a.yaml", 99, 4)


def test_served_objects_are_located_in_their_good_version() -> None:
    subject = store()
    subject.apply(listing(entry("x")))
    subject.apply([apply("x", BAD, line=50)])

    assert subject.locate(Origin(key("x"), "spec")) == Location("a.yaml", 1, 4)
    assert subject.locate(Origin(key("unknown"))) is None


def test_the_first_source_wins_and_the_other_is_told() -> None:
    subject = store("first", "second")
    subject.apply([*listing(entry("x", "two.example"), source="second"), *listing(source="first")])
    assert hosts(subject.world) == {"x": "two.example"}

    subject.apply([apply("x", "one.example", source="first")])

    assert hosts(subject.world) == {"x": "one.example"}
    assert [d.code for d in subject.diagnostics()] == ["PF0902"]
    subject.apply([Delete(source="first", key=key("x"))])
    assert hosts(subject.world) == {"x": "two.example"}
    assert subject.diagnostics() == ()


def test_a_bad_version_of_the_first_source_does_not_win() -> None:
    subject = store("first", "second")
    subject.apply([*listing(entry("x", BAD), source="first"), *listing(entry("x", "two.example"), source="second")])

    assert hosts(subject.world) == {"x": "two.example"}


def test_the_subscriber_is_told_once_a_batch_and_only_when_all_have_synced() -> None:
    subject = store("first", "second")
    told: list[Callable[[], World]] = []
    subject.subscribe(told.append)

    subject.take(listing(entry("x"), source="first"))
    assert (len(told), subject.synced, subject.sources) == (0, False, {"first": True, "second": False})
    subject.take(listing(source="second"))
    assert (len(told), subject.synced) == (1, True)
    subject.take([apply("a", source="first"), apply("b", source="first")])
    assert len(told) == 2
    assert hosts(told[-1]()) == {"a": "a.example", "b": "a.example", "x": "a.example"}


def test_an_empty_source_is_synced_too() -> None:
    subject = store()
    told: list[Callable[[], World]] = []
    subject.subscribe(told.append)

    subject.take(listing())

    assert len(told) == 1


def test_a_defect_in_a_validation_costs_one_object() -> None:
    def explode(obj: KubeObject) -> tuple[Diagnostic, ...]:
        if obj.metadata.name == "x":
            msg = "boom"
            raise ZeroDivisionError(msg)
        return ()

    subject = Store(("files",), validate=explode)

    world = subject.apply(check(listing(entry("x"), entry("y")), explode))

    assert hosts(world) == {"y": "a.example"}
    assert [d.code for d in subject.diagnostics()] == ["PF0901"]


def test_mesh_settings_are_part_of_the_world_and_bad_ones_change_nothing() -> None:
    subject = store("files", "mesh-config")
    subject.apply(listing(entry("x")))
    wrong = diagnose("PF0901", "no such field")

    subject.take_mesh("mesh-config", None, [wrong])
    assert (subject.synced, [d.message for d in subject.diagnostics()]) == (False, ["no such field"])
    subject.take_mesh("mesh-config", MeshConfig(trust_domain="td"), [])
    assert (subject.synced, subject.world.mesh.trust_domain, subject.diagnostics()) == (True, "td", ())
    subject.take_mesh("mesh-config", None, [wrong])
    assert subject.world.mesh.trust_domain == "td"


def test_an_unknown_source_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        store().apply([apply("x", source="nobody")])


NAMES = st.sampled_from(["a", "b", "c"])
HOSTS = st.sampled_from(["one.example", "two.example", BAD])
SOURCES = ("first", "second")


@given(
    final=st.dictionaries(st.tuples(st.sampled_from(SOURCES), NAMES), st.sampled_from(["one.example", "two.example"])),
    noise=st.lists(st.tuples(st.sampled_from(SOURCES), NAMES, HOSTS | st.none()), max_size=12),
    order=st.randoms(use_true_random=False),
    relist=st.booleans(),
)
def test_the_world_depends_on_what_sources_hold_not_on_how_it_came_about(
    final: dict[tuple[str, str], str],
    noise: list[tuple[str, str, str | None]],
    order: object,
    relist: bool,
) -> None:
    fresh = store(*SOURCES)
    for source in SOURCES:
        fresh.apply(listing(*(entry(n, h) for (s, n), h in sorted(final.items()) if s == source), source=source))

    lived = store(*SOURCES)
    for source in reversed(SOURCES):
        lived.apply(listing(source=source))
    for source, name, host in noise:
        lived.apply(
            [Delete(source=source, key=key(name)) if host is None else apply(name, host, source=source, line=1)]
        )
    if relist:
        for source in SOURCES:
            lived.apply(listing(*(entry(n, h) for (s, n), h in final.items() if s == source), source=source))
    else:
        last: list[Event] = [
            apply(n, final[s, n], source=s) if (s, n) in final else Delete(source=s, key=key(n))
            for s in SOURCES
            for n in ("a", "b", "c")
        ]
        order.shuffle(last)  # type: ignore[attr-defined] # a random.Random
        for event in last:
            lived.apply([event])

    assert hosts(lived.world) == hosts(fresh.world)
    assert lived.diagnostics() == fresh.diagnostics()


def labelled(name: str, revision: str, host: str = "a.example", *, source: str = "files") -> Apply:
    metadata = ObjectMeta(name=name, namespace="default", labels={REVISION_LABEL: revision})
    found = ServiceEntry(metadata=metadata, spec=ServiceEntrySpec(hosts=(host,)))
    return Apply(source=source, key=key(name), object=found, marks=Line(3))


def test_an_object_for_another_revision_is_not_used_and_that_is_said() -> None:
    subject = store()
    subject.apply(listing(entry("x"), entry("y")))

    world = subject.apply([labelled("x", "canary", "two.example"), labelled("y", "default", "two.example")])

    assert hosts(world) == {"y": "two.example"}
    (said,) = subject.diagnostics()
    assert (said.code, said.message, str(said.location)) == (
        "PF0904",
        "the object is for revision canary, and this is default: it is not used",
        "a.yaml:3",
    )
    assert hosts(subject.apply([apply("x", "three.example")])) == {"x": "three.example", "y": "two.example"}
    assert subject.diagnostics() == ()


def test_what_is_wrong_with_another_revision_s_object_is_not_said() -> None:
    subject = Store(["files"], World(revision="canary"), validate=refuse)
    subject.apply(listing())

    world = subject.apply([labelled("x", "default", BAD), labelled("y", "canary")])

    assert hosts(world) == {"y": "a.example"}
    assert [d.code for d in subject.diagnostics()] == ["PF0904"]


def test_an_object_for_another_revision_hides_no_other_source_s() -> None:
    subject = store("files", "cluster")
    subject.apply(listing(entry("x", "cluster.example"), source="cluster"))

    assert hosts(subject.apply([labelled("x", "canary")])) == {"x": "cluster.example"}
    assert [d.code for d in subject.diagnostics()] == ["PF0904"]


def test_the_label_of_a_pod_is_about_its_sidecar() -> None:
    subject = store()
    metadata = ObjectMeta(name="p", namespace="default", labels={REVISION_LABEL: "canary"})
    pod = Pod(metadata=metadata)

    world = subject.apply([Apply(source="files", key=pod.key, object=pod)])

    assert world.get(pod.key) is pod
