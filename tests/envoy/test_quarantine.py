"""A real Envoy and a bad resource: the rest gets through, the bad one stays as it was, and what heals is taken."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from tests.envoy.harness import EnvoyProcess, ReservedPort, eventually, request, wait_warm
from tests.envoy.harness.handmade import (
    Handmade,
    broken_cluster,
    cluster,
    endpoints,
    extension,
    listener,
    routes,
    tcp_listener,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from translators.resources import Resource

RETRY = 0.3
"""Seconds to the first retry, in the tests that wait for it."""


@pytest.fixture
def server() -> Iterator[Handmade]:
    server = Handmade()
    yield server
    server.stop()


@pytest.fixture
def port() -> Iterator[int]:
    with ReservedPort() as reserved:
        yield reserved.port


@pytest.fixture(params=["delta", "sotw"])
def delta(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "delta")


class Watched:
    """A running Envoy that has accepted `first`, one listener and its routes."""

    def __init__(self, folder: Path, server: Handmade, port: int, *, delta: bool) -> None:
        self.server, self.port = server, port
        self.first: tuple[Resource, ...] = (listener("web", port, "web"), routes("web", status=200))
        server.serve(*self.first)
        self.envoy = EnvoyProcess.start(folder, xds_port=server.port, delta=delta)

    def status(self) -> int:
        return request(self.port, "/").status

    def answers(self, status: int, deadline: float = 2.0) -> None:
        eventually(lambda: self.status() == status, deadline, f"requests are answered with {status}")

    def confined(self, *names: str) -> None:
        """Wait until exactly these are in quarantine, and nothing is warming or goes round in circles."""
        eventually(lambda: set(self.server.cases()) == set(names), 5.0, f"{names} are in quarantine")
        wait_warm(self.envoy, 2.0)
        seen = [self.server.stream.status()]

        def quiet() -> bool:
            seen.append(self.server.stream.status())
            return len(seen) > 5 and all(status == seen[-1] for status in seen[-5:])

        eventually(quiet, 2.0, "the wire is quiet")

    def rejections(self) -> int:
        return sum(state.nacks for state in self.server.stream.status().values())


@pytest.fixture
def watched(tmp_path: Path, server: Handmade, port: int, *, delta: bool) -> Iterator[Watched]:
    watched = Watched(tmp_path, server, port, delta=delta)
    yield watched
    watched.envoy.stop()


def test_a_bad_cluster(watched: Watched) -> None:
    web = watched.first[0]
    good = [cluster("good"), endpoints("good", watched.server.port)]
    watched.server.serve(web, *good, broken_cluster("bad"), routes("web", status=201))
    watched.confined("bad")
    watched.answers(201)
    assert "good" in watched.envoy.clusters()
    assert watched.rejections() == 1
    watched.server.serve(web, *good, broken_cluster("bad"), cluster("new", type="STATIC"), routes("web", status=202))
    watched.answers(202)
    watched.confined("bad")
    assert "new" in watched.envoy.clusters()
    assert watched.rejections() == 1  # it was not sent again
    watched.server.serve(web, *good, cluster("bad", type="STATIC"), routes("web", status=203))
    watched.answers(203)
    watched.confined()
    assert "bad" in watched.envoy.clusters()
    assert watched.envoy.stat("cluster_manager.cds.update_rejected") == 1


def test_one_that_is_not_even_valid(watched: Watched) -> None:
    """Envoy looks at nothing else in the response, which so has to come again without it."""
    web = watched.first[0]
    invalid = cluster("bad", type="STATIC", connect_timeout="0s")
    watched.server.serve(
        web, cluster("a", type="STATIC"), invalid, cluster("z", type="STATIC"), routes("web", status=201)
    )
    watched.confined("bad")
    watched.answers(201)
    eventually(lambda: {"a", "z"} <= set(watched.envoy.clusters()), 2.0, "the good ones are there")
    assert watched.rejections() == 1


def test_a_route_stays_where_it_is_while_its_new_cluster_is_rejected(watched: Watched) -> None:
    with socket.create_server(("127.0.0.1", 0)) as backend:
        old = [cluster("old"), endpoints("old", backend.getsockname()[1]), routes("web", to="old")]
        watched.server.serve(watched.first[0], *old)
        eventually(lambda: "old" in watched.envoy.clusters(), 2.0, "the cluster is there")
        watched.server.serve(watched.first[0], broken_cluster("new"), routes("web", to="new"))
        watched.confined("new")
        assert "old" in watched.envoy.clusters()
        (dump,) = watched.envoy.config_dump("dynamic_route_configs")
        (host,) = dump["route_config"]["virtual_hosts"]
        assert host["routes"][0]["route"]["cluster"] == "old"


def test_a_bad_route(watched: Watched) -> None:
    """Envoy says `missing )` and not where, and may not have looked at the good one beside it."""
    other = ReservedPort()
    two = [watched.first[0], listener("other", other.port, "other"), routes("other", status=210)]
    watched.server.serve(*two, routes("web", status=200))
    eventually(lambda: request(other.port, "/").status == 210, 2.0, "both listeners are there")
    for status in (211, 212):
        watched.server.serve(*two[:2], routes("other", status=status), routes("web", status=201, regex="(("))
        eventually(lambda status=status: request(other.port, "/").status == status, 2.0, "the good one gets through")  # type: ignore[misc] # the default's type
        watched.confined("web")
        assert watched.status() == 200
    watched.server.serve(*two[:2], routes("other", status=213), routes("web", status=203))
    watched.answers(203)
    watched.confined()
    assert request(other.port, "/").status == 213
    other.close()


def test_a_listener_without_routes_to_hope_for(watched: Watched) -> None:
    """One that works goes on as it is; one that is new is left out."""
    with ReservedPort() as other:
        bad = routes("bad", status=201, regex="((")
        new = listener("new", other.port, "bad")
        watched.server.serve(listener("web", watched.port, "bad"), new, bad)
        watched.confined("bad")
        watched.answers(200)
        assert set(watched.envoy.listeners()) == {"web"}
        watched.server.serve(listener("web", watched.port, "bad"), new, routes("bad", status=202))
        watched.answers(202)
        eventually(lambda: request(other.port, "/").status == 202, 2.0, "the new listener is there")


def test_bad_endpoints(watched: Watched) -> None:
    clusters = [cluster(name) for name in "abc"]
    good = [endpoints("a", watched.server.port), endpoints("c", watched.server.port)]
    watched.server.serve(*watched.first, *clusters, *good, endpoints("b", 1, address="nonsense"))
    watched.confined("b")
    assert {name: len(hosts) for name, hosts in watched.envoy.clusters().items() if name in "abc"} == {
        "a": 1,
        "b": 0,
        "c": 1,
    }
    good = [endpoints("a", 1), endpoints("c", watched.server.port)]
    watched.server.serve(*watched.first, *clusters, *good, endpoints("b", watched.server.port))
    eventually(lambda: [len(watched.envoy.clusters()[name]) for name in "abc"] == [1, 1, 1], 2.0, "it has healed")
    watched.confined()


def test_a_bad_listener(watched: Watched) -> None:
    with ReservedPort() as other:
        both = [listener("other", other.port, "web"), routes("web", status=201)]
        watched.server.serve(listener("web", watched.port, "web", broken=True), *both)
        watched.confined("web")
        watched.answers(201)
        assert request(other.port, "/").status == 201
        watched.server.serve(listener("web", watched.port, "other"), *both, routes("other", status=202))
        watched.answers(202)
        watched.confined()


def test_a_port_that_is_taken_heals_by_itself(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xds_server.protocol.quarantine.RETRY_FIRST", RETRY)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        watched.server.serve(*watched.first, tcp_listener("taken", number, to="nowhere"))
        watched.confined("taken")
        assert "ddress already in use" in watched.server.cases()["taken"].error
        eventually(lambda: watched.server.cases()["taken"].rejections >= 2, 5.0, "it is tried again")
        assert watched.status() == 200
    eventually(lambda: "taken" in watched.envoy.listeners(), 5.0, "it is free, and Envoy listens")
    watched.confined()


def test_or_by_command(watched: Watched) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        watched.server.serve(*watched.first, tcp_listener("taken", taken.getsockname()[1], to="nowhere"))
        watched.confined("taken")
    watched.server.call(watched.server.stream.retry)
    eventually(lambda: "taken" in watched.envoy.listeners(), 2.0, "Envoy listens")
    watched.confined()


def test_a_bad_resource_does_not_keep_an_envoy_from_starting(
    tmp_path: Path, server: Handmade, port: int, *, delta: bool
) -> None:
    """And the next to start with the same fault is not even sent it, by the same server."""
    with ReservedPort() as other:
        server.serve(
            broken_cluster("bad"),
            *(cluster(name) for name in "ab"),
            endpoints("a", 1, address="nonsense"),
            endpoints("b", 1),
            listener("web", port, "web"),
            listener("other", other.port, "bad-routes"),
            routes("web", status=200),
            routes("bad-routes", status=200, regex="(("),
        )
        rejected = []
        for folder in (tmp_path / "first", tmp_path / "second"):
            envoy = EnvoyProcess.start(folder, xds_port=server.port, delta=delta)
            try:
                eventually(lambda: request(port, "/").status == 200, 2.0, "the good listener works")
                eventually(lambda: set(server.cases()) == {"bad", "a", "bad-routes"}, 5.0, "all are found")
                wait_warm(envoy, 2.0)
                rejected.append(envoy.stat("cluster_manager.cds.update_rejected"))
            finally:
                envoy.stop()
            eventually(lambda: not server.ads.streams, 5.0, "it has gone")
        assert rejected == [1, 0]


def test_a_reconnect_with_a_bad_resource_changes_nothing(watched: Watched) -> None:
    watched.server.serve(watched.first[0], cluster("bad", type="STATIC"), routes("web", status=201))
    watched.answers(201)
    watched.server.serve(watched.first[0], broken_cluster("bad"), routes("web", status=202, regex="(("))
    watched.confined("bad", "web")
    watched.server.hang_up()
    watched.confined("bad", "web")
    assert watched.rejections() == 0
    assert watched.status() == 201
    assert "bad" in watched.envoy.clusters()


def test_sotw_a_cluster_that_went_while_it_was_warming_is_not_waited_for(
    tmp_path: Path, server: Handmade, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Envoy asks for no clusters while one warms; before it could learn that this one is gone, it waited for 15 s."""
    first = [listener("web", port, "web"), routes("web", status=200)]
    server.serve(*first)
    envoy = EnvoyProcess.start(tmp_path, xds_port=server.port, delta=False)
    try:
        with monkeypatch.context() as patch:
            patch.setattr("xds_server.protocol.sotw.SotwStream._without_endpoints", lambda *_: [])
            server.serve(*first, cluster("gone"))
            eventually(lambda: envoy.stat("cluster_manager.warming_clusters") == 1, 2.0, "it is warming")
        server.hang_up(*first)
        eventually(lambda: envoy.stat("cluster_manager.warming_clusters") == 0, 2.0, "nothing is warming")
        eventually(lambda: "gone" not in envoy.clusters(), 2.0, "it is gone")
        assert envoy.stat("cluster.gone.init_fetch_timeout") == 0
    finally:
        envoy.stop()


def test_a_filter_by_ecds(watched: Watched) -> None:
    """It comes with its listener, and need not come again with the listener's next version; a bad one stays as it was;
    it is never taken from a listener that may still have it.
    """
    filtered = listener("web", watched.port, "web", extension="fault")
    watched.server.serve(filtered, watched.first[1], extension("fault", 418))
    watched.answers(418)
    watched.server.serve(filtered, watched.first[1], extension("fault", 419))
    watched.answers(419)
    watched.server.serve(filtered, watched.first[1], extension("fault", 1))
    watched.confined("fault")
    assert watched.status() == 419
    watched.server.serve(filtered, watched.first[1], extension("fault", 420))
    watched.answers(420)
    moved = listener("web", watched.port, "moved", extension="fault")
    watched.server.serve(moved, routes("moved", status=200), extension("fault", 420))
    eventually(lambda: "moved" in str(watched.envoy.config_dump("dynamic_listeners")), 2.0, "the listener is the next")
    watched.confined()
    assert watched.status() == 420
    watched.server.serve(moved, routes("moved", status=201))
    watched.server.serve(listener("web", watched.port, "moved"), routes("moved", status=202))
    watched.answers(202)
    watched.confined()
    assert watched.envoy.stats("init_fetch_timeout|update_rejected").get("listener_manager.lds.update_rejected") == 0
