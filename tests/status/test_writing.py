"""The parts that talk to an API server, each by itself: against the emulation, and the real one where there is one."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.apiserver.cluster import Cluster
from tests.apiserver.emulation import TOKEN
from tests.apiserver.faults import Fault
from tests.status.replicas import condition, route
from tests.status.writers import wanted, writer_for
from translators.model.meta import ObjectKey
from xds_server.kube_api import KubeApi
from xds_server.sources.kubernetes.reflector import Written, written_of
from xds_server.status.elector import Elector
from xds_server.status.exchange import Exchange
from xds_server.status.merging import Difference
from xds_server.status.reports import Entry
from xds_server.status.usage import Use

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from tests.apiserver.emulation import Emulation

COUNT = itertools.count(1)
KEY = ObjectKey("VirtualService", "default", "echo")


@pytest.fixture
async def api(cluster: Cluster, tmp_path: Path) -> AsyncIterator[KubeApi]:
    async with KubeApi.connect(kubeconfig=cluster.kubeconfig(tmp_path / "kubeconfig")) as found:
        yield found


@pytest.fixture
def emulated(emulation: Emulation) -> Cluster:
    """Only the emulation, for what must go wrong."""
    found = Cluster(emulation.url, TOKEN)
    found.install()
    return found


@contextlib.asynccontextmanager
async def running(work: Any) -> AsyncIterator[None]:
    task = asyncio.ensure_future(work)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not await asyncio.to_thread(condition):  # noqa: ASYNC110 - of any kind
            await asyncio.sleep(0.01)


def made(cluster: Cluster, name: str = "echo") -> Written:
    """Make an object; an earlier one of the name goes."""
    with contextlib.suppress(Exception):
        cluster.delete("VirtualService", name)
    return written(cluster.create(route(name=name)))


def written(found: dict[str, Any]) -> Written:
    return written_of(json.dumps(found).encode())


async def test_a_status_beside_those_of_others(cluster: Cluster, api: KubeApi) -> None:
    made(cluster)
    healthy = {"type": "Healthy", "status": "True"}
    before = cluster.set_status("VirtualService", "echo", {"conditions": [healthy], "addresses": ["x"]})
    writer = writer_for(api)
    async with running(writer.run()):
        writer.want(KEY, wanted(), written(before), Difference.STATE)
        await until(lambda: condition(cluster, "VirtualService", "echo").get("message") == "2/2 proxies up to date")
        status = cluster.get("VirtualService", "echo")["status"]
        assert status["conditions"][0] == healthy
        assert status["addresses"] == ["x"]
        await until(lambda: KEY in writer.done)
        done, now = writer.done[KEY].written, written(cluster.get("VirtualService", "echo"))
        assert done[:3] == now[:3]
        assert json.loads(done.status) == json.loads(now.status)


async def test_a_conflict_is_read_again(cluster: Cluster, api: KubeApi) -> None:
    stale = made(cluster)
    cluster.set_status("VirtualService", "echo", {"conditions": [{"type": "Healthy", "status": "False"}]})
    writer = writer_for(api)
    async with running(writer.run()):
        writer.want(KEY, wanted(), stale, Difference.STATE)
        await until(lambda: condition(cluster, "VirtualService", "echo"))
    conditions = cluster.get("VirtualService", "echo")["status"]["conditions"]
    assert [one["type"] for one in conditions] == ["Healthy", "Reconciled"]


async def test_what_was_changed_since_is_not_said_to_be_reconciled(cluster: Cluster, api: KubeApi) -> None:
    stale = made(cluster)
    cluster.apply(route("other.example.com"))
    writer = writer_for(api)
    async with running(writer.run()):
        writer.want(KEY, wanted(), stale, Difference.STATE)
        await until(lambda: not len(writer))
        made(cluster, "another")
        another = KEY._replace(name="another")
        writer.want(another, wanted(), written(cluster.get("VirtualService", "another")), Difference.STATE)
        await until(lambda: condition(cluster, "VirtualService", "another"))
    assert condition(cluster, "VirtualService", "echo") == {}


async def test_the_newest_wins_and_the_rate_is_kept(emulated: Cluster, emulation: Emulation, tmp_path: Path) -> None:
    names = [f"vs-{number:02}" for number in range(30)]
    states = {name: made(emulated, name) for name in names}
    async with KubeApi.connect(kubeconfig=emulated.kubeconfig(tmp_path / "kubeconfig")) as api:
        writer = writer_for(api, rate=20.0)
        began = time.monotonic()
        async with running(writer.run()):
            for text in ("first", "second", "third"):
                for name in names:
                    writer.want(KEY._replace(name=name), wanted(text), states[name], Difference.STATE)
            assert len(writer) == 30
            await until(lambda: len(writer.done) == 30)
    assert time.monotonic() - began > 0.45, "20 at once, and the others at 20 a second"
    assert len([asked for asked in emulation.audit if asked.subresource == "status"]) == 30
    assert {condition(emulated, "VirtualService", name)["message"] for name in names} == {"third"}


async def test_counts_alone_go_last(emulated: Cluster, emulation: Emulation, tmp_path: Path) -> None:
    names = ["text", "state"]
    states = {name: made(emulated, name) for name in names}
    async with KubeApi.connect(kubeconfig=emulated.kubeconfig(tmp_path / "kubeconfig")) as api:
        writer = writer_for(api)
        writer.want(KEY._replace(name="text"), wanted(), states["text"], Difference.TEXT)
        writer.want(KEY._replace(name="state"), wanted(), states["state"], Difference.STATE)
        async with running(writer.run()):
            await until(lambda: len(writer.done) == 2)
    assert [asked.name for asked in emulation.audit if asked.subresource == "status"] == ["state", "text"]


async def test_a_server_that_fails_is_left_alone_for_a_while(
    emulated: Cluster, emulation: Emulation, tmp_path: Path
) -> None:
    state = made(emulated)
    fault = emulation.faults.add(Fault(action="status", verb="patch", plural="virtualservices", times=3, code=503))
    async with KubeApi.connect(kubeconfig=emulated.kubeconfig(tmp_path / "kubeconfig")) as api:
        writer = writer_for(api)
        async with running(writer.run()):
            async with asyncio.timeout(10):
                while KEY not in writer.done:
                    writer.want(KEY, wanted(), state, Difference.STATE)
                    if not fault.times:
                        assert [d.code for d in writer.diagnostics()] in (["PF0130"], [])
                    await asyncio.sleep(0.02)
        asked = [one for one in emulation.audit if one.subresource == "status"]
        # What is wanted while the fourth succeeds may be written as well.
        assert len(asked) in (4, 5), "never in a hurry"
        assert writer.diagnostics() == ()


async def test_a_kind_that_may_not_be_written_stops_no_other(
    emulated: Cluster, emulation: Emulation, tmp_path: Path
) -> None:
    state, other = made(emulated), ObjectKey("Gateway", "default", "gateway")
    emulated.create({"kind": "Gateway", "metadata": {"name": "gateway"}, "spec": {}})
    emulation.forbidden.add(("patch", "virtualservices/status"))
    async with KubeApi.connect(kubeconfig=emulated.kubeconfig(tmp_path / "kubeconfig")) as api:
        writer = writer_for(api)
        async with running(writer.run()):
            writer.want(KEY, wanted(), state, Difference.STATE)
            writer.want(other, wanted(), written(emulated.get("Gateway", "gateway")), Difference.STATE)
            await until(lambda: condition(emulated, "Gateway", "gateway"))
        (diagnostic,) = writer.diagnostics()
        assert (diagnostic.code, diagnostic.origin) == ("PF0130", None)
        assert "VirtualService" in diagnostic.message


async def test_who_does_not_lead_any_more_writes_nothing(
    emulated: Cluster, emulation: Emulation, tmp_path: Path
) -> None:
    state, leading = made(emulated), True
    async with KubeApi.connect(kubeconfig=emulated.kubeconfig(tmp_path / "kubeconfig")) as api:
        writer = writer_for(api, leads=lambda: leading)
        leading = False
        async with running(writer.run()):
            writer.want(KEY, wanted(), state, Difference.STATE)
            await until(lambda: not writer._wake.is_set())
        assert len(writer) == 1
    assert not [asked for asked in emulation.audit if asked.subresource == "status"]


def elector(api: KubeApi, name: str, identity: str, seconds: float = 1.0) -> Elector:
    return Elector(api, namespace="default", name=name, identity=identity, seconds=seconds, chance=lambda: 0.0)


async def test_one_of_three_leads_and_the_next_takes_over(cluster: Cluster, api: KubeApi) -> None:
    name = f"lease-{next(COUNT)}"
    three = [elector(api, name, identity) for identity in "abc"]

    def leading() -> list[str]:
        return [one.election.identity for one in three if one.leads]

    async with contextlib.AsyncExitStack() as stack:
        tasks = {}
        for one in three:
            tasks[one.election.identity] = asyncio.create_task(one.run())
        stack.push_async_callback(_end, list(tasks.values()))
        await until(lambda: len(leading()) == 1)
        (first,) = leading()
        spec = cluster.get("Lease", name)["spec"]
        assert (spec["holderIdentity"], spec["leaseDurationSeconds"]) == (first, 1)
        tasks[first].cancel()
        await asyncio.wait({tasks[first]})
        assert cluster.get("Lease", name)["spec"]["holderIdentity"] != first, "it was let go"
        await until(lambda: leading() not in ([], [first]))
        assert len(leading()) == 1


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_leader_that_hears_nothing_stops_before_another_begins(
    emulated: Cluster, emulation: Emulation, tmp_path: Path
) -> None:
    emulation.tokens.add("a")
    async with (
        KubeApi.connect(kubeconfig=emulated.kubeconfig(tmp_path / "a", token="a")) as cut_off,
        KubeApi.connect(kubeconfig=emulated.kubeconfig(tmp_path / "b")) as api,
    ):
        one, other = elector(cut_off, "lease", "a", 2.0), elector(api, "lease", "b", 2.0)
        both = 0
        async with running(one.run()):
            await until(lambda: one.leads)
            emulation.tokens.remove("a")
            async with running(other.run()):
                async with asyncio.timeout(15):
                    while not other.leads:
                        await asyncio.sleep(0.005)
                        both += one.leads and other.leads
    assert both == 0


async def test_a_lease_that_may_not_be_had(emulated: Cluster, emulation: Emulation, tmp_path: Path) -> None:
    emulation.forbidden.add(("get", "leases"))
    times = iter(range(0, 10_000, 6))
    async with KubeApi.connect(kubeconfig=emulated.kubeconfig(tmp_path / "kubeconfig")) as api:
        one = Elector(api, namespace="default", name="lease", seconds=1, clock=lambda: float(next(times)))
        async with running(one.run()):
            await until(one.diagnostics)
        (diagnostic,) = one.diagnostics()
        assert diagnostic.code == "PF0132"
        assert "403" in diagnostic.message


async def test_reports_go_from_one_to_another(cluster: Cluster, api: KubeApi) -> None:
    cluster.apply({"kind": "Namespace", "metadata": {"name": "reports"}})
    now = 0.0

    def exchange(identity: str) -> Exchange:
        return Exchange(api, namespace="reports", identity=identity, seconds=15, clock=lambda: now)

    leader, one, other = exchange("Host.a_1"), exchange("b"), exchange("c")
    await one.publish({})
    await leader.collect()
    assert leader.reports == {}
    said = {KEY: Entry(1, Use(2, 1), ("PF0208",))}
    await one.publish(said)
    await other.publish({KEY: Entry(1, Use(), ("PF0801",))})
    await leader.collect()
    assert [report[KEY].use.proxies for report in leader.reports.values()] == [2, 0]
    before = list(leader.reports)
    now = 6.0
    await one.publish(said)
    await leader.collect()
    assert list(leader.reports) == before, "a renewal says nothing new"
    now = 16.0
    assert list(leader.reports.values()) == [said], "the other one has not renewed its report"
    now = 67.0
    await one.publish(said)
    await leader.collect()
    await leader.collect()
    await one.withdraw()
    await leader.collect()
    assert leader.reports == {}
    names = [
        one["metadata"]["name"] for one in cluster.request("GET", "/api/v1/namespaces/reports/configmaps")["items"]
    ]
    assert [name for name in names if name.startswith("pilotfish")] == [], "what is forgotten is deleted"
