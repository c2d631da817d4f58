"""The clusters that patches lead to: a gateway gets them although no route of its own names them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from translators.services import Destination

if TYPE_CHECKING:
    from collections.abc import Iterator

    from translators.envoy_filters.plan import Plan
    from translators.model.proxy import ProxyView
    from translators.services import ServiceIndex


def reached(plan: Plan, view: ProxyView, services: ServiceIndex) -> Iterator[Destination]:
    """Yield the destinations whose clusters the values of a plan's patches name (`outbound|80|v1|host`)."""
    names = dict.fromkeys(name for patch in plan.patches for _, name in patch.refs)
    for name in names:
        parts = name.split("|")
        if len(parts) != 4 or parts[0] != "outbound":
            continue
        service = services.find(parts[3], view.namespace)
        if service is None:
            continue
        for port in service.ports:
            if str(port.number) == parts[1]:
                yield Destination(service=service, port=port, subset=parts[2])
