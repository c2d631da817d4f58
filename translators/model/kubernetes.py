"""The fields of Kubernetes kinds that a control plane reads. Partial on purpose: what is not here cannot change a
translation, and a write to it (a status, a resourceVersion) does not make a new object.
"""

from __future__ import annotations

from typing import ClassVar

from msgspec import field

from translators.model.common import Int32
from translators.model.meta import KubeObject, Struct


class ServicePort(Struct, frozen=True, kw_only=True):
    """A port of a Service."""

    name: str = ""
    protocol: str = "TCP"
    app_protocol: str = ""
    port: Int32 = 0
    target_port: int | str | None = None
    """A number or the name of a container port; None means `port`."""
    node_port: Int32 = 0


class ServiceSpec(Struct, frozen=True, kw_only=True):
    """What a Service offers and selects."""

    type: str = "ClusterIP"
    cluster_ip: str = field(default="", name="clusterIP")
    """`None` (the word) means headless."""
    cluster_ips: tuple[str, ...] = field(default=(), name="clusterIPs")
    external_ips: tuple[str, ...] = field(default=(), name="externalIPs")
    external_name: str = ""
    ports: tuple[ServicePort, ...] = ()
    selector: dict[str, str] = {}
    session_affinity: str = ""
    publish_not_ready_addresses: bool = False
    internal_traffic_policy: str = ""
    traffic_distribution: str = ""


class Service(KubeObject, frozen=True, kw_only=True):
    """Kubernetes' Service. Not `translators.model.service.Service`, which translators make of it."""

    KIND: ClassVar[str] = "Service"
    GROUP: ClassVar[str] = ""

    spec: ServiceSpec = ServiceSpec()


class EndpointConditions(Struct, frozen=True, kw_only=True):
    """State of an endpoint; None means unknown, which consumers read as ready."""

    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class TargetRef(Struct, frozen=True, kw_only=True):
    """The object behind an endpoint."""

    kind: str = ""
    namespace: str = ""
    name: str = ""


class SliceEndpoint(Struct, frozen=True, kw_only=True):
    """One endpoint of a slice."""

    addresses: tuple[str, ...] = ()
    conditions: EndpointConditions = EndpointConditions()
    hostname: str = ""
    target_ref: TargetRef | None = None
    node_name: str = ""
    zone: str = ""


class SlicePort(Struct, frozen=True, kw_only=True):
    """A port of all endpoints of a slice."""

    name: str = ""
    protocol: str = "TCP"
    port: Int32 | None = None
    app_protocol: str = ""


class EndpointSlice(KubeObject, frozen=True, kw_only=True):
    """Kubernetes' EndpointSlice (discovery.k8s.io/v1); the label kubernetes.io/service-name names its Service."""

    KIND: ClassVar[str] = "EndpointSlice"
    GROUP: ClassVar[str] = "discovery.k8s.io"

    address_type: str = "IPv4"
    endpoints: tuple[SliceEndpoint, ...] = ()
    ports: tuple[SlicePort, ...] = ()


class ContainerPort(Struct, frozen=True, kw_only=True):
    """A port that a container says it listens on."""

    name: str = ""
    container_port: Int32 = 0
    protocol: str = "TCP"


class Container(Struct, frozen=True, kw_only=True):
    """A container of a pod."""

    name: str = ""
    ports: tuple[ContainerPort, ...] = ()


class PodSpec(Struct, frozen=True, kw_only=True):
    """What a pod asked for."""

    node_name: str = ""
    service_account_name: str = ""
    host_network: bool = False
    containers: tuple[Container, ...] = ()


class PodIP(Struct, frozen=True, kw_only=True):
    """One of a pod's addresses."""

    ip: str = ""


class PodStatus(Struct, frozen=True, kw_only=True):
    """Where a pod runs."""

    phase: str = ""
    pod_ip: str = field(default="", name="podIP")
    pod_ips: tuple[PodIP, ...] = field(default=(), name="podIPs")

    @property
    def ips(self) -> tuple[str, ...]:
        """All addresses, the primary one first, none twice."""
        return tuple(dict.fromkeys(ip for ip in (self.pod_ip, *(p.ip for p in self.pod_ips)) if ip))


class Pod(KubeObject, frozen=True, kw_only=True):
    """Kubernetes' Pod."""

    KIND: ClassVar[str] = "Pod"
    GROUP: ClassVar[str] = ""

    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()


class Namespace(KubeObject, frozen=True, kw_only=True):
    """Kubernetes' Namespace; its labels matter."""

    KIND: ClassVar[str] = "Namespace"
    GROUP: ClassVar[str] = ""


class Node(KubeObject, frozen=True, kw_only=True):
    """Kubernetes' Node; its topology labels say where its pods are."""

    KIND: ClassVar[str] = "Node"
    GROUP: ClassVar[str] = ""


class Secret(KubeObject, frozen=True, kw_only=True):
    """Kubernetes' Secret. Its values never show in `repr`, so neither in logs nor in failed assertions."""

    KIND: ClassVar[str] = "Secret"
    GROUP: ClassVar[str] = ""

    type: str = ""
    data: dict[str, bytes] = {}
    string_data: dict[str, str] = {}

    def value(self, name: str) -> bytes | None:
        """Return one value; `stringData` overrides `data`, as in the API server."""
        if (text := self.string_data.get(name)) is not None:
            return text.encode()
        return self.data.get(name)

    def __repr__(self) -> str:
        """Show the names of the values only."""
        return f"Secret({self.metadata.namespace}/{self.metadata.name}, {sorted({*self.data, *self.string_data})})"


class ConfigMap(KubeObject, frozen=True, kw_only=True):
    """Kubernetes' ConfigMap."""

    KIND: ClassVar[str] = "ConfigMap"
    GROUP: ClassVar[str] = ""

    data: dict[str, str] = {}
    binary_data: dict[str, bytes] = {}
