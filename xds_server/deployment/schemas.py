"""Structural OpenAPI v3 schemas, made from the Structs of the model, which stay the only list of fields.

A schema refuses what decoding or validation would refuse, as far as a schema can say it: types, ranges, words, what is
missing, and what does not go together. It never refuses what they take. It knows no CEL: what `required`, `not` and
`minimum` can say holds on any API server, and costs nothing of CEL's budget.
https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
"""

from __future__ import annotations

from typing import Any, Final

from msgspec import inspect

from translators.model.common import Duration
from xds_server.deployment.limits import LIMITS

Schema = dict[str, Any]

DURATION: Final = r"^[-+]?(0|(([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|ms|s|m|h))+)$"
"""Go's text form, as `Duration.parse` reads it."""

_EXACT: Final = 1 << 53
"""A kube-apiserver holds bounds as float64: 2⁶³ − 1 overflows there, and would refuse every number. The format says as
much.
"""

_ANYTHING: Final = "x-kubernetes-preserve-unknown-fields"


def schema_of(kind: type) -> Schema:
    """Return the schema of a Struct. Raises TypeError for a type that no kind uses, as `model.nodes` does."""
    return _schema(inspect.type_info(kind))


def _schema(info: inspect.Type) -> Schema:
    if isinstance(info, inspect.UnionType):
        real = [t for t in info.types if not isinstance(t, inspect.NoneType)]
        if {type(t) for t in real} == {inspect.IntType, inspect.StrType}:
            return {"x-kubernetes-int-or-string": True}
        info = real[0] if len(real) == 1 else info
    match info:
        case inspect.StructType(cls=cls, fields=fields):
            return _message(cls, fields)
        case inspect.VarTupleType(item_type=item):
            return {"type": "array", "items": _schema(item)}
        case inspect.DictType(value_type=inspect.AnyType()):
            return {"type": "object", _ANYTHING: True}
        case inspect.DictType(value_type=value):
            return {"type": "object", "additionalProperties": _schema(value)}
    return _scalar(info)


def _scalar(info: inspect.Type) -> Schema:
    match info:
        case inspect.StrType():
            return {"type": "string"}
        case inspect.LiteralType(values=values):
            return {"type": "string", "enum": [str(value) for value in values]}
        case inspect.IntType(ge=low, le=high):
            bounds = {"minimum": low, "maximum": high}
            known = {k: v for k, v in bounds.items() if v is not None and abs(v) <= _EXACT}
            return {"type": "integer", "format": "int64", **known}
        case inspect.FloatType():
            return {"type": "number", "format": "double"}
        case inspect.BoolType():
            return {"type": "boolean"}
        case inspect.BytesType():
            return {"type": "string"}  # base64 with line breaks, which `format: byte` would refuse
        case inspect.AnyType():
            return {_ANYTHING: True}
        case inspect.CustomType(cls=cls) if cls is Duration:
            return {"type": "string", "pattern": DURATION}
        case _:
            msg = f"no schema for {info}"
            raise TypeError(msg)


def _message(cls: type, fields: tuple[inspect.Field, ...]) -> Schema:
    limit = LIMITS.get(cls)
    properties: dict[str, Schema] = {}
    for field in fields:
        properties[field.encode_name] = _schema(field.type)
        if limit and field.encode_name in limit.fields:
            properties[field.encode_name] |= limit.fields[field.encode_name]
    made: Schema = {"type": "object", "properties": properties}
    if limit is None:
        return made
    names = {*limit.required, *limit.fields, *(name for pair in limit.apart for name in pair)}
    if unknown := names - properties.keys():
        msg = f"{cls.__name__} has no {', '.join(sorted(unknown))}"
        raise TypeError(msg)
    if limit.required:
        made["required"] = list(limit.required)
    if limit.apart:
        made["allOf"] = [{"not": {"required": list(pair)}} for pair in limit.apart]
    return made
