"""A service as translators see it, whichever registry it comes from, and its endpoints."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import field

from translators.model.meta import ObjectKey, Struct, Value
from translators.model.proxy import Locality


class Protocol(StrEnum):
    """A port's protocol (reference 2.2). UNSUPPORTED means not declared: sniffed on sidecars."""

    HTTP = "HTTP"
    HTTP2 = "HTTP2"
    GRPC = "GRPC"
    GRPC_WEB = "GRPC-Web"
    HTTP_PROXY = "HTTP_PROXY"
    HTTPS = "HTTPS"
    TLS = "TLS"
    TCP = "TCP"
    UDP = "UDP"
    MONGO = "Mongo"
    REDIS = "Redis"
    MYSQL = "MySQL"
    UNSUPPORTED = "UnsupportedProtocol"

    @property
    def is_http(self) -> bool:
        """Served by an HTTP connection manager."""
        return self in _HTTP

    @property
    def is_http2(self) -> bool:
        """Spoken as HTTP/2 to the endpoint."""
        return self in _HTTP2

    @property
    def is_tls(self) -> bool:
        """Opaque TLS, told apart by SNI."""
        return self in (Protocol.HTTPS, Protocol.TLS)


_HTTP = frozenset({Protocol.HTTP, Protocol.HTTP2, Protocol.GRPC, Protocol.GRPC_WEB, Protocol.HTTP_PROXY})
_HTTP2 = frozenset({Protocol.HTTP2, Protocol.GRPC, Protocol.GRPC_WEB})


class Resolution(StrEnum):
    """How a service's endpoints are found; the values are Istio's words, the comment says the Envoy cluster type."""

    CLIENT_SIDE_LB = "ClientSideLB"  # EDS
    DNS_LB = "DNSLB"  # STRICT_DNS
    DNS_ROUND_ROBIN_LB = "DNSRoundRobinLB"  # LOGICAL_DNS
    DYNAMIC_DNS = "DynamicDNS"  # dynamic_forward_proxy
    PASSTHROUGH = "Passthrough"  # ORIGINAL_DST
    ALIAS = "Alias"  # ExternalName


class ServicePort(Struct, frozen=True, kw_only=True):
    """One port of a service."""

    number: int
    name: str
    protocol: Protocol
    target_port: int | str
    """The endpoint's port number, or the name of a container port; for a ServiceEntry, its targetPort or number."""


class Service(Value, frozen=True, kw_only=True):
    """A hostname with ports. `origin` is the Kubernetes Service or the ServiceEntry that it was made from.

    Compared by identity: the step that makes it is memoised, so equal input is the same object.
    """

    hostname: str
    namespace: str
    name: str
    """What `metadata.filter_metadata.istio.services[].name` shows: the Service's name, or the hostname."""
    origin: ObjectKey
    ports: tuple[ServicePort, ...]
    resolution: Resolution
    addresses: tuple[str, ...] = ()
    mesh_external: bool = False
    export_to: tuple[str, ...] = ("*",)
    age_order: tuple[str, str, str] = ("", "", "")
    selector: Mapping[str, str] = field(default_factory=dict)
    """Of a Kubernetes Service: the pod labels; empty if it selects nothing."""
    subject_alt_names: tuple[str, ...] = ()
    """Names to look for in the endpoints' certificates, if the rule gives none."""
    traffic_distribution: str = ""
    """`PreferClose`, `PreferSameZone`, `PreferSameNode`, or empty."""
    node_local: bool = False
    """Whether only the endpoints on a client's own node are for it (`internalTrafficPolicy: Local`)."""

    def port(self, number: int) -> ServicePort | None:
        """Return the port with this number; of two, as DNS has them, the one that is not UDP."""
        found = [p for p in self.ports if p.number == number]
        return next((p for p in found if p.protocol is not Protocol.UDP), found[0] if found else None)


class Health(StrEnum):
    """An endpoint's state; the names are Envoy's HealthStatus."""

    HEALTHY = "HEALTHY"
    UNHEALTHY = "UNHEALTHY"
    DRAINING = "DRAINING"


class Endpoint(Struct, frozen=True, kw_only=True, gc=False):
    """One address behind a service, for all of the service's ports.

    A msgspec Struct, since there may be a hundred thousand: made in a third of a dataclass's time, and unknown to the
    garbage collector (it cannot be part of a cycle).
    """

    address: str
    """An IP, a DNS name (DNS resolutions only) or `unix:///path`."""
    additional_addresses: tuple[str, ...] = ()
    """The same workload's other address, of a dual-stack service."""
    ports: Mapping[str, int]
    """Service port name to the port on this endpoint; a port that is not here is not served by it."""
    labels: Mapping[str, str] = {}
    locality: Locality = Locality()
    weight: int = 1
    health: Health = Health.HEALTHY
    network: str = ""
    node: str = ""
    """The name of the Node that it runs on, if that is known."""
    service_account: str = ""
    workload: str = ""
    """`workload;namespace;canonical name;canonical revision;cluster`, as Istio writes into endpoint metadata."""
    origin: ObjectKey | None = None
