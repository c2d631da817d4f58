"""A server of handmade resources: everything of ours from the Push to the wire, with no translator before it."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, Final

import grpc
from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.extensions.filters.http.fault.v3 import fault_pb2 as _fault
from envoy.extensions.filters.http.router.v3 import router_pb2 as _router
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2 as _manager
from envoy.extensions.filters.network.tcp_proxy.v3 import tcp_proxy_pb2 as _tcp_proxy
from google.protobuf import json_format

from tests.envoy.harness.waiting import eventually
from translators.model.meta import ObjectKey
from translators.model.world import World
from translators.resources import (
    CLUSTER,
    ENDPOINT,
    EXTENSION,
    LISTENER,
    ROUTE,
    TYPES,
    Resource,
    ResourceSet,
    TypeSet,
)
from xds_server.metrics import Metrics
from xds_server.push import Debounce, Push
from xds_server.transport.ending import Ending
from xds_server.transport.server import AdsServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from translators.model.proxy import ProxyView
    from xds_server.protocol import Case
    from xds_server.transport.stream import AdsStream

KNOWN: Final = (_fault, _manager, _router, _tcp_proxy)
"""What JSON may name by `@type`."""

ORIGIN: Final = ObjectKey("Handmade", "default", "resource")

_ADS: Final = {"ads": {}, "resource_api_version": "V3"}
_PREFIX: Final = "type.googleapis.com/envoy.extensions.filters"


class _Made:
    """Stands for the Translator: serves what it is told."""

    def __init__(self) -> None:
        self.resources: tuple[Resource, ...] = ()

    def selector_keys(self, _world: World) -> frozenset[str]:
        return frozenset()

    def translate(self, _world: World, view: ProxyView, previous: ResourceSet | None = None) -> ResourceSet:
        types = {
            t: TypeSet.of(t, [r for r in self.resources if r.type_url == t], previous[t] if previous else None)
            for t in TYPES
        }
        return ResourceSet(view=view, types=types)


class Handmade:
    """A running server. `serve` replaces all that it serves; `stop` is due at the end."""

    def __init__(self) -> None:
        self._made = _Made()
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._thread.start()
        assert self._started.wait(10.0)

    async def _run(self) -> None:
        metrics = Metrics()
        self.push = Push(self._made, debounce=Debounce(quiet=0.0), metrics=metrics)
        self.ads = AdsServer(self.push, metrics)
        self.push.after_push = self.ads.pushed
        self.port = await self.ads.start("127.0.0.1:0")
        self._loop = asyncio.get_running_loop()
        self._stopped = asyncio.Event()
        tasks = [asyncio.create_task(self.push.run()), asyncio.create_task(self.ads.run())]
        self.push.publish(World)
        self._started.set()
        await self._stopped.wait()
        await self.ads.stop(0.2)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def call(self, function: Callable[[], object]) -> None:
        """Have something done in the server's own thread."""
        self._loop.call_soon_threadsafe(function)

    def serve(self, *resources: Resource) -> None:
        """Serve these, and nothing else; returns when they have been offered."""
        eventually(lambda: self.push.ready, 5.0, "the first World is served")
        before = self.push.pushes
        self._made.resources = resources
        self.call(lambda: self.push.publish(lambda: World(cluster_domain=f"edit-{before}")))
        eventually(lambda: self.push.pushes > before, 5.0, "the push is over")

    @property
    def stream(self) -> AdsStream[Any]:
        """The only one."""
        (stream,) = self.ads.streams
        return stream

    def cases(self) -> dict[str, Case]:
        """What is in quarantine, by name."""
        return {case.resource.name: case for stream in self.ads.streams for case in stream.cases()}

    def hang_up(self, *meanwhile: Resource) -> None:
        """End the connection of the only client, and perhaps serve something else before it is let in again."""
        before = self.stream
        if meanwhile:
            self.call(self.ads._stopping.set)
        self.call(lambda: before.end(Ending(grpc.StatusCode.UNAVAILABLE, "for a test")))
        if meanwhile:
            eventually(lambda: not self.ads.streams, 5.0, "it has gone")
            self.serve(*meanwhile)
            self.call(self.ads._stopping.clear)
        eventually(lambda: self.ads.streams and self.stream is not before, 5.0, "it is back")

    def stop(self) -> None:
        self.call(self._stopped.set)
        self._thread.join(10.0)


def cluster(name: str, **fields: Any) -> Resource:
    """A cluster that gets its endpoints by EDS, unless `fields` say otherwise."""
    tree: dict[str, Any] = {"name": name, "type": "EDS", "connect_timeout": "1s"}
    if fields.get("type", "EDS") == "EDS":
        tree["eds_cluster_config"] = {"eds_config": _ADS}
    message = json_format.ParseDict(tree | fields, Cluster())
    return _resource(CLUSTER, name, message.SerializeToString(deterministic=True), (ENDPOINT, name))


def broken_cluster(name: str) -> Resource:
    """A cluster with an extension that Envoy does not have."""
    message = Cluster(name=name, type=Cluster.STATIC)
    message.transport_socket.name = "nothing"
    message.transport_socket.typed_config.type_url = "type.googleapis.com/nothing.that.Envoy.Knows"
    return _resource(CLUSTER, name, message.SerializeToString(deterministic=True))


def endpoints(name: str, port: int, address: str = "127.0.0.1") -> Resource:
    """The only endpoint of a cluster."""
    endpoint = {"endpoint": {"address": {"socket_address": {"address": address, "port_value": port}}}}
    tree = {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]}
    message = json_format.ParseDict(tree, ClusterLoadAssignment())
    return _resource(ENDPOINT, name, message.SerializeToString(deterministic=True))


def listener(name: str, port: int, routes: str, *, extension: str = "", broken: bool = False) -> Resource:
    """An HTTP listener on loopback with routes by RDS, and perhaps a filter by ECDS."""
    filters: list[dict[str, Any]] = []
    if extension:
        source = _ADS | {"initial_fetch_timeout": "0s"}
        discovery = {"config_source": source, "type_urls": [f"{_PREFIX}.http.fault.v3.HTTPFault"]}
        filters.append({"name": extension, "config_discovery": discovery})
    filters.append({"name": "router", "typed_config": {"@type": f"{_PREFIX}.http.router.v3.Router"}})
    manager = {
        "@type": f"{_PREFIX}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "rds": {"route_config_name": routes, "config_source": _ADS | {"initial_fetch_timeout": "0s"}},
        "http_filters": filters,
    }
    refs = ((ROUTE, routes), *([(EXTENSION, extension)] if extension else []))
    return _listener(name, port, manager, *refs, broken=broken)


def tcp_listener(name: str, port: int, to: str) -> Resource:
    """A TCP listener on loopback that names its cluster itself."""
    proxy = {"@type": f"{_PREFIX}.network.tcp_proxy.v3.TcpProxy", "stat_prefix": name, "cluster": to}
    return _listener(name, port, proxy, (CLUSTER, to))


def _listener(
    name: str, port: int, network_filter: dict[str, Any], *refs: tuple[str, str], broken: bool = False
) -> Resource:
    tree = {
        "name": name,
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [{"filters": [{"name": "only", "typed_config": network_filter}]}],
    }
    message = json_format.ParseDict(tree, Listener())
    if broken:
        message.listener_filters.add(name="nothing").typed_config.type_url = "type.googleapis.com/nothing.Known"
    return _resource(LISTENER, name, message.SerializeToString(deterministic=True), *refs)


def routes(name: str, *, status: int = 0, to: str = "", regex: str = "") -> Resource:
    """One route for everything, or for what a regular expression matches: an answer by itself, or a cluster."""
    route: dict[str, Any] = {"match": {"safe_regex": {"regex": regex}} if regex else {"prefix": "/"}}
    route |= {"route": {"cluster": to}} if to else {"direct_response": {"status": status}}
    tree = {"name": name, "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]}
    message = json_format.ParseDict(tree | {"validate_clusters": False}, RouteConfiguration())
    return _resource(ROUTE, name, message.SerializeToString(deterministic=True), *([(CLUSTER, to)] if to else []))


def extension(name: str, status: int) -> Resource:
    """A filter that answers every request by itself; Envoy knows no status below 200."""
    abort = {"http_status": status, "percentage": {"numerator": 100}}
    tree = {"name": name, "typed_config": {"@type": f"{_PREFIX}.http.fault.v3.HTTPFault", "abort": abort}}
    message = json_format.ParseDict(tree, TypedExtensionConfig())
    return _resource(EXTENSION, name, message.SerializeToString(deterministic=True))


def _resource(type_url: str, name: str, body: bytes, *refs: tuple[str, str]) -> Resource:
    return Resource(type_url, name, body, (ORIGIN,), refs=refs)
