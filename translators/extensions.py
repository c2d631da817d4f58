"""The extension point: other people's code that changes what a proxy is sent, after everything else.

An extension is a function of a World and a ProxyView that yields Changes; it is found by its entry point in the group
`pilotfish.extensions` (`xds_server/extensions.py`). It must be pure, as translators are: the same arguments, the same
changes. docs/extensions.md has an example.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, runtime_checkable

from google.protobuf.message import Message

from translators.envoy_filters.merging import merge
from translators.envoy_types import message_class
from translators.messages import TYPE_URL_PREFIX
from translators.model.codes import diagnose
from translators.model.origin import implicit
from translators.model.proxy import ProxyView
from translators.model.world import World
from translators.resources import CLUSTER, ENDPOINT, LISTENER, ROUTE, Resource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from translators.model.origin import Diagnostic, Origin

__all__ = ["Change", "Extension", "NamedExtension", "apply_extensions"]

CHANGEABLE: Final = (CLUSTER, ENDPOINT, LISTENER, ROUTE)
"""Secrets are not among them: they are for proxies that have proved who they are."""

_DATA_PLANE: Final = "envoy_data_plane."


@runtime_checkable
class SecondMessage(Protocol):
    """A message of the package `envoy-data-plane` (betterproto2): its bytes are what it says of itself."""

    def __bytes__(self) -> bytes:
        """Return the message, encoded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change. Say `message`, or `type_url` and `name` of a resource that is to go."""

    message: Message | SecondMessage | None = None
    """A Cluster, ClusterLoadAssignment, Listener or RouteConfiguration, of `xds-protos` or of `envoy-data-plane`. It
    takes the place of the resource of its name, or is new.
    """
    merge: bool = False
    """Merge it into the resource of its name instead: lists grow, set fields win. No such resource: nothing happens."""
    type_url: str = ""
    """Of what is to be removed: one of `translators.resources`' CLUSTER, ENDPOINT, LISTENER, ROUTE."""
    name: str = ""
    """Of what is to be removed."""


Extension = Callable[[World, ProxyView], Iterable[Change]]


class NamedExtension(NamedTuple):
    """An extension with the name of its entry point, by which diagnostics and origins call it."""

    name: str
    changes: Extension


class _Unusable(ValueError):  # noqa: N818 - never leaves this module
    """A Change that cannot be made; the text says why."""


def apply_extensions(
    extensions: Iterable[NamedExtension], world: World, view: ProxyView, made: Mapping[str, tuple[Resource, ...]]
) -> tuple[dict[str, tuple[Resource, ...]], tuple[Diagnostic, ...]]:
    """Return the resources of each type as the extensions change them, in the order of their names.

    Nothing raises: an extension that does is left out whole, and a change that cannot be made alone.
    """
    by_type = {type_url: {r.name: r for r in made.get(type_url, ())} for type_url in CHANGEABLE}
    said: list[Diagnostic] = []
    for extension in extensions:
        origin = implicit(f"extension {extension.name}")
        try:
            changes = tuple(extension.changes(world, view))
        except Exception as error:  # noqa: BLE001 - it is not our code
            said.append(_failed("PF1301", f"{type(error).__name__}: {error}", origin))
            continue
        for change in changes:
            try:
                _apply(change, by_type, origin)
            except _Unusable as error:
                said.append(_failed("PF1302", str(error), origin))
    return {**made, **{t: tuple(found[name] for name in sorted(found)) for t, found in by_type.items()}}, tuple(said)


def _failed(code: str, message: str, origin: Origin) -> Diagnostic:
    return diagnose(code, message, origin, hint="the rest is served without it; ask whoever wrote the extension")


def _apply(change: Change, by_type: dict[str, dict[str, Resource]], origin: Origin) -> None:
    if change.message is None:
        _changeable(change.type_url)
        by_type[change.type_url].pop(change.name, None)
        return
    message = _message(change.message)
    type_url = TYPE_URL_PREFIX + message.DESCRIPTOR.full_name
    _changeable(type_url)
    name = message.cluster_name if type_url == ENDPOINT else message.name  # type: ignore[attr-defined] # by its type
    if not name:
        msg = f"a {message.DESCRIPTOR.name} has no name"
        raise _Unusable(msg)
    held = by_type[type_url].get(name)
    if change.merge:
        if held is None:
            return
        whole = type(message).FromString(held.body)
        merge(whole, message)
        message = whole
    by_type[type_url][name] = Resource(
        type_url,
        name,
        message.SerializeToString(deterministic=True),
        (*(held.origins if held is not None else ()), origin.key),
        refs=held.refs if held is not None else (),
        notes=(*(held.notes if held is not None else ()), ("", origin)),
    )


def _changeable(type_url: str) -> None:
    if type_url not in CHANGEABLE:
        msg = f"{type_url or 'nothing'} cannot be changed: clusters, endpoints, listeners and routes can"
        raise _Unusable(msg)


def _message(given: Message | SecondMessage) -> Message:
    """Return the message as one of protobuf's own."""
    if isinstance(given, Message):
        return given
    module = type(given).__module__
    cls = message_class(f"{module.removeprefix(_DATA_PLANE)}.{type(given).__name__}")
    if cls is None or not module.startswith(_DATA_PLANE):
        msg = f"{type(given).__name__} is no message of Envoy's API"
        raise _Unusable(msg)
    return cls.FromString(bytes(given))
