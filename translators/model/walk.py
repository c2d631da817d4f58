"""One walk over a decoded tree, against the fields of a Struct: finds every mistake, not just the first.

msgspec alone drops unknown fields silently and stops at the first wrong type. A `Node` is made once for each field of
each kind from msgspec's own description of the Struct, so that the Structs stay the only list of fields.
"""

from __future__ import annotations

import math
from base64 import b64decode
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from msgspec import NODEFAULT, inspect

from translators.model.codes import diagnose
from translators.model.common import Duration
from translators.model.origin import Origin, Severity
from translators.model.paths import key_segment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from translators.model.coverage import Notice
    from translators.model.meta import ObjectKey
    from translators.model.origin import Diagnostic

MOST_DIAGNOSTICS: Final = 100
"""Of one object; a generated file full of mistakes must not fill anyone's screen or memory."""


class _Bad:
    """Stands for a value that was reported and cannot be used."""


BAD: Final = _Bad()


class Walk:
    """Collects what is wrong with one object while its nodes are walked."""

    __slots__ = ("_hidden", "diagnostics", "failed", "key", "path")

    def __init__(self, key: ObjectKey) -> None:
        """Diagnostics will name `key`."""
        self.key = key
        self.path: list[str] = []
        self.diagnostics: list[Diagnostic] = []
        self.failed = False
        self._hidden = 0

    @property
    def full(self) -> bool:
        """Whether a further diagnostic would only be counted."""
        return len(self.diagnostics) >= MOST_DIAGNOSTICS

    def report(self, code: str, message: str, hint: str = "", *, below: str = "") -> _Bad:
        """Note a diagnostic at the present path (and `below` it). Returns BAD, for `return walk.report(...)`."""
        diagnostic = diagnose(code, message, Origin(self.key, "".join((*self.path, below)).lstrip(".")), hint=hint)
        self.failed = self.failed or diagnostic.severity is Severity.ERROR
        if self.full:
            self._hidden += 1
        else:
            self.diagnostics.append(diagnostic)
        return BAD

    def finish(self) -> tuple[Diagnostic, ...]:
        """Return the diagnostics; the last one says how many more there would be."""
        if self._hidden:
            more = diagnose("PF0211", f"{self._hidden} more problems in this object", Origin(self.key))
            return (*self.diagnostics, more)
        return tuple(self.diagnostics)


def describe(value: object) -> str:
    """Say what a user wrote, in the words of YAML: `the string "80"`."""
    match value:
        case None:
            return "null"
        case bool():
            return f"the boolean {str(value).lower()}"
        case int() | float():
            try:
                text = str(value)
            except ValueError:  # more than 4,300 digits
                text = "of thousands of digits"
            return f"the number {text if len(text) <= 40 else f'{text[:37]}...'}"
        case str():
            return f'the string "{value if len(value) <= 60 else f"{value[:57]}..."}"'
        case list() | tuple():
            return "a list"
        case dict():
            return "a mapping"
        case _:
            return f"a {type(value).__name__}"


def nearest(name: str, known: Mapping[str, object] | tuple[str, ...]) -> str:
    """Return `did you mean "x"?` for the known name that is most like this one, or nothing."""
    if len(name) > 64:
        return ""
    lowered = {k.lower(): k for k in known}
    close = get_close_matches(name.lower(), lowered, n=1, cutoff=0.6)
    return f'did you mean "{lowered[close[0]]}"?' if close else ""


class Node(Protocol):
    """Checks one value. `check` returns it in the form that msgspec takes, or BAD after it has reported why not."""

    def check(self, value: object, walk: Walk) -> object:
        """Check `value`, which stands at `walk.path`."""
        ...


class _Text:
    __slots__ = ()

    def check(self, value: object, walk: Walk) -> object:
        if not isinstance(value, str):
            hint = "put it in quotes" if isinstance(value, bool | int | float) else ""
            return walk.report("PF0205", f"expected a string, got {describe(value)}", hint)
        if "\0" in value:
            return walk.report("PF0206", "a string may not hold a NUL character")
        if not (value.isascii() or _encodable(value)):
            return walk.report("PF0206", "a string may not hold half a surrogate pair")
        return value


def _encodable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


class _Choice:
    __slots__ = ("_values",)

    def __init__(self, values: tuple[str, ...]) -> None:
        self._values = values

    def check(self, value: object, walk: Walk) -> object:
        if isinstance(value, str) and value in self._values:
            return value
        allowed = ", ".join(self._values)
        if not isinstance(value, str):
            return walk.report("PF0205", f"expected one of {allowed}, got {describe(value)}")
        return walk.report("PF0206", f"expected one of {allowed}, got {describe(value)}", nearest(value, self._values))


class _Whole:
    __slots__ = ("_high", "_low")

    def __init__(self, low: int | None, high: int | None) -> None:
        self._low = -(1 << 63) if low is None else low
        self._high = (1 << 63) - 1 if high is None else high

    def check(self, value: object, walk: Walk) -> object:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            hint = "remove the quotes" if isinstance(value, str) and value.isdecimal() else ""
            return walk.report("PF0205", f"expected a whole number, got {describe(value)}", hint)
        if not self._low <= value <= self._high:
            return walk.report("PF0206", f"expected a number from {self._low} to {self._high}, got {describe(value)}")
        return value


class _Real:
    __slots__ = ()

    def check(self, value: object, walk: Walk) -> object:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return walk.report("PF0205", f"expected a number, got {describe(value)}")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            return walk.report("PF0206", f"expected a finite number, got {describe(value)}")
        return number


class _Boolean:
    __slots__ = ()

    def check(self, value: object, walk: Walk) -> object:
        if isinstance(value, bool):
            return value
        hint = "remove the quotes" if value in ("true", "false") else ""
        return walk.report("PF0205", f"expected true or false, got {describe(value)}", hint)


class _Base64:
    __slots__ = ()

    def check(self, value: object, walk: Walk) -> object:
        if not isinstance(value, str):
            return walk.report("PF0205", f"expected base64 text, got {describe(value)}")
        try:
            # Line breaks are what `base64` prints without -w0, and Go's decoder skips them as well.
            return b64decode(value.replace("\n", "").replace("\r", ""), validate=True)
        except ValueError:
            # The value may be a secret: it is not shown.
            return walk.report("PF0206", "this is not base64")


class _Span:
    __slots__ = ()

    def check(self, value: object, walk: Walk) -> object:
        if not isinstance(value, str):
            hint = f'write "{value}s" for seconds' if isinstance(value, int | float) and value is not True else ""
            return walk.report("PF0205", f"expected a duration, got {describe(value)}", hint)
        try:
            return Duration.parse(value)
        except ValueError as error:
            return walk.report("PF0206", str(error), "durations are written 8ms, 1.5s, 1m or 1h30m")


class _NumberOrText:
    __slots__ = ()

    def check(self, value: object, walk: Walk) -> object:
        return (_TEXT if isinstance(value, str) else _PORT).check(value, walk)


_TEXT: Final = _Text()
_PORT: Final = _Whole(-(1 << 31), (1 << 31) - 1)


class _List:
    __slots__ = ("_item",)

    def __init__(self, item: Node) -> None:
        self._item = item

    def check(self, value: object, walk: Walk) -> object:
        if not isinstance(value, list | tuple):
            hint = "put a dash before it" if value is not None else ""
            return walk.report("PF0205", f"expected a list, got {describe(value)}", hint)
        out = []
        for index, item in enumerate(value):
            walk.path.append(f"[{index}]")
            out.append(self._item.check(item, walk))
            walk.path.pop()
        return out


class _Map:
    __slots__ = ("_value",)

    def __init__(self, value: Node) -> None:
        self._value = value

    def check(self, value: object, walk: Walk) -> object:
        if not isinstance(value, dict):
            return walk.report("PF0205", f"expected a mapping, got {describe(value)}")
        out = {}
        for name, item in value.items():
            if not isinstance(name, str) or "\0" in name:
                walk.report("PF0205", f"expected a string as key, got {describe(name)}")
                continue
            walk.path.append(key_segment(name))
            out[name] = self._value.check(item, walk)
            walk.path.pop()
        return out


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
            return _NumberOrText()
        info = real[0] if len(real) == 1 else info
    if isinstance(info, inspect.StructType):
        return _message(info.fields, around, path)
    if isinstance(info, inspect.VarTupleType):
        return _List(node_of(info.item_type, around, f"{path}[]"))
    if isinstance(info, inspect.DictType):
        return _Map(node_of(info.value_type, around, f"{path}{{}}"))
    return _scalar(info, path)


def _scalar(info: inspect.Type, path: str) -> Node:
    match info:
        case inspect.StrType():
            return _TEXT
        case inspect.LiteralType(values=values):
            return _Choice(tuple(str(v) for v in values))
        case inspect.IntType(ge=low, le=high):
            return _Whole(low, high)
        case inspect.FloatType():
            return _Real()
        case inspect.BoolType():
            return _Boolean()
        case inspect.BytesType():
            return _Base64()
        case inspect.CustomType(cls=cls) if cls is Duration:
            return _Span()
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
