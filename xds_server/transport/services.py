"""The discovery services: what each is called, its two streaming methods, and the one type it stands for.

An Envoy asks ADS for all types on one stream. One whose bootstrap gives a ConfigSource an `api_config_source` of its
own asks the service of that type instead, where `type_url` may be left out (xds-protocol rule 77). The unary `Fetch…`
methods are polling over REST's habits; they are not served, so gRPC answers UNIMPLEMENTED.
https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#rpc-services-and-methods-for-each-variant
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# Names come from the descriptors, which reflection can show only of modules that are loaded.
from envoy.service.cluster.v3 import cds_pb2
from envoy.service.discovery.v3 import ads_pb2
from envoy.service.endpoint.v3 import eds_pb2
from envoy.service.extension.v3 import config_discovery_pb2
from envoy.service.listener.v3 import lds_pb2
from envoy.service.route.v3 import rds_pb2
from envoy.service.secret.v3 import sds_pb2

from translators.resources import CLUSTER, ENDPOINT, EXTENSION, LISTENER, ROUTE, SECRET


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscoveryService:
    """One gRPC service of the xDS API."""

    short: str
    """What people call it, such as ADS."""
    name: str
    """Its full name, as in the path of a call."""
    sotw: str
    """The method of the state-of-the-world variant."""
    delta: str
    """The method of the delta variant."""
    type_url: str = ""
    """The type that a request means if it states none; a request for another is refused. Empty for ADS: any."""


ADS: Final = DiscoveryService(
    short="ADS",
    name=ads_pb2.DESCRIPTOR.services_by_name["AggregatedDiscoveryService"].full_name,
    sotw="StreamAggregatedResources",
    delta="DeltaAggregatedResources",
)

SERVICES: Final = (
    ADS,
    DiscoveryService(
        short="CDS",
        name=cds_pb2.DESCRIPTOR.services_by_name["ClusterDiscoveryService"].full_name,
        sotw="StreamClusters",
        delta="DeltaClusters",
        type_url=CLUSTER,
    ),
    DiscoveryService(
        short="EDS",
        name=eds_pb2.DESCRIPTOR.services_by_name["EndpointDiscoveryService"].full_name,
        sotw="StreamEndpoints",
        delta="DeltaEndpoints",
        type_url=ENDPOINT,
    ),
    DiscoveryService(
        short="LDS",
        name=lds_pb2.DESCRIPTOR.services_by_name["ListenerDiscoveryService"].full_name,
        sotw="StreamListeners",
        delta="DeltaListeners",
        type_url=LISTENER,
    ),
    DiscoveryService(
        short="RDS",
        name=rds_pb2.DESCRIPTOR.services_by_name["RouteDiscoveryService"].full_name,
        sotw="StreamRoutes",
        delta="DeltaRoutes",
        type_url=ROUTE,
    ),
    DiscoveryService(
        short="SDS",
        name=sds_pb2.DESCRIPTOR.services_by_name["SecretDiscoveryService"].full_name,
        sotw="StreamSecrets",
        delta="DeltaSecrets",
        type_url=SECRET,
    ),
    DiscoveryService(
        short="ECDS",
        name=config_discovery_pb2.DESCRIPTOR.services_by_name["ExtensionConfigDiscoveryService"].full_name,
        sotw="StreamExtensionConfigs",
        delta="DeltaExtensionConfigs",
        type_url=EXTENSION,
    ),
)
