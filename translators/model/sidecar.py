"""Istio's Sidecar: what a workload's proxy takes in and what it reaches (networking.istio.io; reference 1.6)."""

from __future__ import annotations

from typing import ClassVar, Literal

from translators.model.common import WorkloadSelector
from translators.model.destination_rule import ConnectionPoolSettings
from translators.model.gateway import Port, ServerTLSSettings
from translators.model.mesh_config import OutboundMode
from translators.model.meta import KubeObject, Struct
from translators.model.virtual_service import Destination

CaptureMode = Literal["DEFAULT", "IPTABLES", "NONE"]


class SidecarOutboundTrafficPolicy(Struct, frozen=True, kw_only=True):
    """What happens to traffic for unknown hosts. As in Istio's API, a policy without a mode is REGISTRY_ONLY."""

    mode: OutboundMode = "REGISTRY_ONLY"
    egress_proxy: Destination | None = None


class IstioIngressListener(Struct, frozen=True, kw_only=True):
    """A port on which the workload is reached."""

    port: Port | None = None
    bind: str = ""
    capture_mode: CaptureMode = "DEFAULT"
    default_endpoint: str = ""
    """`127.0.0.1:PORT`, `0.0.0.0:PORT` (the workload's own address) or `unix:///path`; empty: the port itself."""
    tls: ServerTLSSettings | None = None
    connection_pool: ConnectionPoolSettings | None = None


class IstioEgressListener(Struct, frozen=True, kw_only=True):
    """Hosts that the workload calls, on one port or on the ports of the services themselves."""

    port: Port | None = None
    bind: str = ""
    capture_mode: CaptureMode = "DEFAULT"
    hosts: tuple[str, ...] = ()
    """`namespace/dnsName`; namespace may be `*`, `.` or `~` (none), and `~namespace/dnsName` takes hosts out again."""


class SidecarSpec(Struct, frozen=True, kw_only=True):
    """Which workloads, and their listeners in both directions."""

    workload_selector: WorkloadSelector | None = None
    ingress: tuple[IstioIngressListener, ...] = ()
    egress: tuple[IstioEgressListener, ...] = ()
    inbound_connection_pool: ConnectionPoolSettings | None = None
    outbound_traffic_policy: SidecarOutboundTrafficPolicy | None = None


class Sidecar(KubeObject, frozen=True, kw_only=True):
    """Istio's Sidecar."""

    KIND: ClassVar[str] = "Sidecar"
    GROUP: ClassVar[str] = "networking.istio.io"

    spec: SidecarSpec = SidecarSpec()
