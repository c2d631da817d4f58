"""envoy.type.matcher.v3 on a Node: which clients a request for their status is about.

https://www.envoyproxy.io/docs/envoy/latest/api-v3/type/matcher/v3/node.proto
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2
from google.protobuf.struct_pb2 import Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envoy.config.core.v3.base_pb2 import Node
    from envoy.type.matcher.v3.node_pb2 import NodeMatcher
    from envoy.type.matcher.v3.number_pb2 import DoubleMatcher
    from envoy.type.matcher.v3.string_pb2 import StringMatcher
    from envoy.type.matcher.v3.struct_pb2 import StructMatcher
    from envoy.type.matcher.v3.value_pb2 import ValueMatcher
    from google.protobuf.struct_pb2 import Struct

_RE2 = re2.Options()
_RE2.log_errors = False
_RE2.max_mem = 1 << 20  # a stranger's expression


def any_matches(matchers: Sequence[NodeMatcher], node: Node) -> bool:
    """Whether a node is asked for: by one of the matchers, or because there are none (csds.proto: "OR semantics").

    Raises ValueError on an expression that is none, or a kind of matcher that is not known here.
    """
    return not matchers or any(_node(matcher, node) for matcher in matchers)


def _node(matcher: NodeMatcher, node: Node) -> bool:
    """All that a matcher states must hold (node.proto: "AND semantics")."""
    if matcher.HasField("node_id") and not _string(matcher.node_id, node.id):
        return False
    return all(_struct(one, node.metadata) for one in matcher.node_metadatas)


def _struct(matcher: StructMatcher, metadata: Struct) -> bool:
    """Follow the path; what is not there matches nothing but `present_match: false`."""
    found: Value | None = Value(struct_value=metadata)
    for segment in matcher.path:
        fields = found.struct_value.fields if found is not None and found.HasField("struct_value") else {}
        found = fields.get(segment.key)
    return _value(matcher.value, found)


def _value(matcher: ValueMatcher, value: Value | None) -> bool:
    kind = matcher.WhichOneof("match_pattern")
    held = value.WhichOneof("kind") if value is not None else None
    if kind == "present_match":
        return matcher.present_match == (held is not None)
    if kind == "or_match":
        return any(_value(one, value) for one in matcher.or_match.value_matchers)
    if value is None:
        return False
    if kind == "list_match":
        return held == "list_value" and any(_value(matcher.list_match.one_of, one) for one in value.list_value.values)
    if kind == "string_match":
        return held == "string_value" and _string(matcher.string_match, value.string_value)
    if kind == "double_match":
        return held == "number_value" and _number(matcher.double_match, value.number_value)
    if kind == "bool_match":
        return held == "bool_value" and matcher.bool_match == value.bool_value
    return kind == "null_match" and held == "null_value"


def _number(matcher: DoubleMatcher, number: float) -> bool:
    if matcher.WhichOneof("match_pattern") == "range":
        return matcher.range.start <= number < matcher.range.end
    return matcher.exact == number


def _string(matcher: StringMatcher, text: str) -> bool:
    kind = matcher.WhichOneof("match_pattern")
    if kind == "safe_regex":  # the whole text, and `ignore_case` has no effect (string.proto)
        try:
            return re2.compile(matcher.safe_regex.regex, _RE2).fullmatch(text) is not None
        except re2.error as error:
            msg = f"{matcher.safe_regex.regex!r} is not a regular expression of RE2: {error}"
            raise ValueError(msg) from error
    patterns = {
        "exact": matcher.exact,
        "prefix": matcher.prefix,
        "suffix": matcher.suffix,
        "contains": matcher.contains,
    }
    if kind not in patterns:
        msg = f"a string matcher of kind {kind!r} is not supported"
        raise ValueError(msg)
    pattern = patterns[kind]
    if matcher.ignore_case:
        pattern, text = pattern.casefold(), text.casefold()
    if kind == "exact":
        return text == pattern
    if kind == "prefix":
        return text.startswith(pattern)
    return text.endswith(pattern) if kind == "suffix" else pattern in text
