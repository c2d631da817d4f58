"""Pods that come and go: the sidecar is ready before the app's first request, and a pod that ends loses none.

The tests do what a kubelet does, in its order, with the hooks that injected pods have.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from tests.envoy.harness import objects
from tests.envoy.harness.backend import Loop
from tests.envoy.harness.load import Load
from tests.envoy.harness.pods import as_sidecar
from tests.envoy.harness.servers import TcpServer, shout
from tests.envoy.harness.town import Town
from tests.envoy.harness.waiting import eventually
from tests.require import require
from xds_server.demo.echo import Behaviour
from xds_server.injection.life import Draining, drain, wait_until_ready

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from tests.envoy.harness.pods import Namespace
    from tests.envoy.harness.town import Pod

CLIENT = "10.77.4.1"
SHOP, HOST = "10.96.4.1", "shop.default.svc.cluster.local"
RATE = 100
SLOW = Behaviour(delay_seconds=0.1)
"""Ten requests are on their way at any time."""
PATIENT = Draining(seconds=20, exit_on_zero=True, least_seconds=1)
RULES = """
hosts: [shop]
http:
- route:
  - {destination: {host: shop, subset: v1}, weight: 75}
  - {destination: {host: shop, subset: v2}, weight: 25}
"""


@pytest.fixture(autouse=True)
def _namespaces() -> None:
    require("netns", "iptables")


def in_sidecar(network: Namespace, command: Sequence[str]) -> subprocess.Popen[str]:
    """Run a hook as the kubelet does: in the container of the sidecar, as its user."""
    return subprocess.Popen(
        [*as_sidecar(network), *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def ended(hook: subprocess.Popen[str], seconds: float = 30.0) -> tuple[int, str]:
    """Return a hook's exit status, and what it printed."""
    said, _ = hook.communicate(timeout=seconds)
    return hook.returncode, said


class Shop(Town):
    """A client and the pods of a Deployment, which come and go."""

    client: Pod
    policy = ""
    """The trafficPolicy of the service."""
    _number = 1

    def open(self) -> None:
        """Start the control plane and the client."""
        self.running: dict[str, Pod] = {}
        self.ending: set[str] = set()
        self.start(*self.objects())
        self.client = self.pod("client", CLIENT, app="client")
        self.client.start_sidecar(self.folder, "default")

    def objects(self) -> list[objects.Object]:
        ports = {"http-web": 8080}
        endpoints = objects.endpoint_slice("shop", ports, [])
        for name, pod in self.running.items():
            # As the EndpointSlice controller has it, from the moment at which the pod is to be deleted.
            conditions = {"ready": name not in self.ending, "serving": True, "terminating": name in self.ending}
            endpoints["endpoints"].append({"addresses": [pod.address], "conditions": conditions})
        return [
            objects.service("shop", {"http-web": 80}, address=SHOP, targets=ports),
            endpoints,
            *(objects.pod(name, pod.labels, pod.address) for name, pod in self.running.items()),
            objects.destination_rule("shop", "shop", self.policy, subsets=("v1", "v2")),
            objects.yaml_object("VirtualService", "shop", RULES),
        ]

    def write(self) -> None:
        self.config.write("objects.yaml", *self.objects())

    def add(self, version: str) -> str:
        """Start a pod: first its sidecar, then its app; and wait until the client knows it."""
        self._number += 1
        name, address = f"{version}-{self._number}", f"10.77.4.{self._number}"
        pod = self.pod(name, address, app="shop", version=version)
        pod.start_sidecar(self.folder, "default", wait=False)
        assert ended(in_sidecar(pod.network, wait_until_ready())) == (0, "")
        pod.serve_http(8080, version).behaviour = SLOW
        self.running[name] = pod
        self.write()
        eventually(lambda: address in self.known(version), what=f"the client knows {name}")
        return name

    def known(self, version: str) -> set[str]:
        """Return the addresses of a subset that the client's sidecar has."""
        hosts = self.client.envoy.clusters().get(f"outbound|80|{version}|{HOST}", [])
        return {host["address"]["socket_address"]["address"] for host in hosts}

    def remove(self, name: str, draining: Draining | None) -> None:
        """End a pod: with hooks, or as a pod without any ends."""
        pod = self.running[name]
        self.ending.add(name)
        self.write()
        if draining is not None:
            # The app has a `preStop: {sleep: …}` for as long.
            assert ended(in_sidecar(pod.network, drain(draining))) == (0, "")
            assert pod.address not in self.known(pod.labels["version"])
        pod.envoy.process.stop()
        pod.stop_app()
        del self.running[name]
        self.write()

    def load(self, loop: Loop) -> Load:
        return Load(loop, 80, rate=RATE, host=HOST, address=SHOP)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    town = Shop(tmp_path)
    try:
        town.open()
        yield town
    finally:
        town.close()


def rolling_restart(shop: Shop, draining: Draining | None) -> Load:
    """Replace both pods of v1 under load, one after the other, each by one that is there before it goes."""
    old = [shop.add("v1"), shop.add("v1")]
    shop.add("v2")
    loop = Loop(shop.client.network.path)
    try:
        with shop.load(loop) as load:
            load.wait_for(RATE)
            for name in old:
                shop.add("v1")
                shop.remove(name, draining)
            load.wait_for(load.requests + RATE)
        return load
    finally:
        loop.close()


@pytest.mark.parametrize("upgrade", ["DO_NOT_UPGRADE", "UPGRADE"])
def test_a_rolling_restart_loses_no_request(shop: Shop, upgrade: str, report: Callable[[str], None]) -> None:
    """Between the sidecars HTTP/1.1, or HTTP/2, which has GOAWAY."""
    shop.policy = f"{{connectionPool: {{http: {{h2UpgradePolicy: {upgrade}}}}}}}"
    load = rolling_restart(shop, PATIENT)
    report(f"{load.requests} requests, {load.failed} lost; slowest answer {load.slowest * 1000:.0f} ms")
    assert (load.failed, load.lost) == (0, [])
    assert set(load.versions) == {"v1", "v2"}
    cluster = f"outbound|80|v1|{HOST}"
    assert (shop.client.envoy.cluster_stat(cluster, "upstream_cx_http2_total") > 0) == (upgrade == "UPGRADE")


def test_without_draining_it_loses_some(shop: Shop, report: Callable[[str], None]) -> None:
    """If nothing were lost so, the test above would show nothing."""
    load = rolling_restart(shop, None)
    report(f"{load.requests} requests, {load.failed} lost, as it must be")
    assert load.failed > 0


def test_the_app_starts_with_a_sidecar_that_is_ready(tmp_path: Path) -> None:
    """The control plane says nothing at first: neither the hook nor the startup probe on 15021 lets the app begin."""
    town = Shop(tmp_path)
    try:
        town.open()
        town.add("v1")
        town.add("v2")
        town.pilotfish.signal(signal.SIGSTOP)
        try:
            late = town.pod("late", "10.77.4.99", app="late")
            late.start_sidecar(tmp_path, "default", wait=False)
            assert ended(in_sidecar(late.network, wait_until_ready(seconds=1))) == (1, "")
            assert not ready(late)
        finally:
            town.pilotfish.signal(signal.SIGCONT)
        assert ended(in_sidecar(late.network, wait_until_ready())) == (0, "")
        assert late.get(f"{HOST}/", address=SHOP).status == 200
        assert ready(late)
    finally:
        town.close()


def ready(pod: Pod) -> bool:
    try:
        return pod.get(f"{pod.address}:15021/healthz/ready").status == 200
    except OSError:
        return False


def test_who_is_told_to_leave_is_served_until_then(shop: Shop) -> None:
    """Draining says `connection: close` and goes on serving, also connections that are new."""
    name = shop.add("v1")
    pod = shop.running[name]
    assert "connection" not in shop.client.get(f"{pod.address}:8080/", address=pod.address).headers
    hook = in_sidecar(pod.network, drain(Draining(seconds=4)))
    began = time.monotonic()
    stranger = shop.pod("stranger", "10.77.4.98")

    def told() -> bool:
        reply = stranger.get(f"{pod.address}:8080/")
        assert reply.status == 200
        return reply.headers.get("connection") == "close"

    eventually(told, 3.0, "answers say that the connection ends")
    assert hook.poll() is None
    # The app itself goes on calling others.
    assert "connection" not in pod.get(f"{HOST}/", address=SHOP).headers
    assert ended(hook) == (0, "")
    assert time.monotonic() - began > 3.5
    pod.envoy.process.assert_runs()


def test_a_gateway_drains_as_a_whole(shop: Shop) -> None:
    shop.add("v1")
    shop.add("v2")
    door, stranger = shop.pod("door", "10.77.4.97", istio="ingressgateway"), shop.pod("stranger", "10.77.4.96")
    routes = "[{route: [{destination: {host: shop, subset: v1}}]}]"
    shop.config.write("door.yaml", objects.gateway(number=8080), objects.virtual_service("door", routes))
    door.start_sidecar(shop.folder, "istio-system", kind="router")
    url = f"{door.address}:8080/"
    eventually(lambda: stranger.get(url).status == 200, what="the gateway answers")
    assert "connection" not in stranger.get(url).headers
    hook = in_sidecar(door.network, drain(Draining(seconds=30, exit_on_zero=True, least_seconds=2), gateway=True))
    eventually(lambda: stranger.get(url).headers.get("connection") == "close", 2.0, "it says that connections end")
    assert ended(hook, 10.0) == (0, "")


def test_draining_ends_with_the_last_connection(shop: Shop) -> None:
    """Whatever it speaks; and at the latest after its time."""
    name = shop.add("v1")
    pod = shop.running[name]
    server = TcpServer(pod.network, shout, 9999)
    lines = shop.client.network.call(socket.create_connection, (pod.address, 9999), 10)
    try:
        lines.sendall(b"a\n")
        assert lines.recv(10) == b"A\n"
        began = time.monotonic()
        assert ended(in_sidecar(pod.network, drain(Draining(seconds=3, exit_on_zero=True, least_seconds=0)))) == (0, "")
        assert time.monotonic() - began > 2.0
        hook = in_sidecar(pod.network, drain(Draining(seconds=60, exit_on_zero=True, least_seconds=0)))
        with pytest.raises(subprocess.TimeoutExpired):
            hook.wait(1.5)
        lines.sendall(b"b\n")
        assert lines.recv(10) == b"B\n"
    finally:
        lines.close()
        server.close()
    assert ended(hook) == (0, "")
