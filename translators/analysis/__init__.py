"""What is wrong between objects: references to what does not exist, objects that hide or exclude each other.

Rules that hold for one object alone are `translators.validation`'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from translators.analysis.destination_rules import destination_rule_remarks
from translators.analysis.discovery import discovery_remarks
from translators.analysis.gateway_ports import gateway_port_remarks
from translators.analysis.gateways import gateway_remarks
from translators.analysis.mesh import Mesh
from translators.analysis.policies import policy_remarks
from translators.analysis.proxies import views_to_try
from translators.analysis.routes import route_remarks
from translators.analysis.selectors import selector_remarks
from translators.analysis.services import service_remarks
from translators.analysis.shared_hosts import shared_host_remarks
from translators.analysis.sidecars import sidecar_remarks

if TYPE_CHECKING:
    from translators.model.origin import Diagnostic
    from translators.model.world import World
    from translators.translate import Translator

__all__ = ["analyze"]


def analyze(world: World, translator: Translator) -> tuple[Diagnostic, ...]:
    """Return what there is to say about a World as a whole, sorted, each thing once.

    Besides the checks of its own it translates for some made-up proxies (see `views_to_try`), and takes over what the
    translator says.
    """
    mesh = Mesh(world)
    found: list[Diagnostic] = [
        *gateway_remarks(mesh),
        *route_remarks(mesh),
        *destination_rule_remarks(mesh),
        *gateway_port_remarks(mesh),
        *policy_remarks(mesh),
        *service_remarks(mesh),
        *shared_host_remarks(mesh),
        *sidecar_remarks(mesh),
        *selector_remarks(world),
        *discovery_remarks(world),
    ]
    for view in views_to_try(world, translator.selector_keys(world)):
        # Made-up proxies run on no node: that they do not say on which is nobody's mistake.
        found += (d for d in translator.translate(world, view).diagnostics if d.code != "PF1140")
    # The same finding may come from several proxies, and in other words from here, with a better hint: it is said once.
    distinct = {(d.code, d.origin or d.message): d for d in reversed(found)}
    return tuple(sorted(distinct.values(), key=lambda d: (d.origin is None, d.origin or (), d.code, d.message)))
