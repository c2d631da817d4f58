"""Why a pod is not ready, in its own words, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from xds_server.deployment.cluster_objects import ContainerStatus, Workload


class Trouble(NamedTuple):
    """What is wrong, and a hint."""

    message: str
    hint: str


_HINTS: Final = {
    "ContainerCreating": "wait, or look at the pod's events with kubectl describe",
    "CrashLoopBackOff": "look at its log: kubectl logs --previous",
    "CreateContainerConfigError": "look at the pod's events with kubectl describe",
    "ErrImageNeverPull": "load the image onto the node (kind load docker-image), or let it be pulled",
    "ErrImagePull": "name an image that the nodes can pull (--image), or load it onto them",
    "ImagePullBackOff": "name an image that the nodes can pull (--image), or load it onto them",
    "OOMKilled": "give it more memory (resources.limits.memory)",
    "PodInitializing": "wait, or look at the log of its init container",
    "Unschedulable": "add a node, or ask for less (resources.requests)",
}
_DEFAULT_HINT: Final = "look at its log and its events: kubectl logs, kubectl describe"


def pod_trouble(pod: Workload) -> Trouble | None:
    """Return why a pod is not ready; None if it is, or if it is over: evicted, or being deleted."""
    over = pod.status.phase in {"Failed", "Succeeded"} or pod.metadata.deletion_timestamp
    if over or pod.condition("Ready").status == "True":
        return None
    scheduled = pod.condition("PodScheduled")
    if scheduled.status == "False":
        return _trouble("it is on no node", scheduled.reason, scheduled.message)
    # An init container that waits keeps all others waiting: it comes first.
    for container in (*pod.status.init_container_statuses, *pod.status.container_statuses):
        if trouble := _container_trouble(container):
            return trouble
    ready = pod.condition("Ready")
    return Trouble(f"it is not ready{f': {ready.message}' if ready.message else ''}", _DEFAULT_HINT)


def _container_trouble(container: ContainerStatus) -> Trouble | None:
    waiting, ended, before = container.state.waiting, container.state.terminated, container.last_state.terminated
    what = f"container {container.name}"
    if ended is not None and ended.exit_code:
        return _trouble(f"{what} has ended with exit code {ended.exit_code}", ended.reason, ended.message)
    if waiting is None or waiting.reason == "PodInitializing":
        return None
    # A crash loop says less than the crash.
    reason = before.reason if before is not None and before.reason == "OOMKilled" else waiting.reason
    again = f" (restarted {container.restart_count} times)" if container.restart_count else ""
    return _trouble(f"{what} does not start{again}", reason, waiting.message)


def _trouble(what: str, reason: str, message: str) -> Trouble:
    why = ": ".join(part for part in (reason, message) if part)
    return Trouble(f"{what}: {why}" if why else what, _HINTS.get(reason, _DEFAULT_HINT))
