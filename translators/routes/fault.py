"""The fault filter's configuration on a route (reference 1.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from envoy.extensions.filters.http.fault.v3.fault_pb2 import HTTPFault

from translators.messages import set_duration, set_percent, set_whole_percent

if TYPE_CHECKING:
    from envoy.type.v3.percent_pb2 import FractionalPercent

    from translators.model.virtual_service import FaultAbort, FaultDelay, HTTPFaultInjection
    from translators.routes.scope import Scope

FILTER: Final = "envoy.filters.http.fault"

GRPC_STATUS: Final = {
    name: code
    for code, name in enumerate(
        (
            "OK",
            "CANCELLED",
            "UNKNOWN",
            "INVALID_ARGUMENT",
            "DEADLINE_EXCEEDED",
            "NOT_FOUND",
            "ALREADY_EXISTS",
            "PERMISSION_DENIED",
            "RESOURCE_EXHAUSTED",
            "FAILED_PRECONDITION",
            "ABORTED",
            "OUT_OF_RANGE",
            "UNIMPLEMENTED",
            "INTERNAL",
            "UNAVAILABLE",
            "DATA_LOSS",
            "UNAUTHENTICATED",
        )
    )
}
"""https://grpc.github.io/grpc/core/md_doc_statuscodes.html"""


def fault_of(fault: HTTPFaultInjection, path: str, scope: Scope) -> HTTPFault | None:
    """Return the filter's configuration, or None if nothing is injected.

    Without a percentage no request is affected, as Istio documents it; that is rarely meant, so it is said.
    """
    out = HTTPFault()
    delay, abort = fault.delay, fault.abort
    if delay is not None and delay.fixed_delay is not None and delay.fixed_delay > 0:
        set_duration(out.delay.fixed_delay, delay.fixed_delay)
        _set_share(out.delay.percentage, delay, f"{path}.delay", scope)
    if abort is not None:
        if abort.http_status is not None:
            out.abort.http_status = abort.http_status
        elif abort.grpc_status in GRPC_STATUS:
            out.abort.grpc_status = GRPC_STATUS[abort.grpc_status]
        if out.HasField("abort"):
            _set_share(out.abort.percentage, abort, f"{path}.abort", scope)
    return out if out.HasField("delay") or out.HasField("abort") else None


def _set_share(out: FractionalPercent, fault: FaultDelay | FaultAbort, path: str, scope: Scope) -> None:
    if fault.percentage is not None:
        set_percent(out, fault.percentage)
        return
    set_whole_percent(out, fault.percent)
    if not fault.percent:
        scope.report("PF0483", "no percentage is given, so no request is affected", path, hint="add percentage.value")
