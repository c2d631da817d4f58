"""Keeps the webhook's certificate in a Secret that replicas share, and the cluster's trust in it (`caBundle`) current.

Needs get, create and update of Secrets in the root namespace, and get and patch of the MutatingWebhookConfiguration.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import datetime as dt
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from xds_server.kube_api import MERGE_PATCH, KubeApiError
from xds_server.webhook.certificates import Lives, Material, advance, from_secret
from xds_server.webhook.names import CONFIGURATION, SECRET, SERVICE

if TYPE_CHECKING:
    from collections.abc import Callable

    from xds_server.kube_api import KubeApi
    from xds_server.webhook.certificates import Serving

log = logging.getLogger(__name__)

CHECK_SECONDS: Final = 10.0
_TRIES: Final = 5
_NOT_FOUND: Final = 404
_CONFLICT: Final = 409


class _Stored(NamedTuple):
    material: Material | None
    version: str
    """resourceVersion; empty where there is no Secret."""


def service_names(namespace: str, cluster_domain: str) -> tuple[str, ...]:
    """Return the names by which an API server reaches the webhook's Service."""
    return tuple(f"{SERVICE}.{namespace}{end}" for end in ("", ".svc", f".svc.{cluster_domain}"))


@dataclass(slots=True, kw_only=True)
class Trust:
    """`check` does what is due; `run` does so again and again."""

    api: KubeApi
    namespace: str
    names: tuple[str, ...]
    use: Callable[[Serving], None]
    """Called with the certificate to serve with; again at each check."""
    configuration: str = CONFIGURATION
    lives: Lives = field(default_factory=Lives)
    clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC)
    interval: float = CHECK_SECONDS

    async def run(self) -> None:
        """Check for ever. What fails is said once, and tried again."""
        said = ""
        while True:
            try:
                await self.check()
                if said:
                    log.info("the webhook's certificate and caBundle are current again")
                said = ""
            except KubeApiError as error:
                if str(error) != said:
                    said = str(error)
                    log.warning("PF0169: the webhook's certificate or caBundle cannot be kept current: %s", said)
            await asyncio.sleep(self.interval)

    async def check(self) -> None:
        """Do what is due: at most one step of a rotation. Raises KubeApiError."""
        material = await self._current()
        self.use(material.serving)
        await self._publish(material)

    async def _current(self) -> Material:
        """Return what replicas share, after what is due has been written there."""
        for _ in range(_TRIES):
            stored = await self._stored()
            published = stored.material is not None and await self._is_published(stored.material)
            made = advance(stored.material, self.names, self.clock(), self.lives, published=published)
            if made is stored.material:
                return made
            try:
                await self._store(made, stored.version)
            except KubeApiError as error:
                if error.status != _CONFLICT:
                    raise
                continue  # another replica was faster, so what it has made holds
            log.info("the webhook's certificates were renewed: %d authorities", len(made.authorities))
            return made
        raise KubeApiError(_CONFLICT, "Conflict", f"Secret {self.namespace}/{SECRET} is written again and again")

    async def _stored(self) -> _Stored:
        try:
            found: Any = msgspec.json.decode(await self.api.request("GET", f"{self._secrets}/{SECRET}"))
        except KubeApiError as error:
            if error.status != _NOT_FOUND:
                raise
            return _Stored(None, "")
        try:
            data = {key: base64.b64decode(value) for key, value in (found.get("data") or {}).items()}
        except binascii.Error:
            data = {}
        return _Stored(from_secret(data), found["metadata"]["resourceVersion"])

    async def _store(self, material: Material, version: str) -> None:
        meta = {"name": SECRET, "namespace": self.namespace, **({"resourceVersion": version} if version else {})}
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": meta,
            "type": "kubernetes.io/tls",
            "data": {key: base64.b64encode(value).decode() for key, value in material.as_secret().items()},
        }
        if version:
            await self.api.request("PUT", f"{self._secrets}/{SECRET}", body=secret)
        else:
            await self.api.request("POST", self._secrets, body=secret)

    async def _webhooks(self) -> list[dict[str, Any]] | None:
        """Return the webhooks of the configuration; None if it is not installed (yet)."""
        try:
            found: Any = msgspec.json.decode(await self.api.request("GET", self._path))
        except KubeApiError as error:
            if error.status != _NOT_FOUND:
                raise
            return None
        return list(found.get("webhooks") or [])

    async def _is_published(self, material: Material) -> bool:
        webhooks = await self._webhooks()
        return webhooks is not None and all(
            material.authorities[-1] in base64.b64decode(one["clientConfig"].get("caBundle") or "") for one in webhooks
        )

    async def _publish(self, material: Material) -> None:
        """Write the bundle into each webhook of the configuration that has another."""
        bundle = base64.b64encode(material.bundle).decode()
        webhooks = await self._webhooks()
        if not webhooks or all(one["clientConfig"].get("caBundle") == bundle for one in webhooks):
            return
        made = [{**one, "clientConfig": {**one["clientConfig"], "caBundle": bundle}} for one in webhooks]
        await self.api.request("PATCH", self._path, body={"webhooks": made}, content_type=MERGE_PATCH)
        log.info("MutatingWebhookConfiguration %s has the current caBundle", self.configuration)

    @property
    def _secrets(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}/secrets"

    @property
    def _path(self) -> str:
        return f"/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/{self.configuration}"
