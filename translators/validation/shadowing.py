"""Routes that no request can reach, because an earlier route of the same VirtualService takes them all.

Routes are tried in order and the first whose match holds wins, so `prefix: /` before `prefix: /api` hides it: the
commonest mistake there is (reference 4, VirtualServiceUnreachableRule and VirtualServiceIneffectiveMatch). What is
said is certain; a hidden route that would need reasoning about regular expressions is not found.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from translators.model.common import StringMatch
from translators.model.virtual_service import HTTPMatchRequest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from translators.model.virtual_service import HTTPRoute
    from translators.validation.findings import Findings

EVERYTHING: Final = HTTPMatchRequest()
"""What a route without matches matches."""

_EVERY_PATH: Final = frozenset({".*", "/.*", "*"})
_Demand: TypeAlias = "tuple[str, str, str]"
"""An exact value that a match asks for: field, name in that field, value."""
_Bucket: TypeAlias = "tuple[str, _Demand | None]"
_MOST_CANDIDATES: Final = 16
_MOST_DEMANDS: Final = 8
_LONGEST_PATH: Final = 256
"""These bound the work on a generated VirtualService: 4,000 matches that hide one another must not hold anyone up."""


class Place(NamedTuple):
    """Where a match stands."""

    route: int
    match: int
    """-1: the route has no matches and takes everything."""

    def __str__(self) -> str:
        """Print as a field path."""
        return f"spec.http[{self.route}]" + (f".match[{self.match}]" if self.match >= 0 else "")


def check_shadowing(found: Findings, routes: Sequence[HTTPRoute]) -> None:
    """Report matches, and whole routes, that come too late."""
    index: dict[_Bucket, list[tuple[HTTPMatchRequest, Place]]] = {}
    for number, route in enumerate(routes):
        hidden: dict[int, Place] = {}
        matches = route.match or (EVERYTHING,)
        for position, match in enumerate(matches):
            place = Place(number, position if route.match else -1)
            cover = next((p for m, p in _candidates(index, match) if covers(m, match)), None)
            if cover is not None:
                hidden[position] = cover
            demand = next(iter(_demands(match)), None)
            index.setdefault((_path_key(match), demand), []).append((match, place))
        _report(found, number, route, hidden)


def _report(found: Findings, number: int, route: HTTPRoute, hidden: Mapping[int, Place]) -> None:
    hint = "put the more special match first, or remove this one"
    if len(hidden) == len(route.match or (EVERYTHING,)) and all(p.route < number for p in hidden.values()):
        covers_it = " and ".join(dict.fromkeys(str(p) for p in hidden.values()))
        found.add("PF0470", f"spec.http[{number}]", f"no request gets here: {covers_it} takes them before", hint)
        return
    for position, place in hidden.items():
        found.add(
            "PF0471", f"spec.http[{number}].match[{position}]", f"no request gets here: {place} takes them before", hint
        )


def _path_key(match: HTTPMatchRequest) -> str:
    """Return the bucket of an earlier match: `*` for every path, `=` an exact path, `^` a prefix, `~` an expression."""
    uri = match.uri
    if uri is None or is_every_path(uri):
        return "*"
    if uri.exact is not None:
        return f"={uri.exact.lower()}"
    if uri.prefix is not None:
        return f"^{uri.prefix.lower()}"
    return f"~{uri.regex}"


def _demands(match: HTTPMatchRequest) -> Iterator[_Demand]:
    """Yield the exact values that a match asks for, beside its path. What covers it asks for no other."""
    for field in ("headers", "query_params"):
        for name, text in getattr(match, field).items():
            if text.exact is not None:
                yield (field, name, text.exact)
    for field in ("method", "authority", "scheme"):
        text = getattr(match, field)
        if text is not None and text.exact is not None:
            yield (field, "", text.exact)


def _candidates(
    index: Mapping[_Bucket, list[tuple[HTTPMatchRequest, Place]]], match: HTTPMatchRequest
) -> Iterator[tuple[HTTPMatchRequest, Place]]:
    """Yield the earlier matches that may cover this one: each stands in one bucket, by its path and one demand."""
    key = _path_key(match)
    keys = ["*"] if key == "*" else ["*", key]
    if key[0] in "=^":
        keys += [f"^{key[1:end]}" for end in range(2, min(len(key), _LONGEST_PATH) + 1)]
    demands = (None, *islice(_demands(match), _MOST_DEMANDS))
    for path in dict.fromkeys(keys):
        for demand in demands:
            yield from index.get((path, demand), ())[:_MOST_CANDIDATES]


def is_every_path(uri: StringMatch) -> bool:
    """Whether every path matches; paths begin with a slash."""
    if uri.exact is not None:
        return False
    if uri.prefix is not None:
        return uri.prefix in {"", "/"}
    return uri.regex is None or uri.regex in _EVERY_PATH


def covers(earlier: HTTPMatchRequest, later: HTTPMatchRequest) -> bool:
    """Whether each request that `later` matches is matched by `earlier` as well. False when in doubt."""
    return (
        _covers_path(earlier, later)
        and all(
            _covers_text(getattr(earlier, name), getattr(later, name)) for name in ("scheme", "method", "authority")
        )
        and all(name in later.headers and _covers_text(m, later.headers[name]) for name, m in earlier.headers.items())
        and all(
            name in later.query_params and _covers_text(m, later.query_params[name])
            for name, m in earlier.query_params.items()
        )
        and all(later.without_headers.get(name) == m for name, m in earlier.without_headers.items())
        and earlier.port in {0, later.port}
        and (not earlier.gateways or (bool(later.gateways) and set(later.gateways) <= set(earlier.gateways)))
        and earlier.source_namespace in {"", later.source_namespace}
        and (not earlier.source_labels or earlier.source_labels.items() <= later.source_labels.items())
        # With gateways stated, Istio does not look at the source (reference 10, item 10).
        and (not later.gateways or not (earlier.source_labels or earlier.source_namespace))
    )


def _covers_path(earlier: HTTPMatchRequest, later: HTTPMatchRequest) -> bool:
    if earlier.uri is None or is_every_path(earlier.uri):
        return True
    if later.uri is None or is_every_path(later.uri) or (later.ignore_uri_case and not earlier.ignore_uri_case):
        return False
    return _covers_text(earlier.uri, later.uri, ignore_case=earlier.ignore_uri_case)


def _covers_text(earlier: StringMatch | None, later: StringMatch | None, *, ignore_case: bool = False) -> bool:
    """Whether a string that `later` matches is matched by `earlier`; None matches everything."""
    if earlier is None:
        return True
    if later is None:
        return False
    if ignore_case:
        earlier, later = _lower(earlier), _lower(later)
    if earlier == later:
        return True
    if earlier.prefix is not None:
        text = later.exact if later.exact is not None else later.prefix
        return later.regex is None and text is not None and text.startswith(earlier.prefix)
    # Neither exact nor prefix nor an expression: asks only whether the header is there.
    return earlier == StringMatch()


def _lower(text: StringMatch) -> StringMatch:
    return StringMatch(
        exact=text.exact.lower() if text.exact is not None else None,
        prefix=text.prefix.lower() if text.prefix is not None else None,
        regex=text.regex,
    )
