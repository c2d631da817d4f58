"""Where traffic goes that no service explains: outboundTrafficPolicy of the mesh and of Sidecars (reference 1.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from translators.model.codes import diagnose
from translators.model.origin import Origin
from translators.model.service import Resolution
from translators.names import cluster_name
from translators.services import Destination
from translators.sidecars.fixed_clusters import BLACK_HOLE, PASSTHROUGH

if TYPE_CHECKING:
    from translators.destination_rules import MergedRule, RuleIndex
    from translators.memo import Steps
    from translators.model.mesh_config import OutboundTrafficPolicy
    from translators.model.origin import Diagnostic
    from translators.model.proxy import ProxyView
    from translators.model.service import Service
    from translators.model.sidecar import Sidecar
    from translators.model.virtual_service import Destination as HostAndPort
    from translators.model.world import World
    from translators.recorder import Recorder
    from translators.services import ServiceIndex


class Elsewhere(NamedTuple):
    """A cluster, and why it is this one."""

    cluster: str
    destination: Destination | None = None
    """What the cluster stands for if it is that of a service (an egress proxy)."""
    origin: Origin | None = None
    """The field that says so; None if nobody said anything."""
    diagnostics: tuple[Diagnostic, ...] = ()


def elsewhere_of(
    world: World, view: ProxyView, sidecar: Sidecar | None, services: ServiceIndex, rules: RuleIndex, steps: Steps
) -> Elsewhere:
    """Return where a proxy sends what it does not know: on to its original destination, to an egress proxy, or
    nowhere. It is the same object while nothing about it changes.
    """
    name, service, rule = "", None, None
    policy = sidecar.spec.outbound_traffic_policy if sidecar is not None else None
    if sidecar is not None and policy is not None and policy.egress_proxy is not None:
        name = services.resolve(policy.egress_proxy.host, sidecar.metadata.namespace)
        service = services.find(name, view.namespace)
        rule = rules.for_service(service, view.namespace, view.labels) if service is not None else None
    return steps.step(_elsewhere, world.mesh.outbound_traffic_policy, sidecar, name, service, rule)


def _elsewhere(
    mesh: OutboundTrafficPolicy,
    sidecar: Sidecar | None,
    proxy_name: str,
    service: Service | None,
    rule: MergedRule | None,
    *,
    recorder: Recorder,
) -> Elsewhere:
    """Memoised step: a Sidecar's policy replaces the mesh's. `proxy_name` is the full host of its egress proxy, then
    come the service of that name and its rule.
    """
    del recorder
    policy = sidecar.spec.outbound_traffic_policy if sidecar is not None else None
    mode, origin = mesh.mode, None
    if sidecar is not None and policy is not None:
        mode, origin = policy.mode, Origin(sidecar.key, "spec.outboundTrafficPolicy")
        if mode != "REGISTRY_ONLY" and policy.egress_proxy is not None:
            field = Origin(sidecar.key, "spec.outboundTrafficPolicy.egressProxy")
            return _egress_proxy(policy.egress_proxy, proxy_name, service, rule, field)
    return Elsewhere(BLACK_HOLE if mode == "REGISTRY_ONLY" else PASSTHROUGH, None, origin)


def _egress_proxy(
    asked: HostAndPort, name: str, service: Service | None, rule: MergedRule | None, field: Origin
) -> Elsewhere:
    """Return the cluster of an egress proxy. One that does not exist keeps its name: its traffic is refused."""
    number = asked.port.number if asked.port is not None else 0
    hostname = service.hostname if service is not None else name
    cluster = cluster_name(number, asked.subset, hostname)
    port = service.port(number) if service is not None and service.resolution is not Resolution.ALIAS else None
    problem = None
    if service is None or port is None:
        what = f"{hostname} has no port {number}" if service is not None else f"no service {hostname} is known"
        problem = ("PF0703" if service is not None else "PF0701", what)
    elif asked.subset and (rule is None or asked.subset not in rule.subsets):
        problem = ("PF0702", f"{hostname} has no subset {asked.subset} in any DestinationRule")
    if problem is not None or service is None or port is None:
        code, message = problem or ("PF0701", "")
        hint = "traffic for unknown hosts is refused"
        return Elsewhere(cluster, None, field, (diagnose(code, message, field, hint=hint),))
    return Elsewhere(cluster, Destination(service=service, port=port, subset=asked.subset), field)
