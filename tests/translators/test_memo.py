"""Steps are called once for the same arguments, and forgotten when a whole pass did not use them."""

from __future__ import annotations

from translators.memo import Memo, Recording, Traced
from translators.model.meta import ObjectKey
from translators.model.origin import Origin
from translators.recorder import Recorder


class Thing:
    def __init__(self, value: int) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Thing) and other.value == self.value

    def __hash__(self) -> int:
        return hash(self.value)


calls: list[int] = []


def doubled(thing: Thing, port: int, *, recorder: Recorder) -> list[int]:
    calls.append(thing.value)
    recorder.note("value", Origin(ObjectKey("Thing", "", str(port)), "spec.value"))
    return [thing.value * 2, len(recorder.notes())]


def test_objects_are_told_apart_by_identity_and_scalars_by_value() -> None:
    memo, thing, twin = Memo(), Thing(1), Thing(1)
    first = memo.step(doubled, thing, 80)
    assert memo.step(doubled, thing, 80) is first
    assert memo.step(doubled, thing, int("80")) is first
    assert memo.step(doubled, thing, 81) is not first
    assert memo.step(doubled, twin, 80) is not first


def test_what_two_passes_did_not_use_is_forgotten() -> None:
    memo, used, unused = Memo(), Thing(1), Thing(2)
    kept, dropped = memo.step(doubled, used, 80), memo.step(doubled, unused, 80)
    for _ in range(2):
        memo.turn()
        assert memo.step(doubled, used, 80) is kept
    assert memo.step(doubled, unused, 80) is not dropped


def test_what_was_traced_can_be_forgotten() -> None:
    memo, one, other = Memo(), Thing(1), Thing(2)
    before, after = Traced(memo), Traced(memo)
    kept, dropped = before.step(doubled, one, 80), before.step(doubled, other, 80)
    assert after.step(doubled, one, 80) is kept
    assert memo.fresh == 2
    for _ in range(2):
        memo.forget(before.keys - after.keys)
        assert memo.fresh == 1
    assert memo.step(doubled, one, 80) is kept
    assert memo.step(doubled, other, 80) is not dropped


def test_an_entry_keeps_its_arguments_alive_so_that_no_id_is_reused() -> None:
    memo = Memo()
    results = [memo.step(doubled, Thing(value), 80)[0] for value in range(200)]
    assert results == [value * 2 for value in range(200)]


def test_recording_remembers_nothing_and_keeps_notes() -> None:
    calls.clear()
    thing = Thing(1)
    assert [Recording().step(doubled, thing, 80) for _ in range(2)] == [[2, 1], [2, 1]]
    assert calls == [1, 1]
    assert Memo().step(doubled, thing, 80) == [2, 0]


def test_a_parts_notes_are_put_below_its_path() -> None:
    origin = Origin(ObjectKey("VirtualService", "default", "a"), "spec.http[0]")
    part = Recorder()
    part.note("", origin)
    part.note("routes[1].match", origin)
    whole = Recorder()
    whole.include("virtual_hosts[2]", part.notes())
    assert whole.notes() == (("virtual_hosts[2]", origin), ("virtual_hosts[2].routes[1].match", origin))
