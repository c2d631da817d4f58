"""The HTTP server on --http-address: health, readiness, metrics, and what the other modules of this room add."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from translators.model.kubernetes import Service
from translators.model.service_entry import ServiceEntry
from translators.model.virtual_service import VirtualService
from translators.resources import SHORT
from xds_server.admin import api, debug, xlog

if TYPE_CHECKING:
    from xds_server.admin.backend import Backend

_PROMETHEUS = "text/plain; version=0.0.4"


def application(backend: Backend) -> web.Application:
    """Return the application; it reads from `backend`, and changes nothing but what a POST asks for."""
    app = web.Application()
    app.add_routes([*_health(backend), *api.routes(backend), *debug.routes(backend), *xlog.routes(backend)])
    _gauges(backend)
    return app


def _health(backend: Backend) -> list[web.RouteDef]:
    async def healthz(_request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(request: web.Request) -> web.Response:
        ready = backend.ready
        if "verbose" not in request.query:
            return web.Response(text="ready\n" if ready else "not ready\n", status=200 if ready else 503)
        state = {
            "ready": ready,
            "sources": dict(backend.store.sources),
            "addresses": dict(backend.addresses),
            "proxies": len(backend.ads.streams),
            "version": backend.version,
        }
        return web.json_response(state, status=200 if ready else 503)

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(
            body=backend.metrics.exposition(), headers={"Content-Type": f"{_PROMETHEUS}; charset=utf-8"}
        )

    return [web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics)]


def _gauges(backend: Backend) -> None:
    """Add what is counted when it is scraped."""
    scrape = backend.metrics.scrape

    def count(*kinds: type[Service | ServiceEntry | VirtualService]) -> dict[tuple[str, ...], float]:
        world = backend.store.world
        return {(): float(sum(len(objects) for kind in kinds for objects in world.kind(kind).values()))}

    def connected() -> dict[tuple[str, ...], float]:
        # One proxy may have a stream for each type, all on one connection.
        proxies = {(s.proxy.id, s.peer): (s.proxy.envoy_version,) for s in backend.ads.streams}
        counts: dict[tuple[str, ...], float] = {}
        for key in proxies.values():
            counts[key] = counts.get(key, 0.0) + 1
        return counts

    def rejecting(short: str) -> dict[tuple[str, ...], float]:
        return {
            (stream.proxy.id, status.error): 1.0
            for stream in backend.ads.streams
            for type_url, status in stream.status().items()
            if status.status == "ERROR" and SHORT.get(type_url) == short
        }

    def quarantined() -> dict[tuple[str, ...], float]:
        counts: dict[tuple[str, ...], float] = {(short.lower(),): 0.0 for short in SHORT.values()}
        for stream in backend.ads.streams:
            for case in stream.cases():
                counts[SHORT[case.resource.type_url].lower(),] += 1
        return counts

    scrape(
        "pilotfish_quarantined_resources",
        "Resources that a proxy rejected and is kept from, by type.",
        quarantined,
        ("type",),
    )
    scrape("pilot_xds", "Proxies connected, by the version of their Envoy.", connected, ("version",))
    scrape(
        "pilotfish_xds_streams",
        "Streams open, those included that have not said who they are.",
        lambda: {(): float(backend.ads.opened)},
    )
    scrape("pilot_services", "Services and ServiceEntries known.", lambda: count(Service, ServiceEntry))
    scrape("pilot_virt_services", "VirtualServices known.", lambda: count(VirtualService))
    for short in ("CDS", "EDS", "LDS", "RDS"):
        scrape(
            f"pilot_xds_{short.lower()}_reject",
            f"Proxies whose last {short} response was rejected.",
            lambda short=short: rejecting(short),  # type: ignore[misc] # the default is the value
            ("node", "err"),
        )


async def start(backend: Backend, host: str, port: int) -> tuple[web.AppRunner, int]:
    """Listen, and return the runner (to be cleaned up at the end) and the port, which is chosen if it is 0.

    Raises OSError if the address cannot be bound.
    """
    runner = web.AppRunner(application(backend), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, host, port)
    try:
        await site.start()
    except OSError:
        await runner.cleanup()
        raise
    return runner, int(runner.addresses[0][1])
