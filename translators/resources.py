"""Envoy resources as content: a name, a type, bytes, and the version that is their hash.

Rule: a resource is its content (architecture, third idea). Bodies are serialised once; responses are joined from the
fragments kept here, since protobuf fields concatenate. Versions are the same in any process, for any order of input.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from immutables import Map

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from translators.model.meta import ObjectKey
    from translators.model.origin import Diagnostic, Origin
    from translators.model.proxy import ProxyView

CLUSTER: Final = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
ENDPOINT: Final = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
LISTENER: Final = "type.googleapis.com/envoy.config.listener.v3.Listener"
ROUTE: Final = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
SECRET: Final = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"  # noqa: S105 - a type's name
EXTENSION: Final = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig"

TYPES: Final = (CLUSTER, ENDPOINT, LISTENER, ROUTE, SECRET, EXTENSION)
"""The order in which a push goes out (xds-protocol rule 61)."""

SHORT: Final = {CLUSTER: "CDS", ENDPOINT: "EDS", LISTENER: "LDS", ROUTE: "RDS", SECRET: "SDS", EXTENSION: "ECDS"}

Note = tuple[str, "Origin"]
"""A path inside an Envoy message and the field that it comes from; kept only while a recorder is on."""

_MODULUS = 1 << 128


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def length_delimited(field_number: int, payload: bytes) -> bytes:
    """Encode one length-delimited protobuf field: tag, length, payload (protobuf.dev/programming-guides/encoding)."""
    size = len(payload)
    if field_number < 16 and size < 0x4000:  # nearly always: one byte of tag, one or two of length
        tag = field_number << 3 | 2
        return bytes((tag, size) if size < 0x80 else (tag, size & 0x7F | 0x80, size >> 7)) + payload
    return _varint(field_number << 3 | 2) + _varint(len(payload)) + payload


class Resource:
    """One Envoy resource. Immutable by convention: nothing is assigned after `__init__` but its two lazy fragments."""

    __slots__ = ("_delta", "_sotw", "body", "digest", "name", "notes", "origins", "refs", "type_url", "version")

    def __init__(
        self,
        type_url: str,
        name: str,
        body: bytes,
        origins: tuple[ObjectKey, ...],
        *,
        refs: tuple[tuple[str, str], ...] = (),
        notes: tuple[Note, ...] = (),
    ) -> None:
        """Keep the serialised message `body`; `refs` are (type URL, name) of the resources that it points to."""
        self.type_url = type_url
        self.name = name
        self.body = body
        self.origins = origins
        self.refs = refs
        self.notes = notes
        digest = blake2b(body, digest_size=16).digest()  # the name is part of every body
        self.version: Final = digest[:8].hex()
        self.digest: Final = int.from_bytes(digest)
        self._sotw: bytes | None = None
        self._delta: bytes | None = None

    def __repr__(self) -> str:
        """Show type, name and version, never the body (it may be a secret)."""
        return f"<{SHORT.get(self.type_url, self.type_url)} {self.name} {self.version}>"

    def _any(self) -> bytes:
        return length_delimited(1, self.type_url.encode()) + length_delimited(2, self.body)

    @property
    def sotw_fragment(self) -> bytes:
        """`DiscoveryResponse.resources` (field 2, an Any) holding this resource."""
        if self._sotw is None:
            self._sotw = length_delimited(2, self._any())
        return self._sotw

    @property
    def delta_fragment(self) -> bytes:
        """`DeltaDiscoveryResponse.resources` (field 2, a Resource{version=1, resource=2, name=3}) holding it."""
        if self._delta is None:
            wrapped = (
                length_delimited(1, self.version.encode())
                + length_delimited(2, self._any())
                + length_delimited(3, self.name.encode())
            )
            self._delta = length_delimited(2, wrapped)
        return self._delta


class TypeSet:
    """All resources of one type for one view, with what changed since the set before it.

    `version` is a hash over the set: the sum of the resources' digests modulo 2**128, so one change costs one
    subtraction and one addition, and the order of changes does not matter.
    """

    __slots__ = ("changed", "parent_version", "resources", "total", "type_url", "version")

    def __init__(
        self, type_url: str, resources: Map[str, Resource], total: int, parent_version: str, changed: frozenset[str]
    ) -> None:
        """Use `TypeSet.of` or `TypeSet.replace`."""
        self.type_url = type_url
        self.resources = resources
        self.total = total
        self.version = f"{total:032x}"
        self.parent_version = parent_version
        """The version that `changed` is relative to; empty when there is no predecessor."""
        self.changed = changed
        """Names added, modified or removed since the parent. Look in `resources` to tell which. Without a parent it
        says nothing.
        """

    @classmethod
    def of(cls, type_url: str, resources: Iterable[Resource], previous: TypeSet | None = None) -> TypeSet:
        """Make a set; equal content returns `previous` itself.

        Raises ValueError if two resources share a name (Envoy rejects such a response whole, xds-protocol rule 17).
        """
        by_name: dict[str, Resource] = {}
        total = 0
        for resource in resources:
            if by_name.setdefault(resource.name, resource) is not resource:
                msg = f"two {SHORT.get(type_url, type_url)} resources are named {resource.name}"
                raise ValueError(msg)
            total += resource.digest
        total %= _MODULUS
        if previous is None:
            return cls(type_url, Map(by_name), total, "", frozenset(by_name))
        if previous.total == total and len(previous.resources) == len(by_name):
            return previous
        old = previous.resources
        changed = {
            name
            for name, new in by_name.items()
            if (was := old.get(name)) is not new and (was is None or was.digest != new.digest)
        }
        changed.update(name for name in old if name not in by_name)
        return cls(type_url, Map(by_name), total, previous.version, frozenset(changed))

    def replace(self, updates: Mapping[str, Resource | None]) -> TypeSet:
        """Return the set with some resources put in or taken out (None); cost grows with `updates` alone."""
        total = self.total
        changed = set()
        with self.resources.mutate() as resources:
            for name, new in updates.items():
                old = resources.get(name)
                if (old.digest if old else None) == (new.digest if new else None):
                    continue
                changed.add(name)
                total += (new.digest if new else 0) - (old.digest if old else 0)
                if new is None:
                    del resources[name]
                else:
                    resources[name] = new
            finished = resources.finish()
        if not changed:
            return self
        return TypeSet(self.type_url, finished, total % _MODULUS, self.version, frozenset(changed))

    def extended(
        self,
        extra: Sequence[Resource],
        previous: TypeSet | None,
        base: TypeSet | None,
        extra_before: Iterable[Resource],
    ) -> TypeSet:
        """Return the set with some more resources in it; what many sets have in common is kept once.

        `previous` is the predecessor of what is returned: `base`, the predecessor of this set, with `extra_before` in
        it. Equal content returns `previous` itself. The cost grows with `extra` and with what changed alone.
        """
        made = self.replace({resource.name: resource for resource in extra})
        if previous is None:
            return TypeSet(self.type_url, made.resources, made.total, "", frozenset(r.name for r in extra))
        old, new = previous.resources, made.resources
        if previous.total == made.total and len(old) == len(new):
            return previous
        names = {resource.name for resource in (*extra, *extra_before)}
        if base is None or (base is not self and base.version != self.parent_version):
            names.update(old, new)
        elif base is not self:
            names |= self.changed
        changed = frozenset(n for n in names if _digest(old.get(n)) != _digest(new.get(n)))
        return TypeSet(self.type_url, new, made.total, previous.version, changed)


def _digest(resource: Resource | None) -> int | None:
    return None if resource is None else resource.digest


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceSet:
    """What one view is served: a TypeSet for each type, and what the translation has to say."""

    view: ProxyView
    types: Mapping[str, TypeSet]
    diagnostics: tuple[Diagnostic, ...] = ()

    def __getitem__(self, type_url: str) -> TypeSet:
        """Return the set of a type; an empty one for a type that this view has none of."""
        return self.types.get(type_url) or _empty(type_url)


@lru_cache(maxsize=64)
def _empty(type_url: str) -> TypeSet:
    return TypeSet(type_url, Map(), 0, "", frozenset())
