"""A World from files (and a cluster), for the commands that need no server. The way is the server's own: sources,
Store, World.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from translators.model.decode import MESH_CONFIG_KEY
from translators.model.mesh_config import MeshConfig
from translators.model.origin import Location
from translators.model.world import World
from xds_server.sources.files import MAX_FILE_SIZE, NAME, load_mesh_config, load_once
from xds_server.store import Store, diagnostic_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from os import PathLike

    from translators.model.origin import Diagnostic, Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What files (and a cluster) hold, and what there is to say about them."""

    world: World
    diagnostics: tuple[Diagnostic, ...]
    """Of reading, decoding and validation, sorted, each with its place."""
    locate: Callable[[Origin], Location | None]
    """Tells where a field of an object stands."""

    def located(self, diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
        """Return more diagnostics, of a translation or an analysis, together with these: sorted, each once, with
        their places.
        """
        found = {
            d if d.location or d.origin is None else d._replace(location=self.locate(d.origin)) for d in diagnostics
        }
        return tuple(sorted(found.union(self.diagnostics), key=diagnostic_order))


def load(
    paths: Iterable[str | PathLike[str]],
    *,
    beside: Callable[[World, str], Store] | None = None,
    mesh_config: str | PathLike[str] | None = None,
    cluster_domain: str = "cluster.local",
    root_namespace: str = "istio-system",
    revision: str = "default",
    max_file_size: int = MAX_FILE_SIZE,
) -> Loaded:
    """Read files and folders (recursively), and a MeshConfig if one is named.

    Nothing is raised for what is wrong in them: objects with errors are left out, each with its diagnostics. With a
    MeshConfig that cannot be used, Istio's defaults hold.

    `beside` gets the settings and the files' name as a source, and returns the Store of a cluster for the files to go
    into: their objects come before its own of the same name, and a MeshConfig that is named before its own.
    """
    mesh, said = load_mesh_config(mesh_config) if mesh_config is not None else (None, ())
    settings = World(
        mesh=mesh or MeshConfig(), cluster_domain=cluster_domain, root_namespace=root_namespace, revision=revision
    )
    store = beside(settings, NAME) if beside is not None else Store([NAME], settings)
    world = store.apply(load_once(paths, max_file_size=max_file_size))
    if mesh is not None:
        world = world.with_mesh(mesh)

    def locate(origin: Origin) -> Location | None:
        if origin.key == MESH_CONFIG_KEY and mesh_config is not None:
            return Location(str(mesh_config))
        return store.locate(origin)

    settled = Loaded(world=world, diagnostics=store.diagnostics(), locate=locate)
    return Loaded(world=world, diagnostics=settled.located(said), locate=locate)
