"""What a kube-apiserver checks an object against: the part of OpenAPI v3 that structural schemas are made of."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

KNOWN: Final = {
    "additionalProperties",
    "allOf",
    "description",
    "enum",
    "format",
    "items",
    "maxLength",
    "maximum",
    "minItems",
    "minLength",
    "minimum",
    "not",
    "pattern",
    "properties",
    "required",
    "type",
    "x-kubernetes-int-or-string",
    "x-kubernetes-preserve-unknown-fields",
}
_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "array": (list,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "object": (dict,),
    "string": (str,),
}


def unstructured(schema: dict[str, Any], path: str = "") -> Iterator[str]:
    """Yield what keeps a schema from being structural, or from being checked here."""
    for word in schema.keys() - KNOWN:
        yield f"{path}: {word} is not known"
    free = schema.get("x-kubernetes-preserve-unknown-fields") or schema.get("x-kubernetes-int-or-string")
    if schema.get("type") not in _TYPES and not free:
        yield f"{path}: no type"
    if "properties" in schema and "additionalProperties" in schema:
        yield f"{path}: properties and additionalProperties"
    if any(abs(schema.get(bound, 0)) > 1 << 53 for bound in ("minimum", "maximum")):
        yield f"{path}: a bound that no float64 holds"  # which is how a kube-apiserver compares
    for part in [*schema.get("allOf", ()), *([schema["not"]] if "not" in schema else ())]:
        # Junctors hold values only: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/
        if {"type", "additionalProperties", "description"} & part.keys():
            yield f"{path}: a junctor has structure"
    for name, inner in schema.get("properties", {}).items():
        yield from unstructured(inner, f"{path}.{name}")
    for name in ("items", "additionalProperties"):
        if name in schema:
            yield from unstructured(schema[name], f"{path}.{name}")
    if schema.get("type") == "array" and "items" not in schema:
        yield f"{path}: an array of what?"


def wrong(schema: dict[str, Any], value: object, path: str = "") -> Iterator[str]:
    """Yield `path: what` for all that is wrong with a value; also for what a kube-apiserver would prune."""
    if schema.get("x-kubernetes-int-or-string"):
        if isinstance(value, bool) or not isinstance(value, int | str):
            yield f"{path}: neither number nor text"
        return
    kind = schema.get("type")
    if kind and (not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "boolean")):
        yield f"{path}: not of type {kind}"
        return
    if any(not list(wrong(part["not"], value)) for part in [schema, *schema.get("allOf", ())] if "not" in part):
        yield f"{path}: fields that do not go together"
    if isinstance(value, str):
        yield from _text(schema, value, path)
    elif isinstance(value, int | float):
        if not schema.get("minimum", value) <= value <= schema.get("maximum", value):
            yield f"{path}: out of range"
    elif isinstance(value, list):
        if len(value) < schema.get("minItems", 0):
            yield f"{path}: too few"
        for index, item in enumerate(value):
            yield from wrong(schema["items"], item, f"{path}[{index}]")
    elif isinstance(value, dict):
        yield from _mapping(schema, value, path)


def _text(schema: dict[str, Any], value: str, path: str) -> Iterator[str]:
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: not one of {schema['enum']}"
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
        yield f"{path}: of a wrong length"
    if "pattern" in schema and not re.search(schema["pattern"].replace("$", r"\Z"), value):
        yield f"{path}: not of the form {schema['pattern']}"


def _mapping(schema: dict[str, Any], value: dict[str, Any], path: str) -> Iterator[str]:
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{path}.{name}: missing"
    for name, item in value.items():
        inner = schema.get("properties", {}).get(name, schema.get("additionalProperties"))
        if inner is not None:
            yield from wrong(inner, item, f"{path}.{name}")
        elif "properties" in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
            yield f"{path}.{name}: unknown"
