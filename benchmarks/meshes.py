"""Meshes to measure on: decoded objects, as the Store would hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from translators.model.common import Duration, PortSelector, StringMatch
from translators.model.destination_rule import (
    ConnectionPoolSettings,
    DestinationRule,
    DestinationRuleSpec,
    HTTPSettings,
    OutlierDetection,
    TCPSettings,
    TrafficPolicy,
)
from translators.model.gateway import Gateway, GatewaySpec, Port, Server
from translators.model.kubernetes import (
    EndpointConditions,
    EndpointSlice,
    Service,
    ServicePort,
    ServiceSpec,
    SliceEndpoint,
    SlicePort,
)
from translators.model.meta import ObjectMeta
from translators.model.proxy import ProxyView
from translators.model.virtual_service import (
    Destination,
    HTTPMatchRequest,
    HTTPRoute,
    HTTPRouteDestination,
    VirtualService,
    VirtualServiceSpec,
)
from translators.model.world import SERVICE_NAME_LABEL, World

if TYPE_CHECKING:
    from translators.model.meta import KubeObject

NAMESPACES: Final = 20
ROUTER: Final = ProxyView(type="router", namespace="istio-system", labels=(("istio", "ingressgateway"),))


def namespace_of(index: int) -> str:
    """Return the namespace that the service of this index lives in."""
    return f"ns-{index % NAMESPACES}"


def endpoint_slice(index: int, *, last: int = 2) -> EndpointSlice:
    """Return the slice of service `index`: two endpoints, the second of which ends in `last`."""
    subnet = f"10.{index // 250 % 250}.{index % 250}"
    return EndpointSlice(
        metadata=ObjectMeta(
            name=f"svc-{index}-a", namespace=namespace_of(index), labels={SERVICE_NAME_LABEL: f"svc-{index}"}
        ),
        endpoints=tuple(
            SliceEndpoint(addresses=(f"{subnet}.{octet}",), conditions=EndpointConditions(ready=True))
            for octet in (1, last)
        ),
        ports=(SlicePort(name="http", port=8080),),
    )


def service(index: int) -> list[KubeObject]:
    """Return a Service with its endpoints, a VirtualService and a DestinationRule."""
    name, namespace = f"svc-{index}", namespace_of(index)
    meta = ObjectMeta(name=name, namespace=namespace)
    return [
        Service(
            metadata=meta,
            spec=ServiceSpec(
                cluster_ip=f"10.96.{index // 250}.{index % 250}",
                ports=(ServicePort(name="http", port=80, target_port=8080),),
                selector={"app": name},
            ),
        ),
        endpoint_slice(index),
        VirtualService(
            metadata=meta,
            spec=VirtualServiceSpec(
                hosts=(f"{name}.example.com",),
                gateways=("istio-system/bench",),
                http=(
                    HTTPRoute(
                        match=(HTTPMatchRequest(uri=StringMatch(prefix="/api")),),
                        route=(HTTPRouteDestination(destination=Destination(host=name, port=PortSelector(number=80))),),
                    ),
                ),
            ),
        ),
        DestinationRule(
            metadata=meta,
            spec=DestinationRuleSpec(
                host=name,
                traffic_policy=TrafficPolicy(
                    connection_pool=ConnectionPoolSettings(
                        tcp=TCPSettings(max_connections=100), http=HTTPSettings(http1_max_pending_requests=100)
                    ),
                    outlier_detection=OutlierDetection(
                        consecutive_5xx_errors=5,
                        interval=Duration.parse("1s"),
                        base_ejection_time=Duration.parse("30s"),
                        max_ejection_percent=50,
                    ),
                ),
            ),
        ),
    ]


def mesh(services: int) -> World:
    """Return a World of `services` services behind one gateway on port 80."""
    gateway = Gateway(
        metadata=ObjectMeta(name="bench", namespace="istio-system"),
        spec=GatewaySpec(
            selector={"istio": "ingressgateway"},
            servers=(Server(port=Port(number=80, name="http", protocol="HTTP"), hosts=("*",)),),
        ),
    )
    objects = [gateway, *(o for index in range(services) for o in service(index))]
    return World().apply({o.key: o for o in objects})
