"""Any value that a Struct can have, by its own field types, whatever it means."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import msgspec
from hypothesis import strategies as st
from msgspec import inspect

from translators.model.common import Duration

if TYPE_CHECKING:
    from translators.model.meta import KubeObject

_ODD = [
    "",
    *[
        "*",
        "~",
        ".",
        "%",
        "/",
        "(",
        "\x00",
        "a",
        "a.b",
        "*.a.b",
        "%REQ%",
        "a/b",
        "10.0.0.1",
        "::1%eth0",
        "10.0.0.0/8",
        "unix://",
        "mesh",
        "5xx,",
        "HTTP",
        "@request.auth.claims",
    ],
]
_TEXT = st.one_of(st.sampled_from(_ODD), st.text(max_size=8))
_SCALARS: dict[type[inspect.Type], st.SearchStrategy[object]] = {
    inspect.NoneType: st.none(),
    inspect.StrType: _TEXT,
    inspect.BoolType: st.booleans(),
    inspect.FloatType: st.floats(),
    inspect.BytesType: st.binary(max_size=4),
    inspect.CustomType: st.integers(-(10**12), 10**12).map(Duration),
}


def objects(kind: type[KubeObject]) -> st.SearchStrategy[KubeObject]:
    """Any object of a kind."""
    return cast("st.SearchStrategy[KubeObject]", _structs(kind))


def _structs(kind: type[msgspec.Struct]) -> st.SearchStrategy[msgspec.Struct]:
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    fields = {f.name: _value(f.type) for f in info.fields}
    required = {n: s for n, s in fields.items() if n == "metadata"}
    optional = {n: s for n, s in fields.items() if n != "metadata"}
    return st.fixed_dictionaries(required, optional=optional).map(lambda values: kind(**values))


def _value(info: inspect.Type) -> st.SearchStrategy[object]:
    match info:
        case inspect.UnionType(types=types):
            return st.one_of([_value(t) for t in types])
        case inspect.IntType(ge=low, le=high):
            usual = [n for n in (0, 1, 80, 65536) if low is None or n >= low]
            return st.one_of(st.sampled_from(usual), st.integers(low, high))
        case inspect.LiteralType(values=values):
            return st.sampled_from(values)
        case inspect.VarTupleType(item_type=item):
            return st.lists(_value(item), max_size=2).map(tuple)
        case inspect.AnyType():
            return st.recursive(
                st.one_of(st.none(), st.booleans(), st.integers(-5, 5), _TEXT),
                lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(_TEXT, inner, max_size=2)),
                max_leaves=4,
            )
        case inspect.DictType(value_type=value):
            return st.dictionaries(_TEXT, _value(value), max_size=2)
        case inspect.StructType(cls=cls):
            return st.deferred(lambda: _structs(cls))
    return _SCALARS[type(info)]
