"""What a plain YAML scalar means: YAML 1.1 as Kubernetes reads it, so that a file means here what it means there.

Booleans are YAML 1.1's (`yes`, `on`), as in sigs.k8s.io/yaml. Not followed from YAML 1.1: timestamps (an unquoted
creationTimestamp is text to every consumer) and base-60 numbers (`12:30` is text to Go, too).
"""

from __future__ import annotations

import re
from typing import Final

_WORDS: Final[dict[str, bool | None]] = {
    **{form: True for word in ("true", "yes", "on") for form in (word, word.title(), word.upper())},
    **{form: False for word in ("false", "no", "off") for form in (word, word.title(), word.upper())},
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
}
_SPECIAL: Final = {
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_FIRST: Final = frozenset("0123456789+-.")
_WHOLE: Final = re.compile(r"[-+]?(?:0|[1-9][0-9_]*)")
_BASED: Final = re.compile(r"([-+]?)0(?:x([0-9a-fA-F_]+)|b([01_]+)|o?([0-7_]+))")
_REAL: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_LONGEST: Final = 40
"""A number of more characters than this is a float, as in Go; Python would refuse to read 4,300 digits."""

Scalar = str | int | float | bool | None


def resolve(text: str) -> Scalar:
    """Return the value of a plain (unquoted, untagged) scalar. Never raises."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _FIRST:
        return text
    if text in _SPECIAL:
        return _SPECIAL[text]
    if _WHOLE.fullmatch(text):
        return int(text.replace("_", "")) if len(text) <= _LONGEST else float(text.replace("_", ""))
    if len(text) <= _LONGEST and (match := _BASED.fullmatch(text)):
        sign, hexadecimal, binary, octal = match.groups()
        digits = (hexadecimal or binary or octal).replace("_", "")
        if digits:
            return int(sign + digits, 16 if hexadecimal else 2 if binary else 8)
    if text[0] == "0" and text[1:2].isdigit() and "." not in text and "e" not in text.lower():
        return text  # 0099 is no number in any base: keep what was written
    return float(text) if _REAL.fullmatch(text) else text


def tagged(tag: str, text: str) -> Scalar:
    """Return the value of a scalar with an explicit tag, such as `!!str 80`.

    Raises ValueError if the tag is not one of YAML's own simple ones, or the text is not of that type.
    """
    if tag in ("!", "tag:yaml.org,2002:str"):
        return text
    wanted = _TYPES.get(tag)
    value = resolve(text)
    if wanted is None or type(value) not in wanted:
        shown = tag.replace("tag:yaml.org,2002:", "!!")
        msg = f"the tag {shown} is not supported" if wanted is None else f"this is no {shown}"
        raise ValueError(msg)
    return value


_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "tag:yaml.org,2002:bool": (bool,),
    "tag:yaml.org,2002:float": (float, int),
    "tag:yaml.org,2002:int": (int,),
    "tag:yaml.org,2002:null": (type(None),),
}
