"""Values that are known only when Helm renders the chart. They pass through the code that makes manifests like others.

The chart's templates are thus those manifests, with expressions in the place of values: there is no second copy.
"""

from __future__ import annotations

from typing import Any, cast

from msgspec import inspect

from xds_server.deployment.values import Resources, Values


class Expression:
    """One of Helm's expressions, such as `.Values.replicas`."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        """Print as a part of a text is written in a template."""
        return f"{{{{ {self.text} }}}}"

    def __format__(self, spec: str) -> str:
        """Print as `str` does: f-strings make texts with expressions in them."""
        return str(self)


class Unless:
    """A value that is left out of its mapping where a condition holds."""

    __slots__ = ("condition", "value")

    def __init__(self, condition: Expression, value: object) -> None:
        self.condition = condition
        self.value = value


class _Path:
    """A Struct of the values, as a path into Helm's."""

    def __init__(self, kind: type, path: str) -> None:
        self._kind = kind
        self._path = path

    def __getattr__(self, name: str) -> object:
        info = inspect.type_info(self._kind)
        field = next((f for f in cast("inspect.StructType", info).fields if f.name == name), None)
        if field is None:
            raise AttributeError(name)
        path = f"{self._path}.{field.encode_name}"
        if isinstance(field.type, inspect.StructType) and field.type.cls is not Resources:
            return _Path(field.type.cls, path)
        return Expression(path)


def chart_values() -> Values:
    """Return values of which each is an expression."""
    return cast("Values", _Path(Values, ".Values"))


RELEASE_NAMESPACE = cast("str", Expression(".Release.Namespace"))


def total(*numbers: int) -> int:
    """Add numbers up."""
    if any(map(_is_expression, numbers)):
        return cast("int", Expression(f"add {' '.join(map(_argument, numbers))}"))
    return sum(numbers)


def both(one: bool, other: bool) -> bool:  # noqa: FBT001 - the two are equals
    """Whether both hold."""
    if _is_expression(one) or _is_expression(other):
        return cast("bool", Expression(f"and {_argument(one)} {_argument(other)}"))
    return one and other


def unless(condition: object, key: str, value: object) -> dict[str, Any]:
    """Return a mapping with one field, or an empty one where a condition holds."""
    if isinstance(condition, Expression):
        return {key: Unless(condition, value)}
    return {} if condition else {key: value}


def words(first: str, more: list[str]) -> list[str]:
    """Return a list with something in front."""
    if _is_expression(more):
        return cast("list[str]", Expression(f'concat (list "{first}") {_argument(more)}'))
    return [first, *more]


def _is_expression(value: object) -> bool:
    return isinstance(value, Expression)


def _argument(value: object) -> str:
    return value.text if isinstance(value, Expression) else str(value)
