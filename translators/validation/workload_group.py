"""Rules for Istio's WorkloadGroup (reference 4, "WorkloadEntry/Group")."""

from __future__ import annotations

from typing import TYPE_CHECKING

from translators.validation.findings import quote
from translators.validation.names import check_labels
from translators.validation.values import check_port, is_token
from translators.validation.workload_entry import check_endpoint

if TYPE_CHECKING:
    from translators.model.workload_group import HTTPHealthCheckConfig, ReadinessProbe, WorkloadGroup
    from translators.validation.findings import Findings


def check_workload_group(found: Findings, group: WorkloadGroup) -> None:
    """Check one WorkloadGroup."""
    spec = group.spec
    if spec.metadata is not None:
        check_labels(found, "spec.metadata.labels", spec.metadata.labels)
    if spec.template is None:
        found.add("PF0630", "spec.template", "the WorkloadGroup has no template", "add template, if only {}")
    else:
        if spec.template.address:
            found.add(
                "PF0630",
                "spec.template.address",
                "each workload of the group has an address of its own",
                "remove it, or write a WorkloadEntry for one workload",
            )
        check_endpoint(found, "spec.template", spec.template, names_allowed=True, template=True)
    if spec.probe is not None:
        _check_probe(found, "spec.probe", spec.probe)


def _check_probe(found: Findings, path: str, probe: ReadinessProbe) -> None:
    for name, value in (
        ("initialDelaySeconds", probe.initial_delay_seconds),
        ("timeoutSeconds", probe.timeout_seconds),
        ("periodSeconds", probe.period_seconds),
        ("successThreshold", probe.success_threshold),
        ("failureThreshold", probe.failure_threshold),
    ):
        if value < 0:
            found.add("PF0631", f"{path}.{name}", f"{value} is negative", "write 0 or more")
    ways = {"httpGet": probe.http_get, "tcpSocket": probe.tcp_socket, "exec": probe.exec_, "grpc": probe.grpc}
    given = [name for name, way in ways.items() if way is not None]
    if len(given) != 1:
        found.add(
            "PF0631",
            path,
            f"the probe has {' and '.join(given) or 'no way to find out'}",
            f"keep one of {', '.join(ways)}",
        )
    if probe.http_get is not None:
        _check_http(found, f"{path}.httpGet", probe.http_get)
    if probe.tcp_socket is not None:
        check_port(found, "PF0631", f"{path}.tcpSocket.port", probe.tcp_socket.port)
    if probe.exec_ is not None and not probe.exec_.command:
        found.add("PF0631", f"{path}.exec.command", "the command is empty", "write the command and its arguments")
    if probe.grpc is not None:
        check_port(found, "PF0631", f"{path}.grpc.port", probe.grpc.port)


def _check_http(found: Findings, path: str, http: HTTPHealthCheckConfig) -> None:
    check_port(found, "PF0631", f"{path}.port", http.port)
    if http.scheme.lower() not in {"", "http", "https"}:
        found.add("PF0631", f"{path}.scheme", f"{quote(http.scheme)} is not a scheme", "write HTTP or HTTPS")
    if http.path and not http.path.startswith("/"):
        found.add("PF0631", f"{path}.path", f"{quote(http.path)} does not begin with a slash", "write /ready")
    for index, header in enumerate(http.http_headers):
        if not is_token(header.name):
            found.add(
                "PF0631",
                f"{path}.httpHeaders[{index}].name",
                f"{quote(header.name)} is not the name of a header",
                'write a name such as "x-probe"',
            )
