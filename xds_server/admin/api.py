"""`/api/v1/*`: JSON for our own commands, the dashboard and scripts."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from translators.resources import CLUSTER, ENDPOINT, EXTENSION, LISTENER, ROUTE, SECRET, SHORT
from xds_server.admin.blame import quarantine_json
from xds_server.printing import to_json
from xds_server.protocol.xlog_json import iso_time
from xds_server.reports import diagnostic_json

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from translators.resources import Resource
    from xds_server.admin.backend import Backend
    from xds_server.printing import JsonObject
    from xds_server.transport.stream import AdsStream

    Handler = Callable[[web.Request], Coroutine[None, None, web.StreamResponse]]

WHAT: Final = {
    "clusters": CLUSTER,
    "endpoints": ENDPOINT,
    "extensions": EXTENSION,
    "listeners": LISTENER,
    "routes": ROUTE,
    "secrets": SECRET,
}


def routes(backend: Backend) -> list[web.RouteDef]:
    """Return the routes of the API."""

    async def proxies(_request: web.Request) -> web.Response:
        return web.json_response([proxy_json(s, backend) for s in backend.streams()])

    async def resources(request: web.Request) -> web.Response:
        type_url = WHAT.get(request.match_info["what"])
        if type_url is None:
            return error(404, f"there are {', '.join(WHAT)}; not {request.match_info['what']!r}")
        stream = backend.stream(request.match_info["id"])
        if stream is None:
            return error(404, f"no proxy {request.match_info['id']!r} is connected")
        served = backend.served(stream)
        printed = await print_all(served[type_url].resources.values()) if served is not None else []
        return web.json_response(printed)

    async def diagnostics(_request: web.Request) -> web.Response:
        return web.json_response([diagnostic_json(d) for d in await backend.blamed()])

    async def retry(request: web.Request) -> web.Response:
        if request.content_type != "application/json":
            # A web page can have a browser send a form here, but nothing of this type without asking us first.
            return error(415, "say that it is application/json")
        proxy_id = request.match_info["id"]
        streams = [stream for stream in backend.streams() if stream.proxy.id == proxy_id]
        if not streams:
            return error(404, f"no proxy {proxy_id!r} is connected")
        tried = {case.key for stream in streams for case in stream.cases()}
        for stream in streams:
            stream.retry()
        return web.json_response({"tried": len(tried)})

    return [
        web.get("/api/v1/proxies", proxies),
        web.get("/api/v1/proxies/{id}/{what}", resources),
        web.post("/api/v1/proxies/{id}/retry", retry),
        web.get("/api/v1/diagnostics", diagnostics),
    ]


def error(status: int, message: str) -> web.Response:
    """Return an error answer, which our commands print as it is."""
    return web.json_response({"error": message}, status=status)


async def print_all(resources: Iterable[Resource]) -> list[JsonObject]:
    """Print resources sorted by name, in a worker thread: 10,000 clusters take about a second."""
    ordered = sorted(resources, key=lambda r: r.name)
    return await asyncio.to_thread(lambda: [to_json(r) for r in ordered])


def proxy_json(stream: AdsStream[Any], backend: Backend) -> JsonObject:
    """Describe one connected proxy, and how far it is with each type."""
    proxy = stream.proxy
    return {
        "id": proxy.id,
        "type": proxy.type,
        "namespace": proxy.namespace,
        "name": proxy.name,
        "envoy_version": proxy.envoy_version,
        "service": stream.service.short,
        "variant": "delta" if stream.delta else "sotw",
        "peer": stream.peer,
        "connected_at": iso_time(stream.connected_at),
        "acks": stream.acks,
        "nacks": stream.nacks,
        "types": {
            SHORT.get(type_url, type_url): {
                "status": status.status,
                "version_sent": status.version_sent,
                "version_acked": status.version_acked,
                "nonce_sent": status.nonce_sent,
                "nonce_acked": status.nonce_acked,
                "error": status.error,
                "resources": status.resources,
                "rejected": list(status.rejected),
            }
            for type_url, status in stream.status().items()
        },
        "quarantine": quarantine_json(stream, backend.store.locate),
    }
