"""World: everything that is known at one moment, immutable, with the keys that changed since the moment before.

Maps go by kind, then namespace, then name, and share structure with their predecessors (`immutables.Map`), so one
change costs the same in a small and in a big mesh.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from immutables import Map

from translators.model.kubernetes import EndpointSlice, Pod
from translators.model.mesh_config import MeshConfig

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from translators.model.meta import KubeObject, ObjectKey

T = TypeVar("T", bound="KubeObject")
K = TypeVar("K")
V = TypeVar("V")

SERVICE_NAME_LABEL: Final = "kubernetes.io/service-name"

_REMEMBERED: Final = 32
"""How many Worlds back `changed_since` can look."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class World:
    """An immutable picture of all objects and settings. Make the next one with `apply`."""

    objects: Map[str, Map[str, Map[str, KubeObject]]] = Map()
    """Kind, then namespace, then name."""
    history: tuple[tuple[object, frozenset[ObjectKey]], ...] = ()
    """Newest first: the token of an earlier World, and the keys that changed in the step from it."""
    token: object = field(default_factory=object)
    slices_of_service: Map[tuple[str, str], Map[str, EndpointSlice]] = Map()
    """(namespace, Service name) to its EndpointSlices by name."""
    pods_by_ip: Map[tuple[str, str], Map[str, Pod]] = Map()
    """(namespace, IP) to the pods with that IP by name (host-network pods share one)."""
    mesh: MeshConfig = MeshConfig()
    cluster_domain: str = "cluster.local"
    root_namespace: str = "istio-system"

    def kind(self, kind: type[T]) -> Map[str, Map[str, T]]:
        """All objects of a kind: namespace, then name."""
        return cast("Map[str, Map[str, T]]", self.objects.get(kind.KIND, _NONE))

    def namespace(self, kind: type[T], namespace: str) -> Map[str, T]:
        """The objects of a kind in one namespace, by name."""
        by_namespace = self.objects.get(kind.KIND)
        return _NONE if by_namespace is None else by_namespace.get(namespace, _NONE)  # type: ignore[return-value]

    def each(self, kind: type[T]) -> Iterator[T]:
        """All objects of a kind, sorted by namespace, then name."""
        by_namespace = self.kind(kind)
        for namespace in sorted(by_namespace):
            objects = by_namespace[namespace]
            for name in sorted(objects):
                yield objects[name]

    def get(self, key: ObjectKey) -> KubeObject | None:
        """Return the object that a key names, if it is known."""
        return self.objects.get(key.kind, _NONE).get(key.namespace, _NONE).get(key.name)

    def apply(self, changes: Mapping[ObjectKey, KubeObject | None]) -> World:
        """Return the next World: objects put in, or taken out (None). An object equal to the known one keeps the
        known one's identity, and if nothing changes at all the same World returns.
        """
        objects, slices, pods = self.objects, self.slices_of_service, self.pods_by_ip
        changed = set()
        for key, new in changes.items():
            old = objects.get(key.kind, _NONE).get(key.namespace, _NONE).get(key.name)
            if old == new:
                continue
            changed.add(key)
            by_namespace = objects.get(key.kind, _NONE)
            names = _put(by_namespace.get(key.namespace, _NONE), key.name, new)
            objects = _put(objects, key.kind, _put(by_namespace, key.namespace, names or None) or None)
            if key.kind == EndpointSlice.KIND:
                current = new if isinstance(new, EndpointSlice) else None
                slices = _index(slices, key.name, _service_of(old), _service_of(new), current)
            elif key.kind == Pod.KIND:
                pods = _index(pods, key.name, _ips_of(old), _ips_of(new), new if isinstance(new, Pod) else None)
        if not changed:
            return self
        history = ((self.token, frozenset(changed)), *self.history[: _REMEMBERED - 1])
        return replace(
            self, objects=objects, slices_of_service=slices, pods_by_ip=pods, history=history, token=object()
        )

    def changed_since(self, before: World) -> frozenset[ObjectKey] | None:
        """Return the keys that may differ from an earlier World; None if that is unknown (too long ago, unrelated, or
        a setting changed in between).
        """
        if self.token is before.token:
            return frozenset()
        keys: set[ObjectKey] = set()
        for token, changed in self.history:
            keys |= changed
            if token is before.token:
                return frozenset(keys)
        return None

    def with_mesh(self, mesh: MeshConfig) -> World:
        """Return this World under another MeshConfig; the same World if that is equal."""
        return self if mesh == self.mesh else replace(self, mesh=mesh, history=(), token=object())


_NONE: Map[Any, Any] = Map()
"""Empty at every level."""


def _put(mapping: Map[K, V], key: K, value: V | None) -> Map[K, V]:
    """Put in a value, or take the key out if the value is None."""
    if value is None:
        return mapping.delete(key) if key in mapping else mapping
    return mapping.set(key, value)


def _index(
    index: Map[K, Map[str, V]], name: str, before: Iterable[K], after: Iterable[K], new: V | None
) -> Map[K, Map[str, V]]:
    """Move an object from the entries that it had to those that it has now."""
    for entry in before:
        index = _put(index, entry, _put(index.get(entry, _NONE), name, None) or None)
    if new is not None:
        for entry in after:
            index = index.set(entry, index.get(entry, _NONE).set(name, new))
    return index


def _service_of(value: KubeObject | None) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, EndpointSlice):
        return ()
    service = value.metadata.labels.get(SERVICE_NAME_LABEL)
    return ((value.metadata.namespace, service),) if service else ()


def _ips_of(value: KubeObject | None) -> tuple[tuple[str, str], ...]:
    return tuple((value.metadata.namespace, ip) for ip in value.status.ips) if isinstance(value, Pod) else ()
