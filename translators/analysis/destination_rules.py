"""DestinationRules for hosts that no service has, and subsets that no endpoint belongs to."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from translators.analysis.selectors import as_text
from translators.hosts import subset_of
from translators.model.codes import diagnose
from translators.model.destination_rule import DestinationRule
from translators.model.origin import Origin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from translators.analysis.mesh import Mesh
    from translators.model.origin import Diagnostic
    from translators.model.service import Service

_MOST_SHOWN: Final = 5


def destination_rule_remarks(mesh: Mesh) -> Iterator[Diagnostic]:
    """Yield what there is to say about DestinationRules."""
    for rule in mesh.world.each(DestinationRule):
        namespace = rule.metadata.namespace
        host = mesh.services.resolve(rule.spec.host, namespace)
        if host.startswith("*"):
            known = any(subset_of(service.hostname, host) for service in mesh.services.visible_to(namespace))
            service = None
        else:
            service = mesh.services.find(host, namespace)
            known = bool(mesh.services.hidden(host))
        if not known:
            yield diagnose(
                "PF0722",
                f"no service {host} is known, so this rule has no effect",
                Origin(rule.key, "spec.host"),
                hint=_nearest(mesh, host, namespace),
            )
        elif service is not None:
            yield from _empty_subsets(mesh, rule, service)


def _empty_subsets(mesh: Mesh, rule: DestinationRule, service: Service) -> Iterator[Diagnostic]:
    endpoints = mesh.endpoints(service)
    if not endpoints:
        return
    for index, subset in enumerate(rule.spec.subsets):
        wanted = subset.labels.items()
        if any(wanted <= endpoint.labels.items() for endpoint in endpoints):
            continue
        keys = sorted(subset.labels)
        present = sorted({f"{k}={e.labels[k]}" for e in endpoints for k in keys if k in e.labels})
        shown = ", ".join(present[:_MOST_SHOWN]) or "none of these labels"
        yield diagnose(
            "PF0723",
            f"none of the {len(endpoints)} endpoints of {service.hostname} has {as_text(subset.labels)}; "
            f"they have: {shown}",
            Origin(rule.key, f"spec.subsets[{index}].labels"),
            hint="requests to this subset are answered 503; correct the labels of the subset or of the workloads",
        )


def _nearest(mesh: Mesh, host: str, namespace: str) -> str:
    names = [service.hostname for service in mesh.services.visible_to(namespace)]
    first = host.partition(".")[0]
    close = [n for n in names if n.partition(".")[0] == first][:1] or get_close_matches(host, names, n=1, cutoff=0.8)
    return f"did you mean {close[0]}?" if close else "a short name means the namespace of the DestinationRule"
