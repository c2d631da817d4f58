"""Patches to the network filters of a chain, and to the HTTP filters and routes inside a connection manager."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
)

from translators.envoy_filters.editing import ListEdit
from translators.envoy_filters.merging import merge_any
from translators.envoy_filters.parsing import INSERTS
from translators.envoy_filters.routes import patch_routes
from translators.messages import pack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envoy.config.listener.v3.listener_components_pb2 import Filter, FilterChain
    from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import HttpFilter

    from translators.envoy_filters.editing import Edit
    from translators.envoy_filters.parsing import Patch
    from translators.envoy_filters.plan import Plan
    from translators.model.envoy_filter import FilterMatch, PatchContext

_MANAGER: Final = HttpConnectionManager.DESCRIPTOR.full_name


def patch_filters(
    chain: FilterChain, path: str, patches: Sequence[Patch], plan: Plan, context: PatchContext, edit: Edit
) -> None:
    """Patch the filters of a chain in place. `patches` are those to network and HTTP filters of this chain."""
    filters = ListEdit(chain.filters, path, edit)
    network = [patch for patch in patches if patch.apply_to == "NETWORK_FILTER"]
    for patch in network:
        wanted = _network_match(patch)
        if patch.operation != "MERGE":
            _edit_list(filters, patch, None if wanted is None else wanted.name)
    http = [patch for patch in patches if patch.apply_to == "HTTP_FILTER"]
    for index, filter_ in enumerate(chain.filters):
        where = f"{path}[{index}]"
        for patch in network:
            if patch.operation == "MERGE" and _is_meant(filter_, patch) and _merge_filter(filter_, patch):
                edit.note(where, patch)
        if filter_.typed_config.type_url.endswith(_MANAGER):
            inside = [patch for patch in http if _is_meant(filter_, patch)]
            _patch_manager(filter_, f"{where}.typed_config", inside, plan, context, edit)


def _patch_manager(
    filter_: Filter, path: str, patches: Sequence[Patch], plan: Plan, context: PatchContext, edit: Edit
) -> None:
    manager = HttpConnectionManager.FromString(filter_.typed_config.value)
    before = len(edit.applied)
    filters = ListEdit(manager.http_filters, f"{path}.http_filters", edit)
    for patch in patches:
        if patch.operation != "MERGE":
            _edit_list(filters, patch, _http_name(patch))
    for index, http_filter in enumerate(manager.http_filters):
        for patch in patches:
            meant = patch.operation == "MERGE" and _http_name(patch) in (None, http_filter.name)
            if meant and _merge_filter(http_filter, patch):
                edit.note(f"{path}.http_filters[{index}]", patch)
    if manager.HasField("route_config"):
        patch_routes(manager.route_config, f"{path}.route_config.", plan, context, edit)
    if len(edit.applied) != before or patches:
        pack(filter_.typed_config, manager)


def _edit_list(filters: ListEdit[Filter] | ListEdit[HttpFilter], patch: Patch, wanted: str | None) -> None:
    """Insert, replace or remove. What a patch names (`wanted`) must be there, or nothing happens."""
    anchors = None if wanted is None else filters.fitting(lambda item: item.name == wanted)
    if patch.operation in INSERTS:
        filters.place(patch, None if patch.operation == "INSERT_FIRST" else anchors)
    elif anchors and patch.operation == "REMOVE":
        filters.remove(anchors, patch)
    elif anchors:
        filters.replace(anchors, patch)


def _merge_filter(filter_: Filter | HttpFilter, patch: Patch) -> bool:
    """Merge a filter: its name is replaced, its settings are merged in depth. One without settings stays as it is."""
    value = patch.message
    if not filter_.HasField("typed_config") or not isinstance(value, type(filter_)):
        return False
    if value.name:
        filter_.name = value.name
    if value.HasField("typed_config"):
        merge_any(filter_.typed_config, value.typed_config)
    return True


def _network_match(patch: Patch) -> FilterMatch | None:
    listener = patch.match.listener
    chain = listener.filter_chain if listener is not None else None
    return chain.filter if chain is not None else None


def _is_meant(filter_: Filter, patch: Patch) -> bool:
    wanted = _network_match(patch)
    return wanted is None or wanted.name == filter_.name


def _http_name(patch: Patch) -> str | None:
    """Return the HTTP filter that a patch names."""
    wanted = _network_match(patch)
    inside = wanted.sub_filter if wanted is not None else None
    return inside.name if inside is not None else None
