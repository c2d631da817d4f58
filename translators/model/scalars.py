"""Nodes for what is no message: texts, numbers, durations, lists and maps."""

from __future__ import annotations

import math
from base64 import b64decode
from typing import TYPE_CHECKING, Final

from translators.model.common import Duration
from translators.model.paths import key_segment
from translators.model.walk import describe, nearest

if TYPE_CHECKING:
    from translators.model.walk import Node, Walk


class Text:
    """Checks text."""

    __slots__ = ()

    def check(self, value: object, walk: Walk) -> object:
        """See `walk.Node.check`."""
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


class Choice:
    """Checks one of a list of words."""

    __slots__ = ("_values",)

    def __init__(self, values: tuple[str, ...]) -> None:
        self._values = values

    def check(self, value: object, walk: Walk) -> object:
        """See `walk.Node.check`."""
        if isinstance(value, str) and value in self._values:
            return value
        allowed = ", ".join(self._values)
        if not isinstance(value, str):
            return walk.report("PF0205", f"expected one of {allowed}, got {describe(value)}")
        return walk.report("PF0206", f"expected one of {allowed}, got {describe(value)}", nearest(value, self._values))


class Whole:
    """Checks a whole number in a range."""

    __slots__ = ("_high", "_low")

    def __init__(self, low: int | None, high: int | None) -> None:
        self._low = -(1 << 63) if low is None else low
        self._high = (1 << 63) - 1 if high is None else high

    def check(self, value: object, walk: Walk) -> object:
        """See `walk.Node.check`."""
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            hint = "remove the quotes" if isinstance(value, str) and value.isdecimal() else ""
            return walk.report("PF0205", f"expected a whole number, got {describe(value)}", hint)
        if not self._low <= value <= self._high:
            return walk.report("PF0206", f"expected a number from {self._low} to {self._high}, got {describe(value)}")
        return value


class Real:
    """Checks a finite number."""

    __slots__ = ()

    def check(self, value: object, walk: Walk) -> object:
        """See `walk.Node.check`."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return walk.report("PF0205", f"expected a number, got {describe(value)}")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            return walk.report("PF0206", f"expected a finite number, got {describe(value)}")
        return number


class Boolean:
    """Checks true or false."""

    __slots__ = ()

    def check(self, value: object, walk: Walk) -> object:
        """See `walk.Node.check`."""
        if isinstance(value, bool):
            return value
        hint = "remove the quotes" if value in ("true", "false") else ""
        return walk.report("PF0205", f"expected true or false, got {describe(value)}", hint)


class Base64:
    """Checks base64 text, which becomes bytes."""

    __slots__ = ()

    def check(self, value: object, walk: Walk) -> object:
        """See `walk.Node.check`."""
        if not isinstance(value, str):
            return walk.report("PF0205", f"expected base64 text, got {describe(value)}")
        try:
            # Line breaks are what `base64` prints without -w0, and Go's decoder skips them as well.
            return b64decode(value.replace("\n", "").replace("\r", ""), validate=True)
        except ValueError:
            # The value may be a secret: it is not shown.
            return walk.report("PF0206", "this is not base64")


class Span:
    """Checks a duration."""

    __slots__ = ()

    def check(self, value: object, walk: Walk) -> object:
        """See `walk.Node.check`."""
        if not isinstance(value, str):
            hint = f'write "{value}s" for seconds' if isinstance(value, int | float) and value is not True else ""
            return walk.report("PF0205", f"expected a duration, got {describe(value)}", hint)
        try:
            return Duration.parse(value)
        except ValueError as error:
            return walk.report("PF0206", str(error), "durations are written 8ms, 1.5s, 1m or 1h30m")


class NumberOrText:
    """Checks a port's number or name."""

    __slots__ = ()

    def check(self, value: object, walk: Walk) -> object:
        """See `walk.Node.check`."""
        return (TEXT if isinstance(value, str) else _PORT).check(value, walk)


TEXT: Final = Text()
_PORT: Final = Whole(-(1 << 31), (1 << 31) - 1)


class List:
    """Checks a list."""

    __slots__ = ("_item",)

    def __init__(self, item: Node) -> None:
        self._item = item

    def check(self, value: object, walk: Walk) -> object:
        """See `walk.Node.check`."""
        if not isinstance(value, list | tuple):
            hint = "put a dash before it" if value is not None else ""
            return walk.report("PF0205", f"expected a list, got {describe(value)}", hint)
        out = []
        for index, item in enumerate(value):
            walk.path.append(f"[{index}]")
            out.append(self._item.check(item, walk))
            walk.path.pop()
        return out


class Map:
    """Checks a mapping with any keys."""

    __slots__ = ("_value",)

    def __init__(self, value: Node) -> None:
        self._value = value

    def check(self, value: object, walk: Walk) -> object:
        """See `walk.Node.check`."""
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


class Free:
    """Any JSON value. Its place in the tree is all that is said about what is wrong with it."""

    __slots__ = ()

    def check(self, value: object, walk: Walk) -> object:
        """See `walk.Node.check`."""
        match value:
            case None | bool():
                return value
            case str():
                return TEXT.check(value, walk)
            case int() | float():
                return value if isinstance(value, int) else _REAL.check(value, walk)
            case dict():
                return _FREE_MAP.check(value, walk)
            case list() | tuple():
                return _FREE_LIST.check(value, walk)
            case _:
                return walk.report("PF0205", f"expected a JSON value, got {describe(value)}")


_REAL: Final = Real()
_FREE_MAP: Final = Map(Free())
_FREE_LIST: Final = List(Free())
