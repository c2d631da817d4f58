"""The nodes of messages, made from msgspec's own description of the Structs, which stay the only list of fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec import NODEFAULT, inspect

from translators.model.common import Duration
from translators.model.paths import key_segment
from translators.model.scalars import (
    TEXT,
    Base64,
    Boolean,
    Choice,
    Free,
    List,
    Map,
    NumberOrText,
    Real,
    Span,
    Whole,
)
from translators.model.walk import BAD, describe, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from translators.model.coverage import Notice
    from translators.model.walk import Node, Walk


class _Field:
    """One field of a message: its JSON name, its node, and what to say when it is set."""

    __slots__ = ("harmless", "name", "node", "notice", "segment")

    def __init__(self, name: str, node: Node, notice: Notice | None, default: object) -> None:
        self.name = name
        self.segment = f".{name}"
        self.node = node
        self.notice = notice
        self.harmless: tuple[object, ...] = (default, *(notice.unless if notice else ()))


class Message:
    """Checks a mapping with known fields."""

    __slots__ = ("_elsewhere", "_fields", "_partial")

    def __init__(self, fields: Mapping[str, _Field], *, partial: bool, elsewhere: Mapping[str, Notice | None]) -> None:
        """See `Surroundings` for `partial` and `elsewhere`."""
        self._fields = fields
        self._partial = partial
        self._elsewhere = elsewhere

    def check(self, value: object, walk: Walk) -> object:
        """Return the mapping with JSON names only, without nulls and unknown fields."""
        if not isinstance(value, dict):
            return walk.report("PF0205", f"expected a mapping, got {describe(value)}")
        out: dict[str, object] = {}
        path = walk.path
        for name, item in value.items():
            field = self._fields.get(name) if isinstance(name, str) else None
            if field is None:
                self._unknown(name, item, walk)
                continue
            if item is None:
                continue
            path.append(field.segment)
            if field.name in out:
                walk.report("PF0210", f"this field is given twice, as {name} and under its other name")
            checked = field.node.check(item, walk)
            if checked is not BAD:
                out[field.name] = checked
            if field.notice is not None and item and item not in field.harmless:
                walk.report(field.notice.code, field.notice.message, field.notice.hint)
            path.pop()
        return out

    def _unknown(self, name: object, item: object, walk: Walk) -> None:
        if not isinstance(name, str):
            walk.report("PF0205", f"expected a string as key, got {describe(name)}")
        elif name in self._elsewhere:
            notice = self._elsewhere[name]
            if notice is not None and item and item not in notice.unless:
                walk.report(notice.code, notice.message, notice.hint, below=key_segment(name))
        elif not self._partial:
            shown = name if len(name) <= 60 else f"{name[:57]}..."
            hint = "" if walk.full else nearest(name, {field.name: None for field in self._fields.values()})
            walk.report("PF0204", f'unknown field "{shown}"', hint, below=key_segment(name))


class Surroundings(NamedTuple):
    """What is known of one kind's fields beyond the Struct.

    Both tables go by path below the root, `[]` for an element of a list and `{}` for a value of a map, such as
    `spec.http[].delegate`.
    """

    notices: Mapping[str, Notice]
    """What to say when a field is set."""
    elsewhere: Mapping[str, Mapping[str, Notice | None]]
    """By path of a message: fields of the API that are not in its Struct, and what to say about each."""
    partial: bool
    """Whether the Structs leave fields out on purpose, so that an unknown one is no mistake."""


def node_of(info: inspect.Type, around: Surroundings, path: str = "") -> Node:
    """Make the node for a type as msgspec describes it.

    Raises TypeError for a type that no kind uses, so that a new one cannot pass unchecked.
    """
    if isinstance(info, inspect.UnionType):
        real = [t for t in info.types if not isinstance(t, inspect.NoneType)]
        if {type(t) for t in real} == {inspect.IntType, inspect.StrType}:
            return NumberOrText()
        info = real[0] if len(real) == 1 else info
    if isinstance(info, inspect.StructType):
        return _message(info.fields, around, path)
    if isinstance(info, inspect.VarTupleType):
        return List(node_of(info.item_type, around, f"{path}[]"))
    if isinstance(info, inspect.DictType):
        return Map(node_of(info.value_type, around, f"{path}{{}}"))
    return _scalar(info, path)


def _scalar(info: inspect.Type, path: str) -> Node:
    match info:
        case inspect.StrType():
            return TEXT
        case inspect.LiteralType(values=values):
            return Choice(tuple(str(v) for v in values))
        case inspect.IntType(ge=low, le=high):
            return Whole(low, high)
        case inspect.FloatType():
            return Real()
        case inspect.BoolType():
            return Boolean()
        case inspect.BytesType():
            return Base64()
        case inspect.AnyType():
            return Free()
        case inspect.CustomType(cls=cls) if cls is Duration:
            return Span()
        case _:
            msg = f"no node for {info} at {path}"
            raise TypeError(msg)


def _message(fields: tuple[inspect.Field, ...], around: Surroundings, path: str) -> Message:
    known: dict[str, _Field] = {}
    for field in fields:
        where = f"{path}.{field.encode_name}" if path else field.encode_name
        default = None if field.default is NODEFAULT else field.default
        node = node_of(field.type, around, where)
        entry = _Field(field.encode_name, node, around.notices.get(where), default)
        known[field.encode_name] = entry
        known[field.name.rstrip("_")] = entry  # protobuf's JSON form takes the .proto name as well
    return Message(known, partial=around.partial, elsewhere=around.elsewhere.get(path, {}))
