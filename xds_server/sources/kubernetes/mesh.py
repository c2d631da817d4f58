"""The settings of the mesh where Istio keeps them: ConfigMap `istio` of the root namespace, key `mesh`."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Final

from translators.model.kubernetes import ConfigMap
from translators.model.mesh_config import MeshConfig
from xds_server.sources.events import Apply, Delete, Failed
from xds_server.sources.kubernetes.reflector import Reflector
from xds_server.sources.kubernetes.watching import Patience, Watcher, follow
from xds_server.sources.reading import parse_mesh_config

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from translators.model.meta import KubeObject
    from translators.model.origin import Diagnostic
    from xds_server.kube_api import KubeApi
    from xds_server.sources.events import Batch
    from xds_server.sources.mesh_config import Reading

NAME: Final = "istio"
KEY: Final = "mesh"


class MeshConfigMap:
    """Iterate over it for each new content, as over `mesh_config.MeshConfigSource`. No ConfigMap: Istio's defaults."""

    def __init__(
        self,
        api: KubeApi,
        namespace: str,
        *,
        patience: Patience | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Follow the ConfigMap of a namespace."""
        self.name = "kubernetes/ConfigMap"
        self._place = f"ConfigMap {namespace}/{NAME}, {KEY}"
        self._queue: asyncio.Queue[Batch] = asyncio.Queue(1)

        async def path() -> str:
            return f"/api/v1/namespaces/{namespace}/configmaps"

        self.watcher = Watcher(
            api=api,
            reflector=Reflector(self.name, ConfigMap),
            path=path,
            put=self._queue.put,
            chance=chance,
            selector=(("fieldSelector", f"metadata.name={NAME}"),),
            patience=patience or Patience(),
        )
        self._text: str | None = None
        self._wrong: tuple[Diagnostic, ...] = ()

    async def __aiter__(self) -> AsyncIterator[Reading]:
        """Yield until cancelled."""
        said: Reading | None = None
        async for batch in follow((self.watcher,), self._queue):
            for event in batch:
                if isinstance(event, Apply):
                    self._text = _text(event.object)
                elif isinstance(event, Delete):
                    self._text = None
                elif isinstance(event, Failed):
                    self._wrong = tuple(event.diagnostics)
            reading = self._reading() if self.watcher.reflector.synced else (None, self._wrong)
            if reading != said:
                said = reading
                yield reading

    def _reading(self) -> Reading:
        if self._text is None:
            return MeshConfig(), self._wrong
        mesh, diagnostics = parse_mesh_config(self._place, self._text.encode())
        return mesh, (*self._wrong, *diagnostics)


def _text(found: KubeObject) -> str | None:
    return found.data.get(KEY) if isinstance(found, ConfigMap) else None
