"""The Push: debounce, one translation a view, and nothing that a translator raises stops it."""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from translators.model.meta import ObjectMeta
from translators.model.proxy import Proxy, ProxyView
from translators.model.service_entry import ServiceEntry, ServiceEntrySpec
from translators.model.world import World
from translators.resources import CLUSTER, Resource, ResourceSet, TypeSet
from xds_server.protocol.xlog_records import Names
from xds_server.push import Debounce, Push

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from xds_server.protocol import Why

DEADLINE = 5.0


@pytest.mark.parametrize(
    ("changes", "due"),
    [
        ([], None),
        ([10.0], 10.02),
        ([10.0, 10.01], 10.03),
        ([10.0 + i / 100 for i in range(60)], 10.5),
        ([10.0, 10.495], 10.5),
    ],
    ids=["no change", "one", "quiet begins anew", "never quiet", "maximum before quiet"],
)
def test_debounce(changes: list[float], due: float | None) -> None:
    debounce = Debounce(quiet=0.02, maximum=0.5)

    for now in changes:
        debounce.change(now)

    assert debounce.due == (None if due is None else pytest.approx(due))


def test_debounce_says_how_long_the_first_change_waited_and_starts_over() -> None:
    debounce = Debounce(quiet=0.02, maximum=0.5)
    debounce.change(1.0)
    debounce.change(1.01)

    assert debounce.fire(1.03) == pytest.approx(0.03)
    assert debounce.due is None
    debounce.change(9.0)
    assert debounce.due == pytest.approx(9.02)


@dataclass(eq=False)
class FakeStream:
    """Notes what it is offered."""

    proxy: Proxy
    offers: list[ResourceSet] = field(default_factory=list)
    reasons: list[Why] = field(default_factory=list)

    def offer(self, snapshot: ResourceSet, since: float, why: Why) -> None:
        assert since > 0
        self.offers.append(snapshot)
        self.reasons.append(why)


@dataclass
class FakeTranslator:
    """A cluster named after the World's domain; raises when told to."""

    calls: list[tuple[World, ProxyView, ResourceSet | None]] = field(default_factory=list)
    broken: bool = False
    keys: Callable[[World], frozenset[str]] = lambda _: frozenset()

    def selector_keys(self, world: World) -> frozenset[str]:
        return self.keys(world)

    def translate(self, world: World, view: ProxyView, previous: ResourceSet | None = None) -> ResourceSet:
        self.calls.append((world, view, previous))
        if self.broken:
            msg = "no such thing"
            raise LookupError(msg)
        clusters = TypeSet.of(
            CLUSTER,
            [Resource(CLUSTER, world.cluster_domain, world.cluster_domain.encode(), ())],
            previous[CLUSTER] if previous else None,
        )
        if previous is not None and previous[CLUSTER] is clusters:
            return previous
        return ResourceSet(view=view, types={CLUSTER: clusters})


def _proxy(name: str, namespace: str = "istio-system", **labels: str) -> Proxy:
    return Proxy(id=f"router~1~{name}.{namespace}~x", type="router", name=name, namespace=namespace, labels=labels)


def _world(domain: str) -> Callable[[], World]:
    world = World(cluster_domain=domain)
    return lambda: world


@asynccontextmanager
async def running(push: Push) -> AsyncIterator[None]:
    task = asyncio.create_task(push.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not condition():  # noqa: ASYNC110 - the conditions are many, and of others
            await asyncio.sleep(0.001)


def _push(translator: FakeTranslator) -> Push:
    return Push(translator, debounce=Debounce(quiet=0.001, maximum=0.05))


async def test_one_translation_serves_all_streams_of_a_view() -> None:
    translator = FakeTranslator()
    push = _push(translator)
    streams = [FakeStream(_proxy(f"gw-{i}")) for i in range(250)]
    other = FakeStream(_proxy("gw", "other"))
    async with running(push):
        push.publish(_world("one"))
        await until(lambda: push.ready)
        for stream in (*streams, other):
            push.attach(stream)
        await until(lambda: all(s.offers for s in (*streams, other)))
        push.publish(_world("two"))
        await until(lambda: all(len(s.offers) == 2 for s in (*streams, other)))

    assert len(translator.calls) == 4
    assert {id(s.offers[-1]) for s in streams} == {id(streams[0].offers[-1])}
    assert other.offers[-1].view.namespace == "other"
    assert list(streams[0].offers[-1][CLUSTER].resources) == ["two"]


async def test_worlds_within_the_debounce_go_out_as_one() -> None:
    translator = FakeTranslator()
    push = _push(translator)
    stream = FakeStream(_proxy("gw"))
    async with running(push):
        push.publish(_world("one"))
        await until(lambda: push.ready)
        push.attach(stream)
        await until(lambda: bool(stream.offers))
        push.publish(_world("two"))
        push.publish(_world("three"))
        await until(lambda: len(stream.offers) == 2)

    world, _, previous = translator.calls[-1]
    assert len(translator.calls) == 2
    assert world.cluster_domain == "three"
    assert previous is stream.offers[0]


async def test_a_push_says_which_objects_changed() -> None:
    push = _push(FakeTranslator())
    first, second = FakeStream(_proxy("gw")), FakeStream(_proxy("gw-2"))
    entry = ServiceEntry(metadata=ObjectMeta(name="echo", namespace="default"), spec=ServiceEntrySpec(hosts=("echo",)))
    one = World()
    two = replace(one.apply({entry.key: entry}), cluster_domain="two")
    async with running(push):
        push.publish(lambda: one)
        await until(lambda: push.ready)
        push.attach(first)
        await until(lambda: bool(first.offers))
        push.publish(lambda: two)
        await until(lambda: len(first.offers) == 2)
        push.attach(second)
        await until(lambda: bool(second.offers))
        push.publish(_world("three"))
        await until(lambda: len(first.offers) == 3)

    assert [why.kind for why in first.reasons] == ["request", "push", "settings"]
    assert first.reasons[1].objects == Names(("ServiceEntry default/echo",), 1)
    assert [why.kind for why in second.reasons] == ["request", "settings"]
    assert second.reasons[1] is first.reasons[2]


async def test_a_world_that_changes_nothing_is_not_offered() -> None:
    push = _push(FakeTranslator())
    stream = FakeStream(_proxy("gw"))
    async with running(push):
        push.publish(_world("one"))
        await until(lambda: push.ready)
        push.attach(stream)
        await until(lambda: bool(stream.offers))
        push.publish(_world("one"))
        await until(lambda: push.pushes == 2)

    assert len(stream.offers) == 1


async def test_streams_change_views_with_the_selector_keys() -> None:
    push = _push(FakeTranslator(keys=lambda world: frozenset({"app"} if world.cluster_domain == "two" else ())))
    streams = [FakeStream(_proxy(app, app=app)) for app in ("a", "b")]
    async with running(push):
        push.publish(_world("one"))
        await until(lambda: push.ready)
        for stream in streams:
            push.attach(stream)
        await until(lambda: all(s.offers for s in streams))
        shared = {id(s.offers[0]) for s in streams}
        push.publish(_world("two"))
        await until(lambda: all(len(s.offers) == 2 for s in streams))

    assert len(shared) == 1
    assert [s.offers[1].view.labels for s in streams] == [(("app", "a"),), (("app", "b"),)]


async def test_a_translator_that_raises_leaves_the_last_good_set_and_a_diagnostic() -> None:
    translator = FakeTranslator()
    push = _push(translator)
    stream = FakeStream(_proxy("gw"))
    async with running(push):
        push.publish(_world("one"))
        await until(lambda: push.ready)
        push.attach(stream)
        await until(lambda: bool(stream.offers))
        translator.broken = True
        push.publish(_world("two"))
        await until(lambda: bool(push.diagnostics()))
        codes = [d.code for d in push.diagnostics()]
        served = push.snapshot(stream)
        translator.broken = False
        push.publish(_world("three"))
        await until(lambda: len(stream.offers) == 2)

    assert codes == ["PF0903"]
    assert served is stream.offers[0]
    assert push.diagnostics() == ()
    assert translator.calls[-1][2] is stream.offers[0]


async def test_selectors_that_cannot_be_gathered_stop_nothing() -> None:
    def explode(world: World) -> frozenset[str]:
        if world.cluster_domain == "two":
            raise LookupError(world.cluster_domain)
        return frozenset({"app"})

    push = _push(FakeTranslator(keys=explode))
    stream = FakeStream(_proxy("gw", app="a"))
    async with running(push):
        push.publish(_world("one"))
        await until(lambda: push.ready)
        push.attach(stream)
        await until(lambda: bool(stream.offers))
        push.publish(_world("two"))
        await until(lambda: len(stream.offers) == 2)

    assert stream.offers[1].view.labels == (("app", "a"),)


async def test_a_view_without_streams_is_forgotten() -> None:
    push = _push(FakeTranslator())
    stream = FakeStream(_proxy("gw"))
    async with running(push):
        push.publish(_world("one"))
        await until(lambda: push.ready)
        push.attach(stream)
        await until(lambda: bool(stream.offers))
        push.detach(stream)

        assert dict(push.served) == {}
        assert push.snapshot(stream) is None


async def test_attach_before_the_first_world_is_refused() -> None:
    with pytest.raises(RuntimeError, match="no World yet"):
        _push(FakeTranslator()).attach(FakeStream(_proxy("gw")))


async def test_the_loop_stays_free_during_a_long_translation() -> None:
    turns = threading.Event()

    class Slow(FakeTranslator):
        answered = True

        def translate(self, world: World, view: ProxyView, previous: ResourceSet | None = None) -> ResourceSet:
            total = 0
            for _ in range(20):  # works, and goes on only when the loop has had a turn meanwhile
                turns.clear()
                total += sum(range(100_000))
                self.answered = self.answered and turns.wait(5.0)
            return super().translate(replace(world, cluster_domain=str(total)), view, previous)

    slow = Slow()
    push = _push(slow)
    stream = FakeStream(_proxy("gw"))
    async with running(push):
        push.publish(_world("one"))
        await until(lambda: push.ready)
        push.attach(stream)
        async with asyncio.timeout(60):
            while not stream.offers:
                turns.set()
                await asyncio.sleep(0)

    assert slow.answered
