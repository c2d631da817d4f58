"""The file of --mesh-config: read at the start, and again whenever it changes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from xds_server.sources.files import MAX_FILE_SIZE, load_mesh_config

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from os import PathLike

    from translators.model.mesh_config import MeshConfig
    from translators.model.origin import Diagnostic

NAME: Final = "mesh-config"
_POLL_SECONDS: Final = 0.5

Reading = tuple["MeshConfig | None", "tuple[Diagnostic, ...]"]


class MeshConfigSource:
    """Iterate over it for each new content of the file: the settings (None if unusable) and what is to say of them."""

    def __init__(
        self, path: str | PathLike[str], *, max_file_size: int = MAX_FILE_SIZE, poll_interval: float = _POLL_SECONDS
    ) -> None:
        """Follow one file; look every `poll_interval` seconds."""
        self.name = NAME
        self._path = path
        self._max_file_size = max_file_size
        self._poll_interval = poll_interval

    async def __aiter__(self) -> AsyncIterator[Reading]:
        """Yield until cancelled; reading happens in a worker thread."""
        said: Reading | None = None
        while True:
            reading = await asyncio.to_thread(load_mesh_config, self._path, max_file_size=self._max_file_size)
            if reading != said:
                said = reading
                yield reading
            await asyncio.sleep(self._poll_interval)
