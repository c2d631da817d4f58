"""VirtualHost, joined from encoded routes, as a fragment of a RouteConfiguration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from translators.model.codes import diagnose
from translators.model.meta import Value
from translators.model.origin import Origin
from translators.resources import length_delimited

if TYPE_CHECKING:
    from collections.abc import Iterator

    from translators.model.meta import ObjectKey
    from translators.model.origin import Diagnostic
    from translators.recorder import Recorder
    from translators.resources import Note
    from translators.routes.route_list import RouteList
    from translators.services.destination import Destination

_VIRTUAL_HOSTS: Final = 2
"""The field number of RouteConfiguration.virtual_hosts."""
_NAME: Final = 1
_DOMAINS: Final = 2
_REQUIRE_TLS_ALL: Final = bytes((4 << 3, 2))
"""VirtualHost.require_tls (field 4, a varint) = ALL."""
_INCLUDE_ATTEMPTS: Final = bytes((14 << 3, 1))
"""VirtualHost.include_request_attempt_count (field 14, a varint) = true."""


class VirtualHostFragment(Value, frozen=True, kw_only=True):
    """An encoded VirtualHost, and what the RouteConfiguration around it must know of it."""

    name: str
    domains: tuple[str, ...]
    body: bytes
    """Encoded as the field `virtual_hosts` of a RouteConfiguration, so that one is joined from many as they are."""
    origins: tuple[ObjectKey, ...]
    clusters: tuple[tuple[str, Destination | None], ...]
    """Name of each cluster that a route refers to, with what it is if it exists."""
    diagnostics: tuple[Diagnostic, ...]
    notes: tuple[Note, ...]


def virtual_host(
    name: str, domains: str, redirect: Origin | None, *lists: RouteList, recorder: Recorder
) -> VirtualHostFragment:
    """Memoised step: join the routes of all VirtualServices of some hosts, the oldest VirtualService first.

    `domains` are separated by spaces. Routes that take every request go last (reference 2.10), so that a route with a
    condition is reached even if its VirtualService is younger. `redirect` is the `httpsRedirect` of a server, if it has
    one: then every request is redirected to HTTPS.
    """
    names = tuple(domains.split(" "))
    last = [routes for routes in lists if routes.catch_all]
    body = b"".join(
        (
            length_delimited(_NAME, name.encode()),
            *[length_delimited(_DOMAINS, domain.encode()) for domain in names],
            *[routes.body for routes in lists],
            *[routes.catch_all for routes in last],
            _REQUIRE_TLS_ALL if redirect is not None else b"",
            _INCLUDE_ATTEMPTS,
        )
    )
    if recorder.active:
        _note(recorder, names, redirect, lists)
    origins = dict.fromkeys(key for routes in lists for key in routes.origins)
    if redirect is not None:
        origins[redirect.key] = None
    return VirtualHostFragment(
        name=name,
        domains=names,
        body=length_delimited(_VIRTUAL_HOSTS, body),
        origins=tuple(origins),
        clusters=lists[0].clusters if len(lists) == 1 else tuple(c for routes in lists for c in routes.clusters),
        diagnostics=tuple(_unreachable(names, last)) if len(last) > 1 else (),
        notes=recorder.notes(),
    )


def empty_virtual_host(name: str, *, recorder: Recorder) -> VirtualHostFragment:
    """Memoised step: a virtual host that answers every request with 404, for a port whose routes are all gone."""
    return VirtualHostFragment(
        name=name,
        domains=("*",),
        body=length_delimited(
            _VIRTUAL_HOSTS, length_delimited(_NAME, name.encode()) + length_delimited(_DOMAINS, b"*")
        ),
        origins=(),
        clusters=(),
        diagnostics=(),
        notes=recorder.notes(),
    )


def _unreachable(domains: tuple[str, ...], last: list[RouteList]) -> Iterator[Diagnostic]:
    """Of several routes that take every request the first one does."""
    for routes in last[1:]:
        where = domains[0] if len(domains) == 1 else f"{domains[0]} and {len(domains) - 1} more"
        yield diagnose(
            "PF0710",
            f"on host {where} this route is never reached: {last[0].catch_all_origin} takes every request",
            routes.catch_all_origin,
            hint="give one of the two a condition, or join the VirtualServices",
        )


def _note(recorder: Recorder, domains: tuple[str, ...], redirect: Origin | None, lists: tuple[RouteList, ...]) -> None:
    if redirect is not None:
        recorder.note("require_tls", redirect)
    for i, _ in enumerate(domains):
        for routes in lists:
            recorder.note(f"domains[{i}]", Origin(routes.key, "spec.hosts"))
    ordered = [note for routes in lists for note in routes.notes[: routes.count]]
    ordered += [note for routes in lists for note in routes.notes[routes.count :]]
    for i, notes in enumerate(ordered):
        recorder.include(f"routes[{i}]", notes)
