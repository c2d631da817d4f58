"""What a client may say of itself, and what of it is kept as long as its stream is open."""

from __future__ import annotations

from typing import Final

import grpc
from envoy.config.core.v3.base_pb2 import Node

from xds_server.transport.ending import Ending

NODE_LIMIT: Final = 1 << 20
"""Bytes of the first message's node. Envoy's is 61 KB with its list of extensions (xds-protocol section 0, item 8)."""

NODE_ID_LIMIT: Final = 2048
"""Characters of a node's id: it is logged, and is a label of metrics."""

METADATA_LIMIT: Final = 16 << 10
"""Bytes of node metadata that are kept for the matchers; Istio's take about 1 KiB."""


def unreasonable(node: Node) -> Ending | None:
    """Refuse a node that would cost more than a proxy is worth; one that is missing is the core's to refuse."""
    if node.ByteSize() > NODE_LIMIT:
        return Ending(grpc.StatusCode.INVALID_ARGUMENT, f"the node has more than {NODE_LIMIT} bytes")
    if len(node.id) > NODE_ID_LIMIT:
        return Ending(grpc.StatusCode.INVALID_ARGUMENT, f"node.id has more than {NODE_ID_LIMIT} characters")
    return None


def kept_of(node: Node) -> bytes:
    """Return what is kept of a node, serialised: not Envoy's list of extensions (60 KB), nor metadata without end."""
    kept = Node(id=node.id, cluster=node.cluster, user_agent_name=node.user_agent_name)
    kept.locality.CopyFrom(node.locality)
    if node.WhichOneof("user_agent_version_type") == "user_agent_version":
        kept.user_agent_version = node.user_agent_version
    else:
        kept.user_agent_build_version.version.CopyFrom(node.user_agent_build_version.version)
    if node.metadata.ByteSize() <= METADATA_LIMIT:
        kept.metadata.CopyFrom(node.metadata)
    return kept.SerializeToString(deterministic=True)
