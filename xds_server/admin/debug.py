"""`/debug/*`: Istio's names, and its shapes where they are simple, for the tools and habits that know them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import msgspec
from aiohttp import web

from translators.memo import Memo
from translators.resources import CLUSTER, ENDPOINT, EXTENSION, LISTENER, ROUTE, SECRET, SHORT
from translators.services import endpoints_of, service_index
from xds_server.admin.api import error, print_all
from xds_server.protocol.xlog_json import iso_time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from translators.model.meta import KubeObject
    from translators.model.service import Endpoint, Service
    from translators.model.world import World
    from xds_server.admin.backend import Backend
    from xds_server.printing import JsonObject
    from xds_server.transport.stream import AdsStream

_SYNCZ: Final = {CLUSTER: "cluster", LISTENER: "listener", ROUTE: "route", ENDPOINT: "endpoint", SECRET: "secret"}

_DUMPS: Final = {
    CLUSTER: ("ClustersConfigDump", "dynamic_active_clusters", "cluster"),
    ENDPOINT: ("EndpointsConfigDump", "dynamic_endpoint_configs", "endpoint_config"),
    LISTENER: ("ListenersConfigDump", "dynamic_listeners", "listener"),
    EXTENSION: ("EcdsConfigDump", "ecds_filters", "ecds_filter"),
    ROUTE: ("RoutesConfigDump", "dynamic_route_configs", "route_config"),
    SECRET: ("SecretsConfigDump", "dynamic_active_secrets", "secret"),
}
"""Type to the message of envoy.admin.v3 that config_dump prints it in, and that message's fields."""

_HELP: Final = {
    "/debug/adsz": "connected proxies and what they watch",
    "/debug/config_dump": "what a proxy is served, as Envoy's own config_dump prints it (?proxyID=name.namespace)",
    "/debug/configz": "the Istio objects that are in effect",
    "/debug/endpointz": "the endpoints of every service and port",
    "/debug/list": "this list",
    "/debug/registryz": "all services, of every registry",
    "/debug/syncz": "for each proxy, the nonces sent and acknowledged",
    "/debug/xlog": "for each stream, what became of the responses sent on it (?proxyID=name.namespace)",
}


def routes(backend: Backend) -> list[web.RouteDef]:
    """Return the debug routes."""

    async def syncz(_request: web.Request) -> web.Response:
        return web.json_response([_sync_state(s) for s in backend.streams()])

    async def adsz(_request: web.Request) -> web.Response:
        clients = [_client(s) for s in backend.streams()]
        return web.json_response({"totalClients": len(clients), "clients": clients})

    async def registryz(_request: web.Request) -> web.Response:
        return web.json_response(await asyncio.to_thread(_registry, backend.store.world))

    async def endpointz(_request: web.Request) -> web.Response:
        return web.json_response(await asyncio.to_thread(_endpoints, backend.store.world))

    async def configz(_request: web.Request) -> web.Response:
        return web.json_response(await asyncio.to_thread(_objects, backend.store.world))

    async def config_dump(request: web.Request) -> web.Response:
        proxy_id = request.query.get("proxyID", "")
        if not proxy_id:
            return error(400, "say which proxy: /debug/config_dump?proxyID=name.namespace")
        stream = backend.stream(proxy_id)
        if stream is None:
            return error(404, f"no proxy {proxy_id!r} is connected")
        return web.json_response({"configs": await _config_dump(backend, stream)})

    async def listing(_request: web.Request) -> web.Response:
        return web.json_response([{"name": name, "help": _HELP[name]} for name in sorted(_HELP)])

    return [
        web.get("/debug", listing),
        web.get("/debug/adsz", adsz),
        web.get("/debug/config_dump", config_dump),
        web.get("/debug/configz", configz),
        web.get("/debug/endpointz", endpointz),
        web.get("/debug/list", listing),
        web.get("/debug/registryz", registryz),
        web.get("/debug/syncz", syncz),
    ]


def _sync_state(stream: AdsStream[Any]) -> JsonObject:
    proxy, status = stream.proxy, stream.status()
    state: JsonObject = {
        "cluster_id": proxy.cluster_id,
        "proxy": f"{proxy.name}.{proxy.namespace}",
        "proxy_type": proxy.type,
        "istio_version": "",
        "envoy_version": proxy.envoy_version,
    }
    for type_url, name in _SYNCZ.items():
        if type_url in status:
            state[f"{name}_sent"] = status[type_url].nonce_sent
            state[f"{name}_acked"] = status[type_url].nonce_acked
    return state


def _client(stream: AdsStream[Any]) -> JsonObject:
    proxy = stream.proxy
    return {
        "connectionId": proxy.id,
        "connectedAt": iso_time(stream.connected_at),
        "address": stream.peer,
        "labels": dict(sorted(proxy.labels.items())),
        "locality": {
            "region": proxy.locality.region,
            "zone": proxy.locality.zone,
            "subzone": proxy.locality.sub_zone,
        },
        "watches": {SHORT.get(url, url): status.resources for url, status in stream.status().items()},
    }


def _services(world: World) -> Iterator[tuple[Service, Memo]]:
    """Index anew, with a memo of our own: the translator's belongs to its thread."""
    memo = Memo()
    index = service_index(world, memo)
    for service in index.visible_to(world.root_namespace):
        yield service, memo


def _registry(world: World) -> list[JsonObject]:
    return [
        {
            "hostname": service.hostname,
            "Attributes": {
                "ServiceRegistry": "Kubernetes" if service.origin.kind == "Service" else "External",
                "Name": service.name,
                "Namespace": service.namespace,
                "ExportTo": list(service.export_to),
            },
            "Resolution": str(service.resolution),
            "MeshExternal": service.mesh_external,
            "clusterVIPs": list(service.addresses),
            "ports": [{"name": p.name, "port": p.number, "protocol": str(p.protocol)} for p in service.ports],
            "origin": str(service.origin),
        }
        for service, _ in _services(world)
    ]


def _endpoints(world: World) -> list[JsonObject]:
    found: list[JsonObject] = []
    for service, memo in _services(world):
        endpoints = endpoints_of(world, service, memo)
        for port in service.ports:
            ready = [_endpoint(e, port.name) for e in endpoints if port.name in e.ports]
            found.append({"svc": f"{service.hostname}:{port.name or port.number}", "ep": ready})
    return found


def _endpoint(endpoint: Endpoint, port: str) -> JsonObject:
    return {
        "Address": endpoint.address,
        "EndpointPort": endpoint.ports[port],
        "ServicePortName": port,
        "Labels": dict(sorted(endpoint.labels.items())),
        "HealthStatus": str(endpoint.health),
        "LbWeight": endpoint.weight,
        "Network": endpoint.network,
        "ServiceAccount": endpoint.service_account,
    }


def _objects(world: World) -> list[JsonObject]:
    """Print Istio's kinds. Kubernetes' are left out: Secrets are among them."""
    found: list[tuple[str, KubeObject]] = []
    for kind in sorted(world.objects):
        for namespace in sorted(world.objects[kind]):
            objects = world.objects[kind][namespace]
            found += [(kind, objects[name]) for name in sorted(objects)]
    return [
        {"kind": kind, "apiVersion": f"{obj.GROUP}/v1", **_stated(msgspec.to_builtins(obj, enc_hook=str))}
        for kind, obj in found
        if obj.GROUP.endswith("istio.io")
    ]


def _stated(tree: JsonObject) -> JsonObject:
    """Leave out what is unset: null, and what is empty."""
    kept = {key: _stated(value) if isinstance(value, dict) else value for key, value in tree.items()}
    return {key: value for key, value in kept.items() if value not in (None, "", {}, [], ())}


async def _config_dump(backend: Backend, stream: AdsStream[Any]) -> list[JsonObject]:
    served = backend.served(stream)
    configs: list[JsonObject] = []
    for type_url, (message, field, inner) in _DUMPS.items():
        types = served[type_url] if served is not None else None
        if types is None or not types.resources:
            continue
        ordered = [types.resources[name] for name in sorted(types.resources)]
        printed = await print_all(ordered)
        configs.append(
            {
                "@type": f"type.googleapis.com/envoy.admin.v3.{message}",
                "version_info": types.version,
                field: [
                    _dumped(type_url, resource.name, resource.version, inner, body)
                    for resource, body in zip(ordered, printed, strict=True)
                ],
            }
        )
    return configs


def _dumped(type_url: str, name: str, version: str, inner: str, body: JsonObject) -> JsonObject:
    """Wrap one resource as envoy.admin.v3 does: listeners and secrets are named, listeners have a state."""
    if type_url == LISTENER:
        return {"name": name, "active_state": {"version_info": version, inner: body}}
    if type_url == SECRET:
        return {"name": name, "version_info": version, inner: body}
    return {"version_info": version, inner: body}
