"""Rules for the policies of an HTTP route: retries, fault injection, CORS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from translators.routes.fault import GRPC_STATUS
from translators.validation.findings import quote
from translators.validation.http_match import check_string_match
from translators.validation.values import check_duration, check_fraction, check_percent, is_token

if TYPE_CHECKING:
    from translators.model.common import Percent
    from translators.model.virtual_service import CorsPolicy, FaultAbort, FaultDelay, HTTPFaultInjection, HTTPRetry
    from translators.validation.findings import Findings

RETRY_CONDITIONS: Final = frozenset(
    {
        "5xx",
        "gateway-error",
        "reset",
        "reset-before-request",
        "connect-failure",
        "envoy-ratelimited",
        "retriable-4xx",
        "refused-stream",
        "retriable-status-codes",
        "retriable-headers",
        "http3-post-connect-failure",
        "cancelled",
        "deadline-exceeded",
        "internal",
        "resource-exhausted",
        "unavailable",
    }
)
"""Envoy's, for HTTP and gRPC (x-envoy-retry-on, x-envoy-retry-grpc-on)."""

_METHODS: Final = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE", "*"})
_SECOND: Final = 1_000_000_000


def _is_status(code: int) -> bool:
    return 200 <= code <= 599


def check_retries(found: Findings, path: str, retries: HTTPRetry) -> None:
    """Check a retry policy. `attempts: 0` switches retries off."""
    if retries.attempts < 0:
        found.add(
            "PF0440", f"{path}.attempts", f"{retries.attempts} attempts", "write 0 for no retries, or a positive number"
        )
    if retries.attempts == 0:
        settings = {
            "perTryTimeout": retries.per_try_timeout is not None,
            "retryOn": bool(retries.retry_on),
            "retryRemoteLocalities": retries.retry_remote_localities is not None,
            "retryIgnorePreviousHosts": retries.retry_ignore_previous_hosts is not None,
            "backoff": retries.backoff is not None,
        }
        for name, present in settings.items():
            if present:
                found.add(
                    "PF0441",
                    f"{path}.{name}",
                    f"{name} is set, and attempts is 0, which switches retries off",
                    "set attempts to the number of retries, or remove this",
                )
    check_duration(found, "PF0443", f"{path}.perTryTimeout", retries.per_try_timeout, what="timeout")
    check_duration(found, "PF0443", f"{path}.backoff", retries.backoff)
    for condition in filter(None, (c.strip() for c in retries.retry_on.split(","))):
        number = int(condition) if condition.isascii() and condition.isdigit() and len(condition) < 6 else None
        if condition not in RETRY_CONDITIONS and not (number is not None and _is_status(number)):
            found.add(
                "PF0442",
                f"{path}.retryOn",
                f"{quote(condition)} is neither a retry condition nor a status from 200 to 599",
                f"write one or more of {', '.join(sorted(RETRY_CONDITIONS))}, with commas between",
            )


def check_fault(found: Findings, path: str, fault: HTTPFaultInjection) -> None:
    """Check an injected fault."""
    if fault.abort is None and fault.delay is None:
        found.add("PF0446", path, "the fault injects nothing", "add delay or abort")
    if fault.abort is not None:
        _check_abort(found, f"{path}.abort", fault.abort)
    if fault.delay is not None:
        _check_delay(found, f"{path}.delay", fault.delay)


def _check_share(found: Findings, path: str, percent: int, percentage: Percent | None) -> None:
    check_percent(found, "PF0449", f"{path}.percent", percent)
    if percentage is not None:
        check_fraction(found, "PF0449", f"{path}.percentage.value", percentage.value)


def _check_abort(found: Findings, path: str, abort: FaultAbort) -> None:
    _check_share(found, path, abort.percent, abort.percentage)
    given = [
        name
        for name, present in (
            ("httpStatus", abort.http_status is not None),
            ("grpcStatus", bool(abort.grpc_status)),
            ("http2Error", bool(abort.http2_error)),
        )
        if present
    ]
    if not given:
        found.add("PF0446", path, "the abort has no status", "add httpStatus or grpcStatus")
    elif len(given) > 1:
        found.add("PF0447", path, f"the abort says {' and '.join(given)}", f"keep one, such as {given[0]}")
    if abort.http_status is not None and not _is_status(abort.http_status):
        found.add(
            "PF0447", f"{path}.httpStatus", f"{abort.http_status} is out of range", "write a status from 200 to 599"
        )
    if abort.grpc_status and abort.grpc_status not in GRPC_STATUS:
        found.add(
            "PF0447",
            f"{path}.grpcStatus",
            f"{quote(abort.grpc_status)} is not a gRPC status",
            f"write one of {', '.join(GRPC_STATUS)}",
        )
    if abort.http2_error:
        found.add("PF0448", f"{path}.http2Error", "Envoy cannot inject HTTP/2 errors", "use httpStatus or grpcStatus")


def _check_delay(found: Findings, path: str, delay: FaultDelay) -> None:
    _check_share(found, path, delay.percent, delay.percentage)
    if delay.exponential_delay is not None:
        found.add("PF0448", f"{path}.exponentialDelay", "Envoy has no exponential delay", "use fixedDelay")
    elif delay.fixed_delay is None:
        found.add("PF0446", path, "the delay has no duration", "add fixedDelay")
    check_duration(found, "PF0443", f"{path}.fixedDelay", delay.fixed_delay, what="delay")


def check_cors(found: Findings, path: str, cors: CorsPolicy) -> None:
    """Check a CORS policy."""
    for index, origin in enumerate(cors.allow_origins):
        check_string_match(found, f"{path}.allowOrigins[{index}]", origin)
    for index, method in enumerate(cors.allow_methods):
        if method not in _METHODS:
            found.add(
                "PF0444",
                f"{path}.allowMethods[{index}]",
                f"{quote(method)} is not an HTTP method",
                f"write one of {', '.join(sorted(_METHODS))}",
            )
    for name, headers in (("allowHeaders", cors.allow_headers), ("exposeHeaders", cors.expose_headers)):
        for index, header in enumerate(headers):
            if not is_token(header):
                found.add(
                    "PF0425",
                    f"{path}.{name}[{index}]",
                    f"{quote(header)} is not the name of a header",
                    "write one name an entry",
                )
    check_duration(found, "PF0443", f"{path}.maxAge", cors.max_age, zero=True)
    if cors.max_age is not None and cors.max_age % _SECOND:
        found.add("PF0445", f"{path}.maxAge", f"{cors.max_age!s} is not a number of seconds", "round it to seconds")
