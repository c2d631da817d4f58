"""What a VirtualService says that must be known before its routes can be built: hosts, gateways, destinations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from translators.hosts import fully_qualified, gateway_reference
from translators.model.meta import Value

if TYPE_CHECKING:
    from translators.model.proxy import ProxyView
    from translators.model.virtual_service import VirtualService
    from translators.recorder import Recorder

MESH = "mesh"
"""The reserved name in `gateways` that stands for all sidecars."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCondition:
    """A match block that holds for some clients only: a proxy that is not such a client gets no route for it."""

    http: int
    match: int
    labels: tuple[tuple[str, str], ...]
    namespace: str

    def holds(self, view: ProxyView) -> bool:
        """Whether the proxy is such a client. A gateway is one by its own labels and namespace, as in Istio."""
        return self.namespace in {"", view.namespace} and view.selected_by(dict(self.labels))


class Outline(Value, frozen=True, kw_only=True):
    """The hosts, in full and in lower case, in the order in which the VirtualService has them."""

    hosts: tuple[str, ...]
    gateways: tuple[str, ...]
    """`namespace/name` of each Gateway, sorted; `mesh` is not among them."""
    destinations: tuple[str, ...]
    """Each host that a route or a mirror sends to, as written; sorted."""
    matches_gateways: bool
    """Whether some match block names gateways, so that the routes depend on the gateway."""
    conditions: tuple[SourceCondition, ...]

    def left_out(self, view: ProxyView) -> str:
        """Return the match blocks that a proxy gets no route for, as `0.1,2.0` (index in `http`, then in `match`)."""
        return ",".join(f"{c.http}.{c.match}" for c in self.conditions if not c.holds(view))


def outline(service: VirtualService, cluster_domain: str, *, recorder: Recorder) -> Outline:
    """Memoised step: read a VirtualService once."""
    del recorder
    namespace = service.metadata.namespace
    spec = service.spec
    destinations: set[str] = set()
    conditions: list[SourceCondition] = []
    matches_gateways = False
    for i, http in enumerate(spec.http):
        for weighted in http.route:
            if weighted.destination is not None:
                destinations.add(weighted.destination.host)
        if http.mirror is not None:
            destinations.add(http.mirror.host)
        for mirror in http.mirrors:
            if mirror.destination is not None:
                destinations.add(mirror.destination.host)
        for j, match in enumerate(http.match):
            if match.gateways:
                # Gateways in a match replace the conditions on the source, in Istio too (reference 10, surprise 10).
                matches_gateways = True
            elif match.source_labels or match.source_namespace:
                labels = tuple(sorted(match.source_labels.items()))
                conditions.append(SourceCondition(http=i, match=j, labels=labels, namespace=match.source_namespace))
    return Outline(
        hosts=tuple(dict.fromkeys([fully_qualified(h, namespace, cluster_domain).lower() for h in spec.hosts])),
        gateways=tuple(sorted({gateway_reference(g, namespace) for g in spec.gateways if g != MESH})),
        destinations=tuple(sorted(destinations)),
        matches_gateways=matches_gateways,
        conditions=tuple(conditions),
    )
