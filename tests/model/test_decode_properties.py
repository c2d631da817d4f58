from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from translators.model.decode import decode, decode_bytes, decode_mesh_config, flatten
from translators.model.kinds import CLUSTER_SCOPED, KINDS, api_versions
from translators.model.origin import Severity
from translators.model.paths import segments

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["1s", "80", "*", "aGk="]),
)


def names_of(info: msgspec.inspect.Type, found: set[str]) -> set[str]:
    """Collect every JSON name below a type, so that random trees meet real fields."""
    if isinstance(info, msgspec.inspect.StructType):
        for field in info.fields:
            found.add(field.encode_name)
            names_of(field.type, found)
    elif isinstance(info, msgspec.inspect.UnionType):
        for part in info.types:
            names_of(part, found)
    elif isinstance(info, msgspec.inspect.VarTupleType):
        names_of(info.item_type, found)
    elif isinstance(info, msgspec.inspect.DictType):
        names_of(info.value_type, found)
    return found


TEXT = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=5)
"""What can stand in JSON too."""

NAMES = sorted(set().union(*(names_of(msgspec.inspect.type_info(kind), set()) for kind in KINDS.values())))
KEYS = st.one_of(
    st.sampled_from([*NAMES, "apiVersion", "kind", "items"]),
    st.text(st.characters(exclude_characters="\0"), max_size=5),
)
TREES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inside: st.one_of(
        st.lists(inside, max_size=3), st.dictionaries(st.one_of(KEYS, KEYS, SCALARS), inside, max_size=4)
    ),
    max_leaves=25,
)
APIS = st.sampled_from([(version, kind.KIND) for kind in KINDS.values() for version in api_versions(kind)])


def value_for(info: msgspec.inspect.Type, depth: int = 0) -> st.SearchStrategy[Any]:
    """Values that mostly fit a type, with mistakes strewn in."""
    match info:
        case msgspec.inspect.StructType(fields=fields):
            parts = {field.encode_name: value_for(field.type, depth + 1) for field in fields}
            fitting: st.SearchStrategy[Any] = st.fixed_dictionaries({}, optional=parts)
        case msgspec.inspect.VarTupleType(item_type=item):
            fitting = st.lists(value_for(item, depth + 1), max_size=2)
        case msgspec.inspect.DictType(value_type=value):
            fitting = st.dictionaries(TEXT, value_for(value, depth + 1), max_size=2)
        case msgspec.inspect.UnionType(types=types):
            fitting = value_for(types[0], depth)
        case msgspec.inspect.LiteralType(values=values):
            fitting = st.sampled_from(values)
        case msgspec.inspect.StrType():
            fitting = TEXT
        case msgspec.inspect.IntType():
            fitting = st.integers(0, 70_000)
        case msgspec.inspect.BoolType():
            fitting = st.booleans()
        case msgspec.inspect.FloatType():
            fitting = st.floats(0, 100)
        case msgspec.inspect.CustomType():
            fitting = st.sampled_from(["1s", "5ms", "1h30m"])
        case _:
            fitting = st.just("aGk=")
    return fitting


@st.composite
def objects(draw: st.DrawFn) -> dict[str, Any]:
    version, kind = draw(APIS)
    group = version.rpartition("/")[0]
    tree: dict[str, Any] = draw(value_for(msgspec.inspect.type_info(KINDS[group, kind])))
    return {**tree, "apiVersion": version, "kind": kind, "metadata": {"name": "x", "labels": {"a": "b"}}}


@given(TREES)
@settings(max_examples=300, deadline=None)
def test_no_tree_makes_it_raise(tree: object) -> None:
    for part, path in flatten(tree):
        decoded = decode(part)
        assert (decoded.object is None) or decoded.key is not None
        assert segments(path) is not None
        for diagnostic in decoded.diagnostics:
            assert len(diagnostic.message) < 400
    decode_mesh_config(tree)


@given(APIS, TREES, TREES)
@settings(max_examples=300, deadline=None)
def test_no_tree_of_a_known_kind_makes_it_raise(api: tuple[str, str], metadata: object, rest: object) -> None:
    version, kind = api
    meta = {**metadata, "name": "x"} if isinstance(metadata, dict) else {"name": "x"}
    decoded = decode(
        {**(rest if isinstance(rest, dict) else {"spec": rest}), "apiVersion": version, "kind": kind, "metadata": meta}
    )
    failed = any(d.severity is Severity.ERROR for d in decoded.diagnostics)
    assert (decoded.object is None) == failed


@given(objects())
@settings(max_examples=200, deadline=None)
def test_well_formed_objects_decode_alike_from_trees_and_bytes(tree: dict[str, Any]) -> None:
    decoded = decode(tree)
    assert [d for d in decoded.diagnostics if d.severity is Severity.ERROR] == []
    assert decoded.object is not None
    assert decode_bytes(msgspec.json.encode(tree)) == decoded
    assert (decoded.object.metadata.namespace == "") == (tree["kind"] in CLUSTER_SCOPED)


@given(st.binary(max_size=60))
def test_no_bytes_make_it_raise(data: bytes) -> None:
    assert decode_bytes(data).object is None
