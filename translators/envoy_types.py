"""Envoy's message types by name: an `Any` names types that no import here mentions, so they are looked up."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.message import DecodeError, Message
from udpa.annotations.migrate_pb2 import file_migrate
from udpa.annotations.status_pb2 import FROZEN, file_status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.protobuf.any_pb2 import Any as AnyMessage

_ROOTS: Final = ("envoy", "google", "xds", "udpa")
"""The first names of the packages that the Envoy API uses."""


def unpack(wrapped: AnyMessage) -> Message | None:
    """Return the message inside an `Any`; None if its type is unknown or its bytes are not of that type."""
    cls = message_class(wrapped.type_url)
    if cls is None:
        return None
    try:
        return cls.FromString(wrapped.value)
    except DecodeError:
        return None


@cache
def message_class(type_url: str) -> type[Message] | None:
    """Find a message class by its type URL or full name. The package that the name states is imported when it is first
    met (`envoy.extensions.filters.http.router.v3`).
    """
    name = type_url.rpartition("/")[2]
    pool = descriptor_pool.Default()
    try:
        descriptor = pool.FindMessageTypeByName(name)
    except KeyError:
        _import_package(name.split(".")[:-1])
        try:
            descriptor = pool.FindMessageTypeByName(name)
        except KeyError:
            return None
    return message_factory.GetMessageClass(descriptor)


def successor(message: type[Message]) -> str | None:
    """Return where the successor of a type of Envoy's v2 API is, perhaps ""; None for a type that Envoy knows today.
    The client library has both; the API's own annotations tell them apart.
    """
    said: Any = message.DESCRIPTOR.file.GetOptions().Extensions  # extensions are without types
    moved: str = said[file_migrate].move_to_package
    return moved if moved or said[file_status].package_version_status == FROZEN else None


def _import_package(parts: Sequence[str]) -> None:
    """Import all `_pb2` modules of a package."""
    if not parts or parts[0] not in _ROOTS or not all(part.isidentifier() for part in parts):
        return
    try:
        package = importlib.import_module(".".join(parts))
    except ImportError:
        return
    for module in pkgutil.iter_modules(getattr(package, "__path__", ())):
        if module.name.endswith("_pb2"):
            importlib.import_module(f"{package.__name__}.{module.name}")
