"""Sidecars of every namespace in a mesh without scopes: what each kind of proxy costs cold, and what one edit costs.

A Service with endpoints, a VirtualService of the mesh and a DestinationRule each; every sidecar may reach them all. The
lines are ratios: of a further namespace to the first one, whose work it shares; and of an edit to one VirtualService,
which changes the big RouteConfiguration of every namespace, to joining and hashing those very bytes.
"""

from __future__ import annotations

import gc
import os
import resource
import time
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

import msgspec

from benchmarks.harness import Result, compare, milliseconds
from benchmarks.meshes import service
from translators.model.meta import ObjectMeta
from translators.model.proxy import ProxyView
from translators.model.virtual_service import VirtualService, VirtualServiceSpec
from translators.model.world import World
from translators.resources import ROUTE
from translators.translate import Translator

if TYPE_CHECKING:
    from translators.translate import Translation

SERVICES: Final = int(os.environ.get("BENCH_SERVICES", "5000"))
CLIENTS: Final = int(os.environ.get("BENCH_NAMESPACES", "100"))
EDITED: Final = 10
"""Namespaces that an edit is measured on; each costs the same."""
EDITS: Final = 3
_PIECE: Final = 600
"""Bytes of a virtual host."""


def run() -> list[Result]:
    """Measure the cold start once (it takes a while), then edits; targets 0.5 and 2."""
    mesh = _Mesh()
    return [mesh.cold(), compare("edit_of_one_virtual_service", mesh.edit, mesh.floor, target=2.0)]


class _Mesh:
    def __init__(self) -> None:
        objects = [_on_mesh(o) if isinstance(o, VirtualService) else o for i in range(SERVICES) for o in service(i)]
        self.world = World().apply({o.key: o for o in objects})
        self.service = next(o for o in objects if isinstance(o, VirtualService))
        self.translator = Translator()
        self.served: list[Translation] = []
        self._count = 0

    def cold(self) -> Result:
        """Translate for every namespace, and print what it took."""
        gc.collect()
        gc.disable()
        taken = []
        for number in range(CLIENTS):
            namespace = f"client-{number}"
            view = ProxyView(type="sidecar", namespace=namespace, dns_domain=f"{namespace}.svc.cluster.local")
            start = time.process_time()
            self.served.append(self.translator.translate(self.world, view))
            taken.append((time.process_time() - start) * 1e3)
        gc.enable()
        further = sum(taken[1:]) / len(taken[1:])
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"cold start, {SERVICES} services, sidecars of {CLIENTS} namespaces: {sum(taken) / 1e3:.1f} s of CPU, "
            f"the first {taken[0]:.0f} ms, a further one {further:.0f} ms; peak {peak:.0f} MiB"
        )
        return Result(name="sidecar_of_a_further_namespace", subject=further, floor=taken[0], target=0.5)

    def edit(self) -> float:
        """Change one route EDITS times; milliseconds for each."""
        return milliseconds(self._edits) / EDITS

    def _edits(self) -> None:
        for _ in range(EDITS):
            self._count += 1
            spec = self.service.spec
            http = (msgspec.structs.replace(spec.http[0], name=f"edit-{self._count}"),)
            changed = msgspec.structs.replace(self.service, spec=msgspec.structs.replace(spec, http=http))
            self.world = self.world.apply({changed.key: changed})
            before = self.served[:EDITED]
            self.served[:EDITED] = [self.translator.translate(self.world, one.view, one) for one in before]
            if any(len(one[ROUTE].changed) != 1 for one in self.served[:EDITED]):
                msg = "the edit did not change one RouteConfiguration in each namespace"
                raise AssertionError(msg)

    def floor(self) -> float:
        """Join and hash the bytes that an edit changes."""
        bodies = [one[ROUTE].resources[name].body for one in self.served[:EDITED] for name in one[ROUTE].changed]
        cut = [[body[i : i + _PIECE] for i in range(0, len(body), _PIECE)] for body in bodies]
        return milliseconds(lambda: [blake2b(b"".join(pieces), digest_size=16).digest() for pieces in cut])


def _on_mesh(found: VirtualService) -> VirtualService:
    spec = VirtualServiceSpec(hosts=(found.metadata.name,), http=found.spec.http)
    meta = ObjectMeta(name=found.metadata.name, namespace=found.metadata.namespace)
    return VirtualService(metadata=meta, spec=spec)
