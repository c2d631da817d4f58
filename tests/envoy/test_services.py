"""Real Envoys that connect otherwise than with one ADS stream: a service for each type, frequent pings, short ages."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.envoy.harness import (
    Backend,
    EnvoyProcess,
    Loop,
    Pilotfish,
    ReservedPort,
    eventually,
    gateway_proxy,
    many,
    objects,
    request,
    wait_warm,
)
from xds_server.bootstrap import BootstrapSettings, as_json, bootstrap

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

ECHO = "outbound|80||echo.default.svc.cluster.local"
ROUTER = {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}
MANAGER = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"

VARIANTS = pytest.mark.parametrize("delta", [False, True], ids=["sotw", "delta"])


class Scene:
    """A control plane with a gateway for one service, and that service's backends v1 and v2."""

    def __init__(self, folder: Path, stack: ExitStack, arguments: Sequence[str]) -> None:
        loop = Loop()
        stack.callback(loop.close)
        self.folder = folder
        self.backends = [Backend(loop, "v1", "v1-a"), Backend(loop, "v2", "v2-a")]
        for backend in self.backends:
            stack.callback(backend.stop)
        self.port, self.static_port = (stack.enter_context(ReservedPort()).port for _ in range(2))
        (folder / "config").mkdir()
        self.pilotfish = Pilotfish(folder, arguments=arguments)
        stack.callback(self.pilotfish.stop)
        self.config = self.pilotfish.config
        self.serve(self.backends[:1])
        self.config.write("gateway.yaml", objects.gateway(), objects.gateway_service(self.port))
        self.config.write("routes.yaml", objects.virtual_service("routes", "[{route: [{destination: {host: echo}}]}]"))
        self._stack = stack

    def serve(self, backends: Sequence[Backend]) -> None:
        """Have the service consist of these backends."""
        self.config.write("services.yaml", objects.service_entry("echo", backends))

    def bootstrap(self, *, delta: bool) -> Any:
        settings = BootstrapSettings(
            xds_host="127.0.0.1",
            xds_port=self.pilotfish.xds_port,
            admin_port=0,
            status_port=0,
            metrics_port=0,
            delta=delta,
            reconnect_base_seconds=0.02,
            reconnect_max_seconds=0.1,
        )
        return json.loads(as_json(bootstrap(gateway_proxy(), settings)))

    def envoy(self, tree: Any) -> EnvoyProcess:
        """Start an Envoy with a bootstrap."""
        folder = self.folder / "envoy"
        folder.mkdir()
        file = folder / "bootstrap.json"
        file.write_text(json.dumps(tree))
        envoy = EnvoyProcess.run(folder, ["-c", str(file), "--concurrency", "1", "-l", "warning"])
        self._stack.callback(envoy.stop)
        return envoy

    def metric(self, name: str) -> float:
        """Return the value of one line of /metrics."""
        lines = self.pilotfish.get("/metrics").body.splitlines()
        return float(next(line for line in lines if line.startswith(f"{name} ")).rpartition(" ")[2])


@contextmanager
def scene(folder: Path, *arguments: str) -> Iterator[Scene]:
    with ExitStack() as stack:
        yield Scene(folder, stack, arguments)


def answers(port: int) -> str:
    """Return the version of the backend that answers; empty if none does."""
    reply = request(port, "/")
    return str(reply.json["version"]) if reply.status == 200 else ""


def refusals(envoy: EnvoyProcess) -> dict[str, int]:
    """Return the counters of what must not happen that are not 0."""
    return {n: v for n, v in envoy.stats("update_rejected|init_fetch_timeout|assignment_use_cached").items() if v}


@VARIANTS
def test_a_service_for_each_type(tmp_path: Path, delta: bool) -> None:
    """CDS and LDS by services of their own; EDS and RDS too, for a cluster and a listener of the bootstrap. What CDS
    and LDS bring names ADS for its endpoints and routes, so that stays beside them.
    """
    with scene(tmp_path) as mesh:
        tree = mesh.bootstrap(delta=delta)
        grpc_services = tree["dynamic_resources"]["ads_config"]["grpc_services"]
        routes = f"http.{mesh.port}"
        own = {
            "resource_api_version": "V3",
            "api_config_source": {
                "api_type": "DELTA_GRPC" if delta else "GRPC",
                "transport_api_version": "V3",
                "grpc_services": grpc_services,
            },
        }
        tree["dynamic_resources"] |= {"cds_config": own, "lds_config": own}
        tree["static_resources"]["clusters"].append(
            {
                "name": "by-eds",
                "type": "EDS",
                "connect_timeout": "1s",
                "eds_cluster_config": {"service_name": ECHO, "eds_config": own},
            }
        )
        tree["static_resources"]["listeners"] = [_listener(mesh.static_port, routes, own)]
        envoy = mesh.envoy(tree)
        eventually(lambda: answers(mesh.port) == "v1", what="the listener of LDS leads to the cluster of CDS")
        eventually(lambda: answers(mesh.static_port) == "v1", what="the routes of RDS lead to the cluster of CDS")
        proxies = mesh.pilotfish.proxies()
        mesh.serve(mesh.backends)
        eventually(lambda: envoy.cluster_stat("by-eds", "membership_total") == 2, what="EDS brings the new endpoint")
        rule = "connectionPool: {tcp: {connectTimeout: 7s}}"
        mesh.config.write("rule.yaml", objects.destination_rule("echo", "echo", rule))
        eventually(lambda: _timeout(envoy) == "7s", 3.0, "a cluster that CDS modified gets its endpoints again by ADS")
        wait_warm(envoy)
        mesh.config.write("routes.yaml", objects.virtual_service("routes", "[{directResponse: {status: 418}}]"))
        eventually(lambda: request(mesh.static_port, "/").status == 418, what="RDS brings the new route")
        eventually(lambda: request(mesh.port, "/").status == 418, what="ADS brings the new route")

        assert {p["service"] for p in proxies} == {"ADS", "CDS", "EDS", "LDS", "RDS"}
        assert {p["variant"] for p in proxies} == {"delta" if delta else "sotw"}
        assert refusals(envoy) == {}
        for counter in (
            "cluster_manager.cds.update_success",
            "listener_manager.lds.update_success",
            "cluster.by-eds.update_success",
            f"http.static.rds.{routes}.update_success",
        ):
            assert envoy.stat(counter) >= 1, counter


def _timeout(envoy: EnvoyProcess) -> str:
    """Return the connect timeout of the cluster that is in use, which a warming one is not."""
    active = [one["cluster"] for one in envoy.config_dump("dynamic_active_clusters")]
    return next((str(one["connect_timeout"]) for one in active if one["name"] == ECHO), "")


def _listener(port: int, routes: str, source: Any) -> Any:
    manager = {
        "@type": MANAGER,
        "stat_prefix": "static",
        "rds": {"config_source": source, "route_config_name": routes},
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": ROUTER}],
    }
    return {
        "name": "static",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [{"filters": [{"name": "http_connection_manager", "typed_config": manager}]}],
    }


@pytest.mark.soak
@VARIANTS
def test_pings_every_second_keep_one_stream(tmp_path: Path, delta: bool) -> None:
    _pinged(tmp_path, delta=delta, interval=1.0, seconds=12.0)


def test_frequent_pings_keep_one_stream(tmp_path: Path) -> None:
    """Rule 94, with pings every 0.2 s: grpc's own default ends the connection at the third, after 0.6 s."""
    _pinged(tmp_path, delta=True, interval=0.2, seconds=3.0)


def _pinged(folder: Path, *, delta: bool, interval: float, seconds: float) -> None:
    with scene(folder) as mesh:
        tree = mesh.bootstrap(delta=delta)
        xds = tree["static_resources"]["clusters"][0]
        (options,) = xds["typed_extension_protocol_options"].values()
        keepalive = options["explicit_http_config"]["http2_protocol_options"]["connection_keepalive"]
        keepalive |= {"interval": f"{interval:g}s", "timeout": f"{interval / 2:g}s"}
        envoy = mesh.envoy(tree)
        (before,) = mesh.pilotfish.proxies()
        began = time.monotonic()
        while time.monotonic() < began + seconds:  # what must not happen has no condition to wait for
            assert envoy.stat("control_plane.connected_state") == 1
            time.sleep(0.1)

        assert envoy.cluster_stat("xds-grpc", "upstream_rq_total") == 1
        assert envoy.cluster_stat("xds-grpc", "upstream_cx_total") == 1
        (after,) = mesh.pilotfish.proxies()
        assert after["connected_at"] == before["connected_at"]


@VARIANTS
def test_a_stream_of_age_comes_back_on_another_connection_and_nobody_notices(tmp_path: Path, delta: bool) -> None:
    with scene(tmp_path, "--max-connection-age", "1s") as mesh:
        envoy = mesh.envoy(mesh.bootstrap(delta=delta))
        eventually(lambda: answers(mesh.port) == "v1")
        statuses = many(mesh.port, "/", 50, concurrency=2)
        while mesh.metric('pilotfish_xds_streams_ended{reason="age"}') < 3:
            statuses += many(mesh.port, "/", 50, concurrency=2)
        eventually(lambda: envoy.stat("control_plane.connected_state") == 1)
        mesh.serve(mesh.backends[1:])
        eventually(lambda: answers(mesh.port) == "v2", what="it still follows")

        assert {status for status, _ in statuses} == {200}
        assert envoy.cluster_stat("xds-grpc", "upstream_cx_total") >= 3
        assert refusals(envoy) == {}


@VARIANTS
def test_a_server_that_stops_hands_its_envoys_to_the_other(tmp_path: Path, delta: bool) -> None:
    drain = ("--drain-delay", "300ms")
    with scene(tmp_path, *drain) as mesh, ExitStack() as stack:
        folder = tmp_path / "second"
        folder.mkdir()
        (folder / "config").symlink_to(mesh.folder / "config")
        second = Pilotfish(folder, arguments=drain)
        stack.callback(second.stop)
        tree = mesh.bootstrap(delta=delta)
        (locality,) = tree["static_resources"]["clusters"][0]["load_assignment"]["endpoints"]
        other = json.loads(json.dumps(locality["lb_endpoints"][0]))
        other["endpoint"]["address"]["socket_address"]["port_value"] = second.xds_port
        locality["lb_endpoints"].append(other)
        envoy = mesh.envoy(tree)
        eventually(lambda: answers(mesh.port) == "v1")
        here, there = (mesh.pilotfish, second) if mesh.pilotfish.proxies() else (second, mesh.pilotfish)
        statuses = many(mesh.port, "/", 50, concurrency=2)
        assert here.stop() == 0
        statuses += many(mesh.port, "/", 50, concurrency=2)
        eventually(lambda: len(there.proxies()) == 1, what="the Envoy is at the other server")
        mesh.serve(mesh.backends[1:])
        eventually(lambda: answers(mesh.port) == "v2", what="it follows the other server")

        assert {status for status, _ in statuses} == {200}
        assert refusals(envoy) == {}


def test_load_reports_are_taken(tmp_path: Path) -> None:
    with scene(tmp_path) as mesh:
        tree = mesh.bootstrap(delta=True)
        services = tree["dynamic_resources"]["ads_config"]["grpc_services"]
        reporting = {"api_type": "GRPC", "transport_api_version": "V3", "grpc_services": services}
        tree["cluster_manager"] = {"load_stats_config": reporting}
        envoy = mesh.envoy(tree)
        eventually(lambda: envoy.stat("load_reporter.responses") == 1, what="it is told what to report")
        eventually(lambda: answers(mesh.port) == "v1")

        assert envoy.stat("load_reporter.errors") == 0
        assert envoy.stat("load_reporter.requests") == 1
        assert refusals(envoy) == {}
