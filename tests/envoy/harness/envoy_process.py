"""A real Envoy, and the questions that tests ask it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import tests.require
from tests.envoy.harness.client import Reply, request
from tests.envoy.harness.process import Process
from tests.envoy.harness.waiting import eventually
from translators.model.proxy import Proxy
from xds_server.bootstrap import BootstrapSettings, as_json, bootstrap

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from translators.model.proxy import ProxyType

GATEWAY_LABELS = {"istio": "ingressgateway"}

MUST_BE_ZERO = ("update_rejected", "init_fetch_timeout", "assignment_use_cached")


def envoy_binary() -> Path:
    """Return the Envoy to test with. Whoever calls it has said `require("envoy")`."""
    binary = tests.require.envoy_binary()
    assert binary is not None
    return binary


def gateway_proxy(name: str = "gateway", namespace: str = "istio-system", **changes: Any) -> Proxy:
    """Return an unprivileged router with the ingress gateway's label; `changes` are fields of Proxy."""
    return proxy_named("router", name, namespace, **{"labels": GATEWAY_LABELS, "unprivileged_pod": True, **changes})


def proxy_named(kind: ProxyType, name: str, namespace: str, **fields: Any) -> Proxy:
    """Return a proxy with Istio's node id; `fields` are further fields of Proxy."""
    domain = f"{namespace}.svc.cluster.local"
    values: dict[str, Any] = {
        "id": f"{kind}~127.0.0.1~{name}.{namespace}~{domain}",
        "type": kind,
        "name": name,
        "namespace": namespace,
        "ip_addresses": ("127.0.0.1",),
        "dns_domain": domain,
    }
    return Proxy(**(values | fields))


class EnvoyProcess:
    """A running Envoy. Make it with `start`; `stop` is due at the end."""

    def __init__(self, process: Process, admin_port: int, proxy: Proxy, ask: Callable[..., Reply] = request) -> None:
        """`ask` sends a request to a port of the loopback address that Envoy sees."""
        self.process = process
        self.admin_port = admin_port
        self.proxy = proxy
        self._ask = ask

    @classmethod
    def start(  # noqa: PLR0913 - what Envoys of tests differ in
        cls,
        folder: Path,
        *,
        xds_port: int,
        proxy: Proxy | None = None,
        delta: bool = True,
        concurrency: int = 1,
        wait: bool = True,
        log_level: str = "warning",
        arguments: Sequence[str] = (),
        metadata: Mapping[str, str] | None = None,
    ) -> EnvoyProcess:
        """Start an Envoy with its files in `folder`; `wait` until it is ready: it has its first configuration."""
        folder.mkdir(parents=True, exist_ok=True)
        proxy = proxy or gateway_proxy()
        settings = BootstrapSettings(
            xds_host="127.0.0.1",
            xds_port=xds_port,
            admin_port=0,
            status_port=0,
            metrics_port=0,
            delta=delta,
            metadata=metadata or {},
            reconnect_base_seconds=0.02,
            reconnect_max_seconds=0.1,
        )
        file = folder / "bootstrap.json"
        file.write_text(as_json(bootstrap(proxy, settings)), encoding="utf-8")
        return cls.run(
            folder,
            ["-c", str(file), "--concurrency", str(concurrency), "-l", log_level, *arguments],
            proxy=proxy,
            wait=wait,
        )

    @classmethod
    def run(
        cls,
        folder: Path,
        arguments: Sequence[str],
        *,
        proxy: Proxy | None = None,
        wait: bool = True,
        prefix: Sequence[str] = (),
        ask: Callable[..., Reply] = request,
    ) -> EnvoyProcess:
        """Start an Envoy with arguments of your own (`-c FILE` among them; its admin port should be 0).

        `prefix` is a command that becomes the one after it, such as `nsenter …`; see `__init__` for `ask`.
        """
        address = folder / "admin-address"
        command = [*prefix, str(envoy_binary()), "--admin-address-path", str(address), "--disable-hot-restart"]
        command += ["--reject-unknown-dynamic-fields", "--drain-time-s", "1", "--drain-strategy", "immediate"]
        process = Process([*command, *arguments], folder / "envoy.log")

        def admin_port() -> int:
            process.assert_runs()
            text = address.read_text(encoding="ascii") if address.exists() else ""
            return int(text.rpartition(":")[2] or 0)

        try:
            port = eventually(admin_port, what="Envoy opens its admin interface")
            envoy = cls(process, port, proxy or gateway_proxy(), ask)
            if wait:
                envoy.wait_ready()
        except BaseException:
            process.stop()
            raise
        return envoy

    def wait_ready(self, deadline: float = 15.0) -> None:
        """Wait until Envoy is LIVE: it has its listeners, and everything they need."""

        def live() -> bool:
            self.process.assert_runs()
            return self._ask(self.admin_port, "/ready").status == 200

        eventually(live, deadline, f"Envoy is ready\n{self.process.log[-2000:]}")

    def get(self, path: str) -> Any:
        """Return the JSON at a path of the admin interface."""
        reply = self._ask(self.admin_port, path)
        assert reply.status == 200, f"{path}: {reply.status} {reply.body}"
        return reply.json

    def post(self, path: str) -> str:
        reply = self._ask(self.admin_port, path, method="POST")
        assert reply.status == 200, f"{path}: {reply.status} {reply.body}"
        return reply.body

    def stats(self, pattern: str = "") -> dict[str, int]:
        """Return counters and gauges by name, those that `pattern` (a regex) is found in.

        Names of clusters and stat prefixes end in `;` (alt_stat_name); that is taken out.
        """
        found = self.get(f"/stats?format=json&filter={quote(pattern)}" if pattern else "/stats?format=json")
        return {
            stat["name"].replace(";.", "."): stat["value"]
            for stat in found["stats"]
            if "name" in stat and isinstance(stat["value"], int)
        }

    def stat(self, name: str) -> int:
        """Return one counter or gauge; 0 if Envoy does not know it (yet)."""
        bare = name.replace(";.", ".")
        return sum(value for found, value in self.stats().items() if found == bare)

    def cluster_stat(self, cluster: str, stat: str) -> int:
        """Return `cluster.<cluster>.<stat>`."""
        return self.stat(f"cluster.{cluster}.{stat}")

    def config_dump(self, resource: str = "", *, eds: bool = True) -> list[dict[str, Any]]:
        """Return `configs` of the dump, or one kind of resource (`dynamic_listeners`, `dynamic_active_clusters`, …)."""
        query = [f"resource={resource}"] if resource else []
        query += ["include_eds"] if eds else []
        configs: list[dict[str, Any]] = self.get("/config_dump?" + "&".join(query)).get("configs", [])
        return configs

    def clusters(self) -> dict[str, list[dict[str, Any]]]:
        """Return each cluster's hosts, as Envoy's `/clusters` has them, by cluster name."""
        statuses = self.get("/clusters?format=json").get("cluster_statuses", [])
        return {status["name"]: status.get("host_statuses", []) for status in statuses}

    def listeners(self) -> dict[str, int]:
        """Return the port of each listener, by name."""
        statuses = self.get("/listeners?format=json").get("listener_statuses", [])
        return {status["name"]: status["local_address"]["socket_address"]["port_value"] for status in statuses}

    def stop(self) -> None:
        self.process.stop()


def assert_clean(envoy: EnvoyProcess) -> None:
    """Assert that Envoy refused nothing, timed out on nothing, and is connected (xds-protocol 4.2)."""
    found = envoy.stats("|".join(MUST_BE_ZERO))
    assert {name: value for name, value in found.items() if value} == {}, envoy.process.log[-2000:]
    assert any(name.endswith("lds.update_rejected") for name in found), f"no counters: {sorted(found)[:5]}"
    assert envoy.stat("control_plane.connected_state") == 1


def wait_warm(envoy: EnvoyProcess, deadline: float = 1.0) -> None:
    """Wait until no cluster and no listener is warming: a change is through within a second."""
    gauges = "cluster_manager.warming_clusters", "listener_manager.total_listeners_warming"
    eventually(
        lambda: {name: value for name, value in envoy.stats("warming").items() if name in gauges and value} == {},
        deadline,
        "nothing is warming",
    )
