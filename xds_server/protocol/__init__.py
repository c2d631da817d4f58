"""The xDS protocol without I/O: `receive(request, now)` and `offer(snapshot, now, reason)` give a `Step`.

    encoder = Encoder("pilotfish-0")            # one for all streams of the process,
    quarantine = Quarantine()                   # and one of these
    stream = DeltaStream(encoder, quarantine)   # or SotwStream(…): one for each connection
    step = stream.receive(request, now)         # a parsed DeltaDiscoveryRequest / DiscoveryRequest
    for event in step.events: ...               # the first holds Connected(node=...): proxy_of(node, root) tells who
    for response in step.responses: send(response.payload)
    step = stream.offer(snapshot, now, "push")  # a ResourceSet; again send step.responses in this order
    encoder.turn()                              # once after each push: lets go of bytes that no push used lately

No gRPC, no event loop and no clock. Rule numbers in this package are those of the project's conformance checklist,
which `tests/protocol` runs as a table. https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol
"""

from __future__ import annotations

from xds_server.protocol.delta import DeltaStream
from xds_server.protocol.encoder import Encoder
from xds_server.protocol.events import (
    Acked,
    Confined,
    Connected,
    Event,
    Healed,
    Ignored,
    Nacked,
    Rejected,
    Subscribed,
    Unsubscribed,
)
from xds_server.protocol.ledger import TypeStatus
from xds_server.protocol.node import proxy_of
from xds_server.protocol.quarantine import Case, Quarantine
from xds_server.protocol.sotw import SotwStream
from xds_server.protocol.step import Limits, Outgoing, Step, Stream
from xds_server.protocol.stream import RESENT_WITH_PARENT, children
from xds_server.protocol.xlog import Conversation, Xlog
from xds_server.protocol.xlog_records import Why

__all__ = [
    "RESENT_WITH_PARENT",
    "Acked",
    "Case",
    "Confined",
    "Connected",
    "Conversation",
    "DeltaStream",
    "Encoder",
    "Event",
    "Healed",
    "Ignored",
    "Limits",
    "Nacked",
    "Outgoing",
    "Quarantine",
    "Rejected",
    "SotwStream",
    "Step",
    "Stream",
    "Subscribed",
    "TypeStatus",
    "Unsubscribed",
    "Why",
    "Xlog",
    "children",
    "proxy_of",
]
