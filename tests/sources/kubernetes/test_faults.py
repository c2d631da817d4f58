"""Each way in which an API server can fail: what was seen stays, and in the end all is as at a fresh start."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.apiserver.cluster import Cluster
from tests.apiserver.emulation import TOKEN
from tests.apiserver.faults import Action, Fault
from tests.envoy.harness.shop import new_seed
from tests.sources.kubernetes.following import QUICK, Following, fresh, objects_of, route, service

if TYPE_CHECKING:
    from pathlib import Path

    from tests.apiserver.emulation import Emulation
    from tests.apiserver.storage import Object

# aiohttp's server loses the sockets that it is accepting when it is stopped; what the client leaks is seen in
# test_source.py.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def client(emulation: Emulation) -> Cluster:
    found = Cluster(emulation.url, TOKEN)
    found.install()
    found.apply(*(service(f"svc-{number}") for number in range(7)), route("vs"))
    return found


async def healed(following: Following, kubeconfig: Path) -> None:
    """Wait until what is known is what a fresh start sees, and nothing is wrong any more."""
    expected = await fresh(kubeconfig)
    await following.until(lambda: objects_of(following.store.world) == expected, "the same as at a fresh start")
    await following.until(lambda: not following.codes, "nothing is wrong")


WHILE_WATCHING = [
    pytest.param(Fault(action="cut", plural="services", verb="watch"), id="cut in the middle of an event"),
    pytest.param(Fault(action="half-line", plural="services", verb="watch"), id="half a line, then a clean end"),
    pytest.param(Fault(action="garbage", plural="services", verb="watch"), id="a line that is no JSON"),
    pytest.param(Fault(action="gone-event", plural="services", verb="watch"), id="410 in the watch"),
    pytest.param(Fault(action="silent", plural="services", verb="watch", seconds=30), id="a watch that falls silent"),
]


@pytest.mark.parametrize("fault", WHILE_WATCHING)
async def test_while_it_watches(emulation: Emulation, client: Cluster, tmp_path: Path, fault: Fault) -> None:
    kubeconfig = client.kubeconfig(tmp_path / "kubeconfig")
    async with Following(kubeconfig) as following:
        await following.synced()
        following.changes()
        emulation.faults.add(Fault(**vars(fault)))
        client.apply(service("svc-1", 81), service("new"))
        client.delete("Service", "svc-2")
        await following.until(lambda: not emulation.faults.left, "it has failed")
        await healed(following, kubeconfig)
        assert sorted(following.changes()) == [
            "Apply Service default/new",
            "Apply Service default/svc-1",
            "Delete Service default/svc-2",
        ], "no event that is none"


WHEN_IT_STARTS = [
    pytest.param([Fault(action="status", code=500, times=3)], id="500 three times"),
    pytest.param([Fault(action="status", code=429, retry_after=1)], id="429 with Retry-After"),
    pytest.param([Fault(action="hang", plural="services", seconds=3)], id="a hang"),
    pytest.param([Fault(action="cut", verb="watch", times=5)], id="cuts"),
    pytest.param([Fault(action="silent", plural="services", verb="watch", seconds=30)], id="a silent watch list"),
    pytest.param([Fault(action="gone-event", verb="watch", times=2)], id="410"),
]


@pytest.mark.parametrize("faults", WHEN_IT_STARTS)
@pytest.mark.parametrize("lists", [False, True], ids=["watch lists", "lists"])
async def test_when_it_starts(
    emulation: Emulation, client: Cluster, tmp_path: Path, faults: list[Fault], *, lists: bool
) -> None:
    emulation.watch_lists = not lists
    kubeconfig = client.kubeconfig(tmp_path / "kubeconfig")
    for fault in faults:
        emulation.faults.add(Fault(**vars(fault)))
    async with Following(kubeconfig) as following:
        await following.synced()
        await healed(following, kubeconfig)


async def test_retry_after_is_heeded(emulation: Emulation, client: Cluster, tmp_path: Path) -> None:
    emulation.faults.add(Fault(action="status", plural="services", code=429, retry_after=1))
    async with Following(client.kubeconfig(tmp_path / "kubeconfig")) as following:
        await following.until(lambda: not emulation.faults.left, "it is told to wait")
        asked = emulation.requests.count(("watch", "services"))
        await following.until(lambda: following.named("VirtualService"), "others are listed")
        assert emulation.requests.count(("watch", "services")) == asked, "it waits"
        await following.synced()


async def test_what_changed_while_the_server_was_away(emulation: Emulation, client: Cluster, tmp_path: Path) -> None:
    kubeconfig = client.kubeconfig(tmp_path / "kubeconfig")
    async with Following(kubeconfig) as following:
        await following.synced()
        before = objects_of(following.store.world)
        emulation.stop()
        await following.until(lambda: "PF0120" in following.codes, "it is said")
        assert objects_of(following.store.world) == before, "what was seen stays"
        assert following.store.synced
        with emulation.storage.lock:
            resource = next(r for r in emulation.resources() if r.kind == "Service")
            emulation.storage.delete(resource, "default", "svc-3")
            emulation.storage.compact()
        following.changes()
        emulation.start()
        await healed(following, kubeconfig)
        assert following.changes() == ["Delete Service default/svc-3"]


async def test_a_server_that_was_restored_from_a_backup(emulation: Emulation, client: Cluster, tmp_path: Path) -> None:
    kubeconfig = client.kubeconfig(tmp_path / "kubeconfig")
    backup = emulation.storage.dump()
    async with Following(kubeconfig) as following:
        await following.synced()
        for number in range(20):
            client.apply(service("svc-1", 90 + number))
        client.apply(service("lost"))
        await following.until(lambda: "lost" in following.named("Service"), "it is seen")
        emulation.stop()
        emulation.storage.restore(backup)
        emulation.start()
        await healed(following, kubeconfig)
        assert "lost" not in following.named("Service")


async def test_a_token_that_expires(emulation: Emulation, client: Cluster, tmp_path: Path) -> None:
    kubeconfig = client.kubeconfig(tmp_path / "kubeconfig")
    async with Following(kubeconfig) as following:
        await following.synced()
        emulation.tokens = {"renewed"}
        emulation.stop()
        emulation.start()
        await following.until(lambda: "PF0120" in following.codes, "it is said")
        renewed = Cluster(emulation.url, "renewed")
        renewed.kubeconfig(kubeconfig)
        renewed.apply(service("after"))
        await healed(following, kubeconfig)
        assert "after" in following.named("Service")


async def test_a_kind_that_may_not_be_read(emulation: Emulation, client: Cluster, tmp_path: Path) -> None:
    emulation.forbidden |= {("list", "nodes"), ("watch", "nodes")}
    kubeconfig = client.kubeconfig(tmp_path / "kubeconfig")
    async with Following(kubeconfig) as following:
        await following.synced()
        assert following.codes == {"PF0121"}
        assert "vs" in following.named("VirtualService"), "the others go on"
        emulation.forbidden.clear()
        client.apply({"kind": "Node", "metadata": {"name": "n1"}})
        await healed(following, kubeconfig)


async def test_without_what_endpoints_are_made_of_nothing_is_served(
    emulation: Emulation, client: Cluster, tmp_path: Path
) -> None:
    emulation.forbidden |= {("list", "services"), ("watch", "services"), ("list", "nodes"), ("watch", "nodes")}
    async with Following(client.kubeconfig(tmp_path / "kubeconfig")) as following:
        await following.until(lambda: following.waits_for == {"kubernetes/Service"}, "nodes are given up, services not")
        (said,) = (d for d in following.store.diagnostics() if "Service cannot be read" in d.message)
        assert "nothing is served before it could be read" in said.message
        emulation.forbidden.clear()
        await following.synced()


async def test_a_kind_that_the_server_does_not_know_at_first(
    emulation: Emulation, client: Cluster, tmp_path: Path
) -> None:
    """A server that has just started: that is no word that everything was uninstalled."""
    emulation.faults.add(Fault(action="status", plural="virtualservices", code=404, times=4))
    async with Following(client.kubeconfig(tmp_path / "kubeconfig"), replace(QUICK, refusal=60.0)) as following:
        await following.synced()
        assert "vs" in following.named("VirtualService")
    assert emulation.faults.left == 0, "it did happen"


async def test_a_quiet_cluster_is_left_in_peace(emulation: Emulation, client: Cluster, tmp_path: Path) -> None:
    """The time that the first events may take is no time within which the next one must come."""
    emulation.bookmark_seconds = 60.0
    patience = replace(QUICK, first_events=0.5, silence=60.0, watch=120.0)
    async with Following(client.kubeconfig(tmp_path / "kubeconfig"), patience) as following:
        await following.synced()
        asked = len(emulation.requests)
        started = time.monotonic()
        await following.until(lambda: time.monotonic() - started > 1.5, "some time goes by")
        assert len(emulation.requests) == asked
        assert all(watcher.counts.failures == 0 for watcher in following.source.watchers)


async def test_pages_that_take_too_long(
    emulation: Emulation, client: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulation.watch_lists = False
    kubeconfig = client.kubeconfig(tmp_path / "kubeconfig")
    first = emulation._list
    served: list[str] = []

    def compacting(*arguments: object) -> Object:
        page = first(*arguments)  # type: ignore[arg-type] # what it is called with
        served.append(page["kind"])
        if page["kind"] == "ServiceList" and served.count("ServiceList") == 1:
            emulation.storage.version += 1
            emulation.storage.compact()
        return page

    monkeypatch.setattr(emulation, "_list", compacting)  # the server forgets what the first page was of
    async with Following(kubeconfig) as following:
        await following.synced()
        assert len(following.named("Service")) == 7
    assert served.count("ServiceList") == 2, "a page, and then all at once"


@pytest.mark.parametrize("number", range(3))
async def test_any_edits_and_any_faults(emulation: Emulation, client: Cluster, tmp_path: Path, number: int) -> None:
    """Whatever happens in whatever order: the same World as at a fresh start."""
    del number
    chance = random.Random(new_seed())  # noqa: S311 - repeatable, not secret
    kubeconfig = client.kubeconfig(tmp_path / "kubeconfig")
    emulation.watch_lists = chance.random() < 0.5
    async with Following(kubeconfig) as following:
        for _ in range(150):
            await asyncio.to_thread(_edit, emulation, client, chance)  # and it follows meanwhile
        emulation.faults.waiting.clear()
        await following.synced()
        await healed(following, kubeconfig)


def _edit(emulation: Emulation, client: Cluster, chance: random.Random) -> None:
    name = f"svc-{chance.randrange(8)}"
    match chance.randrange(8):
        case 0 | 1 | 2:
            client.apply(service(name, chance.randrange(80, 90)))
        case 3:
            with emulation.storage.lock:
                known = ("default", name) in emulation.storage.objects["", "services"]
            if known:
                client.delete("Service", name)
        case 4:
            client.apply(route("vs", f"{chance.choice('abc')}.example.com"))
        case 5:
            emulation.storage.compact()
        case 6:
            actions: list[Action] = ["cut", "half-line", "garbage", "gone-event", "status"]
            emulation.faults.add(
                Fault(
                    action=chance.choice(actions),
                    plural=chance.choice(["services", "virtualservices"]),
                    verb=chance.choice(["list", "watch"]),
                    code=chance.choice([429, 500, 503]),
                )
            )
        case 7:
            emulation.stop()
            emulation.start()
