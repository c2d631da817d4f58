"""Rules for Istio's WorkloadEntry, and for the endpoints that a ServiceEntry lists (reference 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from translators.model.paths import key_segment
from translators.validation.findings import quote
from translators.validation.names import check_labels, fqdn_problem, is_dns_label, is_ip
from translators.validation.values import check_port

if TYPE_CHECKING:
    from translators.model.workload_entry import WorkloadEntry, WorkloadEntrySpec
    from translators.validation.findings import Findings

UNIX: Final = "unix://"


def check_workload_entry(found: Findings, entry: WorkloadEntry) -> None:
    """Check one WorkloadEntry: an IP address, a host name or a Unix socket."""
    check_endpoint(found, "spec", entry.spec, names_allowed=True)


def check_endpoint(
    found: Findings, path: str, endpoint: WorkloadEntrySpec, *, names_allowed: bool, template: bool = False
) -> None:
    """Check one endpoint. With `names_allowed` its address may be a host name, which is looked up in DNS; a `template`
    has none.
    """
    address = endpoint.address
    if not address:
        if not (endpoint.network or template):
            found.add("PF0615", f"{path}.address", "the endpoint has no address", "add an address")
    elif address.startswith(UNIX):
        _check_socket(found, path, endpoint)
    elif not is_ip(address):
        problem = fqdn_problem(address) if names_allowed else "is not an IP address or a Unix socket"
        if problem:
            found.add(
                "PF0615",
                f"{path}.address",
                f"{quote(address)} {problem}",
                "write an IP address or a host name"
                if names_allowed
                else "write an IP address, or use resolution: DNS",
            )
    for name, number in sorted(endpoint.ports.items()):
        where = f"{path}.ports{key_segment(name)}"
        if not is_dns_label(name):
            found.add(
                "PF0610", where, f"{quote(name)} is not the name of a port", "write the name of the service's port"
            )
        check_port(found, "PF0622", where, number)
    check_labels(found, f"{path}.labels", endpoint.labels)


def _check_socket(found: Findings, path: str, endpoint: WorkloadEntrySpec) -> None:
    socket = endpoint.address.removeprefix(UNIX)
    if not socket.startswith("/") and not (socket.startswith("@") and len(socket) > 1):
        found.add(
            "PF0623",
            f"{path}.address",
            f"{quote(endpoint.address)} has no absolute path",
            "write unix:///absolute/path",
        )
    if endpoint.ports:
        found.add("PF0620", f"{path}.ports", "a Unix socket has no ports", "remove them")
