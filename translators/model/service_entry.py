"""Istio's ServiceEntry: a service that no other registry knows (networking.istio.io; reference 1.4)."""

from __future__ import annotations

from typing import ClassVar, Literal

from translators.model.common import UInt32, WorkloadSelector
from translators.model.meta import KubeObject, Struct
from translators.model.workload_entry import WorkloadEntrySpec

ServiceLocation = Literal["MESH_EXTERNAL", "MESH_INTERNAL"]
ServiceResolution = Literal["NONE", "STATIC", "DNS", "DNS_ROUND_ROBIN", "DYNAMIC_DNS"]


class ServiceEntryPort(Struct, frozen=True, kw_only=True):
    """A port of the service."""

    number: UInt32 = 0
    protocol: str = ""
    name: str = ""
    target_port: UInt32 = 0
    """0 means `number`."""


class ServiceEntrySpec(Struct, frozen=True, kw_only=True):
    """Hosts, ports, and where the endpoints are."""

    hosts: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    ports: tuple[ServiceEntryPort, ...] = ()
    location: ServiceLocation = "MESH_EXTERNAL"
    resolution: ServiceResolution = "NONE"
    endpoints: tuple[WorkloadEntrySpec, ...] = ()
    workload_selector: WorkloadSelector | None = None
    export_to: tuple[str, ...] = ()
    subject_alt_names: tuple[str, ...] = ()


class ServiceEntry(KubeObject, frozen=True, kw_only=True):
    """Istio's ServiceEntry."""

    KIND: ClassVar[str] = "ServiceEntry"
    GROUP: ClassVar[str] = "networking.istio.io"

    spec: ServiceEntrySpec = ServiceEntrySpec()
