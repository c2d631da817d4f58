"""In words: why a pod was or was not injected, and whether its traffic goes through its Envoy. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from xds_server.injection.decision import STATUS, Candidate, decide
from xds_server.injection.overrides import Refused, read_overrides
from xds_server.injection.settings import BOOTSTRAP, INTERCEPTION, PROXY, USER_ID

if TYPE_CHECKING:
    import collections.abc

    from xds_server.injection.settings import Mapping, Tree

_EXCLUSIONS: Final = {
    "--include-inbound-ports": ("*", "of what comes in, only ports {} go through Envoy"),
    "--exclude-inbound-ports": ("", "what comes in on ports {} does not go through Envoy"),
    "--include-outbound-ranges": ("*", "of what leaves, only that to {} goes through Envoy"),
    "--exclude-outbound-ranges": ("", "what leaves to {} does not go through Envoy"),
    "--include-outbound-ports": ("", "what leaves to ports {} goes through Envoy, whatever its address"),
    "--exclude-outbound-ports": ("", "what leaves to ports {} does not go through Envoy"),
    "--exclude-interfaces": ("", "traffic of interfaces {} does not go through Envoy"),
}
"""Flag of `pilotfish iptables` to the value that means nothing special, and what another one means."""


class Explanation(NamedTuple):
    """What there is to say about a pod."""

    injected: bool
    """Whether it has an Envoy; of a workload's template, whether its pods would get one."""
    lines: tuple[str, ...]


def explain(
    pod: Mapping,
    *,
    namespace: str,
    namespace_labels: collections.abc.Mapping[str, str] | None,
    revision: str = "default",
    running: bool = True,
) -> Explanation:
    """Explain a pod, or a pod template where `running` is false. `namespace_labels` None: not known."""
    meta, spec = _part(pod, "metadata"), _part(pod, "spec")
    annotations = {str(k): str(v) for k, v in _part(meta, "annotations").items()}
    labels = {str(k): str(v) for k, v in _part(meta, "labels").items()}
    has = {one["name"] for key in ("containers", "initContainers") for one in _containers(spec, key) if "name" in one}
    done = STATUS in annotations and PROXY in has
    candidate = Candidate(
        namespace=namespace,
        namespace_labels=namespace_labels,
        labels=labels,
        annotations={key: value for key, value in annotations.items() if key != STATUS or not done},
        host_network=spec.get("hostNetwork") is True,
    )
    decision = decide(candidate, revision)
    if done:
        lines = [f"injected: container {PROXY} and annotation {STATUS} are there"]
        if running and not decision.inject:
            lines.append(f"made anew, it would not be injected, since {decision.reason}")
        return Explanation(injected=True, lines=(*lines, *_traffic(spec, has)))
    try:
        read_overrides(annotations)
    except Refused as refused:
        if decision.inject:
            line = f"refused: a pod like this is not let in, since {refused}"
            return Explanation(injected=False, lines=(line,))
    if not running:
        verdict = "would be injected" if decision.inject else "would not be injected"
        return Explanation(injected=decision.inject, lines=(f"{verdict}, since {decision.reason}",))
    if decision.inject:
        first = f"not injected, although {decision.reason}"
        hint = (
            "it was made before that, or while the webhook was not there: delete it, and what is made in its place is"
        )
        lines = [first, hint]
    else:
        lines = [f"not injected, since {decision.reason}"]
    return Explanation(injected=False, lines=(*lines, "its traffic is not intercepted: there is no Envoy in it"))


def _traffic(spec: Mapping, has: set[Tree]) -> list[str]:
    if INTERCEPTION not in has:
        return [f"its traffic is not intercepted: there is no {INTERCEPTION} (a gateway, or interceptionMode NONE)"]
    every = [*_containers(spec, "initContainers"), *_containers(spec, "containers")]
    interception = next(one for one in every if one.get("name") == INTERCEPTION)
    args = interception.get("args")
    flags = dict(str(arg).partition("=")[::2] for arg in (args if isinstance(args, list) else ()))
    first = (
        f"its traffic is intercepted ({flags.get('--mode', 'REDIRECT')}): TCP that leaves it goes to Envoy's port "
        f"{flags.get('--outbound-port', '15001')}, TCP that comes in to {flags.get('--inbound-port', '15006')}; "
        "UDP and DNS go their own way"
    )
    lines = [first]
    for flag, (usual, words) in _EXCLUSIONS.items():
        value = flags.get(flag, usual)
        if value != usual:
            lines.append(words.format(value or "none"))
    user = _part(spec, "securityContext").get("runAsUser")
    for one in every:
        if one.get("name") in (PROXY, INTERCEPTION, BOOTSTRAP):
            continue
        if _part(one, "securityContext").get("runAsUser", user) == USER_ID:
            lines.append(f"but not that of container {one.get('name')}: it runs as user {USER_ID}, as Envoy does")
    return lines


def about_webhooks(configuration: Mapping | None, name: str) -> str:
    """Say in a line whether the cluster calls a webhook. `configuration` is None where there is none."""
    if configuration is None:
        return f"the cluster calls no webhook: there is no MutatingWebhookConfiguration {name}"
    hooks = configuration.get("webhooks")
    found = [one for one in hooks if isinstance(one, dict)] if isinstance(hooks, list) else []
    if not found:
        return f"the cluster calls no webhook: MutatingWebhookConfiguration {name} is empty"
    if any(not _part(one, "clientConfig").get("caBundle") for one in found):
        return (
            f"MutatingWebhookConfiguration {name} has no caBundle, so its calls fail: is `serve --injection` running?"
        )
    policies = sorted({str(one.get("failurePolicy", "Fail")) for one in found})
    return f"the cluster calls the webhook for each new pod (failurePolicy {', '.join(policies)})"


def _part(tree: Mapping, key: str) -> Mapping:
    found = tree.get(key)
    return found if isinstance(found, dict) else {}


def _containers(spec: Mapping, key: str) -> list[Mapping]:
    found = spec.get(key)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
