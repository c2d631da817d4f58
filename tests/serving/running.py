"""An App that runs in a thread of its own, on ports of its own, for as long as a `with` block."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.request import urlopen

from xds_server.app import App, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DEADLINE = 10.0

GATEWAY = """
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gateway}
spec:
  selector: {istio: ingressgateway}
  servers: [{port: {number: 8080, name: http, protocol: HTTP}, hosts: ["*"]}]
"""
ROUTES = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: routes}
spec:
  hosts: ["*"]
  gateways: [gateway]
  http: [{route: [{destination: {host: echo}}]}]
"""
ECHO = """
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: echo}
spec:
  hosts: [echo]
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP}]
  endpoints: [{address: 10.0.0.1}, {address: 10.0.0.2}]
"""
ALL = f"{GATEWAY}---{ROUTES}---{ECHO}"


class Running:
    """A running App."""

    def __init__(self, app: App) -> None:
        self.app = app

    @property
    def url(self) -> str:
        return f"http://{self.app.addresses['http']}"

    @property
    def xds(self) -> str:
        return self.app.addresses["xds"]

    def get(self, path: str) -> tuple[int, str]:
        """GET a path, and return the status and the body."""
        try:
            with urlopen(f"{self.url}{path}", timeout=DEADLINE) as response:  # noqa: S310 - http, on loopback
                return response.status, response.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()

    def json(self, path: str) -> Any:
        status, body = self.get(path)
        assert status == 200, f"{path}: {status} {body}"
        return json.loads(body)


@contextmanager
def running(
    *config: Path,
    ready: bool = True,
    mesh_config: Path | None = None,
    xlog_file: Path | None = None,
    kubeconfig: Path | None = None,
    lease_duration: float = 15.0,
) -> Iterator[Running]:
    """Run an App on `config`; wait until it is ready, unless told not to."""
    settings = Settings(
        config=config,
        mesh_config=mesh_config,
        xlog_file=xlog_file,
        kubeconfig=kubeconfig,
        lease_duration=lease_duration,
        xds_address=("127.0.0.1", 0),
        http_address=("127.0.0.1", 0),
        shutdown_grace=0.5,
    )
    made: list[App] = []
    loops: list[asyncio.AbstractEventLoop] = []

    async def run() -> None:
        app = App(settings)
        loops.append(asyncio.get_running_loop())
        made.append(app)
        await app.run()

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    try:
        until(lambda: bool(made and made[0].addresses))
        server = Running(made[0])
        if ready:
            until(lambda: server.get("/readyz")[0] == 200)
        yield server
    finally:
        if made:
            loops[0].call_soon_threadsafe(made[0].stop)
        thread.join(DEADLINE)
        assert not thread.is_alive()


def until(condition: Callable[[], object]) -> None:
    """Wait for a condition; AssertionError after 10 s."""
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.01)
