"""Envoy messages as people read them: proto3 JSON with snake_case names and inline `@type`, secrets redacted.

This is Envoy's own `config_dump` form. It is made by `google.protobuf.json_format` and is far from the serving path
(about 100 µs a cluster): call it from a worker thread when there are many.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from google.protobuf import any_pb2, json_format, struct_pb2
from google.protobuf.message import Message
from udpa.annotations import sensitive_pb2

from translators.envoy_types import unpack

if TYPE_CHECKING:
    from collections.abc import Iterable

    from google.protobuf.descriptor import FieldDescriptor

    from translators.resources import Resource

REDACTED: Final = "[redacted]"

JsonObject = dict[str, object]


def to_json(resource: Resource) -> JsonObject:
    """Return a resource as a JSON object whose first key is `@type`. Private keys and passwords are redacted, whether
    they are in the message itself or inside any `Any` in it.

    Raises ValueError if the resource's body is not a message of its type.
    """
    wrapped = any_pb2.Any(type_url=resource.type_url, value=resource.body)
    message = unpack(wrapped)
    if message is None:
        msg = f"{resource!r} cannot be decoded as {resource.type_url}"
        raise ValueError(msg)
    return {"@type": resource.type_url, **message_to_json(message)}


def message_to_json(message: Message) -> JsonObject:
    """Return any Envoy message as a JSON object; `message` itself is left as it is."""
    copy = type(message)()
    copy.CopyFrom(message)
    redact(copy)
    return _print(copy)


def _print(message: Message) -> JsonObject:
    printed: JsonObject = json_format.MessageToDict(message, preserving_proto_field_name=True)
    _sort_maps(message, printed)
    return printed


def _sort_maps(message: Message, printed: object) -> None:
    """Sort the keys of maps and Structs in place: protobuf's order differs from process to process."""
    if not isinstance(printed, dict):
        return  # a duration or a wrapper, which prints as a scalar
    if isinstance(message, any_pb2.Any):
        inner = unpack(message)
        if inner is not None:
            _sort_maps(inner, printed.get("value") if isinstance(inner, struct_pb2.Struct) else printed)
    elif isinstance(message, struct_pb2.Struct):
        _sort_keys(printed)
    else:
        for field, value in message.ListFields():
            if field.message_type is not None:
                _sort_field(field, value, printed[field.name])


def _sort_field(field: FieldDescriptor, value: Any, printed: Any) -> None:  # noqa: ANN401 - one of four forms of a field
    if isinstance(value, Message):
        _sort_maps(value, printed)
    elif isinstance(printed, dict):
        entry = field.message_type
        if entry is not None and entry.fields_by_name["value"].message_type is not None:
            for key, part in value.items():
                _sort_maps(part, printed[str(key)])
        ordered = sorted(printed.items())
        printed.clear()
        printed.update(ordered)
    else:
        for part, item in zip(value, printed, strict=True):
            _sort_maps(part, item)


def _sort_keys(tree: object) -> None:
    if isinstance(tree, dict):
        ordered = sorted(tree.items())
        tree.clear()
        tree.update(ordered)
        for value in tree.values():
            _sort_keys(value)
    elif isinstance(tree, list):
        for item in tree:
            _sort_keys(item)


def redact(message: Message) -> None:
    """Replace, in place, every value that Envoy's API marks as sensitive (private keys, passwords, session ticket keys,
    generic secrets), inside `Any` fields too. File names stay: they name a secret and are none.

    The rule is `udpa.annotations.sensitive` on the field, which is what Envoy's config_dump goes by. An `Any` whose
    type is unknown here could hide anything: its value is withheld.
    """
    if isinstance(message, any_pb2.Any):
        _redact_any(message)
        return
    for field, value in message.ListFields():
        if field.message_type is None:
            if _sensitive(field):
                _redact_scalar(message, field)
            continue
        for part in _messages(field, value):
            if _sensitive(field) and part.DESCRIPTOR.full_name == _DATA_SOURCE:
                _redact_source(part)
            else:
                redact(part)


_DATA_SOURCE: Final = "envoy.config.core.v3.DataSource"


def _messages(field: FieldDescriptor, value: object) -> Iterable[Message]:
    """Yield the messages that a field holds: one, a list of them, or the values of a map."""
    if isinstance(value, Message):
        return (value,)
    kind = field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        values = value.values()  # type: ignore[attr-defined] # a protobuf map
        return values if kind.fields_by_name["value"].message_type is not None else ()
    return value  # type: ignore[return-value] # a repeated message field


def _sensitive(field: FieldDescriptor) -> bool:
    return bool(field.GetOptions().Extensions[sensitive_pb2.sensitive])  # type: ignore[index] # stubs call it a FieldDescriptor


def _redact_scalar(message: Message, field: FieldDescriptor) -> None:
    text: str | bytes = REDACTED.encode() if field.type == field.TYPE_BYTES else REDACTED
    value = getattr(message, field.name)
    if isinstance(value, (str, bytes)):
        setattr(message, field.name, text)
    else:
        value[:] = [text] * len(value)


def _redact_source(source: Message) -> None:
    """Put `[redacted]` in place of an inline value; printed as text, not as the base64 of a bytes field."""
    if source.WhichOneof("specifier") in ("inline_bytes", "inline_string"):
        source.inline_string = REDACTED  # type: ignore[attr-defined] # a core.v3.DataSource


def _redact_any(wrapped: any_pb2.Any) -> None:
    if not wrapped.type_url:
        return
    message = unpack(wrapped)
    if message is None:
        held = struct_pb2.Struct()
        held.update({"unknown_type": wrapped.type_url, "value": REDACTED})
        message = held
        wrapped.type_url = f"type.googleapis.com/{held.DESCRIPTOR.full_name}"
    else:
        redact(message)
    wrapped.value = message.SerializeToString(deterministic=True)
