"""A server on one cluster that tests change, and scripted clients of either variant and any service."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import grpc
import grpc.aio
import pytest
from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.core.v3 import extension_pb2
from envoy.config.endpoint.v3 import endpoint_pb2
from envoy.config.listener.v3 import listener_pb2
from envoy.config.route.v3 import route_pb2
from envoy.extensions.transport_sockets.tls.v3 import secret_pb2, tls_pb2
from envoy.service.discovery.v3 import discovery_pb2

from translators.model.world import World
from translators.resources import CLUSTER, ENDPOINT, EXTENSION, LISTENER, ROUTE, SECRET, Resource, ResourceSet, TypeSet
from xds_server.metrics import Metrics
from xds_server.push import Debounce, Push
from xds_server.transport.limits import StreamLimits
from xds_server.transport.server import AdsServer
from xds_server.transport.services import ADS, DiscoveryService

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from translators.model.proxy import ProxyView
    from xds_server.push import Translate

DEADLINE = 10.0
DEFAULTS = StreamLimits()
NODE = "router~127.0.0.1~gw.istio-system~istio-system.svc.cluster.local"

PRIVATE = "-----BEGIN PRIVATE KEY-----"

VARIANTS = pytest.mark.parametrize("variant", ["sotw", "delta"])


class OneCluster:
    """Serves one cluster of `size` bytes, told by the World's domain."""

    def __init__(self, size: int = 0) -> None:
        self.size = size

    def selector_keys(self, _world: World) -> frozenset[str]:
        return frozenset()

    def translate(self, world: World, view: ProxyView, previous: ResourceSet | None = None) -> ResourceSet:
        body = cluster_pb2.Cluster(name="one", alt_stat_name=world.cluster_domain.ljust(self.size, "."))
        one = Resource(CLUSTER, "one", body.SerializeToString(), ())
        return ResourceSet(
            view=view, types={CLUSTER: TypeSet.of(CLUSTER, [one], previous[CLUSTER] if previous else None)}
        )


class OneOfEach(OneCluster):
    """Serves `one` of every type; its secret is a private key, and its listener holds another."""

    def translate(self, world: World, view: ProxyView, previous: ResourceSet | None = None) -> ResourceSet:
        clusters = super().translate(world, view, previous)[CLUSTER]
        secret = secret_pb2.Secret(name="one")
        secret.tls_certificate.private_key.inline_string = PRIVATE
        listener = listener_pb2.Listener(name="one")
        tls = tls_pb2.DownstreamTlsContext()
        tls.common_tls_context.tls_certificates.add().private_key.inline_string = PRIVATE
        listener.filter_chains.add().transport_socket.typed_config.Pack(tls)
        messages = {
            ENDPOINT: endpoint_pb2.ClusterLoadAssignment(cluster_name="one"),
            LISTENER: listener,
            ROUTE: route_pb2.RouteConfiguration(name="one"),
            SECRET: secret,
            EXTENSION: extension_pb2.TypedExtensionConfig(name="one"),
        }
        made = {t: Resource(t, "one", m.SerializeToString(), ()) for t, m in messages.items()}
        return ResourceSet(view=view, types={CLUSTER: clusters, **{t: TypeSet.of(t, [r]) for t, r in made.items()}})


@dataclass
class Server:
    push: Push
    ads: AdsServer
    metrics: Metrics
    answers: list[None] = field(default_factory=list)

    def change(self, domain: str) -> None:
        world = World(cluster_domain=domain)
        self.push.publish(lambda: world)

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.ads.port}"


@asynccontextmanager
async def serving(
    *, ready: bool = True, size: int = 0, limits: StreamLimits = DEFAULTS, translator: Translate | None = None
) -> AsyncIterator[Server]:
    metrics = Metrics()
    push = Push(translator or OneCluster(size), debounce=Debounce(quiet=0.001, maximum=0.05), metrics=metrics)
    ads = AdsServer(push, metrics, limits=limits)
    server = Server(push, ads, metrics)
    push.after_push = ads.pushed
    ads.answered = lambda: server.answers.append(None)
    await ads.start("127.0.0.1:0")
    tasks = [asyncio.create_task(push.run()), asyncio.create_task(ads.run())]
    if ready:
        server.change("first")
        await until(lambda: push.ready)
    try:
        yield server
    finally:
        await ads.stop(0.5)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not condition():  # noqa: ASYNC110 - the conditions are many, and of others
            await asyncio.sleep(0.002)


class Client:
    """A scripted proxy of either variant."""

    def __init__(
        self, server: Server, variant: str, *options: tuple[str, int], service: DiscoveryService = ADS
    ) -> None:
        self.delta = variant == "delta"
        self.channel = grpc.aio.insecure_channel(
            server.target,
            options=[
                ("grpc.use_local_subchannel_pool", 1),
                ("grpc.max_receive_message_length", -1),
                # A window that does not grow, so that a proxy that does not read is one after 64 KiB.
                ("grpc.http2.bdp_probe", 0),
                *options,
            ],
        )
        method = service.delta if self.delta else service.sotw
        request = discovery_pb2.DeltaDiscoveryRequest if self.delta else discovery_pb2.DiscoveryRequest
        response = discovery_pb2.DeltaDiscoveryResponse if self.delta else discovery_pb2.DiscoveryResponse
        self.request: Any = request
        self.call: Any = self.channel.stream_stream(
            f"/{service.name}/{method}",
            request_serializer=request.SerializeToString,
            response_deserializer=response.FromString,
        )()

    async def subscribe(self, type_url: str = CLUSTER, node: str = NODE) -> None:
        request = self.request(type_url=type_url)
        if node:
            request.node.id = node
        await self.call.write(request)

    async def read(self) -> Any:
        async with asyncio.timeout(DEADLINE):
            return await self.call.read()

    async def domain(self) -> str:
        """Read one response, ACK it, and return what is told by its cluster."""
        response = await self.read()
        await self.answer(response)
        return self.told(response)

    def told(self, response: Any) -> str:
        (item,) = response.resources
        cluster = cluster_pb2.Cluster()
        (item.resource if self.delta else item).Unpack(cluster)
        return cluster.alt_stat_name.rstrip(".")

    async def answer(self, response: Any, error: str = "") -> None:
        request = self.request(type_url=response.type_url, response_nonce=response.nonce)
        if error:
            request.error_detail.code = 13
            request.error_detail.message = error
        elif not self.delta:
            request.version_info = response.version_info
        await self.call.write(request)

    async def ended(self) -> grpc.StatusCode:
        async with asyncio.timeout(DEADLINE):
            code: grpc.StatusCode = await self.call.code()
            return code

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.call.cancel()
        await self.channel.close()
