"""Patches to clusters (reference 1.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from envoy.config.cluster.v3.cluster_pb2 import Cluster

from translators.envoy_filters.editing import Edit
from translators.envoy_filters.merging import merge, merge_any
from translators.envoy_filters.plan import Patched

if TYPE_CHECKING:
    from translators.envoy_filters.parsing import Patch
    from translators.envoy_filters.plan import Plan
    from translators.recorder import Recorder
    from translators.resources import Resource

_INBOUND: Final = ("inbound|", "InboundPassthroughCluster")


def patched_cluster(resource: Resource, plan: Plan, *, recorder: Recorder) -> Patched:
    """Memoised step: apply to one cluster what is meant for it."""
    context = plan.context(inbound=resource.name.startswith(_INBOUND))
    patches = [p for p in plan.of("CLUSTER", context) if p.operation != "ADD"]
    if not patches:
        return Patched(resource=resource)
    cluster = Cluster.FromString(resource.body)
    edit = Edit(resource.notes)
    for patch in patches:
        if not _fits(cluster, patch):
            continue
        edit.note("", patch)
        if patch.operation == "REMOVE":
            return Patched(resource=None, applied=tuple(edit.applied))
        _merge(cluster, patch)
    return Patched(
        resource=edit.finish(resource, cluster, recording=recorder.active),
        applied=tuple(edit.applied),
    )


def _merge(cluster: Cluster, patch: Patch) -> None:
    """Merge a cluster. Settings of a transport socket that it has already are merged in depth, also where there is one
    for each kind of endpoint; a socket of another name takes the place of the one that is there.
    """
    value = Cluster()
    value.CopyFrom(cast("Cluster", patch.value))
    if value.HasField("transport_socket"):
        wanted = value.transport_socket
        sockets = [m.transport_socket for m in cluster.transport_socket_matches] or [cluster.transport_socket]
        held = next((s for s in sockets if s.name == wanted.name), None)
        if held is not None:
            merge_any(held.typed_config, wanted.typed_config)
        elif not cluster.transport_socket_matches:
            cluster.transport_socket.CopyFrom(wanted)
        value.ClearField("transport_socket")
    merge(cluster, value, replace_lists=patch.replaces_lists)


def _fits(cluster: Cluster, patch: Patch) -> bool:
    match = patch.match.cluster
    if match is None:
        return True
    if match.name:
        return match.name == cluster.name
    parts = cluster.name.split("|")
    direction, port, subset, host = parts if len(parts) == 4 else ("", "", "", cluster.name)
    hosts = _hosts(cluster) if direction == "inbound" else {host}
    return (
        match.subset in ("", subset)
        and (not match.service or match.service in hosts)
        and (not match.port_number or str(match.port_number) == port)
    )


def _hosts(cluster: Cluster) -> set[str]:
    """Return the services of an inbound cluster, which its metadata names."""
    services = cluster.metadata.filter_metadata["istio"].fields["services"].list_value
    return {service.struct_value.fields["host"].string_value for service in services.values}
