"""DestinationRules again: settings that no port of the host can use, ports that it does not have, clients that do not
exist.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from translators.analysis.selectors import as_text
from translators.hosts import subset_of
from translators.locality import is_inside
from translators.model.codes import diagnose
from translators.model.destination_rule import DestinationRule
from translators.model.kubernetes import Pod
from translators.model.origin import Origin
from translators.model.service import Protocol, Resolution

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from translators.analysis.mesh import Mesh
    from translators.model.destination_rule import (
        ConnectionPoolSettings,
        LoadBalancerSettings,
        PortTrafficPolicy,
        TrafficPolicy,
    )
    from translators.model.origin import Diagnostic
    from translators.model.service import Service, ServicePort

_UNBALANCED: Final = frozenset({Resolution.PASSTHROUGH, Resolution.DYNAMIC_DNS})
"""Services whose clients say where they go, so that nothing is chosen (by sidecars)."""


def policy_remarks(mesh: Mesh) -> Iterator[Diagnostic]:
    """Yield what there is to say about the policies of DestinationRules."""
    for rule in mesh.world.each(DestinationRule):
        yield from _unknown_clients(mesh, rule)
        services = _services(mesh, rule)
        if not services:
            continue  # PF0722
        policies = [("spec.trafficPolicy", rule.spec.traffic_policy)]
        policies += [(f"spec.subsets[{i}].trafficPolicy", s.traffic_policy) for i, s in enumerate(rule.spec.subsets)]
        for path, policy in policies:
            if policy is not None:
                yield from _policy_remarks(rule, path, policy, services)
                yield from _empty_localities(mesh, rule, path, policy, services)


def _services(mesh: Mesh, rule: DestinationRule) -> list[Service]:
    namespace = rule.metadata.namespace
    host = mesh.services.resolve(rule.spec.host, namespace)
    if host.startswith("*"):
        return [service for service in mesh.services.visible_to(namespace) if subset_of(service.hostname, host)]
    return list(mesh.services.hidden(host))


def _unknown_clients(mesh: Mesh, rule: DestinationRule) -> Iterator[Diagnostic]:
    """Only where workloads are known at all: files for docker-compose hold no pods."""
    selector = rule.spec.workload_selector
    if selector is None or not selector.match_labels or not mesh.world.kind(Pod):
        return
    wanted = selector.match_labels.items()
    pods = mesh.world.namespace(Pod, rule.metadata.namespace).values()
    if not any(wanted <= pod.metadata.labels.items() for pod in pods):
        yield diagnose(
            "PF0730",
            f"no known pod of namespace {rule.metadata.namespace} has the labels {as_text(selector.match_labels)}",
            Origin(rule.key, "spec.workloadSelector"),
            hint="write the labels of the clients, not those of the host; they are in the rule's own namespace",
        )


def _policy_remarks(
    rule: DestinationRule, path: str, policy: TrafficPolicy, services: list[Service]
) -> Iterator[Diagnostic]:
    ports = [port for service in services for port in service.ports]
    own = [settings.port.number for settings in policy.port_level_settings if settings.port is not None]
    rest = [port for port in ports if port.number not in own]
    yield from _useless(rule, path, policy, rest, services)
    for index, settings in enumerate(policy.port_level_settings):
        where = f"{path}.portLevelSettings[{index}]"
        if settings.port is None:
            continue
        those = [port for port in ports if port.number == settings.port.number]
        if those:
            yield from _useless(rule, where, settings, those, services)
        else:
            known = ", ".join(str(number) for number in sorted({port.number for port in ports})) or "none"
            yield diagnose(
                "PF0731",
                f"{rule.spec.host} has no port {settings.port.number}; it has: {known}",
                Origin(rule.key, f"{where}.port"),
                hint="name a port of the service, not one of its endpoints",
            )


def _empty_localities(
    mesh: Mesh, rule: DestinationRule, path: str, policy: TrafficPolicy, services: list[Service]
) -> Iterator[Diagnostic]:
    """Yield a remark for each locality that traffic is sent to and that has no endpoint of the host."""
    setting = policy.load_balancer.locality_lb_setting if policy.load_balancer is not None else None
    known = {endpoint.locality for service in services for endpoint in mesh.endpoints(service)}
    if setting is None or not known:
        return
    where = f"{path}.loadBalancer.localityLbSetting"
    to = [(f"{where}.failover[{i}].to", failover.to) for i, failover in enumerate(setting.failover)]
    for i, distribute in enumerate(setting.distribute):
        to += [(f"{where}.distribute[{i}].to", pattern) for pattern in sorted(distribute.to)]
    for field, pattern in to:
        if not any(is_inside(locality, pattern) for locality in known):
            places = sorted({"/".join(filter(None, (p.region, p.zone, p.sub_zone))) for p in known} - {""})
            yield diagnose(
                "PF0738",
                f'no endpoint of {rule.spec.host} is in "{pattern}"; they are in: {", ".join(places) or "no locality"}',
                Origin(rule.key, field),
                hint="an endpoint's locality is its WorkloadEntry's, else that of its node's topology labels",
            )


def _useless(
    rule: DestinationRule,
    path: str,
    policy: TrafficPolicy | PortTrafficPolicy,
    ports: Iterable[ServicePort],
    services: list[Service],
) -> Iterator[Diagnostic]:
    """Yield a remark for each setting that none of the ports can use."""
    protocols = {port.protocol for port in ports}
    if not protocols:
        return
    found: list[tuple[str, str]] = []
    if policy.connection_pool is not None:
        found += _useless_limits(f"{path}.connectionPool", policy.connection_pool, protocols)
    if policy.load_balancer is not None:
        found += _useless_balancing(f"{path}.loadBalancer", policy.load_balancer, protocols, services)
    for where, reason in found:
        yield diagnose(
            "PF0732",
            f"this has no effect: {reason}",
            Origin(rule.key, where),
            hint="remove it, or correct the protocol of the port (its name or appProtocol)",
        )


def _useless_limits(path: str, pool: ConnectionPoolSettings, protocols: set[Protocol]) -> Iterator[tuple[str, str]]:
    http = pool.http
    if http is None:
        return
    if not any(map(_may_be_http, protocols)):
        yield f"{path}.http", "no port speaks HTTP"
        return
    upgraded = http.h2_upgrade_policy == "UPGRADE" or http.use_client_protocol
    if upgraded or any(protocol.is_http2 or protocol is Protocol.UNSUPPORTED for protocol in protocols):
        return
    for name, value in (
        ("maxConcurrentStreams", http.max_concurrent_streams),
        ("http2KeepAlive", http.http2_keep_alive),
    ):
        if value:
            yield f"{path}.http.{name}", "no port speaks HTTP/2"


def _useless_balancing(
    path: str, balancer: LoadBalancerSettings, protocols: set[Protocol], services: list[Service]
) -> Iterator[tuple[str, str]]:
    hashed = balancer.consistent_hash
    if all(service.resolution in _UNBALANCED for service in services) and balancer.simple != "PASSTHROUGH":
        yield path, f"{services[0].hostname} goes where its client says, so sidecars choose nothing"
    elif hashed is not None and not hashed.use_source_ip and not any(map(_may_be_http, protocols)):
        yield f"{path}.consistentHash", "no port speaks HTTP, and TCP has nothing to hash but the source address"


def _may_be_http(protocol: Protocol) -> bool:
    """Whether HTTP is spoken to a port, at least with TLS around it, or by what a sidecar finds out."""
    return protocol.is_http or protocol is Protocol.UNSUPPORTED or protocol.is_tls
