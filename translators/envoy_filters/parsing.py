"""An EnvoyFilter's patches with their values as Envoy messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig
from envoy.config.listener.v3.listener_components_pb2 import Filter, FilterChain, ListenerFilter
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_components_pb2 import Route, VirtualHost
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import HttpFilter
from google.protobuf import json_format

from translators.envoy_types import message_class, successor
from translators.model.envoy_filter import ApplyTo, EnvoyConfigObjectMatch, Operation, PatchContext
from translators.model.meta import Value
from translators.model.origin import Origin
from translators.resources import CLUSTER, EXTENSION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from google.protobuf.message import Message

    from translators.model.common import JsonValue
    from translators.model.envoy_filter import EnvoyFilter
    from translators.recorder import Recorder

MESSAGES: Final[Mapping[str, type[Message]]] = {
    "CLUSTER": Cluster,
    "EXTENSION_CONFIG": TypedExtensionConfig,
    "FILTER_CHAIN": FilterChain,
    "HTTP_FILTER": HttpFilter,
    "HTTP_ROUTE": Route,
    "LISTENER": Listener,
    "LISTENER_FILTER": ListenerFilter,
    "NETWORK_FILTER": Filter,
    "ROUTE_CONFIGURATION": RouteConfiguration,
    "VIRTUAL_HOST": VirtualHost,
}
"""applyTo to the message that a patch's value is."""

INSERTS: Final = frozenset({"ADD", "INSERT_BEFORE", "INSERT_AFTER", "INSERT_FIRST"})
MERGES: Final = frozenset({"MERGE", "MERGE_AND_REPLACE_LIST"})
WITHOUT_VALUE: Final = frozenset({"REMOVE"})

_FILTERS: Final = frozenset({*INSERTS, "MERGE", "REMOVE", "REPLACE"})
OPERATIONS: Final[Mapping[str, frozenset[str]]] = {
    "CLUSTER": frozenset({*MERGES, "ADD", "REMOVE"}),
    "EXTENSION_CONFIG": frozenset({"ADD"}),
    "FILTER_CHAIN": frozenset({*MERGES, "ADD", "REMOVE"}),
    "HTTP_FILTER": _FILTERS,
    "HTTP_ROUTE": frozenset({*INSERTS, *MERGES, "REMOVE"}),
    "LISTENER": frozenset({*MERGES, "ADD", "REMOVE"}),
    "LISTENER_FILTER": frozenset({*INSERTS, "REMOVE", "REPLACE"}),
    "NETWORK_FILTER": _FILTERS,
    "ROUTE_CONFIGURATION": MERGES,
    "VIRTUAL_HOST": frozenset({*MERGES, "ADD", "REMOVE", "REPLACE"}),
}
"""applyTo to the operations that mean something there; Istio passes over the others."""

_CLUSTER_KEYS: Final = frozenset({"cluster", "cluster_name", "clusterName"})
_DISCOVERED: Final = frozenset({"config_discovery", "configDiscovery"})
_NOTHING: Final = EnvoyConfigObjectMatch()


class BadValueError(ValueError):
    """A patch's value is not the message that it should be; the text says why."""


class Patch(Value, frozen=True, kw_only=True):
    """One patch, ready to be applied."""

    origin: Origin
    """The EnvoyFilter and `spec.configPatches[0]`."""
    apply_to: ApplyTo
    operation: Operation
    match: EnvoyConfigObjectMatch
    message: Message | None
    """The value; None for REMOVE."""
    refs: tuple[tuple[str, str], ...] = ()
    """What the value names: clusters, and extension configurations by which its filters are discovered."""

    @property
    def replaces_lists(self) -> bool:
        """Whether the value's lists take the place of those that are there, instead of being added to them."""
        return self.operation == "MERGE_AND_REPLACE_LIST"

    @property
    def value(self) -> Message:
        """The value, which is never to be changed. Raises ValueError for a patch without one."""
        if self.message is None:
            msg = f"{self.origin} has no value"
            raise ValueError(msg)
        return self.message

    def fits_context(self, context: PatchContext) -> bool:
        """Whether the patch is for proxies, and a direction of traffic, like this."""
        return self.match.context in ("ANY", context)


def parse_patches(envoy_filter: EnvoyFilter, *, recorder: Recorder) -> tuple[Patch, ...]:
    """Memoised step: read the patches of one EnvoyFilter, in order. What validation refuses is left out."""
    del recorder
    found = []
    for index, config in enumerate(envoy_filter.spec.config_patches):
        operation = config.patch.operation if config.patch is not None else "INVALID"
        if operation not in OPERATIONS.get(config.apply_to, ()):
            continue
        message: Message | None = None
        value = config.patch.value if config.patch is not None else None
        if operation not in WITHOUT_VALUE:
            try:
                message = parse_value(config.apply_to, value or {})
            except BadValueError:
                continue
        found.append(
            Patch(
                origin=Origin(envoy_filter.key, f"spec.configPatches[{index}]"),
                apply_to=config.apply_to,
                operation=operation,
                match=config.match or _NOTHING,
                message=message,
                refs=tuple(sorted(set(_refs_in(value)))) if message is not None else (),
            )
        )
    return tuple(found)


def parse_value(apply_to: str, value: dict[str, JsonValue]) -> Message:
    """Make the message that a value describes (protobuf's JSON form, camelCase or snake_case names).

    Raises BadValueError for a field or type that Envoy's API does not have, and for a value of the wrong type.
    """
    for type_url in _types_in(value):
        cls = message_class(type_url)
        if cls is None:
            msg = f"the type {type_url} is not in Envoy's API"
            raise BadValueError(msg)
        if (now := successor(cls)) is not None:
            see = f": see {now}" if now else ""
            msg = f"the type {type_url} is of the v2 API, which Envoy does not know any more{see}"
            raise BadValueError(msg)
    message = MESSAGES[apply_to]()
    try:
        json_format.ParseDict(value, message)
    except (json_format.ParseError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise BadValueError(str(error).partition("\n")[0]) from error
    return message


def _types_in(value: JsonValue) -> Iterator[str]:
    for message in _messages(value):
        type_url = message.get("@type")
        if isinstance(type_url, str):
            yield type_url


def _refs_in(value: JsonValue) -> Iterator[tuple[str, str]]:
    """Yield what a value names: what leads to a cluster is called so throughout Envoy's API, and the name of a filter
    with `config_discovery` is that of its configuration.
    """
    for message in _messages(value):
        name = message.get("name")
        if isinstance(name, str) and not _DISCOVERED.isdisjoint(message):
            yield EXTENSION, name
        for key in _CLUSTER_KEYS.intersection(message):
            cluster = message[key]
            if isinstance(cluster, str) and cluster:
                yield CLUSTER, cluster


def _messages(value: JsonValue) -> Iterator[dict[str, JsonValue]]:
    pending = [value]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            yield node
            pending += node.values()
        elif isinstance(node, (list, tuple)):
            pending += node
