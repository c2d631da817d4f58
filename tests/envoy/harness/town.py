"""A mesh of sidecars: pods with an application, an Envoy and redirected connections each, and a control plane."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.envoy.harness.backend import Backend, Loop
from tests.envoy.harness.client import Reply, request
from tests.envoy.harness.envoy_process import EnvoyProcess, proxy_named
from tests.envoy.harness.pilotfish import Folder, Pilotfish
from tests.envoy.harness.pods import Cluster, Namespace, as_sidecar, redirect
from translators.model.proxy import Locality
from xds_server.bootstrap import BootstrapSettings, as_json, bootstrap

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tests.envoy.harness.objects import Object
    from translators.model.proxy import ProxyType

XDS_PORT = 15010


class Pod:
    """A pod: a network namespace, its sidecar (if it has one), and an HTTP echo (if it has one)."""

    def __init__(self, network: Namespace, labels: Mapping[str, str]) -> None:
        self.network = network
        self.labels = labels
        self.addresses = [network.address]
        """What its sidecar says that they are."""
        self.zone = ""
        """Where its sidecar says that it is."""
        self._envoy: EnvoyProcess | None = None
        self._loop: Loop | None = None
        self._backends: list[Backend] = []

    @property
    def name(self) -> str:
        return self.network.name

    @property
    def address(self) -> str:
        return self.network.address

    @property
    def envoy(self) -> EnvoyProcess:
        assert self._envoy is not None, f"{self.name} has no sidecar"
        return self._envoy

    def add_ipv6(self, address: str) -> None:
        """Give the pod an IPv6 address, too; all that it calls is routed to the bridge, as of IPv4."""
        self.network.run("ip", "-6", "address", "add", f"{address}/64", "dev", "eth0", "nodad")
        self.network.run("ip", "-6", "route", "add", "default", "dev", "eth0")
        self.addresses.append(address)

    def serve_http(self, port: int, version: str, address: str = "0.0.0.0") -> Backend:
        """Start an HTTP/1.1 echo, by default on all addresses of the pod."""
        self._loop = self._loop or Loop(self.network.path)
        backend = Backend(self._loop, version, self.name, port, address=address)
        self._backends.append(backend)
        return backend

    def get(self, url: str, *, address: str = "", **how: object) -> Reply:
        """Send a GET to `host:port/path`, by default to the address that is the host."""
        authority, _, path = url.partition("/")
        host, _, port = authority.partition(":")
        return self.network.call(
            request,
            int(port or 80),
            f"/{path}",
            host=authority,
            address=address or host,
            **how,  # type: ignore[arg-type] # request's own keywords
        )

    def stop_app(self) -> None:
        """End what `serve_http` started: its port closes, and so do its connections."""
        for backend in self._backends:
            backend.stop()
        self._backends.clear()

    def close(self) -> None:
        if self._envoy is not None:
            self._envoy.stop()
        for backend in self._backends:
            backend.stop()
        if self._loop is not None:
            self._loop.close()

    def start_sidecar(
        self,
        folder: Path,
        namespace: str,
        *,
        arguments: Sequence[str] = (),
        delta: bool = True,
        mode: str = "REDIRECT",
        wait: bool = True,
        kind: ProxyType = "sidecar",
        intercept: Sequence[str] = (),
    ) -> EnvoyProcess:
        """Redirect the pod's connections, and start an Envoy with Istio's ports. Nothing is redirected to a gateway (a
        `router`). `intercept`: more arguments of `pilotfish iptables`.
        """
        if mode != "NONE" and kind == "sidecar":
            redirect(self.network, "-m", mode, *intercept)
        # A transparent socket takes the one; a gateway's ports below 1024 the other.
        capabilities = (["net_admin"] if mode == "TPROXY" else []) + (["net_bind_service"] if kind == "router" else [])
        proxy = proxy_named(
            kind,
            self.name,
            namespace,
            labels=self.labels,
            ip_addresses=tuple(self.addresses),
            interception_mode=mode,
            locality=Locality(zone=self.zone),
        )
        settings = BootstrapSettings(xds_host=Cluster.HUB, xds_port=XDS_PORT, delta=delta)
        file = folder / f"{self.name}.json"
        file.write_text(as_json(bootstrap(proxy, settings)), encoding="utf-8")
        here = folder / self.name
        here.mkdir()
        self._envoy = EnvoyProcess.run(
            here,
            ["-c", str(file), "--concurrency", "1", "-l", "warning", *arguments],
            proxy=proxy,
            wait=wait,
            prefix=as_sidecar(self.network, *capabilities),
            ask=self.network.ask,
        )
        return self._envoy


class Town:
    """Pods and a control plane. Objects are written into `config` before or after it starts."""

    def __init__(self, folder: Path, mesh_config: str = "") -> None:
        self.folder = folder
        self.cluster = Cluster(folder / "network")
        self.config = Folder(folder / "config")
        self.pods: list[Pod] = []
        self._pilotfish: Pilotfish | None = None
        self._mesh_config = mesh_config

    @property
    def pilotfish(self) -> Pilotfish:
        assert self._pilotfish is not None
        return self._pilotfish

    def start(self, *objects: Object) -> None:
        """Start the control plane."""
        self.config.write("objects.yaml", *objects)
        arguments: list[str] = []
        if self._mesh_config:
            mesh = self.folder / "mesh.yaml"
            mesh.write_text(self._mesh_config, encoding="utf-8")
            arguments = ["--mesh-config", str(mesh)]
        hub = self.cluster.hub
        self._pilotfish = Pilotfish(
            self.folder, arguments=arguments, ports=(XDS_PORT, 0), host=Cluster.HUB, prefix=hub.prefix, ask=hub.ask
        )

    def pod(self, name: str, address: str, **labels: str) -> Pod:
        """Make a pod without a sidecar."""
        made = Pod(self.cluster.plug(name, address), labels)
        self.pods.append(made)
        return made

    def close(self) -> None:
        """Stop everything."""
        for pod in self.pods:
            pod.close()
        if self._pilotfish is not None:
            self._pilotfish.stop()
        self.cluster.close()
