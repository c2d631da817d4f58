"""Everything that the demo runs: backends, control plane, Envoy; started in order, stopped in reverse."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import aiohttp

from translators.model.proxy import Proxy
from xds_server.bootstrap import BootstrapSettings, as_json, bootstrap
from xds_server.demo.children import Child
from xds_server.demo.echo import Echo
from xds_server.demo.folder import BACKEND_PORTS, prepare
from xds_server.demo.ports import PortTakenError, ReservedPort, is_free
from xds_server.demo.verdict import ROUTED_PATH, SPLIT_PATH

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

XDS_PORT: Final = 15010
HTTP_PORT: Final = 15014
ADMIN_PORT: Final = 15000

_READY_SECONDS: Final = 30.0
_POLL_SECONDS: Final = 0.05
_OK: Final = 200
_INSTANCES: Final = (("v1", "v1-a"), ("v1", "v1-b"), ("v2", "v2-a"), ("v2", "v2-b"))


class DemoError(Exception):
    """The demo cannot go on; the message is for the person at the terminal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where everything listens; all on 127.0.0.1, but the gateway, which listens where its Gateway says (0.0.0.0)."""

    gateway: int
    admin: int
    xds: int
    http: int
    backends: tuple[int, ...]

    @property
    def gateway_url(self) -> str:
        """The URL to send requests to."""
        return f"http://127.0.0.1:{self.gateway}"

    @property
    def admin_url(self) -> str:
        """Envoy's admin interface."""
        return f"http://127.0.0.1:{self.admin}"

    @property
    def http_url(self) -> str:
        """The control plane's HTTP port."""
        return f"http://127.0.0.1:{self.http}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A running demo."""

    folder: Path
    addresses: Addresses
    echoes: tuple[Echo, ...]
    children: tuple[Child, ...]
    envoy_version: str
    proxy_id: str
    notes: tuple[str, ...]
    """What a person should know about how it was started, such as a port that was taken."""

    async def watch(self) -> None:
        """Raise ChildDiedError as soon as the control plane or the Envoy ends; never return."""
        await _first(*(child.wait() for child in self.children))


@contextlib.asynccontextmanager
async def running(*, envoy: Path, folder: Path, scratch: Path, gateway_port: int) -> AsyncIterator[Stack]:
    """Start everything, and hand it out once the gateway answers on both paths.

    Raises DemoError or ChildDiedError if it does not come up.
    """
    notes: list[str] = []
    async with contextlib.AsyncExitStack() as cleanup:
        gateway = _reserve(gateway_port, notes)
        cleanup.callback(gateway.close)
        echoes, backend_ports = await _start_echoes(cleanup)
        try:
            prepare(folder, gateway_port=gateway.port, backend_ports=backend_ports)
        except OSError as error:
            msg = f"the folder {folder} cannot be written: {error.strerror}"
            raise DemoError(msg) from error
        xds, http = _prefer(XDS_PORT, notes, "xDS"), _prefer(HTTP_PORT, notes, "HTTP")
        control_plane = await Child.start(
            "the control plane",
            [
                *(sys.executable, "-m", "xds_server", "serve", "--config", str(folder)),
                *("--xds-address", f"127.0.0.1:{xds}", "--http-address", f"127.0.0.1:{http}"),
            ],
        )
        cleanup.push_async_callback(control_plane.stop)
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as client:
            await _until(
                "the control plane is ready", control_plane, _answers(client, f"http://127.0.0.1:{http}/readyz")
            )
            proxy = _proxy()
            admin = ADMIN_PORT if is_free(ADMIN_PORT) else 0
            child = await _start_envoy(envoy, scratch, proxy, xds=xds, admin=admin)
            cleanup.push_async_callback(child.stop)
            path = scratch / "admin-address"
            await _until("Envoy opens its admin interface", child, _exists(path))
            addresses = Addresses(
                gateway=gateway.port,
                admin=int(_text(path).rpartition(":")[2]),
                xds=xds,
                http=http,
                backends=backend_ports,
            )
            await _until("Envoy has its configuration", child, _answers(client, f"{addresses.admin_url}/ready"))
            for where in (SPLIT_PATH, ROUTED_PATH):
                await _until(f"the gateway answers on {where}", child, _answers(client, addresses.gateway_url + where))
            version = await _envoy_version(client, addresses.admin_url)
        for echo in echoes:
            echo.count = 0
        yield Stack(
            folder=folder,
            addresses=addresses,
            echoes=echoes,
            children=(control_plane, child),
            envoy_version=version,
            proxy_id=proxy.id,
            notes=tuple(notes),
        )


def _proxy() -> Proxy:
    name, namespace = "istio-ingressgateway-demo", "istio-system"
    domain = f"{namespace}.svc.cluster.local"
    return Proxy(
        id=f"router~127.0.0.1~{name}.{namespace}~{domain}",
        type="router",
        name=name,
        namespace=namespace,
        ip_addresses=("127.0.0.1",),
        dns_domain=domain,
        labels={"app": "istio-ingressgateway", "istio": "ingressgateway"},
        unprivileged_pod=True,
    )


def _reserve(port: int, notes: list[str]) -> ReservedPort:
    try:
        return ReservedPort(port)
    except PortTakenError:
        spare = ReservedPort()
        notes.append(f"port {port} is taken, so the gateway listens on {spare.port}")
        return spare


def _prefer(port: int, notes: list[str], what: str) -> int:
    if is_free(port):
        return port
    with ReservedPort(host="127.0.0.1") as spare:
        notes.append(f"port {port} is taken, so {what} listens on {spare.port}")
        return spare.port


async def _start_echoes(cleanup: contextlib.AsyncExitStack) -> tuple[tuple[Echo, ...], tuple[int, ...]]:
    echoes = tuple(Echo(version=version, instance=instance) for version, instance in _INSTANCES)
    ports = []
    for echo, port in zip(echoes, BACKEND_PORTS, strict=True):
        try:
            ports.append(await echo.start("127.0.0.1", port))
        except OSError:
            ports.append(await echo.start("127.0.0.1", 0))
        cleanup.push_async_callback(echo.stop)
    return echoes, tuple(ports)


async def _start_envoy(envoy: Path, scratch: Path, proxy: Proxy, *, xds: int, admin: int) -> Child:
    settings = BootstrapSettings(
        xds_host="127.0.0.1", xds_port=xds, admin_port=admin, status_port=0, metrics_port=0, reconnect_max_seconds=1.0
    )
    file = scratch / "bootstrap.json"
    file.write_text(as_json(bootstrap(proxy, settings)), encoding="utf-8")
    command = [str(envoy), "-c", str(file), "--admin-address-path", str(scratch / "admin-address")]
    # No hot restart: it would claim a domain socket that another Envoy on this machine may hold.
    command += ["--disable-hot-restart", "--concurrency", "2", "--drain-time-s", "1", "-l", "warning"]
    try:
        return await Child.start("Envoy", command)
    except OSError as error:
        msg = f"{envoy} cannot be run: {error.strerror}"
        raise DemoError(msg) from error


async def _envoy_version(client: aiohttp.ClientSession, admin_url: str) -> str:
    async with client.get(f"{admin_url}/server_info") as response:
        info = json.loads(await response.text())
    # "<commit>/1.40.0/Clean/RELEASE/BoringSSL"
    return str(info["version"]).split("/")[1]


def _answers(client: aiohttp.ClientSession, url: str) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        try:
            async with client.get(url) as response:
                return response.status == _OK
        except (aiohttp.ClientError, TimeoutError):
            return False

    return check


def _exists(path: Path) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        return bool(_text(path))

    return check


def _text(path: Path) -> str:
    return path.read_text(encoding="ascii").strip() if path.exists() else ""


async def _until(what: str, child: Child, check: Callable[[], Awaitable[bool]]) -> None:
    """Poll until `check` holds. Raises ChildDiedError if the child ends first, DemoError after 30 s."""

    async def poll() -> None:
        while not await check():  # noqa: ASYNC110 - it is another process that we wait for
            await asyncio.sleep(_POLL_SECONDS)

    try:
        async with asyncio.timeout(_READY_SECONDS):
            await _first(poll(), child.wait())
    except TimeoutError as error:
        said = "".join(f"\n  {line}" for line in list(child.tail)[-10:])
        msg = f"{what}: not within {_READY_SECONDS:.0f} s. The last that {child.name} said:{said or ' nothing'}"
        raise DemoError(msg) from error


async def _first(*awaitables: Awaitable[None]) -> None:
    """Run all, until the first ends; its outcome is the outcome, and the others are cancelled."""
    tasks = [asyncio.ensure_future(awaitable) for awaitable in awaitables]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
