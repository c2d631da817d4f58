"""Matches on JWT claims: header names such as `@request.auth.claims.group` or `@request.auth.claims[a][b]`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from translators.messages import is_presence, set_string_match

if TYPE_CHECKING:
    from envoy.type.matcher.v3.metadata_pb2 import MetadataMatcher

    from translators.model.common import StringMatch

_PREFIX: Final = "@request.auth.claims"
_BRACKETS: Final = re.compile(r"(?:\[[^\[\]]+\])+")


def claim_path(header: str) -> tuple[str, ...] | None:
    """Return the path of the claim that a header name means, or None if it is an ordinary header."""
    if not header.startswith(_PREFIX):
        return None
    rest = header.removeprefix(_PREFIX)
    if _BRACKETS.fullmatch(rest):
        return tuple(rest[1:-1].split("]["))
    return tuple(rest.removeprefix(".").split("."))


def set_claim_match(out: MetadataMatcher, claim: tuple[str, ...], value: StringMatch, *, invert: bool) -> None:
    """Match a claim of the token that Envoy's JWT filter has verified; a claim that is a list matches if one of its
    values does.
    """
    out.filter = "envoy.filters.http.jwt_authn"
    for key in ("payload", *claim):
        out.path.add().key = key
    out.invert = invert
    if is_presence(value):
        out.value.present_match = True
        return
    either = out.value.or_match.value_matchers
    set_string_match(either.add().list_match.one_of.string_match, value)
    set_string_match(either.add().string_match, value)
