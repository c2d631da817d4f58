"""Annotations and labels of Services: those that say something to Istio or Kubernetes, and nothing here, are told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from translators.services.exports import DISTRIBUTION_ANNOTATION, DISTRIBUTIONS
from translators.services.kubernetes import EXPORT_TO_ANNOTATION
from translators.validation.findings import quote
from translators.validation.names import is_lower_label

if TYPE_CHECKING:
    from translators.model.kubernetes import Service
    from translators.validation.findings import Findings

_READ: Final = frozenset({DISTRIBUTION_ANNOTATION, EXPORT_TO_ANNOTATION})
_PREFIXES: Final = ("networking.istio.io/", "traffic.istio.io/", "alpha.istio.io/", "ambient.istio.io/")
"""What Istio reads on Services: https://istio.io/latest/docs/reference/config/annotations/."""

_NETWORKS: Final = "no gateway leads from one network to another"
_CERTIFICATES: Final = "certificates of the mesh are not issued, so nobody looks for names in them"
_HINTS: Final = "topology hints are not read"
_ANNOTATIONS: Final = {
    "traffic.istio.io/nodeSelector": (_NETWORKS, "the nodes of a NodePort gateway need not be told"),
    "alpha.istio.io/canonical-serviceaccounts": (_CERTIFICATES, "use subjectAltNames in a DestinationRule"),
    "alpha.istio.io/identity": (_CERTIFICATES, "use subjectAltNames in a DestinationRule"),
    "alpha.istio.io/kubernetes-serviceaccounts": (_CERTIFICATES, "use subjectAltNames in a DestinationRule"),
    "service.kubernetes.io/topology-aware-hints": (_HINTS, "use spec.trafficDistribution"),
    "service.kubernetes.io/topology-mode": (_HINTS, "use spec.trafficDistribution"),
}
_LABELS: Final = {
    "istio.io/global": ("there is one cluster only", "remove the label"),
    "istio.io/ingress-use-waypoint": ("there are no waypoints", "remove the label"),
    "istio.io/persistent-session": (
        "requests of a session are not kept together, so endpoints that shut down get none",
        "use a DestinationRule's consistentHash",
    ),
    "istio.io/use-waypoint": ("there are no waypoints", "remove the label"),
    "networking.istio.io/gatewayPort": (_NETWORKS, "remove the label"),
    "topology.istio.io/network": (_NETWORKS, "remove the label"),
}


def check_distribution(found: Findings, path: str, value: str) -> None:
    """Check which endpoints of a service are asked to come first."""
    if value and value not in DISTRIBUTIONS:
        found.add(
            "PF0625",
            path,
            f"{quote(value)} is no traffic distribution, so endpoints come in no order",
            f"write one of {', '.join(DISTRIBUTIONS)}",
        )


def check_service_metadata(found: Findings, service: Service) -> None:
    """Check the annotations and labels of a Service."""
    meta = service.metadata
    for name in sorted(meta.annotations):
        reason, hint = _ANNOTATIONS.get(name, ("no such annotation is read", f"known are {', '.join(sorted(_READ))}"))
        if name in _ANNOTATIONS or (name.startswith(_PREFIXES) and name not in _READ):
            found.add("PF1141", "metadata.annotations", f"the annotation {quote(name)} has no effect: {reason}", hint)
    for name in sorted(meta.labels.keys() & _LABELS.keys()):
        reason, hint = _LABELS[name]
        found.add("PF1141", "metadata.labels", f"the label {quote(name)} has no effect: {reason}", hint)
    exported = meta.annotations.get(EXPORT_TO_ANNOTATION, "")
    for entry in (part.strip() for part in exported.split(",")):
        if entry and entry not in {"*", ".", "~"} and not is_lower_label(entry):
            found.add(
                "PF0284",
                "metadata.annotations",
                f"{EXPORT_TO_ANNOTATION}: {quote(entry)} is not a namespace",
                'write namespaces, "." (the Service\'s own), "*" (all) or "~" (none), with commas between them',
            )
