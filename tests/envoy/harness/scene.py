"""A small shop that changes at random: services, their versions, and the routes and gateways in front of them.

A Scene is what the files should say. Each edit changes it and returns what was done; `documents` are its objects, to
be written as one file, so that an edit is one change for the server however many objects it touches.

Lists of edits: SAFE ones leave an answer for every request to PATHS on the first port, at every moment: what is
lost during them is lost by the control plane. The others (ANY has both) also break what they touch.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tests.envoy.harness import objects

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator, Sequence

    from tests.envoy.harness.objects import Object

PATHS: Final = ("/", "/cart", "/pay/now")
"""Where SAFE edits keep an answer: one path of each of the shop's three parts."""

_PREFIXES: Final = ("/cart", "/pay", "/")
_VERSIONS: Final = ("v1", "v2")
_POLICIES: Final[tuple[Object, ...]] = (
    {"connectionPool": {"tcp": {"maxConnections": 2000}}},
    {"connectionPool": {"tcp": {"connectTimeout": "3s"}, "http": {"http1MaxPendingRequests": 3000}}},
    {"connectionPool": {"http": {"maxRequestsPerConnection": 50}}},
    {"loadBalancer": {"simple": "RANDOM"}},
    {"loadBalancer": {"simple": "ROUND_ROBIN"}},
    {"loadBalancer": {"consistentHash": {"httpHeaderName": "x-user"}}},
    {"outlierDetection": {"consecutive5xxErrors": 1000, "interval": "30s"}},
)


@dataclass(slots=True)
class Shelf:
    """One service: which backends it has, by number, how it is written down, and what its DestinationRule says."""

    backends: tuple[int, ...]
    kind: str = "STATIC"
    """The resolution of a ServiceEntry, or `Service` for Kubernetes' Service and EndpointSlice."""
    policy: Object | None = None
    subsets: bool = False


@dataclass(slots=True)
class Scene:
    """See the module. `backends` are version and port of each; `ports` those that gateways may listen on."""

    chance: random.Random
    backends: Sequence[tuple[str, int]]
    ports: Sequence[int]
    shelves: dict[str, Shelf] = field(default_factory=dict)
    parts: list[list[tuple[str, str, int]]] = field(default_factory=list)
    """For each of _PREFIXES: service, subset (or none) and weight of each destination."""
    further: dict[int, str] = field(default_factory=dict)
    """Further gateways: port, and the service that is behind it."""
    remark: int = 0
    _names: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        """Begin with a service for each part."""
        for _ in _PREFIXES:
            self.parts.append([(self.new_shelf(), "", 1)])

    def edit(self, kinds: Sequence[Callable[[Scene], str]]) -> str:
        """Change something at random; returns what, for whoever reads of a failure."""
        return self.chance.choice(kinds)(self)

    def documents(self) -> list[Object]:
        """Return all objects."""
        found: list[Object] = []
        for name, shelf in self.shelves.items():
            found += self._service(name, shelf)
            if shelf.policy or shelf.subsets:
                rule = objects.destination_rule(name, name, subsets=_VERSIONS if shelf.subsets else ())
                if shelf.policy:
                    rule["spec"]["trafficPolicy"] = shelf.policy
                found.append(rule)
        for port, service in sorted(self.further.items()):
            found.append(objects.gateway(f"gateway-{port}", number=port))
            http: list[Object] = [{"route": [{"destination": {"host": service}}], "retries": {"attempts": 0}}]
            found.append(objects.virtual_service(f"routes-{port}", http, gateway=f"gateway-{port}"))
        found.append(objects.gateway(number=self.ports[0]))
        found.append(
            objects.virtual_service("routes", [self._route(*one) for one in zip(_PREFIXES, self.parts, strict=True)])
        )
        return found

    def _route(self, prefix: str, part: list[tuple[str, str, int]]) -> Object:
        destinations = [
            {"destination": {"host": service, **({"subset": subset} if subset else {})}, "weight": weight}
            for service, subset, weight in part
        ]
        # Istio's default retries would hide what a change costs.
        return {"match": [{"uri": {"prefix": prefix}}], "route": destinations, "retries": {"attempts": 0}}

    def _service(self, name: str, shelf: Shelf) -> list[Object]:
        chosen = [(index, *self.backends[index]) for index in shelf.backends]
        if shelf.kind == "Service":
            return objects.kubernetes_service(name, [(f"{name}-{i}", version, port) for i, version, port in chosen])
        endpoints = [
            {"address": "127.0.0.1", "ports": {"http": port}, "labels": {"version": version}}
            for _, version, port in chosen
        ]
        spec = {
            "hosts": [f"{name}.default.svc.cluster.local"],
            "location": "MESH_INTERNAL",
            "resolution": shelf.kind,
            "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}],
            "endpoints": endpoints,
        }
        return [objects.istio("ServiceEntry", name, spec)]

    def new_shelf(self, like: Shelf | None = None) -> str:
        """Put up a service with a new name and other backends; return its name."""
        name = f"shelf-{next(self._names)}"
        old = like or Shelf(backends=())
        self.shelves[name] = Shelf(backends=self.some_backends(), kind=old.kind, policy=old.policy, subsets=old.subsets)
        return name

    def some_backends(self) -> tuple[int, ...]:
        """Choose one or more backends of each version."""
        chosen: list[int] = []
        for version in _VERSIONS:
            those = [index for index, (of, _) in enumerate(self.backends) if of == version]
            chosen += self.chance.sample(those, self.chance.randint(1, len(those)))
        return tuple(sorted(chosen))

    def one_shelf(self) -> str:
        """Choose a service."""
        return self.chance.choice(list(self.shelves))

    def behind(self, name: str) -> Shelf:
        """Return the service that a route names; one that had vanished comes back."""
        return self.shelves.setdefault(name, Shelf(backends=self.some_backends()))

    def used(self) -> set[str]:
        """Return the services that routes name."""
        return {service for part in self.parts for service, _, _ in part} | set(self.further.values())

    def sweep(self) -> None:
        """Take away the services that no route names, and the subsets that none uses."""
        used = self.used()
        self.shelves = {name: shelf for name, shelf in self.shelves.items() if name in used}
        split = {service for part in self.parts for service, subset, _ in part if subset}
        for name, shelf in self.shelves.items():
            shelf.subsets = name in split


def rename(scene: Scene) -> str:
    """A service gets a new name, routes follow it, the old one is gone: all in one edit."""
    old = scene.chance.choice(sorted(scene.used()))
    new = scene.new_shelf(scene.behind(old))
    scene.shelves[new].backends = scene.shelves[old].backends
    scene.parts = [[(new if s == old else s, subset, weight) for s, subset, weight in part] for part in scene.parts]
    scene.further = {port: new if s == old else s for port, s in scene.further.items()}
    scene.sweep()
    return f"rename {old} to {new}"


def replace_all(scene: Scene) -> str:
    """Every service goes and new ones come, with other backends, all in one edit."""
    for index, part in enumerate(scene.parts):
        names = {service: scene.new_shelf(scene.behind(service)) for service in sorted({s for s, _, _ in part})}
        scene.parts[index] = [(names[service], subset, weight) for service, subset, weight in part]
    scene.further = dict.fromkeys(scene.further, scene.parts[0][0][0])
    scene.sweep()
    return "replace everything"


def split(scene: Scene) -> str:
    """A part is split between the versions of its service, or between two services; what it was before goes."""
    index = scene.chance.randrange(len(scene.parts))
    weight = scene.chance.randint(1, 99)
    service = scene.parts[index][0][0]
    if scene.chance.random() < 0.5:
        scene.behind(service).subsets = True
        scene.parts[index] = [(service, "v1", weight), (service, "v2", 100 - weight)]
    else:
        scene.parts[index] = [(service, "", weight), (scene.new_shelf(), "", 100 - weight)]
    scene.sweep()
    return f"split part {index} of {service}"


def join(scene: Scene) -> str:
    """A part goes to all of one service, or to one version of it; the rest of a split goes."""
    index = scene.chance.randrange(len(scene.parts))
    service = scene.chance.choice(scene.parts[index])[0]
    subset = scene.chance.choice(("", *_VERSIONS))
    scene.behind(service).subsets = bool(subset)
    scene.parts[index] = [(service, subset, 1)]
    scene.sweep()
    return f"join part {index} at {service} {subset}"


def weigh(scene: Scene) -> str:
    """The weights of a split change."""
    for index, part in enumerate(scene.parts):
        if len(part) == 2:
            weight = scene.chance.randint(0, 100)
            scene.parts[index] = [(*part[0][:2], weight), (*part[1][:2], 100 - weight)]
            return f"weigh part {index}: {weight}"
    return split(scene)


def move(scene: Scene) -> str:
    """A service's endpoints become other backends."""
    name = scene.one_shelf()
    scene.shelves[name].backends = scene.some_backends()
    return f"move {name} to {scene.shelves[name].backends}"


def rewrite(scene: Scene) -> str:
    """The same service is written down in another way: another kind, or another resolution."""
    name = scene.one_shelf()
    shelf = scene.shelves[name]
    shelf.kind = scene.chance.choice([kind for kind in ("STATIC", "DNS", "Service") if kind != shelf.kind])
    shelf.backends = shelf.backends or scene.some_backends()  # an entry without endpoints would not be valid
    return f"rewrite {name} as {shelf.kind}"


def set_policy(scene: Scene) -> str:
    """A DestinationRule's policy appears, changes or vanishes."""
    name = scene.one_shelf()
    scene.shelves[name].policy = scene.chance.choice([None, *_POLICIES])
    return f"policy of {name}: {scene.shelves[name].policy}"


def door(scene: Scene) -> str:
    """A gateway appears on a further port, or one vanishes."""
    port = scene.chance.choice(scene.ports[1:])
    if port in scene.further:
        del scene.further[port]
        scene.sweep()
        return f"close {port}"
    scene.further[port] = scene.one_shelf()
    return f"open {port}"


def unused(scene: Scene) -> str:
    """A service appears that nothing routes to."""
    return f"add {scene.new_shelf()}"


def nothing(scene: Scene) -> str:
    """Nothing that Envoy can see: a comment."""
    scene.remark += 1
    return f"remark {scene.remark}"


def empty(scene: Scene) -> str:
    """A service loses every endpoint."""
    name = scene.one_shelf()
    scene.shelves[name].kind = "Service"
    scene.shelves[name].backends = ()
    return f"empty {name}"


def vanish(scene: Scene) -> str:
    """A service goes, and routes still name it."""
    name = scene.one_shelf()
    if len(scene.shelves) > 2:
        del scene.shelves[name]
    return f"vanish {name}"


def unsplit(scene: Scene) -> str:
    """Subsets go, and routes still name them."""
    name = scene.one_shelf()
    scene.shelves[name].subsets = not scene.shelves[name].subsets
    return f"subsets of {name}: {scene.shelves[name].subsets}"


SAFE: Final = (rename, replace_all, split, join, weigh, move, rewrite, set_policy, door, unused, nothing)
STEADY: Final = (move, rewrite, set_policy, door, unused, nothing)
"""Those of SAFE that leave every cluster in its place: no route starts to name another one."""

MOVING: Final = (rename, replace_all, split)
"""Those of SAFE that all bring clusters to which routes move."""

ANY: Final = (*SAFE, empty, vanish, unsplit)
