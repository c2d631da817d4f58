"""What a status should say, and when it is worth saying."""

from __future__ import annotations

import json
from typing import Any

from translators.model.codes import diagnose
from translators.model.meta import ObjectKey, ObjectMeta
from translators.model.origin import Origin
from translators.model.virtual_service import VirtualService
from translators.model.world import World
from xds_server.sources.kubernetes.reflector import Known, Written
from xds_server.status.merging import Difference, merge_patch
from xds_server.status.plan import Moment, Planner
from xds_server.status.reports import Entry, Report, decode, encode, report_of
from xds_server.status.steady import Patience, Steady
from xds_server.status.usage import Use
from xds_server.status.wanted import Message, Wanted, wanted_status
from xds_server.status.writer import Done

KEY = ObjectKey("VirtualService", "default", "echo")
SERVED = VirtualService(metadata=ObjectMeta(name="echo", namespace="default"))
OTHER = VirtualService(metadata=ObjectMeta(name="echo", namespace="default", labels={"new": "1"}))


def known(found: VirtualService | None = SERVED, generation: int = 3, status: bytes = b"", uid: str = "u") -> Known:
    return Known(found, (), Written(uid, generation, str(100 + generation), status))


def wanted(use: Use, *diagnostics: Any, found: Known | None = None, codes: tuple[str, ...] = ()) -> Wanted | None:
    return wanted_status(found or known(), SERVED, use, diagnostics, codes)


def said(found: Wanted | None) -> tuple[bool, str, str]:
    assert found is not None
    assert found.generation == 3
    return found.reconciled, found.reason, found.message


def test_the_condition() -> None:
    assert said(wanted(Use(4, 4))) == (True, "UpToDate", "4/4 proxies up to date")
    assert said(wanted(Use(4, 3))) == (False, "Propagating", "3/4 proxies up to date")
    assert said(wanted(Use())) == (True, "NotUsed", "no connected proxy uses it")
    rejected = Use(4, 3, 1, "gw-1: duplicate\nroute")
    assert said(wanted(rejected)) == (False, "Rejected", "3/4 proxies up to date; 1 rejected it: gw-1: duplicate route")


def test_an_object_that_is_not_served() -> None:
    error = diagnose("PF0205", "spec.hosts: a list is expected", Origin(KEY, "spec.hosts"))
    meanwhile = "PF0205: spec.hosts: a list is expected; an earlier version is served"
    assert said(wanted(Use(1, 1), error, found=known(OTHER))) == (False, "Invalid", meanwhile)
    assert said(wanted(Use(1, 1), error, found=known(None))) == (False, "Invalid", meanwhile)
    never = wanted_status(known(None), None, Use(), [error])
    assert said(never) == (False, "Invalid", "PF0205: spec.hosts: a list is expected")
    shadowed = diagnose("PF0902", "source files has one, too", Origin(KEY))
    assert said(wanted(Use(1, 1), shadowed, found=known(OTHER)))[:2] == (False, "Shadowed")


def test_nothing_is_said_of_what_is_on_its_way() -> None:
    assert wanted(Use(4, 4), found=known(OTHER)) is None


def test_each_code_once_and_none_about_statuses() -> None:
    found = wanted(
        Use(),
        diagnose("PF0208", "a", Origin(KEY, "spec.a")),
        diagnose("PF0131", "contested", Origin(KEY)),
        diagnose("PF0208", "b", Origin(KEY, "spec.b")),
        codes=("PF0801", "PF9999"),
    )
    assert found is not None
    assert found.messages == (Message("PF0208", "WARNING"), Message("PF0801", "ERROR"))


class Clockwork:
    """A planner whose writes are done as soon as they are due, unless said otherwise."""

    def __init__(self) -> None:
        self.planner = Planner(Patience(settle=2, progress=5, text=10, contest=300))
        self.world = World().apply({KEY: SERVED})
        self.known = known()
        self.use = Use()
        self.reports: list[Report] = []
        self.done: dict[ObjectKey, Done] = {}
        self.now = 0.0

    def after(self, seconds: float, *, answered: bool = True) -> list[str]:
        """Return what is due after some more seconds; write it, if the server is to answer."""
        self.now += seconds
        moment = Moment(
            world=self.world,
            known={KEY: self.known},
            usage={KEY: self.use} if self.use.proxies else {},
            diagnostics=[],
            reports=self.reports,
            done=self.done,
            now=self.now,
        )
        writes = list(self.planner.due(moment))
        for write in writes if answered else ():
            status = json.dumps(merge_patch(write.written.status, write.wanted, version="", now="")["status"]).encode()
            assert self.known.written is not None
            version = str(int(write.written.version) + 1)
            after = self.known.written._replace(status=status, version=version)
            self.done[KEY] = Done(write.wanted, self.now, after)
            self.known = self.known._replace(written=after)
        return [write.wanted.message for write in writes]


def test_good_news_is_written_at_once_and_nothing_twice() -> None:
    clock = Clockwork()
    clock.use = Use(2, 2)
    assert clock.after(0) == ["2/2 proxies up to date"]
    assert clock.after(1000) == []
    assert not clock.planner.restless


def test_what_is_in_progress_is_said_only_when_it_lasts() -> None:
    clock = Clockwork()
    clock.use = Use(2, 2)
    clock.after(0)
    clock.use = Use(3, 2)
    assert clock.after(1) == []
    clock.use = Use(3, 3)
    assert clock.after(1) == []
    clock.use = Use(3, 2)
    assert clock.after(8) == [], "it was well in between"
    assert clock.after(4.9) == []
    assert clock.after(0.1) == ["2/3 proxies up to date"]


def test_a_count_alone_waits_longest() -> None:
    clock = Clockwork()
    clock.use = Use(2, 2)
    clock.after(0)
    clock.after(0)
    clock.use = Use(3, 3)
    assert clock.after(1) == []
    clock.use = Use(4, 4)
    assert clock.after(9.9) == []
    assert clock.after(0.1) == ["4/4 proxies up to date"], "since the first difference"


def test_what_the_watch_has_not_brought_yet_is_not_written_again() -> None:
    clock = Clockwork()
    clock.use = Use(2, 2)
    before = clock.known
    clock.after(0)
    clock.known = before
    assert clock.after(1) == []
    assert clock.planner.diagnostics() == (), "nobody has changed it"


def test_what_somebody_else_changes_is_left_to_them_for_a_while() -> None:
    clock = Clockwork()
    clock.use = Use(2, 2)
    clock.after(0)
    assert clock.known.written is not None
    undone = clock.known.written._replace(status=b"{}", version="900")
    clock.known = clock.known._replace(written=undone)
    assert clock.after(1) == []
    assert [d.code for d in clock.planner.diagnostics()] == ["PF0131"]
    assert clock.after(298) == []
    assert clock.after(1) == ["2/2 proxies up to date"]
    clock.use = Use(2, 1)
    clock.after(6)
    clock.known = clock.known._replace(written=undone._replace(version="901"))
    clock.use = Use(2, 2)
    assert clock.after(1) == ["2/2 proxies up to date"], "what is wanted has changed"


def test_an_object_that_was_made_anew_is_another() -> None:
    clock = Clockwork()
    clock.use = Use(2, 2)
    clock.after(0)
    clock.known = known(uid="v")
    assert clock.after(1) == ["2/2 proxies up to date"]
    assert clock.planner.diagnostics() == ()


def test_proxies_of_other_replicas_count_as_far_as_they_know_this_generation() -> None:
    clock = Clockwork()
    clock.use = Use(2, 2)
    clock.reports = [{KEY: Entry(2, Use(3, 3), ())}, {}]
    assert clock.after(0) == []
    assert clock.after(5) == ["2/5 proxies up to date"]
    clock.reports = [{KEY: Entry(3, Use(3, 3), ("PF0208",))}, {}]
    assert clock.after(1) == ["5/5 proxies up to date"]
    assert clock.known.written is not None
    assert b"PF0208" in clock.known.written.status


def test_reports_come_back_as_they_were() -> None:
    notes = [diagnose("PF0208", "a", Origin(KEY, "spec.a")), diagnose("PF0130", "b", Origin(KEY))]
    world = World().apply({KEY: SERVED})
    use = Use(3, 2, 1, "gw-1: bad")
    report = report_of(world, {KEY: known()}, {KEY: use}, notes)
    assert report == {KEY: Entry(3, use, ("PF0208",))}
    assert decode(encode(report)) == report
    assert report_of(world, {KEY: known()}, {}, notes) == {}, "the leader knows of it"
    assert report_of(world, {KEY: known(OTHER)}, {KEY: use}, [])[KEY].generation == 0, "not what it serves"
    for garbage in (b"", b"x", encode(report)[:-6]):
        try:
            found = decode(garbage)
        except ValueError:
            continue
        raise AssertionError(found)


def test_differences_are_timed_each_by_itself() -> None:
    steady = Steady(Patience(settle=2, progress=5, text=10))
    assert not steady.due(KEY, Difference.TEXT, 0, "UpToDate")
    assert not steady.due(KEY, Difference.STATE, 9, "Rejected"), "that it lasted in its text says nothing"
    assert steady.due(KEY, Difference.STATE, 11, "Rejected")
    assert steady.due(KEY, Difference.TEXT, 11, "UpToDate")
    assert not steady.due(KEY, Difference.NONE, 12, "UpToDate")
    assert len(steady) == 0
