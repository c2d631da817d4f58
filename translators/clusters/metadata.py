"""`metadata.filter_metadata.istio` of a cluster: which service, which subset, which rule (reference 2.7).

istioctl and dashboards read it, and it leads a person from Envoy's config_dump back to the configuration.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from translators.model.destination_rule import DestinationRule
from translators.names import istio_config_path

if TYPE_CHECKING:
    from envoy.config.cluster.v3.cluster_pb2 import Cluster

    from translators.destination_rules import MergedRule
    from translators.model.service import Service

_RULE_PATH: Final = istio_config_path(DestinationRule.GROUP, DestinationRule.KIND, "%s", "%s")


def apply_metadata(cluster: Cluster, service: Service, subset: str, rule: MergedRule | None) -> None:
    """Write the service, and the rule and subset if there are any."""
    fields = cluster.metadata.filter_metadata["istio"].fields
    if rule is not None:
        _, namespace, name = rule.origins[0]
        fields["config"].string_value = _RULE_PATH % (namespace, name)
    if subset:
        fields["subset"].string_value = subset
    if service.mesh_external:
        fields["external"].bool_value = True
    described = fields["services"].list_value.values.add().struct_value.fields
    described["host"].string_value = service.hostname
    described["name"].string_value = service.name
    described["namespace"].string_value = service.namespace
