"""Rules for `spec.http[].match[]` of a VirtualService."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from translators.model.paths import key_segment
from translators.validation.findings import quote
from translators.validation.names import check_gateway_name, check_labels, is_lower_label
from translators.validation.values import check_port, check_regex, is_token

if TYPE_CHECKING:
    from collections.abc import Mapping

    from translators.model.common import StringMatch
    from translators.model.virtual_service import HTTPMatchRequest
    from translators.validation.findings import Findings

_CLAIMS: Final = "@request.auth.claims"


def check_match(found: Findings, path: str, match: HTTPMatchRequest, *, on_gateway: bool) -> None:
    """Check one match block."""
    for name, text in (
        ("uri", match.uri),
        ("scheme", match.scheme),
        ("method", match.method),
        ("authority", match.authority),
    ):
        if text is not None:
            check_string_match(found, f"{path}.{name}", text)
    _check_headers(found, f"{path}.headers", match.headers, on_gateway=on_gateway)
    _check_headers(found, f"{path}.withoutHeaders", match.without_headers, on_gateway=on_gateway)
    for name, text in sorted(match.query_params.items()):
        where = f"{path}.queryParams{key_segment(name)}"
        if not name:
            found.add("PF0425", where, "the query parameter has no name", "name the parameter")
        check_string_match(found, where, text, presence=True)
    if match.port:
        check_port(found, "PF0416", f"{path}.port", match.port)
    check_labels(found, f"{path}.sourceLabels", match.source_labels)
    if match.source_namespace and not is_lower_label(match.source_namespace):
        found.add(
            "PF0428",
            f"{path}.sourceNamespace",
            f"{quote(match.source_namespace)} is not a namespace",
            "name one namespace",
        )
    for index, gateway in enumerate(match.gateways):
        check_gateway_name(found, f"{path}.gateways[{index}]", gateway)


def check_string_match(found: Findings, path: str, text: StringMatch, *, presence: bool = False) -> None:
    """Check one exact, prefix or regex. With `presence` an empty match asks whether the thing is there at all, and so
    does the regular expression `*` (reference 1.2).
    """
    given = [name for name in ("exact", "prefix", "regex") if getattr(text, name) is not None]
    if len(given) > 1:
        found.add("PF0426", path, f"the match says {' and '.join(given)}", f"keep one, such as {given[0]}")
    if text.prefix == "" and not presence:
        found.add("PF0420", f"{path}.prefix", "the prefix is empty", 'write a prefix, such as "/", or remove the match')
    if text.regex is not None and not (presence and text.regex in {"", "*"}):
        check_regex(found, f"{path}.regex", text.regex)


def _check_headers(found: Findings, path: str, headers: Mapping[str, StringMatch], *, on_gateway: bool) -> None:
    for name, text in sorted(headers.items()):
        where = f"{path}{key_segment(name)}"
        if name.startswith(_CLAIMS):
            if not on_gateway:
                found.add(
                    "PF0427",
                    where,
                    f"{quote(name)} matches claims of a token, which only gateways do",
                    "bind the VirtualService to a gateway, or use an AuthorizationPolicy",
                )
        elif not is_token(name):
            hint = 'write the name as it is sent, such as "x-user"'
            if name.startswith(":"):
                hint = "use the fields uri, scheme, method and authority of the match"
            found.add("PF0425", where, f"{quote(name)} is not the name of a header", hint)
        check_string_match(found, where, text, presence=True)
