"""Whether a pod gets a sidecar, and the reason in words (reference 6.1: Istio's labels, annotations and precedence)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from translators.model.meta import REVISION_LABEL

if TYPE_CHECKING:
    from collections.abc import Mapping

INJECT: Final = "sidecar.istio.io/inject"
NAMESPACE: Final = "istio-injection"
STATUS: Final = "sidecar.istio.io/status"
IGNORED_NAMESPACES: Final = frozenset({"kube-node-lease", "kube-public", "kube-system", "local-path-storage"})

_YES: Final = frozenset({"on", "true", "y", "yes"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What of a pod, or of a workload's pod template, the decision depends on."""

    namespace: str
    namespace_labels: Mapping[str, str] | None = None
    """None: not known, as for `pilotfish inject`, where asking for injection is what a namespace's label is else."""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    host_network: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether to inject, and why or why not, as a clause that follows "injected, since" or "not injected, since"."""

    inject: bool
    reason: str


def decide(pod: Candidate, revision: str = "default") -> Decision:
    """Decide for the control plane of one revision. What may never be injected goes before what anybody asks for."""
    if STATUS in pod.annotations:
        return Decision(inject=False, reason=f"it is injected already (annotation {STATUS})")
    if pod.host_network:
        return Decision(inject=False, reason="it uses the host's network, whose traffic is not the pod's alone")
    if pod.namespace in IGNORED_NAMESPACES:
        return Decision(inject=False, reason=f"namespace {pod.namespace} is the cluster's own")
    # The label goes first: it is what a webhook's objectSelector can see.
    kind, own = ("label", pod.labels[INJECT]) if INJECT in pod.labels else ("annotation", pod.annotations.get(INJECT))
    if own and own.lower() not in _YES:
        return Decision(inject=False, reason=f"the pod's {kind} {INJECT} is {own!r}")
    asked = f"the pod's {kind} {INJECT} is {own!r}" if own else ""
    if pod.namespace_labels is None:
        return Decision(inject=True, reason=asked or "nothing speaks against it")
    return _by_namespace(pod, pod.namespace_labels, revision, asked if kind == "label" else "")


def _by_namespace(pod: Candidate, namespace: Mapping[str, str], revision: str, asked: str) -> Decision:
    """Decide as the selectors of Istio's webhooks do; `asked` says that the pod has the label that asks for it."""
    mode = namespace.get(NAMESPACE)
    if mode == "enabled":  # goes before istio.io/rev, and means the default revision
        reason = f"namespace {pod.namespace} has the label {NAMESPACE}=enabled"
        if revision == "default":
            return Decision(inject=True, reason=reason)
        return Decision(inject=False, reason=f"{reason}, which is for revision default, not {revision}")
    if mode is not None:
        return Decision(inject=False, reason=f"namespace {pod.namespace} has the label {NAMESPACE}={mode}")
    if (named := namespace.get(REVISION_LABEL)) is not None:
        reason = f"namespace {pod.namespace} has the label {REVISION_LABEL}={named}"
        return Decision(inject=named == revision, reason=reason)
    if (named := pod.labels.get(REVISION_LABEL)) is not None:
        return Decision(inject=named == revision, reason=f"the pod has the label {REVISION_LABEL}={named}")
    if asked and revision == "default":
        return Decision(inject=True, reason=asked)
    return Decision(
        inject=False,
        reason=f"neither namespace {pod.namespace} ({NAMESPACE}=enabled) nor a label of the pod ({INJECT}=true) asks "
        f"revision {revision} for it",
    )
