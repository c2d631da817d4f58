"""`/inject` over TLS. A review that cannot be dealt with is answered with an error and harms nobody else."""

from __future__ import annotations

import logging
import ssl
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
from aiohttp import web

from xds_server.injection.review import BadReviewError, answer, failure, uid_of

if TYPE_CHECKING:
    from xds_server.injection.settings import InjectionSettings
    from xds_server.webhook.certificates import Serving

log = logging.getLogger(__name__)

LARGEST_REVIEW: Final = 8 << 20
"""Bytes. etcd takes objects of 1.5 MiB, and a review holds at most the old one and the new one, as JSON."""


class WebhookServer:
    """Serves reviews. Give it a certificate before it is started; a later one holds for connections from then on."""

    def __init__(self, settings: InjectionSettings) -> None:
        self._settings = settings
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._runner: web.AppRunner | None = None
        self._shown: Serving | None = None

    def use(self, serving: Serving) -> None:
        """Serve with this certificate from the next connection on."""
        if serving == self._shown:
            return
        # OpenSSL reads keys from files only; nobody else may read this one, and it is gone at once.
        with tempfile.TemporaryDirectory(prefix="pilotfish-") as folder:
            certificate, key = Path(folder, "tls.crt"), Path(folder, "tls.key")
            certificate.write_bytes(serving.certificate)
            key.touch(mode=0o600)
            key.write_bytes(serving.key)
            self._context.load_cert_chain(certificate, key)
        self._shown = serving

    async def start(self, host: str, port: int) -> int:
        """Listen, and return the port. Raises OSError."""
        app = web.Application(client_max_size=LARGEST_REVIEW)
        app.router.add_post("/inject", self._inject)
        app.router.add_post("/inject/{parameters:.*}", self._inject)  # Istio's: cluster and network of the caller
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=2.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port, ssl_context=self._context).start()
        chosen: int = self._runner.addresses[0][1]
        return chosen

    async def stop(self) -> None:
        """Take no more reviews, and answer those that are there."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _inject(self, request: web.Request) -> web.Response:
        if request.content_type != "application/json":
            return web.Response(status=415, text=f"content type {request.content_type!r} is not application/json\n")
        body = await request.read()  # aiohttp answers 413 for more than LARGEST_REVIEW
        try:
            made = answer(body, self._settings)
        except BadReviewError as error:
            return web.Response(status=400, text=f"{error}\n")
        except Exception:  # a defect here must not be a connection that breaks
            log.exception("a review failed")
            made = failure(uid_of(body), "injection failed through a defect of Pilotfish; its log tells more")
        return web.Response(body=msgspec.json.encode(made), content_type="application/json")
