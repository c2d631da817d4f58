"""The clusters that a sidecar has for a service: one for each port, and for each subset of it (reference 2.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from translators.model.service import Protocol
from translators.services import Destination

if TYPE_CHECKING:
    from translators.destination_rules import MergedRule
    from translators.model.service import Service
    from translators.recorder import Recorder


def destinations_of(service: Service, rule: MergedRule | None, *, recorder: Recorder) -> tuple[Destination, ...]:
    """Memoised step: return each port of a service, and each subset of it that its DestinationRule has."""
    del recorder
    subsets = ("", *(rule.subsets if rule is not None else ()))
    return tuple(
        Destination(service=service, port=port, subset=subset)
        for port in service.ports
        if port.protocol is not Protocol.UDP
        for subset in subsets
    )
