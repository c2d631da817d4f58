"""Services from every registry, their endpoints, and who sees them."""

from __future__ import annotations

from translators.services.destination import Destination
from translators.services.endpoint_set import EndpointSet
from translators.services.endpoints import endpoint_set, endpoints_from, endpoints_of
from translators.services.exports import is_visible, resolved_export_to
from translators.services.index import ServiceIndex, service_index
from translators.services.touched import services_touched
from translators.services.workloads import is_dns

__all__ = [
    "Destination",
    "EndpointSet",
    "ServiceIndex",
    "endpoint_set",
    "endpoints_from",
    "endpoints_of",
    "is_dns",
    "is_visible",
    "resolved_export_to",
    "service_index",
    "services_touched",
]
