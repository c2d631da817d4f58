"""What happened on a stream: the events that status, metrics and the trace are made from. They change nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from envoy.config.core.v3.base_pb2 import Node

    from translators.resources import Resource

MESSAGE_LIMIT = 1000
"""Characters of a NACK's message that are kept: it can hold a whole resource (xds-protocol rule 109)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """The first message of the stream has come, and says who the client is. `protocol.node.proxy_of` reads the node."""

    node: Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribed:
    """The client asks for more of a type: names, or everything (`wildcard`)."""

    type_url: str
    names: tuple[str, ...]
    wildcard: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsubscribed:
    """The client no longer wants these names, or no longer everything (`wildcard`)."""

    type_url: str
    names: tuple[str, ...]
    wildcard: bool


class Acked(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The client accepted the response with this nonce, and those of the type before it that it had not answered.

    One is made for each stream and push: a msgspec.Struct costs a tenth of a frozen dataclass.
    """

    type_url: str
    nonce: str
    version: str
    seconds: float
    """From handing out the response to its ACK."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nacked:
    """The client rejected the response with this nonce. It may have applied the good part of it."""

    type_url: str
    nonce: str
    version: str
    code: int
    """A google.rpc.Code; Envoy's is always 13, gRPC's 3."""
    message: str
    """The first `MESSAGE_LIMIT` characters."""
    names: tuple[str, ...]
    """The resources in doubt: those that the message names, where it names any, else all that were in the response.
    What newer responses have replaced since is left out. Sorted.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Confined:
    """The client has rejected this resource, and no other is to blame: it is kept from the client for a while."""

    resource: Resource
    error: str
    retry_at: float
    """When it is tried again; seconds, of the stream's clock."""
    rejections: int
    """How often the client has rejected it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Healed:
    """The client has accepted a resource that it had rejected."""

    resource: Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    """(A part of) a request that means nothing here, and that a client may send all the same."""

    type_url: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """The client broke the rules of the stream: answer nothing more and end it with `status`."""

    status: Literal["INVALID_ARGUMENT", "RESOURCE_EXHAUSTED"]
    """The name of the gRPC status code."""
    reason: str


Event = Connected | Subscribed | Unsubscribed | Acked | Nacked | Confined | Healed | Ignored | Rejected
