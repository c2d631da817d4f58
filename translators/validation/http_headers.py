"""Rules for header operations, and for the format of the values (reference 4, and what Envoy 1.40 refuses)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from translators.model.paths import key_segment
from translators.validation.findings import quote
from translators.validation.header_format import format_problem
from translators.validation.values import is_token

if TYPE_CHECKING:
    from translators.model.virtual_service import HeaderOperations, Headers
    from translators.validation.findings import Findings

_AUTHORITY: Final = frozenset({":authority", "host"})


def check_headers(found: Findings, path: str, headers: Headers | None) -> None:
    """Check `headers` of a route or of a destination."""
    if headers is None:
        return
    if headers.request is not None:
        _check_operations(found, f"{path}.request", headers.request, authority=True)
    if headers.response is not None:
        _check_operations(found, f"{path}.response", headers.response, authority=False)


def _check_operations(found: Findings, path: str, operations: HeaderOperations, *, authority: bool) -> None:
    for operation, headers in (("set", operations.set), ("add", operations.add)):
        for name, value in sorted(headers.items()):
            where = f"{path}.{operation}{key_segment(name)}"
            _check_name(found, where, name, authority=authority)
            problem = "" if authority and name.lower() in _AUTHORITY else format_problem(value)
            if problem:
                found.add(
                    "PF0451", where, f"{quote(value)} {problem}", 'write "%%" for a percent sign, and one line of text'
                )
    for index, name in enumerate(operations.remove):
        _check_name(found, f"{path}.remove[{index}]", name, authority=False)


def _check_name(found: Findings, path: str, name: str, *, authority: bool) -> None:
    if name.lower() in _AUTHORITY:
        if not authority:
            found.add(
                "PF0450",
                path,
                f"Envoy neither removes {quote(name)} nor sets it on a response",
                "use rewrite.authority for requests",
            )
    elif name.startswith(":"):
        found.add(
            "PF0450",
            path,
            f"Envoy does not change the pseudo-header {quote(name)}",
            "use rewrite for path and authority",
        )
    elif not is_token(name):
        what = f"{quote(name)} is not the name of a header" if name else "a header has no name"
        found.add("PF0425", path, what, 'write letters, digits and "-", such as "x-user"')
