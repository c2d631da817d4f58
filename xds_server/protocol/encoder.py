"""Makes response bytes: a header and the cached fragments of the resources, joined. One Encoder serves all streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar, cast

from translators.model.origin import implicit
from translators.resources import CLUSTER, ENDPOINT, LISTENER, TYPES, Resource, TypeSet, length_delimited
from xds_server.protocol.difference import Difference, difference
from xds_server.protocol.effective import Effective, Hold, effective
from xds_server.protocol.passage import Stage, passage
from xds_server.protocol.step import Outgoing

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Mapping

    from translators.resources import ResourceSet

MESSAGE_SIZE: Final = 3_500_000
"""Bytes after which a response is split, if it may be: gRPC clients take 4 MiB by default (rules 59 and 93)."""

WHOLE: Final = frozenset({CLUSTER, LISTENER})
"""Types whose every state-of-the-world response holds all that the client subscribed to: what is missing gets deleted
(rules 14 and 16). https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#grouping-resources-into-responses
"""

_GENERATION_ENTRIES: Final = 4096
_GENERATION_BYTES: Final = 64 << 20
_KEPT: Final = 64
_NAME_BYTES: Final = 120
"""What a name in a key takes: a client may ask for 100,000 that nobody else has ever heard of."""

_NO_ENDPOINTS: Final = (implicit("no-endpoints").key,)

T = TypeVar("T")


class Encoder:
    """Nonces from one counter, and whole responses remembered: a push of equal bytes to many streams is joined once.

    Nothing here depends on the stream that asks but `after`: a remembered response is handed out only if its nonce is
    newer than any that the stream had for the type, so no stream ever sees a nonce twice (rule 2). What is remembered
    lives two pushes (`turn`), and is bounded between them.
    """

    __slots__ = ("_control_plane", "_kept", "_limit", "_new", "_old", "_passage", "_prefix", "_serial", "_size")

    def __init__(self, identifier: str, *, nonce_prefix: str = "", message_size: int = MESSAGE_SIZE) -> None:
        """`identifier` is shown by Envoy as `control_plane.identifier`; `nonce_prefix` tells processes apart."""
        self._control_plane = length_delimited(1, identifier.encode())
        self._prefix = nonce_prefix
        self._limit = message_size
        self._serial = 0
        self._size = 0
        self._new: dict[Hashable, object] = {}
        self._old: dict[Hashable, object] = {}
        self._kept: dict[str, tuple[TypeSet, TypeSet]] = {}
        self._passage: tuple[ResourceSet, ResourceSet, Stage | None, tuple[Stage, ...]] | None = None

    def turn(self) -> None:
        """End a push: drop what neither this one nor the one before it used."""
        self._old, self._new = self._new, {}
        self._size = 0
        self._passage = None

    def keep(self, types: TypeSet, endpoints: TypeSet) -> None:
        """Remember the clusters of a version, and the endpoints of then, for a client that comes back with it: the last
        64 versions.
        """
        if types.version not in self._kept:
            if len(self._kept) >= _KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[types.version] = types, endpoints

    def kept(self, version: str) -> TypeSet | None:
        """Return the clusters of a version; None if they were sent too long ago, or by another process."""
        found = self._kept.get(version)
        return found[0] if found is not None else None

    def last_assignment(self, name: str) -> Resource | None:
        """Return the newest endpoints of a cluster that any version kept has, which may be gone."""
        found = (endpoints.resources.get(name) for _, endpoints in reversed(self._kept.values()))
        return next((assignment for assignment in found if assignment is not None), None)

    def difference(self, old: TypeSet, new: TypeSet) -> Difference:
        """See `difference.difference`; worked out once for all streams that were sent the same."""
        key = ("difference", new.type_url, old.version, new.version)
        return self._recall(key) or self._remember(key, difference(old, new))

    def everything(self, types: TypeSet) -> tuple[Resource, ...]:
        """All resources of a set, sorted by name; the same tuple for all streams."""
        key = ("everything", types.type_url, types.version)
        hit: tuple[Resource, ...] | None = self._recall(key)
        if hit is None:
            resources = types.resources
            hit = self._remember(key, tuple(resources[name] for name in sorted(resources)))
        return hit

    def altered(self, types: TypeSet, updates: tuple[tuple[str, Resource | None], ...]) -> TypeSet:
        """A set with some resources put in or taken out (None)."""
        key = ("altered", types.type_url, types.version, updates)
        return self._recall(key) or self._remember(key, types.replace(dict(updates)))

    def together(self, types: TypeSet, lingering: tuple[Resource, ...]) -> TypeSet:
        """A set with resources that are about to leave it, for the first step of make-before-break (rule 62)."""
        return self.altered(types, tuple((gone.name, gone) for gone in lingering))

    def passage(self, held: ResourceSet, target: ResourceSet, waiting: Stage | None) -> tuple[Stage, ...]:
        """See `passage.passage`; worked out once for all streams that hold the same. The streams of one view come one
        after the other, with the very same objects.
        """
        last = self._passage
        if last is not None and last[0] is held and last[1] is target and last[2] is waiting:
            return last[3]
        versions = (*(held[t].version for t in TYPES), *(target[t].version for t in TYPES))
        about = (waiting.arrival, waiting.awaits, waiting.about) if waiting is not None else None
        key = ("passage", versions, about)
        stages: tuple[Stage, ...] | None = self._recall(key)
        if stages is None or stages[-1].snapshot is not target:
            stages = self._remember(key, passage(self, held, target, waiting))
        self._passage = (held, target, waiting, stages)
        return stages

    def effective(self, wanted: ResourceSet, holds: tuple[Hold, ...], accepted: Mapping[str, TypeSet]) -> Effective:
        """See `effective.effective`; worked out once for all clients that rejected and accepted the same."""
        known = tuple(sorted((type_url, types.version) for type_url, types in accepted.items()))
        key = ("effective", tuple(wanted[t].version for t in TYPES), holds, known)
        return self._recall(key) or self._remember(key, effective(self, wanted, holds, accepted))

    def empty_assignment(self, name: str) -> Resource:
        """A ClusterLoadAssignment without endpoints (its field 1 is the name): the state-of-the-world way to say that
        there are none, which ends the cluster's warming (rule 27).
        """
        key = ("empty", name)
        return self._recall(key) or self._remember(
            key, Resource(ENDPOINT, name, length_delimited(1, name.encode()), _NO_ENDPOINTS)
        )

    def sotw(
        self, type_url: str, version: str, resources: tuple[Resource, ...], after: int, *, whole: bool = False
    ) -> tuple[Outgoing, ...]:
        """Return a DiscoveryResponse, or several if one would be too big and the type may come in parts.

        `whole`: these are all resources of that version, so it need not look at each.
        """
        key = ("sotw", type_url, version, whole or resources)
        hit: tuple[Outgoing, ...] | None = self._recall(key)
        if hit is not None and hit[0].serial > after:
            return hit
        fragments = [resource.sotw_fragment for resource in resources]
        limit = sum(map(len, fragments)) if type_url in WHOLE else self._limit
        messages = tuple(
            self._message(type_url, version, *part, control_plane_field=6)
            for part in _split(resources, (), fragments, limit)
        )
        return self._remember(key, messages, sum(len(message.payload) for message in messages))

    def delta(
        self, type_url: str, version: str, resources: tuple[Resource, ...], removed: tuple[str, ...], after: int
    ) -> tuple[Outgoing, ...]:
        """Return a DeltaDiscoveryResponse, or several if one would be too big; at least one, even an empty one."""
        key = ("delta", type_url, version, resources, removed)
        hit: tuple[Outgoing, ...] | None = self._recall(key)
        if hit is not None and hit[0].serial > after:
            return hit
        fragments = [resource.delta_fragment for resource in resources]
        fragments += [length_delimited(6, name.encode()) for name in removed]
        messages = tuple(
            self._message(type_url, version, *part, control_plane_field=7)
            for part in _split(resources, removed, fragments, self._limit)
        )
        size = sum(len(message.payload) for message in messages) + _NAME_BYTES * len(removed)
        return self._remember(key, messages, size)

    def _message(
        self,
        type_url: str,
        version: str,
        resources: tuple[Resource, ...],
        removed: tuple[str, ...],
        fragments: Iterable[bytes],
        *,
        control_plane_field: int,
    ) -> Outgoing:
        self._serial += 1
        nonce = f"{self._prefix}{self._serial}"
        payload = b"".join(
            (
                length_delimited(1, version.encode()),
                length_delimited(4, type_url.encode()),
                length_delimited(5, nonce.encode()),
                length_delimited(control_plane_field, self._control_plane),
                *fragments,
            )
        )
        return Outgoing(type_url, self._serial, nonce, version, resources, removed, payload)

    def _recall(self, key: Hashable) -> T | None:
        """Look a value up; the first word of its key says of which type it is."""
        hit = self._new.get(key)
        if hit is None:
            hit = self._old.get(key)
            if hit is not None:
                self._new[key] = hit
        return cast("T | None", hit)

    def _remember(self, key: Hashable, value: T, size: int = 0) -> T:
        self._size += size
        if self._size > _GENERATION_BYTES or len(self._new) >= _GENERATION_ENTRIES:
            self.turn()
            self._size = size
        self._new[key] = value
        return value


def _split(
    resources: tuple[Resource, ...], removed: tuple[str, ...], fragments: list[bytes], limit: int
) -> Iterator[tuple[tuple[Resource, ...], tuple[str, ...], list[bytes]]]:
    """Cut into parts of at most `limit` bytes (one fragment at least): resources, removed names and their encoding."""
    start = size = 0
    for index, fragment in enumerate(fragments):
        if size + len(fragment) > limit and index > start:
            yield _part(resources, removed, fragments, start, index)
            start, size = index, 0
        size += len(fragment)
    yield _part(resources, removed, fragments, start, len(fragments))


def _part(
    resources: tuple[Resource, ...], removed: tuple[str, ...], fragments: list[bytes], start: int, end: int
) -> tuple[tuple[Resource, ...], tuple[str, ...], list[bytes]]:
    count = len(resources)
    return resources[start:end], removed[max(start - count, 0) : max(end - count, 0)], fragments[start:end]
