"""Pods on one machine: network namespaces joined by a bridge, with connections redirected to sidecars.

Nothing is outside of the namespaces: their holders end with us, and everything vanishes with them.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from tests.envoy.harness.client import Reply, request
from tests.envoy.harness.process import Process

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

P = ParamSpec("P")
R = TypeVar("R")

SIDECAR_ID = 1337
"""The user and the group that a sidecar runs as: its own connections are not redirected."""

_NEW_NETWORK = 0x40000000
"""CLONE_NEWNET, for setns(2)."""


class Namespace:
    """A network namespace, with a thread inside it."""

    def __init__(self, folder: Path, name: str, address: str = "127.0.0.1") -> None:
        """`address` is where others reach it."""
        folder.mkdir(parents=True, exist_ok=True)
        self.name = name
        self.address = address
        self._holder = Process(["unshare", "--net", "sh", "-c", "echo inside; exec sleep 3600"], folder / f"{name}.log")
        while "inside" not in self._holder.log:
            self._holder.assert_runs()
        self.path = f"/proc/{self._holder.pid}/ns/net"
        self._thread = ThreadPoolExecutor(1, f"in-{name}", initializer=enter, initargs=(self.path,))
        self.run("ip", "link", "set", "lo", "up")

    @property
    def pid(self) -> int:
        return self._holder.pid

    @property
    def prefix(self) -> tuple[str, ...]:
        """A command that enters the namespace, and becomes the one after it."""
        return ("nsenter", f"--net={self.path}")

    def run(self, *command: str, text: str | None = None) -> str:
        """Run a command inside to its end; it must succeed."""
        done = subprocess.run(
            [*self.prefix, *command], input=text, capture_output=True, text=True, timeout=30, check=False
        )
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
        return done.stdout

    def call(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call a function on the thread inside: the sockets that it opens are the namespace's."""
        return self._thread.submit(function, *args, **kwargs).result(60)

    def ask(self, port: int, path: str, **how: object) -> Reply:
        """Send a request to the loopback address inside; see `client.request`."""
        return self.call(request, port, path, **how)  # type: ignore[arg-type] # request's own keywords

    def close(self) -> None:
        self._thread.shutdown()
        self._holder.kill()


class Cluster:
    """A bridge that pods are plugged into. The hub has an address on it: the control plane's."""

    HUB = "10.77.0.1"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.hub = Namespace(folder, "hub", self.HUB)
        self.namespaces = [self.hub]
        self.hub.run("ip", "link", "add", "bridge", "type", "bridge")
        self.hub.run("ip", "address", "add", f"{self.HUB}/16", "dev", "bridge")
        self.hub.run("ip", "link", "set", "bridge", "up")

    def plug(self, name: str, address: str) -> Namespace:
        """Make a namespace with an address on the bridge. All else that it calls is routed to the hub, which has no way
        to go: addresses of services exist nowhere but in the sidecars."""
        made = Namespace(self._folder, name, address)
        self.namespaces.append(made)
        cable = f"to-{name}"[:15]
        self.hub.run("ip", "link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", str(made.pid))
        self.hub.run("ip", "link", "set", cable, "master", "bridge", "up")
        made.run("ip", "address", "add", f"{address}/16", "dev", "eth0")
        made.run("ip", "link", "set", "eth0", "up")
        made.run("ip", "route", "add", "default", "via", self.HUB)
        return made

    def close(self) -> None:
        for namespace in reversed(self.namespaces):
            namespace.close()


def redirect(namespace: Namespace, *arguments: str) -> None:
    """Redirect the connections of a namespace to the sidecar in it, as `pilotfish iptables` does in a pod. What was
    redirected before is forgotten."""
    namespace.run(sys.executable, "-m", "xds_server", "iptables", *arguments)


def as_sidecar(namespace: Namespace, *capabilities: str) -> Sequence[str]:
    """Return the prefix of a command that runs as the sidecar of a namespace.

    The files of a test are readable for its user alone, so `dac_override` is among the `capabilities` (names without
    `cap_`); it has nothing to do with networks.
    """
    kept = ",".join(f"+{name}" for name in ("dac_override", *capabilities))
    user = ("--reuid", str(SIDECAR_ID), "--regid", str(SIDECAR_ID), "--clear-groups")
    return (*namespace.prefix, "setpriv", *user, "--inh-caps", kept, "--ambient-caps", kept, "--pdeathsig", "TERM")


def enter(path: str) -> None:
    """Move the calling thread into a network namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if libc.setns(descriptor, _NEW_NETWORK):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), path)
    finally:
        os.close(descriptor)
