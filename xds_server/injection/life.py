"""How a sidecar's life fits its app's: commands for `lifecycle.postStart` and `lifecycle.preStop` of Envoy's container.

Stock means suffice. The official image is an Ubuntu with bash (its own entry point is a bash script), and bash opens
TCP connections, so the admin interface on loopback is asked without a helper of ours in the image. (A `httpGet` hook
will not do: it comes from outside of the pod, and the admin interface wants POST to drain.) There is no bash in the
distroless image: its preStop fails, which the kubelet reports and passes over, and the pod ends as if it had none; a
postStart that fails has the kubelet start the container anew, so leave that out.

What Envoy must be started with for this is `ENVOY_ARGUMENTS`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

ENVOY_ARGUMENTS: Final = ("--drain-time-s", "45", "--drain-strategy", "immediate")
"""Istio's (drainDuration). `immediate`: every answer from the first moment on says that the connection ends; by default
that is so for a share of them that grows until the time is over, and most clients would stay to the end.
"""

_ASK: Final = r"""ask() {
  exec 3<>"/dev/tcp/127.0.0.1/$port" || return
  printf '%s %s HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n' "$1" "$2" >&3
  cat <&3
  exec 3>&-
} 2>/dev/null"""
"""Each HTTP answer comes with its head, and ends with the connection."""

_WAIT: Final = """until ask GET /ready | grep -q ' 200 OK'; do
  ((SECONDS < limit)) || exit 1
  sleep 0.1
done"""

# Of every listener but admin, readiness and statistics; each worker counts its own connections once more.
_DRAIN: Final = r"""ask POST "/drain_listeners?graceful&skip_exit$only" >/dev/null
open() {
  local found
  found=$(ask GET "/stats?filter=^listener%5C..*%5C.downstream_cx_active$") || return 1
  grep -vE '^listener\.(admin|.*_(15021|15090)\.|.*worker_)' <<<"$found" |
    grep -E '^listener\..*: [1-9]'
}
sleep "$least"
while ((SECONDS < limit)) && open >/dev/null; do sleep 0.2; done"""


@dataclass(frozen=True, kw_only=True)
class Draining:
    """How long a sidecar lives on once its pod is to end."""

    seconds: int = 5
    """Istio's `terminationDrainDuration`. The pod's `terminationGracePeriodSeconds` ends everything all the same."""
    exit_on_zero: bool = False
    """Istio's EXIT_ON_ZERO_ACTIVE_CONNECTIONS: end earlier, as soon as no connection is open."""
    least_seconds: int = 5
    """With `exit_on_zero`, not before this (Istio's MINIMUM_DRAIN_DURATION): so long the news may take to reach all
    other proxies, which until then go on opening connections."""


def wait_until_ready(admin_port: int = 15000, *, seconds: int = 60) -> list[str]:
    """Return a command for postStart (Istio's `holdApplicationUntilProxyStarts`): it succeeds once Envoy is ready.

    Until then the kubelet starts no container that stands behind Envoy's. It fails after `seconds`. A native sidecar
    needs none of it: a startup probe on 15021 does the same.
    """
    return _bash(f"port={admin_port} limit={seconds}", _ASK, _WAIT)


def drain(draining: Draining, admin_port: int = 15000, *, gateway: bool = False) -> list[str]:
    """Return a command for preStop, which the kubelet runs to its end before Envoy gets its SIGTERM (at which Envoy
    ends at once).

    From its first moment on, answers to others tell them to close the connection (HTTP/1.1: `connection: close`,
    HTTP/2: GOAWAY); connections, new ones included, are served all along. What the app of a sidecar calls is left
    alone; a gateway has no app, and drains all its listeners.
    """
    least = min(draining.least_seconds, draining.seconds) if draining.exit_on_zero else draining.seconds
    only = "" if gateway else "'&inboundonly'"
    return _bash(f"port={admin_port} least={least} limit={draining.seconds} only={only}", _ASK, _DRAIN)


def _bash(*lines: str) -> list[str]:
    return ["bash", "-c", "\n".join(lines)]
