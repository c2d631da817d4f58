"""Sidecars: what a proxy beside a workload is sent, for the traffic in both directions (reference 1.6, 2.3 to 2.9)."""

from __future__ import annotations

from translators.sidecars.inbound import Inbound, inbound
from translators.sidecars.selection import selector, sidecar_of
from translators.sidecars.shared import ClusterCache, Shared, client_view, shared_of

__all__ = ["ClusterCache", "Inbound", "Shared", "client_view", "inbound", "selector", "shared_of", "sidecar_of"]
