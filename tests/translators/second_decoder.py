"""A second opinion on bytes: `envoy-data-plane`, whose betterproto2 shares no code with protobuf.

What one library encodes is decoded by the other, encoded again, and must come back unchanged; so must every message
that is packed into an Any somewhere inside, however deep.
"""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.descriptor_pool import Default
from google.protobuf.message_factory import GetMessageClass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.protobuf.message import Message

TYPE_URL_PREFIX: Final = "type.googleapis.com/"


def first_decoder(type_url: str, body: bytes) -> Message:
    """Decode with protobuf. The module that defines the type must have been imported."""
    descriptor = Default().FindMessageTypeByName(type_url.removeprefix(TYPE_URL_PREFIX))
    return GetMessageClass(descriptor).FromString(body)


def _second_class(type_url: str) -> Any:
    """Return betterproto2's class. Its modules are named like the protobuf packages, and register their messages."""
    package = type_url.removeprefix(TYPE_URL_PREFIX).rpartition(".")[0]
    import_module(f"envoy_data_plane.{package}")
    return import_module("envoy_data_plane.message_pool").default_message_pool.url_to_type[type_url]


def messages_inside(message: Message) -> Iterator[AnyMessage]:
    """Yield every Any of a message, at any depth, but not what is inside of it."""
    if isinstance(message, AnyMessage):
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if field.message_type.GetOptions().map_entry:
            if field.message_type.fields_by_name["value"].type == field.TYPE_MESSAGE:
                for inner in value.values():
                    yield from messages_inside(inner)
        elif hasattr(value, "add"):
            for inner in value:
                yield from messages_inside(inner)
        else:
            yield from messages_inside(value)


def check(type_url: str, body: bytes) -> int:
    """Assert that a message survives both decoders, and all that is packed into it; returns how many there were."""
    message = first_decoder(type_url, body)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about its own code, and fields that Envoy calls deprecated
        again = bytes(_second_class(type_url).parse(body))
    assert first_decoder(type_url, again) == message
    assert first_decoder(type_url, again).SerializeToString(deterministic=True) == body
    return 1 + sum(check(packed.type_url, packed.value) for packed in messages_inside(message))
