"""Protobuf's merge as Istio's MERGE means it (reference 1.7): lists grow, maps are joined by key, and values that are
one thing (durations, wrapped scalars) are replaced as a whole. So is an `Any`, but where `merge_any` is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from translators.envoy_types import unpack
from translators.messages import pack

if TYPE_CHECKING:
    from google.protobuf.any_pb2 import Any as AnyMessage
    from google.protobuf.message import Message

_WHOLE: Final = frozenset(
    f"google.protobuf.{name}"
    for name in (
        "BoolValue",
        "BytesValue",
        "DoubleValue",
        "Duration",
        "FloatValue",
        "Int32Value",
        "Int64Value",
        "StringValue",
        "Timestamp",
        "UInt32Value",
        "UInt64Value",
    )
)
"""Messages that are one value: merging `5s` into `1.5s` must not give `5.5s`."""


def merge(into: Message, value: Message, *, replace_lists: bool = False) -> None:
    """Merge `value` into a message of the same type. `replace_lists`: its lists take the place of what is there."""
    _make_room(into, value, replace_lists=replace_lists)
    into.MergeFrom(value)


def _make_room(into: Message, value: Message, *, replace_lists: bool) -> None:
    for field, part in value.ListFields():
        if field.is_repeated:
            if replace_lists and not (field.message_type is not None and field.message_type.GetOptions().map_entry):
                into.ClearField(field.name)
        elif field.message_type is not None and into.HasField(field.name):
            if field.message_type.full_name in _WHOLE:
                into.ClearField(field.name)
            else:
                _make_room(getattr(into, field.name), part, replace_lists=replace_lists)


def merge_any(into: AnyMessage, value: AnyMessage) -> None:
    """Merge the message in one `Any` into that in another. One of another type takes its place."""
    held, wanted = unpack(into), unpack(value)
    if held is None or wanted is None or into.type_url != value.type_url:
        into.CopyFrom(value)
        return
    merge(held, wanted)
    pack(into, held)
