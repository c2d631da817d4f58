"""A pod in, a pod with an Envoy out. Pure: the tree that comes in is not changed.

What is added follows Istio's templates `sidecar` and `gateway` (reference 6.1), for an Envoy without an agent.
"""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from translators.model.codes import diagnose
from translators.model.meta import REVISION_LABEL
from xds_server.injection import containers
from xds_server.injection.decision import STATUS, Candidate, Decision, decide
from xds_server.injection.merging import merge_by, overlay
from xds_server.injection.overrides import Refused, native, read_overrides
from xds_server.injection.probes import as_text, rewrite
from xds_server.injection.settings import (
    ADMIN_PORT,
    BOOTSTRAP,
    INBOUND_PORT,
    INTERCEPTION,
    METRICS_PORT,
    OUTBOUND_PORT,
    PROBES_PORT,
    PROXY,
    STATUS_PORT,
    TEMPLATES,
    USER_ID,
)

if TYPE_CHECKING:
    import collections.abc

    from translators.model.origin import Diagnostic
    from xds_server.injection.overrides import Overrides
    from xds_server.injection.settings import InjectionSettings, Mapping, Tree

TLS_MODE: Final = "security.istio.io/tlsMode"
CANONICAL_NAME: Final = "service.istio.io/canonical-name"
CANONICAL_REVISION: Final = "service.istio.io/canonical-revision"
_GRACE: Final = 30
"""Kubernetes' terminationGracePeriodSeconds."""
_SYSCTL: Final = "net.ipv4.ip_unprivileged_port_start"
_TAKEN: Final = frozenset({ADMIN_PORT, OUTBOUND_PORT, INBOUND_PORT, PROBES_PORT, STATUS_PORT, METRICS_PORT})


class Injected(NamedTuple):
    """What has become of a pod."""

    pod: Mapping
    """The pod or pod template; the one that was given, where nothing is injected."""
    decision: Decision
    notes: tuple[Diagnostic, ...] = ()
    """Warnings about what was injected."""


def inject(
    pod: Mapping,
    settings: InjectionSettings,
    *,
    namespace: str,
    namespace_labels: collections.abc.Mapping[str, str] | None = None,
    workload: str = "",
) -> Injected:
    """Inject a pod or pod template (a mapping with `metadata` and `spec`), or say why not.

    `namespace_labels` None: not known, so what the pod itself says decides. `workload` is the name of what makes the
    pod. Raises Refused where Istio refuses the pod: its annotations cannot be followed.
    """
    meta, spec = _part(pod, "metadata"), _part(pod, "spec")
    labels, annotations = _texts(meta, "labels"), _texts(meta, "annotations")
    decision = decide(
        Candidate(
            namespace=namespace,
            namespace_labels=namespace_labels,
            labels=labels,
            annotations=annotations,
            host_network=spec.get("hostNetwork") is True,
        ),
        settings.revision,
    )
    if not decision.inject:
        return Injected(pod, decision)
    gateway = _is_gateway(annotations)
    overrides, notes = read_overrides(annotations)
    is_native = not gateway and native(overrides, settings)
    made = copy.deepcopy(spec)
    added = _add(made, settings, overrides, workload=workload, gateway=gateway, is_native=is_native)
    pod = {
        **pod,
        "metadata": _metadata(meta, labels, annotations, added, settings, workload=workload, gateway=gateway),
        "spec": made,
    }
    return Injected(pod, decision, (*notes, *_warnings(spec, gateway=gateway, is_native=is_native)))


def _is_gateway(annotations: collections.abc.Mapping[str, str]) -> bool:
    named = [one.strip() for one in annotations.get(TEMPLATES, "sidecar").split(",") if one.strip()]
    if named not in (["sidecar"], ["gateway"]):
        message = f"annotation {TEMPLATES} is {annotations[TEMPLATES]!r}, which names no template or several"
        raise Refused(diagnose("PF0164", message, hint="sidecar or gateway"))
    return named == ["gateway"]


def _add(
    spec: Mapping,
    settings: InjectionSettings,
    overrides: Overrides,
    *,
    workload: str,
    gateway: bool,
    is_native: bool,
) -> Mapping:
    """Add to the spec of a pod, in place. Returns what was added, as the status annotation has it."""
    own = _containers(spec, "containers")
    init = _containers(spec, "initContainers")
    before = spec.get("containers")
    probers: dict[str, Mapping] = {}
    if not gateway and (settings.rewrite_probes if overrides.rewrite_probes is None else overrides.rewrite_probes):
        own, init = _rewritten(own, probers), _rewritten(init, probers)
    given = next((one for one in (*own, *init) if one.get("name") == PROXY), None)
    given_grace = spec.get("terminationGracePeriodSeconds")
    grace = given_grace if isinstance(given_grace, int) else _GRACE
    proxy = containers.proxy_container(settings, overrides, sidecar=not gateway, native=is_native, grace_seconds=grace)
    proxy = overlay(proxy, given) if given is not None else proxy
    node_type = "router" if gateway else "sidecar"
    text = as_text(probers) if probers else ""
    bootstrap = containers.bootstrap_container(
        settings, overrides, workload=workload, node_type=node_type, probers=text
    )
    ours = [bootstrap]
    if not gateway and overrides.interception_mode != "NONE":
        ours.append(containers.interception_container(settings, overrides))
    by_name = {one["name"]: one for one in init}
    ours = [overlay(one, by_name[one["name"]]) if one["name"] in by_name else one for one in ours]
    names = {one["name"] for one in ours} | {PROXY}
    init = [one for one in init if one.get("name") not in names]
    if is_native:
        # Before the app's own init containers, so that these have their traffic led by an Envoy that is there.
        init = [*ours, proxy, *init]
        own = [one for one in own if one.get("name") != PROXY]
    else:
        # After them: until Envoy runs, what is led to it goes nowhere.
        init = [*init, *ours]
        own = _placed(own, proxy, first=overrides.proxy_config.hold_application and not gateway)
    if own != before:
        spec["containers"] = cast("Tree", own)
    spec["initContainers"] = cast("Tree", init)
    added = containers.volumes(overrides)
    spec["volumes"] = cast("Tree", merge_by("name", added, spec.get("volumes") or [], given_first=True))
    if gateway:
        _allow_low_ports(spec)
    return {
        "initContainers": [name for one in init if (name := one["name"]) in names],
        "containers": [] if is_native else [PROXY],
        "volumes": [cast("Mapping", one)["name"] for one in added],
        "revision": settings.revision,
    }


def _rewritten(found: list[Mapping], probers: dict[str, Mapping]) -> list[Mapping]:
    made = []
    for one in found:
        if one.get("name") in (PROXY, BOOTSTRAP, INTERCEPTION):
            made.append(one)
            continue
        led, table = rewrite(one)
        probers.update(table)
        made.append(led)
    return made


def _placed(own: list[Mapping], proxy: Mapping, *, first: bool) -> list[Mapping]:
    """Put the proxy where the pod has it, else last; or first, where the app is to wait for it."""
    rest = [one for one in own if one.get("name") != PROXY]
    if first:
        return [proxy, *rest]
    if len(rest) == len(own):
        return [*own, proxy]
    return [proxy if one.get("name") == PROXY else one for one in own]


def _allow_low_ports(spec: Mapping) -> None:
    """Let a gateway bind ports 80 and 443 without root, unless the pod says something about it."""
    context = dict(_part(spec, "securityContext"))
    found = context.get("sysctls")
    sysctls: list[Tree] = list(found) if isinstance(found, list) else []
    if not any(isinstance(one, dict) and one.get("name") == _SYSCTL for one in sysctls):
        spec["securityContext"] = {**context, "sysctls": [*sysctls, {"name": _SYSCTL, "value": "0"}]}


def _metadata(
    meta: Mapping,
    labels: collections.abc.Mapping[str, str],
    annotations: collections.abc.Mapping[str, str],
    added: Mapping,
    settings: InjectionSettings,
    *,
    workload: str,
    gateway: bool,
) -> Mapping:
    name = labels.get("app.kubernetes.io/name") or labels.get("app") or workload or str(meta.get("name") or "")
    version = labels.get("app.kubernetes.io/version") or labels.get("version") or "latest"
    more = {CANONICAL_NAME: name, CANONICAL_REVISION: version}
    if not gateway:
        more = {TLS_MODE: "istio", **more}
    made_labels: Mapping = {**labels, **{k: v for k, v in more.items() if k not in labels and v}}
    scraped: Mapping = {}
    if not any(key.startswith("prometheus.io/") for key in annotations):
        scraped = {
            "prometheus.io/scrape": "true",
            "prometheus.io/port": str(METRICS_PORT),
            "prometheus.io/path": "/stats/prometheus",
        }
    made: Mapping = {
        **annotations,
        **scraped,
        REVISION_LABEL: settings.revision,
        STATUS: json.dumps(added, separators=(",", ":")),
    }
    return {**meta, "labels": made_labels, "annotations": made}


def _warnings(spec: Mapping, *, gateway: bool, is_native: bool) -> list[Diagnostic]:
    """Say what will not work as its author may think."""
    found = []
    own = [one for one in _containers(spec, "containers") if one.get("name") != PROXY]
    pod_user = _part(spec, "securityContext").get("runAsUser")
    if not gateway:
        for one in own:
            if _part(one, "securityContext").get("runAsUser", pod_user) == USER_ID:
                message = f"container {one.get('name')} runs as user {USER_ID}, whose traffic is taken for Envoy's own"
                found.append(diagnose("PF0165", message, hint="another runAsUser"))
            ports = one.get("ports")
            found += [
                diagnose("PF0166", f"container {one.get('name')} has port {port['containerPort']}, which Envoy uses")
                for port in (ports if isinstance(ports, list) else ())
                if isinstance(port, dict) and port.get("containerPort") in _TAKEN
            ]
        if not is_native and spec.get("restartPolicy") in ("Never", "OnFailure"):
            message = "the pod is to end by itself, but its Envoy, a plain container, never does"
            found.append(diagnose("PF0167", message, hint="a native sidecar: sidecar.istio.io/nativeSidecar: 'true'"))
    return found


def _part(tree: Mapping, key: str) -> Mapping:
    found = tree.get(key)
    return found if isinstance(found, dict) else {}


def _texts(meta: Mapping, key: str) -> dict[str, str]:
    return {str(k): v if isinstance(v, str) else json.dumps(v) for k, v in _part(meta, key).items()}


def _containers(spec: Mapping, key: str) -> list[Mapping]:
    found = spec.get(key)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
