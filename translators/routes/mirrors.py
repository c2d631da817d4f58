"""RequestMirrorPolicy: copies of requests, whose answers are thrown away (reference 1.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from translators.messages import set_percent, set_whole_percent

if TYPE_CHECKING:
    from envoy.config.route.v3.route_components_pb2 import RouteAction

    from translators.model.common import Percent
    from translators.model.virtual_service import Destination, HTTPRoute
    from translators.routes.scope import Scope


def set_mirrors(out: RouteAction, http: HTTPRoute, path: str, scope: Scope) -> None:
    """Write `mirror` (with its percentage, 100 % if none is said) and `mirrors`; a share of 0 is no mirror."""
    if http.mirror is not None:
        _add(out, http.mirror, http.mirror_percentage, http.mirror_percent, f"{path}.mirror", scope)
    for i, mirror in enumerate(http.mirrors):
        if mirror.destination is not None:
            _add(out, mirror.destination, mirror.percentage, None, f"{path}.mirrors[{i}].destination", scope)


def _add(
    out: RouteAction, destination: Destination, share: Percent | None, whole: int | None, path: str, scope: Scope
) -> None:
    if (share is not None and share.value == 0) or (share is None and whole == 0):
        return
    policy = out.request_mirror_policies.add()
    policy.cluster = scope.reach(destination, path).cluster
    if share is not None:
        set_percent(policy.runtime_fraction.default_value, share)
    else:
        set_whole_percent(policy.runtime_fraction.default_value, 100 if whole is None else whole)
    policy.trace_sampled.value = False
    policy.disable_shadow_host_suffix_append = True
    if scope.recorder.active:
        scope.note(f"route.request_mirror_policies[{len(out.request_mirror_policies) - 1}]", path)
