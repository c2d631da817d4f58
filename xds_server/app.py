"""Wires sources → Store → Push → transport and admin in one task group, from start to graceful stop; nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
from dataclasses import dataclass, field
from importlib import metadata
from typing import TYPE_CHECKING, Final

from translators.model.kubernetes import EndpointSlice, Pod, Service
from translators.model.service_entry import ServiceEntry
from translators.model.workload_entry import WorkloadEntry
from translators.model.world import World
from translators.translate import Translator
from xds_server.admin import server as admin
from xds_server.admin.backend import Backend
from xds_server.extensions import load_extensions
from xds_server.kube_api import KubeApi
from xds_server.metrics import Metrics
from xds_server.push import Debounce, Push
from xds_server.reports import DiagnosticLog
from xds_server.sources.events import Apply, Delete
from xds_server.sources.files import MAX_FILE_SIZE, FileSource
from xds_server.sources.kubernetes import KubernetesSource
from xds_server.sources.kubernetes.mesh import MeshConfigMap
from xds_server.sources.mesh_config import MeshConfigSource
from xds_server.status.runner import StatusRunner
from xds_server.store import Store, check
from xds_server.transport.limits import StreamLimits
from xds_server.transport.server import AdsServer
from xds_server.transport.xlog_file import XlogFile

if TYPE_CHECKING:
    from pathlib import Path

    from xds_server.injection.settings import InjectionSettings
    from xds_server.webhook.runner import Webhook

log = logging.getLogger(__name__)

_REPORT_SECONDS: Final = 0.25
"""At most so often is the list of diagnostics gone through for the log; it grows with the mesh."""

_UPDATES: Final = {
    Service.KIND: "svc",
    ServiceEntry.KIND: "svc",
    EndpointSlice.KIND: "eds",
    Pod.KIND: "eds",
    WorkloadEntry.KIND: "eds",
}
"""Kind to what `pilot_inbound_updates` calls it."""

_BIG_BATCH: Final = 50
"""Events from which on a batch is validated in a worker thread, away from the event loop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that `pilotfish serve` can be told."""

    config: tuple[Path, ...]
    """Files and folders with objects; followed while they change. Where a cluster has an object of the same name, the
    one in a file is used.
    """
    xds_address: tuple[str, int] = ("127.0.0.1", 15010)
    """Where plaintext xDS is served. Port 0: one that is free, see `App.addresses`."""
    http_address: tuple[str, int] = ("127.0.0.1", 15014)
    """Where health, metrics, debug and the JSON API are served. Port 0 as above."""
    kubeconfig: Path | None = None
    """A kubeconfig whose API server is followed too."""
    context: str | None = None
    """Of its contexts the one to use; None: its current one."""
    in_cluster: bool = False
    """Whether to follow the API server of the cluster that this runs in."""
    injection: InjectionSettings | None = None
    """How pods are injected, by a webhook that the cluster calls; None: there is none."""
    webhook_address: tuple[str, int] = ("127.0.0.1", 15017)
    """Where that webhook is served, over TLS. Port 0 as above."""
    status: bool = True
    """Whether to write the status of Istio objects of the cluster, while no other replica does."""
    lease_duration: float = 15.0
    """Seconds after which a replica that has stopped to renew its Lease is replaced as the one that does so."""
    mesh_config: Path | None = None
    """A file with Istio's MeshConfig keys; without one, Istio's defaults."""
    cluster_domain: str = "cluster.local"
    """What the names of Kubernetes services end in."""
    root_namespace: str = "istio-system"
    """Whose objects hold for the whole mesh; and where proxies live that do not say."""
    revision: str = "default"
    """Which revision this is: an Istio object with another label `istio.io/rev` is not used."""
    max_file_size: int = MAX_FILE_SIZE
    """Bytes; a bigger file is an error, since parsing it would hold up everything else."""
    debounce_after: float = 0.02
    """Seconds of quiet after a change before it is pushed, so that changes that belong together go out together."""
    debounce_max: float = 0.5
    """Seconds after which a change is pushed even if others keep coming."""
    limits: StreamLimits = field(default_factory=StreamLimits)
    """What streams may cost: how many, how fast, how old, how slow."""
    drain_delay: float = 0.0
    """Seconds at a stop in which the server says that it is not ready and takes no new streams, while those it has go
    on: as long as it takes until whoever sends proxies here has noticed.
    """
    shutdown_grace: float = 2.0
    """Seconds over which streams end at a stop, after the drain."""
    xlog_file: Path | None = None
    """Where the xlog is written to as JSON lines, beside being kept in memory; None: nowhere."""
    xlog_file_size: int = 64 << 20
    """Bytes after which that file is renamed to `….1` and begun anew."""
    own_process: bool = False
    """Whether the process is this server's alone: then SIGTERM and SIGINT stop it, and the collector is tuned."""


@dataclass(slots=True)
class App:
    """One server. `run` it once; `started` is set when it listens, and `stop` makes `run` return."""

    settings: Settings
    addresses: dict[str, str] = field(default_factory=dict)
    """`xds`, `http` and perhaps `webhook` as `host:port`, with the ports that were chosen; empty until it listens."""
    started: asyncio.Event = field(default_factory=asyncio.Event)
    backend: Backend = field(init=False)
    _cluster: KubeApi | None = field(init=False)
    _objects: tuple[FileSource | KubernetesSource, ...] = field(init=False)
    _mesh: tuple[MeshConfigSource | MeshConfigMap, ...] = field(init=False)
    _status: StatusRunner | None = field(init=False)
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _hurry: asyncio.Event = field(default_factory=asyncio.Event)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        settings = self.settings
        size = settings.max_file_size
        files = (FileSource(settings.config, max_file_size=size),) if settings.config else ()
        mesh = (MeshConfigSource(settings.mesh_config, max_file_size=size),) if settings.mesh_config else ()
        self._cluster = self._status = None
        followed: KubernetesSource | None = None
        self._objects, self._mesh = files, mesh
        if settings.in_cluster or settings.kubeconfig is not None or settings.context is not None:
            self._cluster = KubeApi.connect(
                kubeconfig=settings.kubeconfig, context=settings.context, in_cluster=settings.in_cluster
            )
            followed = KubernetesSource(self._cluster)
            self._objects = (*files, followed)
            self._mesh = mesh or (MeshConfigMap(self._cluster, settings.root_namespace),)
        names = [name for source in self._objects for name in source.names]
        names += [source.name for source in self._mesh]
        world = World(
            cluster_domain=settings.cluster_domain,
            root_namespace=settings.root_namespace,
            revision=settings.revision,
        )
        version = _version()
        metrics = Metrics(version)
        if followed is not None:
            followed.measure(metrics)
        push = Push(
            Translator(load_extensions()),
            debounce=Debounce(settings.debounce_after, settings.debounce_max),
            metrics=metrics,
        )
        ads = AdsServer(
            push,
            metrics,
            identifier=f"pilotfish-{version}",
            root_namespace=settings.root_namespace,
            limits=settings.limits,
        )
        self.backend = Backend(
            store=Store(names, world), push=push, ads=ads, metrics=metrics, version=version, addresses=self.addresses
        )
        if settings.status and self._cluster is not None and followed is not None:
            self._status = StatusRunner(
                self._cluster,
                followed,
                push,
                lambda: ads.streams,
                self.backend.diagnostics,
                metrics,
                namespace=settings.root_namespace,
                lease_seconds=settings.lease_duration,
            )
            self.backend.others.append(self._status.diagnostics)

    def stop(self) -> None:
        """Have `run` end gracefully; returns at once. A second time, it does not wait for the drain."""
        if self._stop.is_set():
            self._hurry.set()
        self._stop.set()

    async def run(self) -> None:
        """Serve until `stop` (or, in a process of its own, SIGTERM or SIGINT).

        Raises OSError if an address cannot be bound, and KubeConfigError if it is not clear how to reach the cluster.
        """
        async with self._cluster or contextlib.nullcontext():
            await self._run()

    async def _run(self) -> None:
        ads, push, store = self.backend.ads, self.backend.push, self.backend.store
        push.after_push = self._pushed
        ads.answered = self._changed.set
        store.subscribe(push.publish)
        runner, http_port = await admin.start(self.backend, *self.settings.http_address)
        settings = self.settings
        xlog_file = XlogFile(settings.xlog_file, settings.xlog_file_size) if settings.xlog_file else None
        try:
            if xlog_file is not None:
                xlog_file.start(ads.xlog)
            xds_port = await ads.start(join_address(self.settings.xds_address))
            self.addresses["xds"] = join_address((self.settings.xds_address[0], xds_port))
            self.addresses["http"] = join_address((self.settings.http_address[0], http_port))
            log.info("serving xds=%s http=%s", self.addresses["xds"], self.addresses["http"])
            if self.settings.own_process:
                settle_collector()
                self._on_signals()
            async with asyncio.TaskGroup() as group:
                tasks = [
                    *(group.create_task(self._follow(source)) for source in self._objects),
                    *(group.create_task(self._follow_mesh(source)) for source in self._mesh),
                    group.create_task(push.run()),
                    group.create_task(ads.run()),
                    group.create_task(self._report()),
                ]
                if (webhook := self._webhook()) is not None:
                    tasks.append(group.create_task(webhook.run()))
                status = group.create_task(self._status.run()) if self._status is not None else None
                self.started.set()
                await self._stop.wait()
                if status is not None:
                    status.cancel()  # the Lease is let go at once: another replica need not wait for the drain
                await self._drain()
                log.info("stopping: %d proxies are told to look for another server", len(ads.streams))
                await ads.stop(self.settings.shutdown_grace)
                for task in tasks:
                    task.cancel()
        finally:
            if xlog_file is not None:
                await asyncio.to_thread(xlog_file.stop, ads.xlog)
            await runner.cleanup()
        log.info("stopped")

    def _webhook(self) -> Webhook | None:
        settings = self.settings
        if settings.injection is None or self._cluster is None:
            return None
        # With its certificates, it needs a package that nobody else does.
        from xds_server.webhook.runner import Webhook  # noqa: PLC0415

        host = settings.webhook_address[0]
        return Webhook(
            api=self._cluster,
            settings=settings.injection,
            address=settings.webhook_address,
            namespace=settings.root_namespace,
            listening=lambda port: self.addresses.update(webhook=join_address((host, port))),
        )

    async def _drain(self) -> None:
        self.backend.ads.drain()
        if self.settings.drain_delay:
            log.info("draining for %g s: not ready, no new streams", self.settings.drain_delay)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.settings.drain_delay):
                    await self._hurry.wait()

    def _on_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)

    async def _follow(self, source: FileSource | KubernetesSource) -> None:
        """Bring a source's batches to the Store."""
        store, updates = self.backend.store, self.backend.metrics.inbound_updates
        async for batch in source:
            checked = await asyncio.to_thread(check, batch) if len(batch) > _BIG_BATCH else check(batch)
            store.take(checked)
            for event in batch:
                if isinstance(event, (Apply, Delete)):
                    updates.add(_UPDATES.get(event.key.kind, "config"))
            self._changed.set()

    async def _follow_mesh(self, source: MeshConfigSource | MeshConfigMap) -> None:
        async for mesh, diagnostics in source:
            self.backend.store.take_mesh(source.name, mesh, diagnostics)
            self._changed.set()

    def _pushed(self) -> None:
        self.backend.ads.pushed()
        if self._status is not None:
            self._status.pushed()
        self._changed.set()
        if self.backend.push.pushes == 1:
            if self.settings.own_process:
                settle_collector()
            log.info("ready: the first World is being served")

    async def _report(self) -> None:
        """Log each diagnostic when it appears and when it has healed."""
        reported = DiagnosticLog()
        while True:
            await self._changed.wait()
            self._changed.clear()
            reported.update(self.backend.diagnostics())
            await asyncio.sleep(_REPORT_SECONDS)


def settle_collector() -> None:
    """Tune garbage collection for a server: modules (at the start) and the first World (later) are here to stay, so
    they need not be walked again and again; and since almost nothing here is cyclic, the young can wait. It takes a
    fifth off the time to be ready in a big cluster, and halves the collector's tenth of a push to many streams.
    """
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def join_address(address: tuple[str, int]) -> str:
    """Return `host:port`, an IPv6 host in brackets."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _version() -> str:
    try:
        return metadata.version("pilotfish")
    except metadata.PackageNotFoundError:  # run from a source tree that nobody installed
        return "unknown"
