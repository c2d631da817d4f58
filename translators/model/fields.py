"""The fields of a kind, read off its Struct: what `docs/coverage.md` lists and its test goes through.

Paths are those of `translators.model.coverage`: JSON names, `[]` for an element of a list, `{}` for a value of a map.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec import inspect

if TYPE_CHECKING:
    from collections.abc import Iterator


class Field(NamedTuple):
    """One field, at one place."""

    path: str
    message: str
    """The name of the Struct that the field holds (itself, or in a list or map); empty for a scalar."""


def fields_of(kind: type) -> Iterator[Field]:
    """Yield every field of a Struct, each message before its parts, in the order of the model."""
    info = inspect.type_info(kind)
    if isinstance(info, inspect.StructType):
        yield from _fields(info, "")


def _fields(info: inspect.StructType, path: str) -> Iterator[Field]:
    for field in info.fields:
        where = f"{path}.{field.encode_name}" if path else field.encode_name
        inner, suffix = _inside(field.type)
        if isinstance(inner, inspect.StructType):
            yield Field(where, inner.cls.__name__)
            yield from _fields(inner, where + suffix)
        else:
            yield Field(where, "")


def _inside(info: inspect.Type) -> tuple[inspect.Type, str]:
    """Return what an optional, a list or a map holds, and how that is written in a path."""
    if isinstance(info, inspect.UnionType):
        real = [t for t in info.types if not isinstance(t, inspect.NoneType)]
        return _inside(real[0]) if len(real) == 1 else (info, "")
    if isinstance(info, inspect.VarTupleType):
        inner, suffix = _inside(info.item_type)
        return inner, f"[]{suffix}"
    if isinstance(info, inspect.DictType):
        inner, suffix = _inside(info.value_type)
        return inner, f"{{}}{suffix}"
    return info, ""
