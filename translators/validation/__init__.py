"""What is wrong with an object by itself, by Istio's rules (reference 4) and by what Envoy is known to refuse.

References to other objects are not looked at here: that is `translators.analysis`. An object with an ERROR is not
taken over by the Store, which keeps the last good version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from translators.model.destination_rule import DestinationRule
from translators.model.envoy_filter import EnvoyFilter
from translators.model.gateway import Gateway
from translators.model.kubernetes import EndpointSlice, Pod, Service
from translators.model.proxy_config import ProxyConfig
from translators.model.service_entry import ServiceEntry
from translators.model.sidecar import Sidecar
from translators.model.virtual_service import VirtualService
from translators.model.workload_entry import WorkloadEntry
from translators.model.workload_group import WorkloadGroup
from translators.validation.destination_rule import check_destination_rule
from translators.validation.envoy_filter import check_envoy_filter
from translators.validation.findings import Findings
from translators.validation.gateway import check_gateway
from translators.validation.kubernetes import check_endpoint_slice, check_pod, check_service
from translators.validation.mesh_config import validate_mesh_config
from translators.validation.metadata import check_metadata
from translators.validation.proxy_config import check_proxy_config
from translators.validation.service_entry import check_service_entry
from translators.validation.sidecar import check_sidecar
from translators.validation.text import check_text
from translators.validation.virtual_service import check_virtual_service
from translators.validation.workload_entry import check_workload_entry
from translators.validation.workload_group import check_workload_group

if TYPE_CHECKING:
    from collections.abc import Callable

    from translators.model.meta import KubeObject
    from translators.model.origin import Diagnostic

__all__ = ["validate", "validate_mesh_config"]

_CHECKS: Final[dict[type[KubeObject], Callable[[Findings, Any], None]]] = {
    DestinationRule: check_destination_rule,
    EndpointSlice: check_endpoint_slice,
    EnvoyFilter: check_envoy_filter,
    Gateway: check_gateway,
    Pod: check_pod,
    ProxyConfig: check_proxy_config,
    Service: check_service,
    ServiceEntry: check_service_entry,
    Sidecar: check_sidecar,
    VirtualService: check_virtual_service,
    WorkloadEntry: check_workload_entry,
    WorkloadGroup: check_workload_group,
}
"""Each check takes the type that it is listed for."""


def validate(obj: KubeObject) -> tuple[Diagnostic, ...]:
    """Return what is wrong with `obj` alone, sorted by field. Never raises for an object that can be decoded."""
    found = Findings(obj.key)
    check_metadata(found, obj)
    if check_text(found, obj):
        check = _CHECKS.get(type(obj))
        if check is not None:
            check(found, obj)
    return found.sorted()
