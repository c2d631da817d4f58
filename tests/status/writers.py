"""A Writer by itself, and what it is told to write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xds_server.metrics import Metrics
from xds_server.status.wanted import Wanted
from xds_server.status.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable

    from translators.model.meta import ObjectKey
    from xds_server.kube_api import KubeApi


def wanted(text: str = "2/2 proxies up to date", generation: int = 1) -> Wanted:
    return Wanted(True, "UpToDate", text, generation, ())  # noqa: FBT003 - a status


def writer_for(api: KubeApi, *, rate: float = 1000.0, leads: Callable[[], bool] = lambda: True) -> Writer:
    async def path_of(key: ObjectKey) -> str:
        return f"/apis/networking.istio.io/v1/namespaces/{key.namespace}/{key.kind.lower()}s/{key.name}"

    return Writer(api, path_of, leads, Metrics(), rate=rate, chance=lambda: 0.0)
