"""The part of Helm that the chart's templates are written in, so that they are tested where there is no Helm.

`test_chart.py` holds it to the real one, where there is one.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

import yaml

_ACTION: Final = re.compile(r"(\n?)\{\{(-?) (.*?) \}\}")
_WORD: Final = re.compile(r'\(|\)|"[^"]*"|[^\s()]+')


def rendered(template: str, values: dict[str, Any], namespace: str) -> list[dict[str, Any]]:
    """Return the objects that a template makes. Raises ValueError for what is not of the part that is known."""
    scope = {"Values": values, "Release": {"Namespace": namespace}}
    out: list[str] = []
    hidden: list[bool] = []
    end = 0
    for found in _ACTION.finditer(template):
        if not any(hidden):
            out.append(template[end : found.start()])
        end = found.end()
        newline, trim, action = found[1] if not found[2] else "", found[2], found[3]
        if action == "end":
            hidden.pop()
        elif action.startswith("if "):
            hidden.append(not _value(action[3:], scope))
        elif trim:
            msg = f"a value that trims: {action}"
            raise ValueError(msg)
        elif not any(hidden):
            value = _value(action, scope)
            out.append(newline + (value if isinstance(value, str) else json.dumps(value)))
    out.append(template[end:])
    return [one for one in yaml.safe_load_all("".join(out)) if one is not None]


def _value(expression: str, scope: dict[str, Any]) -> Any:
    words = _WORD.findall(expression)
    value = _call(words, scope)
    if words:
        msg = f"not understood: {expression}"
        raise ValueError(msg)
    return value


def _call(words: list[str], scope: dict[str, Any]) -> Any:
    """Evaluate one pipeline without pipes: `function argument …`, up to its closing bracket."""
    name, *arguments = _terms(words, scope)
    match name:
        case "toJson":
            return json.dumps(arguments[0])
        case "not":
            return not arguments[0]
        case "and":
            return all(arguments)
        case "add":
            return sum(arguments)
        case "list":
            return arguments
        case "concat":
            return [item for each in arguments for item in each]
    if arguments:
        msg = f"no such function: {name}"
        raise ValueError(msg)
    return name


def _terms(words: list[str], scope: dict[str, Any]) -> list[Any]:
    found: list[Any] = []
    while words:
        word = words.pop(0)
        if word == ")":
            break
        found.append(_call(words, scope) if word == "(" else _term(word, scope))
    return found


def _term(word: str, scope: dict[str, Any]) -> Any:
    if word.startswith("."):
        value: Any = scope
        for key in word[1:].split("."):
            value = value[key]  # a misspelt one is an error here, and nothing at all in Helm
        return value
    if word.startswith('"'):
        return word[1:-1]
    return int(word) if word.isdecimal() else word
