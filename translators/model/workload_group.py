"""Istio's WorkloadGroup: what workloads outside of Kubernetes have in common (networking.istio.io; reference 1.5).

In Istio a proxy may name its group when it connects, and gets a WorkloadEntry made from the template. Here nothing
registers itself: the object is checked, and each of its parts is said to have no effect (`translators.model.coverage`).
"""

from __future__ import annotations

from typing import ClassVar

from msgspec import field

from translators.model.common import Int32, UInt32
from translators.model.meta import KubeObject, Struct
from translators.model.workload_entry import WorkloadEntrySpec


class GroupMetadata(Struct, frozen=True, kw_only=True):
    """Labels and annotations of the WorkloadEntries that Istio makes."""

    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class ProbeHeader(Struct, frozen=True, kw_only=True):
    """A header of the probe's request."""

    name: str = ""
    value: str = ""


class HTTPHealthCheckConfig(Struct, frozen=True, kw_only=True):
    """Ask for a path."""

    path: str = ""
    port: UInt32 = 0
    host: str = ""
    scheme: str = ""
    http_headers: tuple[ProbeHeader, ...] = ()


class TCPHealthCheckConfig(Struct, frozen=True, kw_only=True):
    """Open a connection."""

    host: str = ""
    port: UInt32 = 0


class ExecHealthCheckConfig(Struct, frozen=True, kw_only=True):
    """Run a command."""

    command: tuple[str, ...] = ()


class GrpcHealthCheckConfig(Struct, frozen=True, kw_only=True):
    """Ask by gRPC's health protocol."""

    port: UInt32 = 0
    service: str = ""


class ReadinessProbe(Struct, frozen=True, kw_only=True):
    """How the workload's own agent finds out whether it is ready."""

    initial_delay_seconds: Int32 = 0
    timeout_seconds: Int32 = 0
    period_seconds: Int32 = 0
    success_threshold: Int32 = 0
    failure_threshold: Int32 = 0
    http_get: HTTPHealthCheckConfig | None = None
    tcp_socket: TCPHealthCheckConfig | None = None
    exec_: ExecHealthCheckConfig | None = field(default=None, name="exec")
    grpc: GrpcHealthCheckConfig | None = None


class WorkloadGroupSpec(Struct, frozen=True, kw_only=True):
    """The template of a WorkloadEntry, and how its health is found out."""

    metadata: GroupMetadata | None = None
    template: WorkloadEntrySpec | None = None
    probe: ReadinessProbe | None = None


class WorkloadGroup(KubeObject, frozen=True, kw_only=True):
    """Istio's WorkloadGroup."""

    KIND: ClassVar[str] = "WorkloadGroup"
    GROUP: ClassVar[str] = "networking.istio.io"

    spec: WorkloadGroupSpec = WorkloadGroupSpec()
