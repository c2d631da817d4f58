"""The clusters and assignments of one view: what the translator calls (reference 2.7, 2.8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from translators.assignments import build_assignment
from translators.clusters.build import build_cluster
from translators.clusters.discovery import UNREDIRECTED
from translators.clusters.remarks import remarks, tls_remarks, udp
from translators.clusters.sni_dnat import sni_dnat_assignment, sni_dnat_cluster, without_tls
from translators.destination_rules import cluster_policy
from translators.locality import place_of, setting_of
from translators.model.proxy import GRPC
from translators.model.service import Protocol
from translators.services import endpoints_from, is_dns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from translators.destination_rules import RuleIndex
    from translators.memo import Steps
    from translators.model.origin import Diagnostic
    from translators.model.proxy import ProxyView
    from translators.model.world import World
    from translators.resources import Resource
    from translators.services import Destination


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterOutput:
    """What a view is sent about its destinations. Both tuples are sorted by name."""

    clusters: tuple[Resource, ...]
    assignments: tuple[Resource, ...]
    diagnostics: tuple[Diagnostic, ...]


def cluster_resources(
    world: World,
    view: ProxyView,
    destinations: Iterable[Destination],
    rules: RuleIndex,
    steps: Steps,
    build: Callable[..., Resource | None] = build_cluster,
) -> ClusterOutput:
    """Build the cluster of each destination with `build`, and its assignment if it is an EDS cluster.

    Destinations may repeat. One whose subset no rule defines has no cluster: routes keep its name and answer 503, and
    whoever made the destination says so.
    """
    clusters: list[Resource] = []
    assignments: list[Resource] = []
    diagnostics: list[Diagnostic] = []
    mesh = world.mesh
    kind = UNREDIRECTED if view.type == "sidecar" and view.interception_mode == "NONE" else view.type
    for destination in unique(destinations):
        service, port, subset = destination.service, destination.port, destination.subset
        rule = rules.for_service(service, view.namespace, view.labels)
        if subset and (rule is None or subset not in rule.subsets):
            continue
        if port.protocol is Protocol.UDP:
            diagnostics.append(udp(destination))
            continue
        if destination.sni_dnat and rule is not None:
            rule = steps.step(without_tls, rule)
        found = endpoints_from(world, service, view.node, steps)
        policy = cluster_policy(rule, port.number, subset, mesh)
        place = place_of(view, setting_of(policy, service, mesh))
        inline = (found.endpoints, place) if is_dns(service) else (None, None)
        cluster = steps.step(build, service, port, subset, rule, mesh, kind, *inline, *_way(destination))
        diagnostics += found.diagnostics
        if policy.tls is not None and view.generator != GRPC and not destination.sni_dnat:
            diagnostics += tls_remarks(destination, policy)
        if cluster is None or not cluster.refs:
            diagnostics += remarks(mesh, view, destination, rule, found, has_cluster=cluster is not None)
        if cluster is not None and destination.sni_dnat:
            cluster = steps.step(sni_dnat_cluster, cluster, destination.cluster_name)
        if cluster is not None:
            clusters.append(cluster)
            if cluster.refs:
                assignment = steps.step(build_assignment, service, port, subset, rule, mesh, found.endpoints, place)
                if destination.sni_dnat:
                    assignment = steps.step(sni_dnat_assignment, assignment, destination.cluster_name)
                assignments.append(assignment)
                if not found.endpoints:
                    diagnostics += remarks(mesh, view, destination, rule, found, has_cluster=True)
    return ClusterOutput(
        clusters=tuple(clusters), assignments=tuple(assignments), diagnostics=tuple(dict.fromkeys(diagnostics))
    )


def _way(destination: Destination) -> tuple[bool, ...]:
    return (True,) if destination.sni_dnat else ()  # no argument rather than False: it is another key of the memo


def unique(destinations: Iterable[Destination]) -> list[Destination]:
    """Return one destination for each cluster, sorted by its name."""
    by_name = {destination.cluster_name: destination for destination in destinations}
    return [by_name[name] for name in sorted(by_name)]
