"""What each field does: the Envoy field that it sets, in backticks as `Message.field`, or in words.

Beside `translators.model.coverage`, which says which fields do nothing and why. Together they hold every field of every
kind: `docs/coverage.md` is made from both, and `tests/test_coverage_page.py` holds it true: no field without a row, no
row without a field, no name in backticks that Envoy does not have. Paths are those of `translators.model.coverage`. A
row for a message is for all of its parts that have none of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from translators.model.effects.destination_rule import DESTINATION_RULE
from translators.model.effects.envoy_filter import ENVOY_FILTER
from translators.model.effects.gateway import GATEWAY
from translators.model.effects.kubernetes import KUBERNETES
from translators.model.effects.mesh_config import MESH_CONFIG
from translators.model.effects.services import SERVICE_ENTRY, WORKLOAD_ENTRY
from translators.model.effects.sidecar import SIDECAR
from translators.model.effects.virtual_service import VIRTUAL_SERVICE

if TYPE_CHECKING:
    from collections.abc import Mapping

METADATA: Final[Mapping[str, str]] = {
    "metadata.name": "how the object is named: in diagnostics, origins and `Cluster.metadata`",
    "metadata.namespace": "whose object it is: short host names, exportTo and precedence go by it",
    "metadata.labels": "what selectors of other objects look at; `istio.io/rev` of an Istio object: the control plane "
    "that it is for, see --revision (PF0904)",
    "metadata.annotations": "some have a meaning of their own, such as `networking.istio.io/exportTo` of a Service",
    "metadata.creationTimestamp": "of two objects in conflict the older one wins",
}
"""The same for every kind."""

EFFECTS: Final[Mapping[str, Mapping[str, str]]] = {
    "DestinationRule": DESTINATION_RULE,
    "EnvoyFilter": ENVOY_FILTER,
    "Gateway": GATEWAY,
    "MeshConfig": MESH_CONFIG,
    "ProxyConfig": {},
    "ServiceEntry": SERVICE_ENTRY,
    "Sidecar": SIDECAR,
    "VirtualService": VIRTUAL_SERVICE,
    "WorkloadEntry": WORKLOAD_ENTRY,
    "WorkloadGroup": {},
    **KUBERNETES,
}
"""Kind to path to what the field does."""
