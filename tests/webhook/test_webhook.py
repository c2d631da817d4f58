"""The webhook over real TLS, called by an API server (the emulation, and the real one) as pods are created."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import datetime as dt
import io
import itertools
import socket
import ssl
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import pytest
from click.testing import CliRunner

from tests.apiserver.cluster import Cluster, full, path_of
from tests.apiserver.emulation import TOKEN
from tests.apiserver.storage import StatusError
from tests.injection.test_review import POD, review
from xds_server.app import App, Settings
from xds_server.cli.main import main
from xds_server.deployment.webhook import webhook_configuration
from xds_server.injection.settings import InjectionSettings
from xds_server.kube_api import KubeApi
from xds_server.webhook.certificates import Lives
from xds_server.webhook.names import CONFIGURATION, SECRET
from xds_server.webhook.server import LARGEST_REVIEW, WebhookServer
from xds_server.webhook.trust import Trust, service_names

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from tests.apiserver.emulation import Emulation

HOST: Final = "pilotfish.istio-system.svc"
NAMES: Final = (*service_names("istio-system", "cluster.local"), "localhost")
COUNT: Final = itertools.count(1)
SPEC: Final = {**POD["spec"], "serviceAccountName": "default"}
"""With what the API server's own admission adds to every pod, which is off in tests: nothing makes ServiceAccounts."""


class Clock:
    def __init__(self) -> None:
        self.now = dt.datetime.now(dt.UTC)

    def __call__(self) -> dt.datetime:
        return self.now


class Replica:
    """A webhook and its certificates, with a clock of its own."""

    def __init__(self, api: KubeApi, clock: Clock, lives: Lives) -> None:
        self.server = WebhookServer(InjectionSettings())
        self.trust = Trust(
            api=api, namespace="istio-system", names=NAMES, use=self.server.use, clock=clock, lives=lives
        )
        self.port = 0

    async def start(self) -> None:
        await self.trust.check()
        self.port = await self.server.start("127.0.0.1", 0)


class Stage:
    """A cluster whose webhook configuration is the one that is installed, and the replicas behind it."""

    def __init__(self, cluster: Cluster, api: KubeApi, emulation: Emulation | None) -> None:
        self.cluster = cluster
        self.emulation = emulation
        self.clock = Clock()
        self.lives = Lives()
        self.api = api
        self.replicas: list[Replica] = []
        self.namespace = f"shop-{next(COUNT)}"
        self.cluster.create(webhook_configuration("istio-system"))
        labels = {"istio-injection": "enabled"}
        self.cluster.apply({"kind": "Namespace", "metadata": {"name": "istio-system"}})
        self.cluster.create({"kind": "Namespace", "metadata": {"name": self.namespace, "labels": labels}})

    async def replica(self) -> Replica:
        made = Replica(self.api, self.clock, self.lives)
        self.replicas.append(made)
        await made.start()
        await self.point(made)
        if self.emulation is None:  # it hears of the configuration and of the namespace's labels a moment later
            await until_async(self.injects)
        return made

    async def point(self, replica: Replica) -> None:
        """Have the API server call this replica: behind the Service, or where nobody forwards that, by its URL."""
        if self.emulation is not None:
            self.emulation.services[HOST] = replica.port
        else:
            await asyncio.to_thread(self._point, f"https://localhost:{replica.port}/inject")

    def _point(self, url: str) -> None:
        while True:
            found = self.cluster.get("MutatingWebhookConfiguration", CONFIGURATION)
            for hook in found["webhooks"]:
                hook["clientConfig"] = {"url": url, "caBundle": hook["clientConfig"].get("caBundle", "")}
            try:
                self.cluster.replace(found)
            except StatusError as error:
                if error.reason == "Conflict":
                    continue
                raise
            return

    async def injects(self) -> bool:
        try:
            return injected(await self.dry_run("probe"))
        except StatusError:
            return False

    async def create(self, name: str, namespace: str = "", **more: Any) -> dict[str, Any]:
        return await asyncio.to_thread(self.cluster.create, self._pod(name, namespace, **more))

    async def dry_run(self, name: str) -> dict[str, Any]:
        pod = full(self._pod(name))
        return await asyncio.to_thread(self.cluster.request, "POST", f"{path_of(pod, whole=True)}?dryRun=All", pod)

    def _pod(self, name: str, namespace: str = "", **more: Any) -> dict[str, Any]:
        meta = {"name": name, "namespace": namespace or self.namespace}
        return {"kind": "Pod", "metadata": meta, "spec": SPEC, **more}

    def bundle(self) -> str:
        hooks = self.cluster.get("MutatingWebhookConfiguration", CONFIGURATION)["webhooks"]
        (bundle,) = {hook["clientConfig"].get("caBundle", "") for hook in hooks}
        return base64.b64decode(bundle).decode()

    async def close(self) -> None:
        for replica in self.replicas:
            await replica.server.stop()
        self.cluster.delete("MutatingWebhookConfiguration", CONFIGURATION)
        with contextlib.suppress(StatusError):
            self.cluster.delete("Secret", SECRET, "istio-system")


@pytest.fixture
async def stage(request: pytest.FixtureRequest, cluster: Cluster, tmp_path: Path) -> AsyncIterator[Stage]:
    """Of each API server."""
    found = request.getfixturevalue("emulation") if cluster.ca is None else None
    async with KubeApi.connect(kubeconfig=cluster.kubeconfig(tmp_path / "kubeconfig")) as api:
        made = Stage(cluster, api, found)
        try:
            yield made
        finally:
            await made.close()


@pytest.fixture
async def emulated(emulation: Emulation, tmp_path: Path) -> AsyncIterator[tuple[Stage, Emulation]]:
    """Of the emulation alone, for what it must do that a real API server does not do on request."""
    cluster = Cluster(emulation.url, TOKEN)
    async with KubeApi.connect(kubeconfig=cluster.kubeconfig(tmp_path / "kubeconfig")) as api:
        made = Stage(cluster, api, emulation)
        try:
            yield made, emulation
        finally:
            await made.close()


def injected(pod: dict[str, Any]) -> bool:
    return "istio-proxy" in [one["name"] for one in pod["spec"].get("initContainers", ())]


async def test_pods_of_a_labelled_namespace_are_injected(stage: Stage) -> None:
    await stage.replica()
    assert injected(await stage.create("echo"))
    assert not injected(await stage.create("echo", namespace="default"))


async def test_a_dry_run_is_answered_and_leaves_nothing(stage: Stage) -> None:
    await stage.replica()
    assert injected(await stage.dry_run("echo"))
    with pytest.raises(StatusError, match="not found"):
        stage.cluster.get("Pod", "echo", stage.namespace)


async def test_a_hundred_at_once(stage: Stage) -> None:
    await stage.replica()
    made = await asyncio.gather(*(stage.create(f"echo-{number}") for number in range(100)))
    assert all(injected(pod) for pod in made)


async def test_a_refusal_reaches_whoever_creates_the_pod(stage: Stage) -> None:
    await stage.replica()
    meta = {"name": "echo", "namespace": stage.namespace, "annotations": {"sidecar.istio.io/proxyCPU": "lots"}}
    with pytest.raises(StatusError, match=r"PF0161.*proxyCPU"):
        await stage.create("echo", metadata=meta)


async def test_a_webhook_that_is_down_keeps_pods_out_until_it_is_back(stage: Stage) -> None:
    first = await stage.replica()
    await first.server.stop()
    with pytest.raises(StatusError, match="failed calling webhook"):
        await stage.create("echo")
    await stage.replica()
    assert injected(await stage.create("echo"))


async def test_malformed_reviews_are_answered_and_harm_nobody(stage: Stage) -> None:
    replica = await stage.replica()
    tls = ssl.create_default_context(cadata=stage.bundle())
    url = f"https://127.0.0.1:{replica.port}/inject"
    sent = [b"", b"{", b"\xff\xfe", b"[]", b"[" * 50_000, review(POD)[:-5], b"x" * (LARGEST_REVIEW + 1)]
    async with aiohttp.ClientSession(headers={"Content-Type": "application/json"}) as session:
        for body, status in zip(sent, [400] * 6 + [413], strict=True):
            async with session.post(url, data=io.BytesIO(body), ssl=tls, server_hostname=HOST) as answer:
                assert answer.status == status, body[:20]
        async with session.post(
            url, data=b"a", ssl=tls, server_hostname=HOST, headers={"Content-Type": "a/b"}
        ) as answer:
            assert answer.status == 415
        async with session.post(url, data=review(None), ssl=tls, server_hostname=HOST) as answer:
            assert (await answer.json())["response"]["allowed"] is False
        async with session.post(f"{url}/cluster/east", data=review(POD), ssl=tls, server_hostname=HOST) as answer:
            assert "patch" in (await answer.json())["response"]
    assert injected(await stage.create("echo"))


async def test_replicas_share_one_authority(stage: Stage) -> None:
    first, second = Replica(stage.api, stage.clock, stage.lives), Replica(stage.api, stage.clock, stage.lives)
    stage.replicas += [first, second]
    await asyncio.gather(first.start(), second.start())
    for one in (first, second):
        await stage.point(one)
        await until_async(stage.injects)
        assert injected(await stage.create(f"echo-{one.port}"))
    assert stage.bundle().count("BEGIN") == 1


async def test_a_bundle_that_somebody_took_away_is_put_back(stage: Stage) -> None:
    replica = await stage.replica()
    before = stage.bundle()
    found = stage.cluster.get("MutatingWebhookConfiguration", CONFIGURATION)
    for hook in found["webhooks"]:
        del hook["clientConfig"]["caBundle"]
    stage.cluster.replace(found)
    assert stage.bundle() == ""
    await replica.trust.check()
    assert stage.bundle() == before


async def test_a_rotation_refuses_no_pod(stage: Stage) -> None:
    """Both the authority and the serving certificate change while pods are created all the time."""
    day = dt.timedelta(days=1)
    stage.clock.now -= 7 * day  # so that what is made later holds at the real time, by which TLS goes
    stage.lives = Lives(authority=10 * day, serving=9 * day)
    first, second = await stage.replica(), await stage.replica()
    ended = asyncio.Event()

    async def create() -> int:
        number = 0
        while not ended.is_set() or number < 10:
            number += 1
            await stage.point((first, second)[number % 2])
            assert injected(await stage.create(f"echo-{number}"))
        return number

    creating = asyncio.create_task(create())
    before = stage.cluster.get("Secret", SECRET, "istio-system")["data"]
    counts = []
    for passed in (dt.timedelta(), 6.9 * day, dt.timedelta(seconds=61), dt.timedelta(seconds=1)):
        stage.clock.now += passed
        for replica in (first, second):
            await replica.trust.check()
            counts.append(stage.bundle().count("BEGIN"))
    ended.set()
    assert await creating >= 10
    after = stage.cluster.get("Secret", SECRET, "istio-system")["data"]
    assert counts == [1, 1, 2, 2, 2, 2, 2, 2]
    assert after["tls.crt"] != before["tls.crt"]
    assert base64.b64decode(before["ca.crt"]) in base64.b64decode(after["ca.crt"])


async def test_a_cluster_that_refuses_is_said_once_and_tried_again(
    emulated: tuple[Stage, Emulation], caplog: pytest.LogCaptureFixture
) -> None:
    stage, emulation = emulated
    caplog.set_level("INFO")
    replica = await stage.replica()
    emulation.forbidden.add(("get", "secrets"))
    replica.trust.interval = 0.01
    running = asyncio.create_task(replica.trust.run())
    try:
        await until(lambda: emulation.requests.count(("get", "secrets")) > 10)
        assert caplog.text.count("PF0169") == 1
        emulation.forbidden.clear()
        await until(lambda: "current again" in caplog.text)
    finally:
        running.cancel()
        await asyncio.wait([running])
    assert "PRIVATE KEY" not in caplog.text


async def test_serve_runs_it(emulated: tuple[Stage, Emulation], tmp_path: Path) -> None:
    stage, emulation = emulated
    kubeconfig = stage.cluster.kubeconfig(tmp_path / "config")
    anywhere = ("127.0.0.1", 0)
    app = App(
        Settings(
            config=(),
            kubeconfig=kubeconfig,
            xds_address=anywhere,
            http_address=anywhere,
            injection=InjectionSettings(proxy_image="envoy:of-the-mesh"),
            webhook_address=anywhere,
        )
    )
    running = asyncio.create_task(app.run())
    try:
        await until(lambda: "webhook" in app.addresses or running.done())
        emulation.services[HOST] = int(app.addresses["webhook"].rpartition(":")[2])
        await until(lambda: stage.bundle() != "")
        made = await stage.create("echo")
        assert [one["image"] for one in made["spec"]["initContainers"]][-1] == "envoy:of-the-mesh"
    finally:
        app.stop()
        await running


async def test_an_address_that_is_taken_is_said_in_a_line(emulated: tuple[Stage, Emulation], tmp_path: Path) -> None:
    kubeconfig = emulated[0].cluster.kubeconfig(tmp_path / "config")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        flags = ["--xds-address", "127.0.0.1:0", "--http-address", "127.0.0.1:0", "--webhook-address", address]
        command = [sys.executable, "-m", "xds_server", "serve", "--injection", "--kubeconfig", str(kubeconfig), *flags]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "Error: " in done.stderr
    assert "address already in use" in done.stderr
    assert "Traceback" not in done.stderr


def test_injection_without_a_cluster_is_wrong_usage() -> None:
    done = CliRunner().invoke(main, ["serve", "--config", "x", "--injection"])
    assert (done.exit_code, "--kubeconfig or --in-cluster" in done.output) == (2, True)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - what is waited for is in a log, and in another thread
            await asyncio.sleep(0.01)


async def until_async(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await holds():  # noqa: ASYNC110 - what is waited for is in another process
            await asyncio.sleep(0.05)
