"""Rules for Istio's EnvoyFilter (reference 4, "EnvoyFilter")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from translators.envoy_filters.parsing import INSERTS, OPERATIONS, WITHOUT_VALUE, BadValueError, parse_value
from translators.validation.findings import quote
from translators.validation.names import check_workload_selector
from translators.validation.values import check_regex

if TYPE_CHECKING:
    from collections.abc import Mapping

    from translators.model.envoy_filter import EnvoyConfigObjectMatch, EnvoyConfigObjectPatch, EnvoyFilter
    from translators.validation.findings import Findings

_LISTENER: Final = frozenset({"FILTER_CHAIN", "HTTP_FILTER", "LISTENER", "LISTENER_FILTER", "NETWORK_FILTER"})
_ROUTE: Final = frozenset({"HTTP_ROUTE", "ROUTE_CONFIGURATION", "VIRTUAL_HOST"})
_MATCHES: Final[Mapping[str, frozenset[str]]] = {
    "listener": _LISTENER,
    "routeConfiguration": _ROUTE,
    "cluster": frozenset({"CLUSTER"}),
}
"""The parts of a match, and what each is about."""
_NAMED: Final = frozenset({"CLUSTER", "EXTENSION_CONFIG", "LISTENER"})
"""What cannot be added without a name."""
_OLD_NAMES: Final = {
    f"envoy.{old}": f"envoy.filters.{new}"
    for old, new in {
        "cors": "http.cors",
        "ext_authz": "http.ext_authz",
        "fault": "http.fault",
        "grpc_web": "http.grpc_web",
        "http_connection_manager": "network.http_connection_manager",
        "listener.http_inspector": "listener.http_inspector",
        "listener.original_dst": "listener.original_dst",
        "listener.proxy_protocol": "listener.proxy_protocol",
        "listener.tls_inspector": "listener.tls_inspector",
        "lua": "http.lua",
        "rate_limit": "http.ratelimit",
        "router": "http.router",
        "tcp_proxy": "network.tcp_proxy",
    }.items()
}
"""What Envoy called these filters before 1.14, and Istio up to 1.5 in its listeners, to what they are called now."""


def check_envoy_filter(found: Findings, envoy_filter: EnvoyFilter) -> None:
    """Check one EnvoyFilter."""
    spec = envoy_filter.spec
    found.add(
        "PF1107",
        "spec",
        "EnvoyFilter names parts of the generated configuration, which may differ in the next version",
        "prefer another kind where one does the same",
    )
    if spec.workload_selector is not None:
        check_workload_selector(found, "spec.workloadSelector", spec.workload_selector.labels)
        if spec.target_refs:
            found.add("PF1109", "spec.targetRefs", "targetRefs does not go with workloadSelector", "keep one of them")
    if not spec.config_patches:
        found.add("PF1101", "spec.configPatches", "the EnvoyFilter has no patches", "list what is to be changed")
    for index, config in enumerate(spec.config_patches):
        _check_patch(found, f"spec.configPatches[{index}]", config)


def _check_patch(found: Findings, path: str, config: EnvoyConfigObjectPatch) -> None:
    apply_to = config.apply_to
    if apply_to == "INVALID":
        found.add("PF1101", f"{path}.applyTo", "it is not said what to patch", f"write one of {', '.join(OPERATIONS)}")
        return
    if config.patch is None:
        found.add("PF1101", f"{path}.patch", "the patch is missing", "write an operation and a value")
        return
    if config.match is not None:
        _check_match(found, f"{path}.match", apply_to, config.match)
    operation, value = config.patch.operation, config.patch.value
    if operation == "INVALID":
        found.add("PF1101", f"{path}.patch.operation", "the operation is missing", "write MERGE, ADD, REMOVE, …")
        return
    known = OPERATIONS.get(apply_to)
    if known is None:
        found.add(
            "PF1108",
            f"{path}.applyTo",
            f"{apply_to} is not patched by Pilotfish: this has no effect",
            "change the output of `pilotfish bootstrap` instead",
        )
        return
    if operation not in known:
        found.add(
            "PF1106",
            f"{path}.patch.operation",
            f"{operation} means nothing for {apply_to}, in Istio as here: this has no effect",
            f"use one of {', '.join(sorted(known))}",
        )
        return
    if operation in WITHOUT_VALUE:
        if value:
            found.add("PF1106", f"{path}.patch.value", f"{operation} takes no value: this has no effect", "remove it")
        return
    _check_value(found, f"{path}.patch.value", config)


def _check_value(found: Findings, path: str, config: EnvoyConfigObjectPatch) -> None:
    patch = config.patch
    if patch is None or not patch.value:
        found.add("PF1102", path, "the value is missing", "write the piece of Envoy configuration")
        return
    try:
        message = parse_value(config.apply_to, patch.value)
    except BadValueError as error:
        found.add("PF1103", path, f"this is not a {config.apply_to} of Envoy's API: {error}", "see Envoy's v3 API")
        return
    if patch.operation in INSERTS and config.apply_to in _NAMED and not message.name:  # type: ignore[attr-defined] # they have names
        found.add("PF1102", f"{path}.name", f"a {config.apply_to} that is added needs a name", "give it one")


def _check_match(found: Findings, path: str, apply_to: str, match: EnvoyConfigObjectMatch) -> None:
    said = {
        "listener": match.listener,
        "routeConfiguration": match.route_configuration,
        "cluster": match.cluster,
    }
    for name, part in said.items():
        if part is not None and apply_to not in _MATCHES[name]:
            found.add(
                "PF1105",
                f"{path}.{name}",
                f"a match on {name} says nothing about {apply_to}",
                f"match on {next(n for n, kinds in _MATCHES.items() if apply_to in kinds)}"
                if any(apply_to in kinds for kinds in _MATCHES.values())
                else "remove it",
            )
    if match.context == "WAYPOINT" or match.waypoint is not None:
        found.add("PF1108", path, "there are no waypoints: this has no effect", "remove the patch")
    if match.proxy is not None and match.proxy.proxy_version:
        check_regex(found, f"{path}.proxy.proxyVersion", match.proxy.proxy_version)
    listener, where = match.listener, f"{path}.listener.filterChain.filter"
    chain = listener.filter_chain if listener is not None else None
    if listener is not None:
        _check_old_name(found, f"{path}.listener.listenerFilter", listener.listener_filter)
    if chain is not None and chain.filter is not None:
        _check_old_name(found, f"{where}.name", chain.filter.name)
        if chain.filter.sub_filter is not None:
            _check_old_name(found, f"{where}.subFilter.name", chain.filter.sub_filter.name)
    inside = chain.filter.sub_filter if chain is not None and chain.filter is not None else None
    if inside is not None and apply_to != "HTTP_FILTER":
        found.add(
            "PF1105",
            f"{where}.subFilter",
            f"a filter inside of a filter says nothing about {apply_to}",
            "use applyTo: HTTP_FILTER",
        )
    elif inside is not None and chain is not None and chain.filter is not None and not chain.filter.name:
        found.add(
            "PF1105",
            f"{where}.name",
            "a filter inside of a filter needs the name of the outer one",
            f'write "envoy.filters.network.http_connection_manager" (inside: {quote(inside.name)})',
        )


def _check_old_name(found: Findings, path: str, name: str) -> None:
    if name in _OLD_NAMES:
        found.add(
            "PF1110", path, f"no listener has a filter of the old name {quote(name)}", f"write {_OLD_NAMES[name]}"
        )
