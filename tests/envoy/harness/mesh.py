"""A small mesh: `pilotfish serve`, one real Envoy as its gateway, three backends; tests edit it, one after another."""

from __future__ import annotations

import itertools
import statistics
from typing import TYPE_CHECKING

import yaml

from tests.envoy.harness import objects
from tests.envoy.harness.backend import Backend, Loop
from tests.envoy.harness.client import Reply, request
from tests.envoy.harness.envoy_process import EnvoyProcess, assert_clean, wait_warm
from tests.envoy.harness.pilotfish import Folder, Pilotfish
from tests.envoy.harness.waiting import Stopwatch, eventually
from xds_server.demo.ports import ReservedPort

if TYPE_CHECKING:
    from pathlib import Path

    from tests.envoy.harness.objects import Object
    from translators.model.proxy import Proxy

FOLLOW_SECONDS = 1.0
"""Traffic follows an edit within this time (issue 2)."""
LATEST_SECONDS = 3.0
"""A machine that hesitates may make one edit in a hundred take so long; see `Mesh.assert_follows`."""

MARKED = 299
"""The status of an edit's own route: one that no backend gives, or a request on the old routes could pass for it."""

HOST = "echo.default.svc.cluster.local"


class Mesh:
    """Backends v1-a, v1-b and v2 behind the service `echo`, subsets v1 and v2, a Gateway for every host.

    `route` replaces the VirtualService, `policy` the DestinationRule's trafficPolicy; both return when Envoy has it.
    """

    def __init__(self, folder: Path, *, delta: bool, proxy: Proxy | None = None) -> None:
        self.folder = folder
        self.delta = delta
        self._edits = itertools.count(1)
        self.times: list[float] = []
        """Seconds from each edit's file until traffic followed."""
        self._late = 0
        self._loop = Loop()
        self.v1, self.v1_b, self.v2 = (
            Backend(self._loop, version, instance)
            for version, instance in (("v1", "v1-a"), ("v1", "v1-b"), ("v2", "v2-a"))
        )
        self.backends = (self.v1, self.v1_b, self.v2)
        self._reserved = ReservedPort()
        self.port = self._reserved.port
        config = Folder(folder / "config")
        config.write("gateway.yaml", objects.gateway(), objects.gateway_service(self.port))
        config.write("services.yaml", objects.service_entry("echo", self.backends))
        config.write("rule.yaml", objects.destination_rule("echo", "echo", subsets=("v1", "v2")))
        config.write("routes.yaml", objects.virtual_service("routes", self._marked(0, DEFAULT_ROUTE)))
        self.pilotfish = Pilotfish(folder)
        self.config = self.pilotfish.config
        xds_port = self.pilotfish.xds_port
        self.envoy = EnvoyProcess.start(folder / "envoy", xds_port=xds_port, delta=delta, proxy=proxy)
        self.cluster = f"outbound|80||{HOST}"

    def close(self) -> None:
        """Stop everything."""
        self.envoy.stop()
        self.pilotfish.stop()
        for backend in self.backends:
            backend.stop()
        self._loop.close()
        self._reserved.close()

    def assert_follows(self) -> str:
        """Assert that traffic followed 99 of 100 edits within a second, or all but one; return how long it took."""
        times = sorted(self.times)
        assert self._late <= max(len(times) // 100, 1), times[-self._late :]
        return f"{len(times)} edits: traffic followed, p50 {statistics.median(times):.2f} s, at most {times[-1]:.2f} s"

    def reset(self) -> None:
        """Bring it back to the state that every test starts from."""
        for backend in self.backends:
            backend.reset()
        names = {"gateway.yaml", "services.yaml", "rule.yaml", "routes.yaml"}
        for file in self.config.path.glob("*.yaml"):
            if file.name not in names:
                file.unlink()
        self.config.write("services.yaml", objects.service_entry("echo", self.backends))
        self.edit(rule="", http=DEFAULT_ROUTE)
        for backend in self.backends:
            backend.reset()

    def get(self, path: str, **how: object) -> Reply:
        """Send a request through the gateway; see `client.request`."""
        return request(self.port, path, **how)  # type: ignore[arg-type] # request's own keywords

    def route(self, http: str, *extra: Object) -> None:
        """Replace the VirtualService's routes (a YAML list), beside `extra` objects; wait until the Envoy has them."""
        self.edit(http=http, extra=extra)

    def policy(self, policy: str, http: str = "") -> None:
        """Replace the trafficPolicy (YAML) of the service, and its routes, and wait until the Envoy has both."""
        self.edit(rule=policy, http=http or DEFAULT_ROUTE)

    def edit(self, *, http: str, rule: str | None = None, extra: tuple[Object, ...] = ()) -> float:
        """Write both files, wait for traffic to follow, assert that Envoy's counters are clean.

        Each edit has a route of its own that answers MARKED by itself: once it is there, so is all else of the edit.
        Returns the seconds that it took.
        """
        number = next(self._edits)
        if rule is not None:
            self.config.write("rule.yaml", objects.destination_rule("echo", "echo", rule, subsets=("v1", "v2")))
        self.config.write("routes.yaml", objects.virtual_service("routes", self._marked(number, http)), *extra)
        watch = Stopwatch()
        path = f"/_edit/{number}"

        def marked() -> bool:
            """Ask, not for long: the routes before may lead to a backend that takes its time."""
            return self.get(path, timeout=0.5).status == MARKED

        eventually(marked, LATEST_SECONDS, f"traffic follows edit {number}")
        self.times.append(watch.seconds)
        self._late += watch.exceeds(FOLLOW_SECONDS)
        wait_warm(self.envoy)
        assert_clean(self.envoy)
        for backend in self.backends:
            backend.forget()  # the requests that asked for the edit, while the routes were the old ones
        return self.times[-1]

    @staticmethod
    def _marked(number: int, http: str) -> list[Object]:
        marker = {"match": [{"uri": {"exact": f"/_edit/{number}"}}], "directResponse": {"status": MARKED}}
        routes: list[Object] = yaml.safe_load(http)
        return [marker, *routes]


DEFAULT_ROUTE = """
- route:
  - destination: {host: echo}
"""
