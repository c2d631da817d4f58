"""Runs the translation of gateways for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from translators.destination_rules import rule_index
from translators.gateways import GatewayOutput, gateway_resources
from translators.services import service_index

if TYPE_CHECKING:
    from tests.translators.goldens import Case
    from translators.memo import Steps
    from translators.model.proxy import ProxyView
    from translators.model.world import World


def gateway_output(case: Case, steps: Steps) -> GatewayOutput:
    """Translate a golden case."""
    return translated(case.world, case.view, steps)


def translated(world: World, view: ProxyView, steps: Steps) -> GatewayOutput:
    """Translate a World."""
    services = service_index(world, steps)
    return gateway_resources(world, view, services, rule_index(world, services, steps), steps)
