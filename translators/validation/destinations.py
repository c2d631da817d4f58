"""Rules for destinations and their weights, shared by http, tls and tcp routes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from translators.validation.findings import quote
from translators.validation.names import fqdn_problem, is_dns_label
from translators.validation.values import UINT32, check_port

if TYPE_CHECKING:
    from translators.model.virtual_service import Destination, HTTPRouteDestination, RouteDestination
    from translators.validation.findings import Findings


def check_destination(found: Findings, path: str, destination: Destination | None) -> None:
    """Check one destination: a host, and perhaps a subset and a port."""
    if destination is None:
        found.add("PF0414", path, "the destination is missing", "add destination: {host: …}")
        return
    if destination.host == "*":
        found.add("PF0414", f"{path}.host", '"*" is not a destination', "name one service")
    else:
        problem = fqdn_problem(destination.host, wildcard=True)
        if problem:
            found.add(
                "PF0414",
                f"{path}.host",
                f"{quote(destination.host)} {problem}" if destination.host else "the destination has no host",
                'write the name of a service, such as "reviews" or "reviews.default.svc.cluster.local"',
            )
    if destination.subset and not is_dns_label(destination.subset):
        found.add(
            "PF0415",
            f"{path}.subset",
            f"{quote(destination.subset)} is not the name of a subset",
            'write letters, digits and "-", at most 63',
        )
    if destination.port is not None:
        check_port(found, "PF0416", f"{path}.port.number", destination.port.number)


def check_weights(
    found: Findings, path: str, destinations: tuple[HTTPRouteDestination, ...] | tuple[RouteDestination, ...]
) -> None:
    """Check the weights of a route. They need not add up to 100: Envoy divides by their sum."""
    weighted: tuple[HTTPRouteDestination | RouteDestination, ...] = destinations
    for index, destination in enumerate(weighted):
        check_destination(found, f"{path}[{index}].destination", destination.destination)
        if destination.weight < 0:
            found.add(
                "PF0417",
                f"{path}[{index}].weight",
                f"the weight {destination.weight} is negative",
                "write 0 for no traffic, or a positive number",
            )
    total = sum(d.weight for d in weighted)
    if len(destinations) > 1 and all(d.weight >= 0 for d in weighted):
        if total == 0:
            found.add(
                "PF0418",
                path,
                f"the weights of {len(destinations)} destinations add up to 0",
                "give at least one destination a weight",
            )
        elif total > UINT32:
            found.add("PF0418", path, f"the weights add up to {total}, more than {UINT32}", "write smaller weights")
