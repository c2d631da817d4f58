"""RetryPolicy: Istio retries twice by default (reference 1.2 and 10, surprise 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from envoy.config.route.v3.route_components_pb2 import RetryPolicy
from envoy.extensions.retry.host.previous_hosts.v3.previous_hosts_pb2 import PreviousHostsPredicate
from envoy.extensions.retry.priority.previous_priorities.v3.previous_priorities_config_pb2 import (
    PreviousPrioritiesConfig,
)

from translators.messages import pack, set_duration

if TYPE_CHECKING:
    from translators.model.virtual_service import HTTPRetry

RETRY_ON: Final = "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes"
_BY_STATUS: Final = "retriable-status-codes"
_ATTEMPTS: Final = 2
_HOST_ATTEMPTS: Final = 5
_UPDATE_FREQUENCY: Final = 2


def set_retries(out: RetryPolicy, retries: HTTPRetry | None, *, hashed: bool) -> None:
    """Write a retry policy; None is the default one. Do not call this for retries that are switched off.

    A hashed request is not sent to another host on a retry (unless the rule asks for that in words): the hash would
    choose the same host again, and the attempts be wasted.
    """
    out.CopyFrom(_DEFAULT_HASHED if hashed else _DEFAULT)
    if retries is None:
        return
    out.num_retries.value = retries.attempts
    if retries.retry_on:
        set_conditions(out, retries.retry_on)
    if retries.per_try_timeout is not None:
        set_duration(out.per_try_timeout, retries.per_try_timeout)
    if retries.backoff is not None:
        set_duration(out.retry_back_off.base_interval, retries.backoff)
    if retries.retry_remote_localities:
        out.retry_priority.name = "envoy.retry_priorities.previous_priorities"
        pack(out.retry_priority.typed_config, PreviousPrioritiesConfig(update_frequency=_UPDATE_FREQUENCY))
    if retries.retry_ignore_previous_hosts is not None:
        del out.retry_host_predicate[:]
        if retries.retry_ignore_previous_hosts:
            out.retry_host_predicate.add().CopyFrom(_PREDICATE)


def switched_off(retries: HTTPRetry | None) -> bool:
    """Whether a rule says that there are no retries."""
    return retries is not None and retries.attempts <= 0


def set_conditions(out: RetryPolicy, retry_on: str) -> None:
    """Write `retryOn`: HTTP statuses among the conditions become status codes, and Envoy is told to look at them."""
    words: list[str] = []
    for word in (w.strip() for w in retry_on.split(",")):
        if word.isascii() and word.isdecimal():
            out.retriable_status_codes.append(int(word))
        elif word:
            words.append(word)
    if out.retriable_status_codes and _BY_STATUS not in words:
        words.append(_BY_STATUS)
    out.retry_on = ",".join(words)


def _default(*, hashed: bool) -> RetryPolicy:
    policy = RetryPolicy(retry_on=RETRY_ON, host_selection_retry_max_attempts=_HOST_ATTEMPTS)
    policy.num_retries.value = _ATTEMPTS
    if not hashed:
        policy.retry_host_predicate.add().CopyFrom(_PREDICATE)
    return policy


_PREDICATE: Final = RetryPolicy.RetryHostPredicate(name="envoy.retry_host_predicates.previous_hosts")
pack(_PREDICATE.typed_config, PreviousHostsPredicate())
_DEFAULT: Final = _default(hashed=False)
_DEFAULT_HASHED: Final = _default(hashed=True)
