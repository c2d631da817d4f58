"""What holds for every object: its name, namespace, labels and annotations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from translators.model.kinds import CLUSTER_SCOPED, KUBERNETES_KINDS
from translators.model.kubernetes import Namespace, Service
from translators.model.service_entry import ServiceEntry
from translators.services.exports import DISTRIBUTION_ANNOTATION
from translators.validation.findings import quote
from translators.validation.names import check_labels, is_lower_label, is_object_name
from translators.validation.service_metadata import check_distribution

if TYPE_CHECKING:
    from translators.model.meta import KubeObject
    from translators.validation.findings import Findings

_INTERNAL: Final = "internal.istio.io/"
_DRY_RUN: Final = "istio.io/dry-run"


def check_metadata(found: Findings, obj: KubeObject) -> None:
    """Check `metadata`. Kubernetes has checked its own kinds already; in files nobody has."""
    meta = obj.metadata
    if not is_object_name(meta.name):
        found.add(
            "PF0280",
            "metadata.name",
            f"{quote(meta.name)} is not a valid name" if meta.name else "the object has no name",
            'write lower-case letters, digits, "-" and ".", at most 253, beginning and ending with a letter or digit',
        )
    if type(obj).KIND not in CLUSTER_SCOPED and not is_lower_label(meta.namespace):
        found.add(
            "PF0280",
            "metadata.namespace",
            f"{quote(meta.namespace)} is not a valid namespace",
            'write lower-case letters, digits and "-", at most 63, beginning and ending with a letter or digit',
        )
    check_labels(found, "metadata.labels", meta.labels)
    if isinstance(obj, Namespace | Service | ServiceEntry):
        check_distribution(found, "metadata.annotations", meta.annotations.get(DISTRIBUTION_ANNOTATION, ""))
    if isinstance(obj, KUBERNETES_KINDS):
        return
    for name in sorted(meta.annotations):
        if name.startswith(_INTERNAL):
            found.add("PF0285", "metadata.annotations", f"{quote(name)} is set by Istio only", "remove the annotation")
        elif name == _DRY_RUN:
            found.add(
                "PF0285",
                "metadata.annotations",
                f"{quote(name)} has a meaning on an AuthorizationPolicy only",
                "remove the annotation",
            )
