"""World: everything that is known at one moment, immutable, with the keys that changed since the moment before.

Maps go by kind, then namespace, then name, and share structure with their predecessors (`immutables.Map`), so one
change costs the same in a small and in a big mesh.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, cast

from immutables import Map

from translators.model.discovery import is_discovered
from translators.model.kubernetes import EndpointSlice, Namespace, Pod
from translators.model.mesh_config import MeshConfig

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from immutables import MapMutation

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
    hidden: Map[str, Map[str, Map[str, KubeObject]]] = Map()
    """The same of the namespaces that the mesh's discoverySelectors leave out: no translator looks there."""
    history: tuple[tuple[object, frozenset[ObjectKey]], ...] = ()
    """Newest first: the token of an earlier World, and the keys that changed in the step from it."""
    token: object = field(default_factory=object)
    slices_of_service: Map[tuple[str, str], Map[str, EndpointSlice]] = Map()
    """(namespace, Service name) to its EndpointSlices by name."""
    pods_by_ip: Map[tuple[str, str], Map[str, Pod]] = Map()
    """(namespace, IP) to the pods with that IP by name (host-network pods share one)."""
    slices_naming: Map[tuple[str, str], frozenset[str]] = Map()
    """(namespace, name of a Pod or an address) to the names of the EndpointSlices with such an endpoint."""
    mesh: MeshConfig = MeshConfig()
    cluster_domain: str = "cluster.local"
    root_namespace: str = "istio-system"
    revision: str = "default"
    """Istio objects with another label `istio.io/rev` are not among these."""

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
        draft = _Draft(self)
        # Namespaces first: their labels say where the others of the batch belong.
        for key in sorted(changes, key=_namespaces_first) if self.mesh.discovery_selectors else changes:
            draft.put(key, changes[key])
        return draft.world()

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
        if mesh == self.mesh:
            return self
        world = replace(self, mesh=mesh, history=(), token=object())
        if mesh.discovery_selectors == self.mesh.discovery_selectors:
            return world
        draft = _Draft(world)
        for namespace in {name for maps in (self.objects, self.hidden) for kind in maps.values() for name in kind}:
            draft.settle(namespace)
        return replace(draft.world(), history=())


class _Growing(Generic[K, V]):
    """A Map in the making: the one before until something is put in, which then costs less than a Map for each."""

    __slots__ = ("_before", "_mutation")

    def __init__(self, before: Map[K, V]) -> None:
        self._before = before
        self._mutation: MapMutation[K, V] | None = None

    def get(self, key: K) -> V | None:
        return self._before.get(key) if self._mutation is None else self._mutation.get(key)

    def put(self, key: K, value: V | None) -> None:
        """Put in a value, or take the key out if the value is None."""
        if self._mutation is None:
            self._mutation = self._before.mutate()
        if value is None:
            self._mutation.pop(key, None)
        else:
            self._mutation[key] = value

    def finish(self) -> Map[K, V]:
        """Return the Map, and go on from there."""
        if self._mutation is not None:
            self._before, self._mutation = self._mutation.finish(), None
        return self._before


class _Draft:
    """The next World in the making."""

    def __init__(self, before: World) -> None:
        self._before = before
        self._objects, self._hidden = before.objects, before.hidden
        self._names: dict[tuple[str, str], _Growing[str, KubeObject]] = {}
        """By kind and namespace: what is not in `_objects` yet."""
        self._slices = _Growing(before.slices_of_service)
        self._naming = _Growing(before.slices_naming)
        self._pods = _Growing(before.pods_by_ip)
        self._changed: set[ObjectKey] = set()
        self._selectors = before.mesh.discovery_selectors
        self._discovered: dict[str, bool] = {}

    def put(self, key: ObjectKey, new: KubeObject | None) -> None:
        """Put an object in, or take it out (None)."""
        if self._selectors and not self._is_discovered(key.namespace):
            if _at(self._hidden, key) != new:
                self._hidden = _placed(self._hidden, key, new)
            return
        names = self._names_of(key.kind, key.namespace)
        old = names.get(key.name)
        if old == new:
            return
        self._changed.add(key)
        names.put(key.name, new)
        if key.kind == EndpointSlice.KIND:
            current = new if isinstance(new, EndpointSlice) else None
            _index(self._slices, key.name, _service_of(old), _service_of(new), current)
            _rename(self._naming, key, _named_by(old), _named_by(new))
        elif key.kind == Pod.KIND:
            current_pod = new if isinstance(new, Pod) else None
            _index(self._pods, key.name, _ips_of(old), _ips_of(new), current_pod)
        elif self._selectors and key.kind == Namespace.KIND:
            self.settle(key.name)

    def settle(self, namespace: str) -> None:
        """Move the objects of a namespace to where its labels say that they belong."""
        self._discovered.pop(namespace, None)
        discovered = self._is_discovered(namespace)
        apart = self._hidden if discovered else self._gather()
        moved = [o for by_namespace in apart.values() for o in by_namespace.get(namespace, _NONE).values()]
        for known in moved:
            if discovered:
                self._hidden = _placed(self._hidden, known.key, None)
                self.put(known.key, known)
            else:
                self._discovered[namespace] = True
                self.put(known.key, None)
                self._discovered[namespace] = False
                self._hidden = _placed(self._hidden, known.key, known)

    def world(self) -> World:
        """Return the World; the one before if it is the same."""
        before = self._before
        if not self._changed:
            # What nobody sees may be another: for translators it is the same World.
            return before if self._hidden is before.hidden else replace(before, hidden=self._hidden)
        return replace(
            before,
            objects=self._gather(),
            hidden=self._hidden,
            slices_of_service=self._slices.finish(),
            slices_naming=self._naming.finish(),
            pods_by_ip=self._pods.finish(),
            history=((before.token, frozenset(self._changed)), *before.history[: _REMEMBERED - 1]),
            token=object(),
        )

    def _names_of(self, kind: str, namespace: str) -> _Growing[str, KubeObject]:
        names = self._names.get((kind, namespace))
        if names is None:
            before = self._objects.get(kind, _NONE).get(namespace, _NONE)
            names = self._names[kind, namespace] = _Growing(before)
        return names

    def _gather(self) -> Map[str, Map[str, Map[str, KubeObject]]]:
        """Return all objects, those that were just put in included."""
        for (kind, namespace), names in self._names.items():
            by_namespace = _put(self._objects.get(kind, _NONE), namespace, names.finish() or None)
            self._objects = _put(self._objects, kind, by_namespace or None)
        return self._objects

    def _is_discovered(self, namespace: str) -> bool:
        found = self._discovered.get(namespace)
        if found is None:
            known = self._names_of(Namespace.KIND, "").get(namespace)
            labels = known.metadata.labels if known is not None else {}
            found = not namespace or not self._selectors or is_discovered(namespace, labels, self._selectors)
            self._discovered[namespace] = found
        return found


_NONE: Map[Any, Any] = Map()
"""Empty at every level."""
_NOBODY: Final[frozenset[str]] = frozenset()


def _at(objects: Map[str, Map[str, Map[str, KubeObject]]], key: ObjectKey) -> KubeObject | None:
    return objects.get(key.kind, _NONE).get(key.namespace, _NONE).get(key.name)


def _placed(
    objects: Map[str, Map[str, Map[str, KubeObject]]], key: ObjectKey, new: KubeObject | None
) -> Map[str, Map[str, Map[str, KubeObject]]]:
    """Put an object in, or take it out (None), with the maps that are empty then."""
    by_namespace = objects.get(key.kind, _NONE)
    names = _put(by_namespace.get(key.namespace, _NONE), key.name, new)
    return _put(objects, key.kind, _put(by_namespace, key.namespace, names or None) or None)


def _namespaces_first(key: ObjectKey) -> bool:
    return key.kind != Namespace.KIND


def _put(mapping: Map[K, V], key: K, value: V | None) -> Map[K, V]:
    """Put in a value, or take the key out if the value is None."""
    if value is None:
        return mapping.delete(key) if key in mapping else mapping
    return mapping.set(key, value)


def _index(index: _Growing[K, Map[str, V]], name: str, before: Iterable[K], after: Iterable[K], new: V | None) -> None:
    """Move an object from the entries that it had to those that it has now."""
    for entry in before:
        index.put(entry, _put(index.get(entry) or _NONE, name, None) or None)
    if new is not None:
        for entry in after:
            index.put(entry, (index.get(entry) or _NONE).set(name, new))


def _rename(
    index: _Growing[tuple[str, str], frozenset[str]], key: ObjectKey, before: set[str], after: set[str]
) -> None:
    """Note what a slice names now. Most changes of a slice leave nearly all of its endpoints as they are."""
    for name in before - after:
        entry = (key.namespace, name)
        index.put(entry, (index.get(entry) or _NOBODY) - {key.name} or None)
    for name in after - before:
        entry = (key.namespace, name)
        index.put(entry, (index.get(entry) or _NOBODY) | {key.name})


def _named_by(value: KubeObject | None) -> set[str]:
    """Return the pods and the addresses that a slice names."""
    names: set[str] = set()
    if isinstance(value, EndpointSlice):
        for endpoint in value.endpoints:
            names.update(endpoint.addresses)
            if endpoint.target_ref is not None:
                names.add(endpoint.target_ref.name)
    return names


def _service_of(value: KubeObject | None) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, EndpointSlice):
        return ()
    service = value.metadata.labels.get(SERVICE_NAME_LABEL)
    return ((value.metadata.namespace, service),) if service else ()


def _ips_of(value: KubeObject | None) -> tuple[tuple[str, str], ...]:
    return tuple((value.metadata.namespace, ip) for ip in value.status.ips) if isinstance(value, Pod) else ()
