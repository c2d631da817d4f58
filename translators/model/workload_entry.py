"""Istio's WorkloadEntry: one endpoint that is not a pod (networking.istio.io; reference 1.5)."""

from __future__ import annotations

from typing import ClassVar

from translators.model.common import UInt32
from translators.model.meta import KubeObject, Struct


class WorkloadEntrySpec(Struct, frozen=True, kw_only=True):
    """An address with its labels; also what a ServiceEntry lists as endpoints."""

    address: str = ""
    ports: dict[str, UInt32] = {}
    """Service port name to this endpoint's port."""
    labels: dict[str, str] = {}
    network: str = ""
    locality: str = ""
    """`region/zone/subzone`."""
    weight: UInt32 = 0
    """0 means 1."""
    service_account: str = ""


class WorkloadEntry(KubeObject, frozen=True, kw_only=True):
    """Istio's WorkloadEntry."""

    KIND: ClassVar[str] = "WorkloadEntry"
    GROUP: ClassVar[str] = "networking.istio.io"

    spec: WorkloadEntrySpec = WorkloadEntrySpec()
