"""A Scene at work: `pilotfish serve`, one real Envoy with a Relay before it, and what must hold after each edit."""

from __future__ import annotations

import os
import random
import time
from statistics import quantiles
from typing import TYPE_CHECKING, Any

from tests.envoy.harness.backend import Loop
from tests.envoy.harness.envoy_process import MUST_BE_ZERO, EnvoyProcess
from tests.envoy.harness.held import differences, held, served, translated
from tests.envoy.harness.load import Load, Responder
from tests.envoy.harness.pilotfish import Folder, Pilotfish
from tests.envoy.harness.relay import Relay
from tests.envoy.harness.scene import PATHS, SAFE, Scene
from tests.envoy.harness.waiting import Stopwatch, eventually
from xds_server.demo.ports import ReservedPort

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.envoy.harness.held import Resources

WARM_SECONDS = 1.0
"""The longest that anything may be warming after an edit."""

FOLLOW_SECONDS = 15.0
"""When to give up on an edit. It takes a third of a second on an idle machine; how long it took is what is reported."""

_PORTS = 4
_POLL_SECONDS = 0.01
_WATCHED = ("warming_clusters", "total_listeners_warming", "total_listeners_draining", "connected_state", *MUST_BE_ZERO)


class Shop:
    """`edit` changes the Scene at random and returns once Envoy, the server and a translation from scratch agree."""

    def __init__(
        self,
        folder: Path,
        *,
        delta: bool,
        arguments: Sequence[str] = (),
        program: Sequence[str] = ("-m", "xds_server"),
    ) -> None:
        """`arguments` are more of `serve`'s; for `program` see Pilotfish."""
        self._loop = Loop()
        self._reserved = [ReservedPort() for _ in range(_PORTS)]
        self.delta = delta
        self.backends = [
            Responder(self._loop, version, f"{version}-{letter}") for version in ("v1", "v2") for letter in "abc"
        ]
        self.scene = self._first_scene()
        self.config = Folder(folder / "config")
        self.write()
        self.pilotfish = Pilotfish(folder, arguments=arguments, program=program)
        self.relay = Relay(self._loop, self.pilotfish.xds_port, delta=delta)
        self.envoy = EnvoyProcess.start(folder / "envoy", xds_port=self.relay.port, delta=delta)
        self.edits: list[str] = []
        """What was done, oldest first."""
        self.times: list[float] = []
        """Seconds from each edit's file to Envoy having it, warm; of the edits that change anything for Envoy."""
        self._expected: Resources = {}
        self._since = 0
        self.agree("the first configuration")

    def _first_scene(self) -> Scene:
        return Scene(
            chance=random.Random(new_seed()),  # noqa: S311 - repeatable, not secret
            backends=[(one.version, one.port) for one in self.backends],
            ports=[one.port for one in self._reserved],
        )

    def reset(self) -> None:
        """Bring it back to a first Scene, with a seed of its own."""
        self.scene = self._first_scene()
        self.put("reset")
        self._since = len(self.relay.seen)
        self.edits.clear()
        self.times.clear()

    @property
    def port(self) -> int:
        """The gateway's port that SAFE edits keep open."""
        return self._reserved[0].port

    def load(self, rate: float) -> Load:
        """Return requests to all PATHS, `rate` a second, not yet started."""
        return Load(self._loop, self.port, rate=rate, paths=PATHS)

    def write(self) -> None:
        """Put the Scene into its file, all at once."""
        self.config.write("shop.yaml", f"# remark {self.scene.remark}\n", *self.scene.documents())

    def change(self, kinds: Sequence[Callable[[Scene], str]] = SAFE) -> str:
        """Change the Scene and its file, and return at once."""
        self.edits.append(self.scene.edit(kinds))
        self.write()
        return self.edits[-1]

    def edit(self, kinds: Sequence[Callable[[Scene], str]] = SAFE) -> None:
        """Change the Scene and its file, and wait until all `agree`."""
        before = self._expected
        what = self.change(kinds)
        took = self.agree(f"edit {len(self.edits)} ({what})")
        if self._expected != before:
            self.times.append(took)

    def put(self, what: str) -> None:
        """Write the Scene as a test has changed it, and wait until all `agree`."""
        self.edits.append(what)
        self.write()
        self.agree(what)

    def agree(self, what: str) -> float:
        """Wait until Envoy holds what the files mean, warm and without a complaint; return the seconds that it took.

        Then the server must mean the same, have heard no NACK, and have one stream.
        """
        whole = Stopwatch()
        warming: Stopwatch | None = None
        self._expected = expected = translated(self.config.path, self.envoy.proxy)
        while True:
            self.envoy.process.assert_runs()
            stats = self.envoy.stats("|".join(_WATCHED))
            assert_no_complaint(stats, what)
            if any(value for name, value in stats.items() if "warming" in name):
                warming = warming or Stopwatch()
                assert not warming.exceeds(WARM_SECONDS), f"{what}: still warming{self.relay.tail()}"
                found = ["warming"]
            else:
                warming = None
                draining = stats["listener_manager.total_listeners_draining"] > 0
                found = differences(held(self.envoy), expected, draining=draining)
                if not found and stats["control_plane.connected_state"] == 1:
                    break
            assert not whole.exceeds(FOLLOW_SECONDS), f"{what}: {found or stats}{self.relay.tail()}"
            time.sleep(_POLL_SECONDS)
        took = whole.seconds
        self._assert_server_means(expected, what)
        return took

    def _assert_server_means(self, expected: Resources, what: str) -> None:
        """Assert that the server means the same, once it has one stream, and has heard no NACK.

        What it says between two streams, and when the next has only begun, does not count.
        """

        def said() -> list[dict[str, Any]]:
            found = differences(served(self.pilotfish, self.envoy.proxy), expected)
            assert not found, found
            streams = self.pilotfish.proxies()
            return streams if len(streams) == 1 else []

        (stream,) = eventually(said, 5.0, f"{what}: one stream that means it")
        assert stream["nacks"] == 0, what

    def assert_nothing_sent_twice(self) -> None:
        """Assert that a delta Envoy was sent nothing twice since the last reset: neither in a push nor after it came
        back. But for endpoints, which it wants again with their cluster and after it was away (rules 53 and 55).
        """
        assert self.delta, "the other variant repeats itself by design"
        has: dict[tuple[str, str], str] = {}
        again = []
        for seen in self.relay.responses(self._since):
            for name, version in seen.resources:
                if has.get((seen.kind, name)) == version and seen.kind != "ClusterLoadAssignment":
                    again.append(f"{seen.kind} {name} over connection {seen.connection}")
                has[seen.kind, name] = version
            for name in seen.removed:
                has.pop((seen.kind, name), None)
        assert not again, f"sent twice: {again}"

    def describe(self, load: Load) -> str:
        """Return what is known of lost requests."""
        stats = self.envoy.stats(r"no_route$|no_cluster$|upstream_rq_503$|upstream_cx_none_healthy$")
        flags = {name: value for name, value in stats.items() if value}
        lost = "".join(f"\n  {one}" for one in load.lost)
        counted = f"{load.failed} of {load.requests} lost, statuses {dict(load.statuses)}"
        return f"{counted}, {flags}{lost}\nedits: {self.edits}{self.relay.tail()}"

    def said_times(self) -> str:
        """Return how long edits took, in words."""
        cuts = quantiles(self.times, n=100)
        return f"from file to Envoy p50 {cuts[49] * 1000:.0f} ms, p99 {cuts[98] * 1000:.0f} ms"

    def server_follows(self) -> None:
        """Wait until the server means what the files mean, whatever Envoy does; or has lost the stream."""
        expected = translated(self.config.path, self.envoy.proxy)

        def follows() -> bool:
            return not self.pilotfish.proxies() or not differences(served(self.pilotfish, self.envoy.proxy), expected)

        eventually(follows, 5.0, "the server follows")

    def close(self) -> None:
        """Stop everything."""
        self.envoy.stop()
        self.relay.close()
        self.pilotfish.stop()
        for one in self.backends:
            one.stop()
        self._loop.close()
        for port in self._reserved:
            port.close()


def new_seed() -> int:
    """Return a new seed, or PILOTFISH_SEED to repeat a run; and print it, for whoever reads of a failure."""
    seed = int(os.environ.get("PILOTFISH_SEED") or random.SystemRandom().randrange(2**32))
    print(f"PILOTFISH_SEED={seed}")  # noqa: T201 - pytest shows it when the test fails
    return seed


def assert_no_complaint(stats: dict[str, int], what: str) -> None:
    """Assert that Envoy refused nothing and timed out on nothing."""
    said = {name: value for name, value in stats.items() if value and name.endswith(MUST_BE_ZERO)}
    assert said == {}, f"{what}: {said}"
