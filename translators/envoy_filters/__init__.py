"""EnvoyFilter: the user's patches to what was generated (reference 1.7), applied last.

Each resource is patched by a memoised step of its own, so a change costs what it touches; a resource that no patch is
meant for stays the same object.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from translators.envoy_filters.clusters import patched_cluster
from translators.envoy_filters.listeners import patched_listener
from translators.envoy_filters.plan import Patched, Plan, keys_of, plan_for
from translators.envoy_filters.reach import reached
from translators.envoy_filters.routes import patched_route_configuration
from translators.model.codes import diagnose
from translators.resources import CLUSTER, EXTENSION, LISTENER, ROUTE, Resource

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from translators.envoy_filters.parsing import Patch
    from translators.memo import Steps
    from translators.model.envoy_filter import ApplyTo
    from translators.model.origin import Diagnostic, Origin
    from translators.recorder import Recorder

__all__ = ["Plan", "apply_plan", "keys_of", "plan_for", "reached"]

_STEPS: Final[Mapping[str, Callable[..., Patched]]] = {
    CLUSTER: patched_cluster,
    LISTENER: patched_listener,
    ROUTE: patched_route_configuration,
}
_WHOLE: Final[Mapping[str, ApplyTo]] = {CLUSTER: "CLUSTER", EXTENSION: "EXTENSION_CONFIG", LISTENER: "LISTENER"}
"""Types of which a patch can add a whole resource."""


@dataclass(slots=True)
class _Result:
    applied: dict[Origin, None] = field(default_factory=dict)
    diagnostics: list[Diagnostic] = field(default_factory=list)


def apply_plan(
    plan: Plan, made: Mapping[str, tuple[Resource, ...]], steps: Steps
) -> tuple[dict[str, tuple[Resource, ...]], tuple[Diagnostic, ...]]:
    """Return the resources of each type as patched, and what there is to say: which patches matched nothing."""
    result = _Result()
    made = {EXTENSION: (), **made}
    patched = {type_url: _apply(plan, type_url, resources, steps, result) for type_url, resources in made.items()}
    known = {extension.name for extension in patched[EXTENSION]}
    for patch in plan.patches:
        if patch.origin not in result.applied and plan.concerns(patch):
            result.diagnostics.append(
                diagnose(
                    "PF1120" if patch.origin.key in plan.selected else "PF1122",
                    f"this patch ({patch.operation} {patch.apply_to}) matched nothing on a {plan.proxy_type} that the "
                    "EnvoyFilter is for",
                    patch.origin,
                    hint="compare its match with `pilotfish translate` or `pilotfish proxy-config`",
                )
            )
        elif lost := sorted(name for type_url, name in patch.refs if type_url == EXTENSION and name not in known):
            result.diagnostics.append(
                diagnose(
                    "PF1123",
                    f'no patch adds the configuration of "{lost[0]}": Envoy waits for it before it opens the listener',
                    patch.origin,
                    hint="add it with applyTo: EXTENSION_CONFIG, for the same proxies",
                )
            )
    return patched, tuple(result.diagnostics)


def _apply(
    plan: Plan, type_url: str, resources: tuple[Resource, ...], steps: Steps, result: _Result
) -> tuple[Resource, ...]:
    if type_url not in _STEPS and type_url not in _WHOLE:
        return resources
    step = _STEPS.get(type_url)
    out: dict[str, Resource] = {}
    for resource in resources:
        done: Patched = steps.step(step, resource, plan) if step is not None else Patched(resource=resource)
        result.applied.update(dict.fromkeys(done.applied))
        if done.resource is not None:
            _put(out, done.resource, done.applied, result)
    for patch in _additions(plan, type_url):
        result.applied[patch.origin] = None
        _put(out, steps.step(_added, patch, type_url), (patch.origin,), result)
    return tuple(out.values())


def _put(out: dict[str, Resource], resource: Resource, applied: tuple[Origin, ...], result: _Result) -> None:
    """Take a resource in. Envoy refuses a response in which a name stands twice, so the first one stays."""
    if out.setdefault(resource.name, resource) is resource:
        return
    for origin in applied:
        result.diagnostics.append(
            diagnose(
                "PF1121",
                f'there is a resource named "{resource.name}" already: this one is left out',
                origin,
                hint="give it a name of its own, or use MERGE to change the one that is there",
            )
        )


def _additions(plan: Plan, type_url: str) -> list[Patch]:
    apply_to = _WHOLE.get(type_url)
    if apply_to is None:
        return []
    found: dict[Origin, Patch] = {}
    for context in plan.added_in:
        found.update((p.origin, p) for p in plan.of(apply_to, context) if p.operation == "ADD")
    return list(found.values())


def _added(patch: Patch, type_url: str, *, recorder: Recorder) -> Resource:
    """Memoised step: the resource that a patch adds."""
    message = patch.value
    recorder.note("", patch.origin)
    return Resource(
        type_url,
        message.name,  # type: ignore[attr-defined] # clusters and listeners have one
        message.SerializeToString(deterministic=True),
        (patch.origin.key,),
        refs=patch.refs,
        notes=recorder.notes(),
    )
