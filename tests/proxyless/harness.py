"""gRPC clients and servers without a proxy, each in a process of its own: gRPC reads its bootstrap once a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tests.envoy.harness import eventually
from tests.envoy.harness.process import Process
from translators.model.proxy import Proxy
from xds_server.bootstrap import BootstrapSettings, as_json, grpc_bootstrap
from xds_server.demo.children import die_with

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

ROOT = Path(__file__).parents[2]


def environment(xds_port: int, name: str, labels: Mapping[str, str], namespace: str = "default") -> dict[str, str]:
    """Return what a gRPC process needs in its environment, as `pilotfish bootstrap --grpc` prints it."""
    domain = f"{namespace}.svc.cluster.local"
    proxy = Proxy(
        id=f"sidecar~127.0.0.1~{name}.{namespace}~{domain}",
        type="sidecar",
        name=name,
        namespace=namespace,
        labels=labels,
        dns_domain=domain,
    )
    settings = BootstrapSettings(
        xds_host="127.0.0.1", xds_port=xds_port, admin_port=None, status_port=0, metrics_port=0
    )
    return {"GRPC_XDS_BOOTSTRAP_CONFIG": as_json(grpc_bootstrap(proxy, settings))}


class GrpcClient:
    """A gRPC client that dials `xds:///…`. Names of methods are those of peers/client.py."""

    def __init__(self, xds_port: int, log: Path, labels: Mapping[str, str] | None = None) -> None:
        parent = os.getpid()
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.proxyless.peers.client"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                cwd=ROOT,
                env={**os.environ, **environment(xds_port, "client", labels or {"app": "client"})},
                preexec_fn=lambda: die_with(parent),  # noqa: PLW1509 - sets a flag of the process, takes no lock
            )
        self._log = log

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._process.kill()
        self._process.wait(10)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def do(self, verb: str, **command: Any) -> Any:
        """Give a command, and return the answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": verb, **command}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, self._log.read_text(encoding="utf-8", errors="replace")[-4000:]
        return json.loads(line)

    def call(self, target: str, count: int = 1, **how: Any) -> dict[str, int]:
        """Make some calls, one after another, none of which may fail; return how often each version answered."""
        done = self.do("call", target=target, count=count, **how)
        assert done["failures"] == {}
        answers: dict[str, int] = done["answers"]
        return answers

    def failure(self, target: str, **how: Any) -> str:
        """Make a call that fails, and return status and details."""
        done = self.do("call", target=target, **how)
        assert done["answers"] == {}
        (text,) = done["failures"]
        assert isinstance(text, str)
        return text

    def held(self) -> dict[str, str]:
        """See peers/held.py."""
        states: dict[str, str] = self.do("held")
        return states

    def assert_accepted(self) -> None:
        """Assert that there are resources, and that each of them was acknowledged."""
        held = self.held()
        assert held
        assert {name: state for name, state in held.items() if state != "ACKED"} == {}


class GrpcServers:
    """gRPC servers on loopback, by version; with `xds` they wait for their listeners."""

    def __init__(self, log: Path, ports: Mapping[str, int], *, xds_port: int = 0) -> None:
        arguments: Sequence[str] = [f"{port}={version}" for version, port in ports.items()]
        self.ports = dict(ports)
        self._process = Process(
            [sys.executable, "-m", "tests.proxyless.peers.server", *(["--xds"] if xds_port else []), *arguments],
            log,
            environment(xds_port, "server", {"app": "server"}) if xds_port else None,
        )
        try:
            eventually(self._started, 20.0, "the servers start")
        except BaseException:
            self._process.stop()
            raise

    def _started(self) -> bool:
        self._process.assert_runs()
        return "started" in self._process.log

    @property
    def log(self) -> str:
        return self._process.log

    def stop(self) -> None:
        self._process.kill()
