"""Patches to a listener and everything in it (reference 1.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from envoy.config.listener.v3.listener_pb2 import Listener

from translators.envoy_filters.editing import Edit, ListEdit
from translators.envoy_filters.filters import patch_filters
from translators.envoy_filters.merging import merge, merge_any
from translators.envoy_filters.parsing import INSERTS
from translators.envoy_filters.plan import Patched

if TYPE_CHECKING:
    from envoy.config.listener.v3.listener_components_pb2 import FilterChain, ListenerFilter

    from translators.envoy_filters.parsing import Patch
    from translators.envoy_filters.plan import Plan
    from translators.model.envoy_filter import PatchContext
    from translators.recorder import Recorder
    from translators.resources import Resource

VIRTUAL_INBOUND: Final = "virtualInbound"
VIRTUAL_OUTBOUND: Final = "virtualOutbound"
_VIRTUAL: Final = (VIRTUAL_INBOUND, VIRTUAL_OUTBOUND)


def patched_listener(resource: Resource, plan: Plan, *, recorder: Recorder) -> Patched:
    """Memoised step: apply to one listener what is meant for it."""
    listener = Listener.FromString(resource.body)
    context = plan.context(inbound=listener.name == VIRTUAL_INBOUND)
    edit = Edit(resource.notes)
    for patch in plan.of("LISTENER", context):
        if patch.operation == "ADD" or not _listener_fits(listener, patch):
            continue
        if patch.operation == "REMOVE":
            edit.note("", patch)
            return Patched(resource=None, applied=tuple(edit.applied))
        merge(listener, patch.value, replace_lists=patch.replaces_lists)
        edit.note("", patch)
    _patch_listener_filters(listener, plan, context, edit)
    _patch_chains(listener, plan, context, edit)
    return Patched(
        resource=edit.finish(resource, listener, recording=recorder.active),
        applied=tuple(edit.applied),
    )


def _patch_listener_filters(listener: Listener, plan: Plan, context: PatchContext, edit: Edit) -> None:
    filters = ListEdit(listener.listener_filters, "listener_filters", edit)
    for patch in plan.of("LISTENER_FILTER", context):
        if not _listener_fits(listener, patch):
            continue
        wanted = patch.match.listener.listener_filter if patch.match.listener is not None else ""

        def named(item: ListenerFilter, wanted: str = wanted) -> bool:
            return item.name == wanted

        anchors = filters.fitting(named) if wanted else None
        if patch.operation in INSERTS:
            filters.place(patch, anchors if patch.operation != "INSERT_FIRST" else None)
        elif anchors and patch.operation == "REMOVE":
            filters.remove(anchors, patch)
        elif anchors:
            filters.replace(anchors, patch)


def _patch_chains(listener: Listener, plan: Plan, context: PatchContext, edit: Edit) -> None:
    chains = ListEdit(listener.filter_chains, "filter_chains", edit)
    for index in reversed(range(len(listener.filter_chains))):
        chain = listener.filter_chains[index]
        if removed := _patch_chain(listener, chain, f"filter_chains[{index}]", plan, context, edit):
            chains.remove([index], removed)
    if listener.HasField("default_filter_chain"):
        chain = listener.default_filter_chain
        if _patch_chain(listener, chain, "default_filter_chain", plan, context, edit):
            listener.ClearField("default_filter_chain")
    for patch in plan.of("FILTER_CHAIN", context):
        if patch.operation == "ADD" and _listener_fits(listener, patch):
            chains.place(patch, None)


def _patch_chain(
    listener: Listener, chain: FilterChain, path: str, plan: Plan, context: PatchContext, edit: Edit
) -> Patch | None:
    """Patch a chain in place; the patch that wants it removed is returned."""
    for patch in plan.of("FILTER_CHAIN", context):
        if patch.operation == "ADD" or not (_listener_fits(listener, patch) and chain_fits(listener, chain, patch)):
            continue
        edit.note(path, patch)
        if patch.operation == "REMOVE":
            return patch
        _merge_chain(chain, patch)
    fitting = [
        patch
        for apply_to in ("NETWORK_FILTER", "HTTP_FILTER")
        for patch in plan.of(apply_to, context)
        if _listener_fits(listener, patch) and chain_fits(listener, chain, patch)
    ]
    patch_filters(chain, f"{path}.filters", fitting, plan, context, edit)
    return None


def _merge_chain(chain: FilterChain, patch: Patch) -> None:
    """Merge a chain; settings of a transport socket that it has already are merged in depth."""
    value = type(chain)()
    value.CopyFrom(cast("FilterChain", patch.value))
    if value.HasField("transport_socket") and value.transport_socket.name == chain.transport_socket.name:
        merge_any(chain.transport_socket.typed_config, value.transport_socket.typed_config)
        value.ClearField("transport_socket")
    merge(chain, value, replace_lists=patch.replaces_lists)


def _listener_fits(listener: Listener, patch: Patch) -> bool:
    match = patch.match.listener
    if match is None:
        return True
    if match.name and match.name != listener.name:
        return False
    if patch.apply_to != "LISTENER" and listener.name in _VIRTUAL:
        return True  # there the port is a condition of each filter chain
    port = listener.address.socket_address.port_value
    return not match.port_number or match.port_number == port


def chain_fits(listener: Listener, chain: FilterChain, patch: Patch) -> bool:
    """Whether a chain of a listener that fits is meant too."""
    match = patch.match.listener
    if match is None:
        return True
    having = chain.filter_chain_match
    if listener.name in _VIRTUAL and match.port_number and having.destination_port.value != match.port_number:
        return False
    wanted = match.filter_chain
    if wanted is None:
        return True
    protocols = {p.strip() for p in wanted.application_protocols.split(",")} if wanted.application_protocols else set()
    return (
        wanted.name in ("", chain.name)
        and (not wanted.sni or wanted.sni in having.server_names)
        and wanted.transport_protocol in ("", having.transport_protocol)
        and protocols <= set(having.application_protocols)
        and wanted.destination_port in (0, having.destination_port.value)
    )
