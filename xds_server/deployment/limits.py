"""What schemas say beyond types: rules of validation that a structural schema can hold.

Each is a rule of `translators/validation`, named by its code. The tests hold that no object is refused which validation
takes. A rule that looks at how a field is used, and not only at whether it is there, stays with validation.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from translators.model import destination_rule as dr
from translators.model import gateway as gw
from translators.model import service_entry as se
from translators.model import virtual_service as vs
from translators.model.common import Percent, PortSelector, StringMatch

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What one message must look like."""

    required: tuple[str, ...] = ()
    fields: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    """Field to what its schema says besides its type."""
    apart: tuple[tuple[str, str], ...] = ()
    """Pairs of fields that do not go together."""


_SAID: Final[dict[str, Any]] = {"minLength": 1}
_SOME: Final[dict[str, Any]] = {"minItems": 1}
_PORT: Final[dict[str, Any]] = {"minimum": 1, "maximum": 65535}
_COUNT: Final[dict[str, Any]] = {"minimum": 0}
_PERCENT: Final[dict[str, Any]] = {"minimum": 0, "maximum": 100}

LIMITS: Final[Mapping[type, Limit]] = {
    # common
    StringMatch: Limit(apart=(("exact", "prefix"), ("exact", "regex"), ("prefix", "regex"))),  # PF0426
    PortSelector: Limit(fields={"number": _PORT}),  # PF0416, PF0508
    Percent: Limit(fields={"value": _PERCENT}),  # PF0445, PF0450
    # Gateway
    gw.GatewaySpec: Limit(required=("servers",), fields={"servers": _SOME}),  # PF0301
    gw.Server: Limit(required=("port", "hosts"), fields={"hosts": _SOME}),  # PF0302, PF0304
    # VirtualService
    vs.Destination: Limit(required=("host",), fields={"host": _SAID}),  # PF0414
    vs.HTTPRouteDestination: Limit(required=("destination",), fields={"weight": _COUNT}),  # PF0414, PF0417
    vs.RouteDestination: Limit(required=("destination",), fields={"weight": _COUNT}),  # PF0414, PF0417
    vs.HTTPRoute: Limit(  # PF0411
        apart=(
            ("redirect", "route"),
            ("redirect", "directResponse"),
            ("redirect", "fault"),
            ("redirect", "rewrite"),
            ("directResponse", "route"),
        )
    ),
    vs.HTTPRedirect: Limit(apart=(("port", "derivePort"),)),  # PF0436
    vs.HTTPDirectResponse: Limit(required=("status",), fields={"status": {"minimum": 200, "maximum": 599}}),  # PF0437
    vs.HTTPBody: Limit(apart=(("string", "bytes"),)),  # PF0438
    vs.HTTPRetry: Limit(fields={"attempts": _COUNT}),  # PF0440
    vs.TLSRoute: Limit(required=("match",), fields={"match": _SOME}),  # PF0461
    vs.TLSMatchAttributes: Limit(required=("sniHosts",), fields={"sniHosts": _SOME}),  # PF0462
    # DestinationRule
    dr.DestinationRuleSpec: Limit(required=("host",), fields={"host": _SAID}),  # PF0501
    dr.Subset: Limit(required=("name",), fields={"name": {"minLength": 1, "maxLength": 63}}),  # PF0503
    # ServiceEntry
    se.ServiceEntrySpec: Limit(required=("hosts",), fields={"hosts": _SOME}),  # PF0601
    se.ServiceEntryPort: Limit(required=("number", "name"), fields={"number": _PORT, "name": _SAID}),  # PF0608, PF0610
}
"""Message to its limits. What is not here is held to its types alone."""
