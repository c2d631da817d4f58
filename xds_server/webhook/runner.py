"""Runs the webhook beside the control plane: takes a cluster, publishes an address."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from xds_server.webhook.server import WebhookServer
from xds_server.webhook.trust import Trust, service_names

if TYPE_CHECKING:
    from collections.abc import Callable

    from xds_server.injection.settings import InjectionSettings
    from xds_server.kube_api import KubeApi
    from xds_server.webhook.certificates import Serving

log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Webhook:
    """One replica's webhook. It listens from when it has a certificate, for which it needs the API server once."""

    api: KubeApi
    settings: InjectionSettings
    address: tuple[str, int]
    namespace: str
    """Where the Secret and the Service are."""
    listening: Callable[[int], None]
    """Called with the port."""
    _server: WebhookServer = field(init=False)
    _certified: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Serve until it is cancelled; reviews that are there are then answered. Raises OSError if it cannot listen."""
        self._server = WebhookServer(self.settings)
        names = service_names(self.namespace, self.settings.cluster_domain)
        trust = Trust(api=self.api, namespace=self.namespace, names=names, use=self._use)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(trust.run())
                await self._certified.wait()
                port = await self._server.start(*self.address)
                log.info("serving the injection webhook on port %d", port)
                self.listening(port)
        finally:
            await self._server.stop()

    def _use(self, serving: Serving) -> None:
        self._server.use(serving)
        self._certified.set()
