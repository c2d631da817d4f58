"""Rules for Istio's DestinationRule as a whole: host, subsets, and what a traffic policy is made of (reference 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from translators.validation.client_tls import check_tls
from translators.validation.connection_policy import check_connection_pool, check_outlier_detection
from translators.validation.findings import quote
from translators.validation.load_balancer import check_load_balancer
from translators.validation.names import (
    check_export_to,
    check_labels,
    check_workload_selector,
    fqdn_problem,
    is_dns_label,
    is_ip,
)
from translators.validation.values import check_duration, check_percent, check_port

if TYPE_CHECKING:
    from translators.model.destination_rule import DestinationRule, PortTrafficPolicy, TrafficPolicy, TunnelSettings
    from translators.validation.findings import Findings


def check_destination_rule(found: Findings, rule: DestinationRule) -> None:
    """Check one DestinationRule. Whether its host exists is not known here."""
    spec = rule.spec
    problem = fqdn_problem(spec.host, wildcard=True)
    if problem:
        found.add(
            "PF0501",
            "spec.host",
            f"{quote(spec.host)} {problem}" if spec.host else "the DestinationRule has no host",
            'write the name of a service ("reviews"), or a wildcard ("*.example.com")',
        )
    check_export_to(found, spec.export_to, rule.metadata.namespace)
    if spec.workload_selector is not None:
        check_workload_selector(
            found, "spec.workloadSelector", spec.workload_selector.match_labels, field="matchLabels"
        )
        if any(e not in {".", rule.metadata.namespace} for e in spec.export_to):
            found.add(
                "PF0505",
                "spec.exportTo",
                "a DestinationRule with a workload selector applies to workloads of its own namespace only",
                'write exportTo: ["."], or leave it out',
            )
    if spec.traffic_policy is not None:
        check_traffic_policy(found, "spec.trafficPolicy", spec.traffic_policy)
    names: dict[str, int] = {}
    for index, subset in enumerate(spec.subsets):
        path = f"spec.subsets[{index}]"
        if not is_dns_label(subset.name):
            what = f"{quote(subset.name)} is not a valid name" if subset.name else "the subset has no name"
            found.add("PF0503", f"{path}.name", what, 'write letters, digits and "-", at most 63')
        first = names.setdefault(subset.name, index)
        if first != index:
            found.add(
                "PF0504",
                f"{path}.name",
                f"{quote(subset.name)} is also the name of spec.subsets[{first}]",
                "give each subset a name of its own",
            )
        check_labels(found, f"{path}.labels", subset.labels)
        if subset.traffic_policy is not None:
            check_traffic_policy(found, f"{path}.trafficPolicy", subset.traffic_policy)


def check_traffic_policy(found: Findings, path: str, policy: TrafficPolicy) -> None:
    """Check a traffic policy, of a rule or of a subset."""
    if not any(getattr(policy, field) for field in policy.__struct_fields__):
        found.add(
            "PF0502", path, "the traffic policy says nothing", "add loadBalancer, connectionPool, …, or remove it"
        )
    _check_blocks(found, path, policy)
    for index, settings in enumerate(policy.port_level_settings):
        where = f"{path}.portLevelSettings[{index}]"
        if settings.port is None:
            found.add("PF0508", where, "the settings have no port", "add port: {number: …}")
        else:
            check_port(found, "PF0508", f"{where}.port.number", settings.port.number)
        if not (settings.load_balancer or settings.connection_pool or settings.outlier_detection or settings.tls):
            found.add("PF0509", where, "the settings of the port say nothing", "add loadBalancer, connectionPool, …")
        _check_blocks(found, where, settings)
    if policy.tunnel is not None:
        if policy.proxy_protocol is not None:
            found.add("PF0506", f"{path}.proxyProtocol", "proxyProtocol does not go with tunnel", "keep one of them")
        _check_tunnel(found, f"{path}.tunnel", policy.tunnel)
    if policy.retry_budget is not None:
        where = f"{path}.retryBudget"
        check_percent(found, "PF0510", f"{where}.percent", policy.retry_budget.percent)
        check_duration(found, "PF0511", f"{where}.budgetInterval", policy.retry_budget.budget_interval)


def _check_blocks(found: Findings, path: str, policy: TrafficPolicy | PortTrafficPolicy) -> None:
    if policy.load_balancer is not None:
        detected = policy.outlier_detection is not None
        check_load_balancer(found, f"{path}.loadBalancer", policy.load_balancer, outlier_detection=detected)
    if policy.connection_pool is not None:
        check_connection_pool(found, f"{path}.connectionPool", policy.connection_pool)
    if policy.outlier_detection is not None:
        check_outlier_detection(found, f"{path}.outlierDetection", policy.outlier_detection)
    if policy.tls is not None:
        check_tls(found, f"{path}.tls", policy.tls)


def _check_tunnel(found: Findings, path: str, tunnel: TunnelSettings) -> None:
    if tunnel.protocol not in {"", "CONNECT", "POST"}:
        found.add(
            "PF0507",
            f"{path}.protocol",
            f"{quote(tunnel.protocol)} is not a method for tunnels",
            "write CONNECT or POST",
        )
    problem = "" if is_ip(tunnel.target_host) else fqdn_problem(tunnel.target_host)
    if problem:
        what = f"{quote(tunnel.target_host)} {problem}" if tunnel.target_host else "the tunnel has no target host"
        found.add("PF0507", f"{path}.targetHost", what, "write a host name or an IP address")
    check_port(found, "PF0507", f"{path}.targetPort", tunnel.target_port, "target port")
