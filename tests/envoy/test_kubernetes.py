"""`pilotfish serve --kubeconfig` with a real Envoy: what is applied to a cluster is what traffic does."""

from __future__ import annotations

import functools
import random
from typing import TYPE_CHECKING, Any

import pytest

from tests.apiserver.cluster import Cluster
from tests.apiserver.emulation import TOKEN, Emulation
from tests.apiserver.faults import Fault
from tests.apiserver.fixtures import cluster, emulation, real_cluster
from tests.envoy.harness import eventually, objects
from tests.envoy.harness.backend import Loop
from tests.envoy.harness.client import request
from tests.envoy.harness.envoy_process import EnvoyProcess
from tests.envoy.harness.load import Load, Responder
from tests.envoy.harness.pilotfish import Pilotfish
from tests.envoy.harness.shop import assert_no_complaint, new_seed
from xds_server.demo.ports import ReservedPort

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.apiserver.storage import Object

__all__ = ["cluster", "emulation", "real_cluster"]

RATE = 200
FOLLOWS = 1.0
"""Seconds in which traffic must follow what is applied."""


class Town:
    """A cluster with a gateway before the service `echo`, whose pods are Responders."""

    def __init__(self, folder: Path, cluster: Cluster) -> None:
        self.loop = Loop()
        self.cluster = cluster
        self.pods = [
            Responder(self.loop, version, f"{version}-{letter}") for version in ("v1", "v2") for letter in "ab"
        ]
        self._reserved = ReservedPort()
        self.port = self._reserved.port
        for name in ("istio-system", "shop"):
            self.cluster.apply({"kind": "Namespace", "metadata": {"name": name}})
        self.cluster.apply(_own(objects.gateway()), _own(objects.gateway_service(self.port)))
        kubeconfig = self.cluster.kubeconfig(folder / "kubeconfig")
        self.pilotfish = Pilotfish(folder, arguments=["--kubeconfig", str(kubeconfig)])
        self.envoy = EnvoyProcess.start(folder / "envoy", xds_port=self.pilotfish.xds_port)

    def serve(self, *pods: Responder) -> None:
        """Have the service `echo` consist of these pods; an EndpointSlice a pod, since each has a port of its own."""
        self.cluster.apply(*(pod_of(pod) for pod in pods), *(slice_of(pod) for pod in pods))
        for pod in self.pods:
            if pod not in pods:
                self.remove("EndpointSlice", pod)

    def remove(self, kind: str, pod: Responder) -> None:
        names = {one["metadata"]["name"] for one in self.cluster.list(kind)["items"]}
        if pod.instance in names:
            self.cluster.delete(kind, pod.instance, "shop")

    def open(self) -> None:
        """Apply the service, its pods, and a route to it."""
        self.cluster.apply(service(), route("v1", "v2"))
        self.serve(*self.pods)
        eventually(lambda: self.version() != "", 5.0, "the gateway is open")

    def version(self) -> str:
        try:
            return request(self.port, "/").headers.get("x-version", "")
        except OSError:
            return ""

    def load(self) -> Load:
        return Load(self.loop, self.port, rate=RATE)

    def close(self) -> None:
        self.envoy.stop()
        self.pilotfish.stop()
        for pod in self.pods:
            pod.stop()
        self.loop.close()
        self._reserved.close()


@pytest.fixture
def town(tmp_path: Path, cluster: Cluster) -> Iterator[Town]:
    """On each API server."""
    yield from _town(tmp_path, cluster)


@pytest.fixture
def emulated(tmp_path: Path, emulation: Emulation) -> Iterator[Town]:
    """On the emulation alone: a real API server takes no endpoints on loopback, and does not fail on request."""
    cluster = Cluster(emulation.url, TOKEN)
    cluster.install()
    yield from _town(tmp_path, cluster)


def _town(folder: Path, cluster: Cluster) -> Iterator[Town]:
    found = Town(folder, cluster)
    try:
        yield found
        assert_no_complaint(found.envoy.stats("update_rejected|init_fetch_timeout"), "in the end")
    finally:
        found.close()


def _own(found: dict[str, Any]) -> Object:
    return {key: value for key, value in found.items() if key != "apiVersion"}


def service() -> Object:
    spec = {"selector": {"app": "echo"}, "ports": [{"name": "http", "port": 80, "targetPort": "web"}]}
    return {"kind": "Service", "metadata": {"name": "echo", "namespace": "shop"}, "spec": spec}


def pod_of(pod: Responder) -> Object:
    labels = {"app": "echo", "version": pod.version}
    containers = [{"name": "app", "image": "echo", "ports": [{"name": "web", "containerPort": pod.port}]}]
    meta = {"name": pod.instance, "namespace": "shop", "labels": labels}
    return {"kind": "Pod", "metadata": meta, "spec": {"containers": containers}}


def slice_of(pod: Responder, **conditions: bool) -> Object:
    """A slice of one pod; without conditions it is ready."""
    reference = {"kind": "Pod", "name": pod.instance, "namespace": "shop"}
    endpoint = {"addresses": ["127.0.0.1"], "conditions": {"ready": True, **conditions}, "targetRef": reference}
    labels = {"kubernetes.io/service-name": "echo"}
    return {
        "kind": "EndpointSlice",
        "metadata": {"name": pod.instance, "namespace": "shop", "labels": labels},
        "addressType": "IPv4",
        "endpoints": [endpoint],
        "ports": [{"name": "http", "port": pod.port, "protocol": "TCP"}],
    }


def entry(*pods: Responder) -> Object:
    """A ServiceEntry for `echo` with these endpoints."""
    labels = [{"labels": {"version": pod.version}, "ports": {"http": pod.port}} for pod in pods]
    spec = {
        "hosts": ["echo.shop.svc.cluster.local"],
        "ports": [{"name": "http", "number": 80, "protocol": "HTTP"}],
        "resolution": "STATIC",
        "endpoints": [{"address": "127.0.0.1", **one} for one in labels],
    }
    return {"kind": "ServiceEntry", "metadata": {"name": "echo", "namespace": "shop"}, "spec": spec}


def route(*versions: str) -> Object:
    """A VirtualService with even weights for these versions, and the DestinationRule is `rule`."""
    weights = [
        {"destination": {"host": "echo", "subset": version}, "weight": 100 // len(versions)} for version in versions
    ]
    spec = {"hosts": ["*"], "gateways": ["default/gateway"], "http": [{"route": weights}]}
    return {"kind": "VirtualService", "metadata": {"name": "echo", "namespace": "shop"}, "spec": spec}


def rule() -> Object:
    subsets = [{"name": version, "labels": {"version": version}} for version in ("v1", "v2")]
    spec = {"host": "echo", "subsets": subsets}
    return {"kind": "DestinationRule", "metadata": {"name": "echo", "namespace": "shop"}, "spec": spec}


def test_traffic_follows_what_is_applied_of_istio(town: Town) -> None:
    assert town.version() == ""
    town.cluster.apply(entry(*town.pods), rule(), route("v1", "v2"))
    eventually(lambda: town.version() != "", 5.0, "the gateway is open")
    for version in ("v1", "v2", "v1"):
        town.cluster.apply(route(version))
        eventually(functools.partial(_only, town, version), FOLLOWS, f"all to {version}")
    town.cluster.apply(entry(next(pod for pod in town.pods if pod.instance == "v1-b")))
    eventually(lambda: _instances(town) == {"v1-b"}, FOLLOWS, "one endpoint")
    town.cluster.delete("VirtualService", "echo", "shop")
    eventually(lambda: town.version() == "", FOLLOWS, "the route is gone")


def test_traffic_follows_what_is_applied(emulated: Town) -> None:
    town = emulated
    assert town.version() == ""
    town.cluster.apply(rule())
    town.open()
    for version in ("v1", "v2", "v1"):
        town.cluster.apply(route(version))
        eventually(functools.partial(_only, town, version), FOLLOWS, f"all to {version}")
    v1_b = next(pod for pod in town.pods if pod.instance == "v1-b")
    town.serve(v1_b)
    eventually(lambda: _instances(town) == {"v1-b"}, FOLLOWS, "one pod")
    town.cluster.delete("VirtualService", "echo", "shop")
    eventually(lambda: town.version() == "", FOLLOWS, "the route is gone")


def _only(town: Town, version: str) -> bool:
    return {town.version() for _ in range(4)} == {version}


def _instances(town: Town) -> set[str]:
    return {request(town.port, "/").headers.get("x-instance", "") for _ in range(6)}


def test_endpoints_come_and_go_without_a_lost_request(emulated: Town) -> None:
    town = emulated
    chance = random.Random(new_seed())  # noqa: S311 - repeatable, not secret
    town.cluster.apply(rule(), service())
    town.open()
    with town.load() as load:
        for _ in range(25):
            v1, v2 = ([pod for pod in town.pods if pod.version == version] for version in ("v1", "v2"))
            chosen = [*chance.sample(v1, chance.randint(1, 2)), *chance.sample(v2, chance.randint(1, 2))]
            town.serve(*chosen)
            draining = chance.choice(chosen)
            if sum(pod.version == draining.version for pod in chosen) > 1:
                town.cluster.apply(slice_of(draining, ready=False, serving=True, terminating=True))
            load.wait_for(load.requests + RATE // 10)
    assert load.failed == 0, (dict(load.statuses), load.lost)
    assert load.requests >= 25 * RATE // 10


def test_an_api_server_that_is_away_costs_nothing(emulated: Town, emulation: Emulation) -> None:
    town = emulated
    town.cluster.apply(rule(), service())
    town.open()
    with town.load() as load:
        emulation.stop()
        load.wait_for(RATE * 2)
        assert town.pilotfish.get("/readyz").status == 200
        with emulation.storage.lock:
            emulation.storage.compact()
        emulation.start()
        for action in ("cut", "gone-event", "half-line"):
            emulation.faults.add(Fault(action=action, plural="virtualservices", verb="watch"))
            town.cluster.apply(route("v2"))
            town.cluster.apply(route("v1"))
        eventually(lambda: {town.version() for _ in range(4)} == {"v1"}, 20.0, "it follows again")
    assert load.failed == 0, (dict(load.statuses), load.lost)
    eventually(lambda: town.pilotfish.diagnostics() == [], 10.0, "nothing is wrong")


def test_what_happened_is_counted(emulated: Town) -> None:
    def counted(what: str, kind: str) -> float:
        text = emulated.pilotfish.get("/metrics").body
        line = next(
            line for line in text.splitlines() if line.startswith(f'pilotfish_kubernetes_{what}{{kind="{kind}"}}')
        )
        return float(line.rpartition(" ")[2])

    before = counted("events_total", "VirtualService")
    emulated.cluster.apply(rule(), service(), route("v1"))
    eventually(lambda: counted("objects", "VirtualService") == 1, 5.0, "the VirtualService is counted")
    assert counted("events_total", "VirtualService") > before
    assert counted("lists_total", "VirtualService") == 1
    assert counted("watches_total", "VirtualService") >= 1
    assert counted("failures_total", "VirtualService") == 0
