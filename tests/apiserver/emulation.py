"""A small Kubernetes API server: what clients of Pilotfish's kind meet, and what goes wrong between the two.

It is held to the real one by `test_conformance.py`, which runs against both. What it leaves out stands in README.md.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import threading
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlsplit

from aiohttp import web

from tests.apiserver.admission import Services, admit
from tests.apiserver.deployed import reviewed, rules_of
from tests.apiserver.faults import Faults
from tests.apiserver.resources import BUILT_IN, CRD, group_document, of_definition, version_document
from tests.apiserver.storage import Object, Resource, StatusError, Storage
from tests.apiserver.writing import applied, merged

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

TOKEN: Final = "emulated"
_NAMESPACES: Final = ("default", "kube-system", "istio-system")


class Asked(NamedTuple):
    """A request to change something."""

    token: str
    verb: str
    plural: str
    subresource: str
    name: str


class Emulation:
    """Runs in a thread of its own, so that tests with and without an event loop can use it."""

    def __init__(self, *, watch_lists: bool = True, bookmark_seconds: float = 1.0) -> None:
        """`watch_lists` as since Kubernetes 1.32; without, it refuses them as one without the feature."""
        self.storage = Storage()
        self.faults = Faults()
        self.tokens = {TOKEN}
        self.forbidden: set[tuple[str, str]] = set()
        """Pairs of verb and plural (or `plural/subresource`) that nobody may do."""
        self.requests: list[tuple[str, str]] = []
        """Verb and plural of each request."""
        self.git_version = "v1.35.0-emulated"
        self.account = "test"
        """Who it is that asks, for reviews of its own access. Everybody may do everything else; see `forbidden`."""
        self.services: Services = {}
        self.audit: list[Asked] = []
        """Each request that would change something, and who sent it."""
        self.watch_lists = watch_lists
        self.bookmark_seconds = bookmark_seconds
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="api server", daemon=True)
        self._runner: web.AppRunner | None = None
        self._servers: list[web.Server] = []
        self._port = 0
        self._changed: set[asyncio.Event] = set()
        self._thread.start()
        for name in _NAMESPACES:
            self.storage.create(BUILT_IN[0], "", {"metadata": {"name": name}})
        self.storage.listeners.append(lambda: self._loop.call_soon_threadsafe(self._wake))
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Listen; on the port of before, if it did so before."""
        self._run(self._start())

    def stop(self) -> None:
        """Go away: every connection breaks, and new ones are refused. What is stored stays."""
        self._run(self._stop())

    def close(self) -> None:
        """End for good."""
        self.stop()
        self._run(self._end_all())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def resources(self) -> list[Resource]:
        with self.storage.lock:
            definitions = self.storage.all(CRD)
        return [*BUILT_IN, *(resource for one in definitions for resource in of_definition(one))]

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    def _wake(self) -> None:
        for event in self._changed:
            event.set()

    async def _start(self) -> None:
        app = web.Application(client_max_size=4 << 20)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.01)
        await self._runner.setup()
        assert self._runner.server is not None
        self._servers.append(self._runner.server)
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def _stop(self) -> None:
        runner, self._runner = self._runner, None
        if runner is None:
            return
        for site in list(runner.sites):
            await site.stop()
        await self._break_all()
        await runner.cleanup()

    async def _break_all(self) -> None:
        for _ in range(3):  # those that were just accepted, and those that have just ended, take turns of the loop
            await asyncio.sleep(0)
            for server in self._servers:
                for connection in server.connections:
                    if connection.transport is not None:
                        connection.transport.abort()

    async def _end_all(self) -> None:
        await asyncio.sleep(0.02)  # what is being accepted cannot be cancelled without losing its socket
        await self._break_all()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._break_all()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        try:
            return await self._handled(request)
        except StatusError as error:
            return web.json_response(error.body(), status=error.code)

    async def _handled(self, request: web.Request) -> web.StreamResponse:
        token = request.headers.get("Authorization", "").partition(" ")[2]
        if token not in self.tokens:
            raise StatusError(401, "Unauthorized", "Unauthorized")
        path = urlsplit(request.path).path.strip("/")
        if path in ("readyz", "livez", "healthz"):
            return web.Response(text="ok")
        if path == "version":
            return web.json_response({"major": "1", "minor": "35", "gitVersion": self.git_version})
        if path.startswith("apis/authorization.k8s.io/v1/"):
            with self.storage.lock:
                rules = rules_of(self.storage)
            return web.json_response(reviewed(path, await request.json(), rules, self.account), status=201)
        parts = path.split("/")
        core = parts[0] == "api"
        head, rest = (parts[:2], parts[2:]) if core else (parts[:3], parts[3:])
        known = self.resources()
        if not rest:
            document = (
                group_document(parts[1], known)
                if not core and len(parts) == 2
                else version_document("/".join(head[1:]), known)
            )
            if document is None:
                raise StatusError(404, "NotFound", "the server could not find the requested resource")
            return web.json_response(document)
        namespace: str | None = None
        if rest[0] == "namespaces" and len(rest) > 2:
            namespace, rest = rest[1], rest[2:]
        resource = next((r for r in known if r.api_version == "/".join(head[1:]) and r.plural == rest[0]), None)
        if resource is None:
            raise StatusError(404, "NotFound", "the server could not find the requested resource")
        name = rest[1] if len(rest) > 1 else ""
        subresource = rest[2] if len(rest) > 2 else ""
        return await self._on_resource(request, resource, namespace, name, subresource)

    async def _on_resource(
        self, request: web.Request, resource: Resource, namespace: str | None, name: str, subresource: str
    ) -> web.StreamResponse:
        verb = _verb(request, name)
        self._noted(request, verb, resource, name, subresource)
        if fault := self.faults.take(verb, resource.plural, "status", "hang"):
            if fault.action == "hang":
                await asyncio.sleep(fault.seconds)
            else:
                headers = {"Retry-After": str(fault.retry_after)} if fault.retry_after is not None else {}
                error = StatusError(fault.code, "Injected", "an injected failure")
                return web.json_response(error.body(), status=fault.code, headers=headers)
        storage, where = self.storage, namespace or ""
        if verb == "watch":
            return await self._watch(request, resource, namespace)
        body = await request.read()
        if verb == "create" and resource.kind == "Pod":
            dry_run = request.query.get("dryRun") == "All"
            admitted = await admit(storage, json.loads(body), where, self.services, dry_run=dry_run)
            if dry_run:
                return web.json_response(admitted, status=201)
            body = json.dumps(admitted).encode()
        with storage.lock:
            if verb == "list":
                return web.json_response(self._list(request, resource, namespace))
            if verb == "get":
                return web.json_response(storage.get(resource, where, name))
            changed = self._changed_by(request, verb, resource, (where, name), subresource, body)
            return web.json_response(changed, status=201 if verb == "create" else 200)

    def _noted(self, request: web.Request, verb: str, resource: Resource, name: str, subresource: str) -> None:
        self.requests.append((verb, resource.plural + (f"/{subresource}" if subresource else "")))
        if verb not in ("get", "list", "watch"):
            token = request.headers["Authorization"].partition(" ")[2]
            self.audit.append(Asked(token, verb, resource.plural, subresource, name))
        if {(verb, resource.plural), (verb, self.requests[-1][1])} & self.forbidden:
            raise StatusError(403, "Forbidden", f'{resource.plural} is forbidden: User "test" cannot {verb} it')

    def _changed_by(
        self, request: web.Request, verb: str, resource: Resource, where: tuple[str, str], subresource: str, body: bytes
    ) -> Object:
        storage, (namespace, name) = self.storage, where
        if verb == "delete":
            return storage.delete(resource, namespace, name)
        if verb == "patch":
            return self._patch(request, resource, namespace, name, subresource, body)
        if verb == "create":
            return storage.create(resource, namespace, json.loads(body))
        return storage.replace(resource, namespace, name, json.loads(body), status=subresource == "status")

    def _patch(
        self, request: web.Request, resource: Resource, namespace: str, name: str, subresource: str, body: bytes
    ) -> Object:
        storage, status = self.storage, subresource == "status"
        patch = json.loads(body)
        if request.content_type == "application/apply-patch+yaml":
            manager, force = request.query.get("fieldManager", ""), request.query.get("force") == "true"
            found = storage.objects.get(resource.store, {}).get((namespace, name))
            made = applied(found, patch, manager, force=force, subresource=subresource)
            if found is None:
                made["metadata"].pop("resourceVersion", None)
                return storage.create(resource, namespace, made)
        else:
            made = merged(storage.get(resource, namespace, name), patch, request.content_type)
        return storage.replace(resource, namespace, name, made, status=status)

    def _list(self, request: web.Request, resource: Resource, namespace: str | None) -> Object:
        query, storage = request.query, self.storage
        chosen = [o for o in storage.all(resource, namespace) if _selected(query, o)]
        meta: dict[str, Any] = {"resourceVersion": str(storage.version)}
        if token := query.get("continue"):
            version, after = json.loads(base64.b64decode(token))
            if version < storage.compacted:
                raise StatusError(410, "Expired", "The provided continue parameter is too old")
            chosen = [o for o in chosen if [o["metadata"].get("namespace", ""), o["metadata"]["name"]] > after]
            meta["resourceVersion"] = str(version)
        limit = int(query.get("limit") or 0)
        if limit and len(chosen) > limit:
            chosen = chosen[:limit]
            last = chosen[-1]["metadata"]
            place = [int(meta["resourceVersion"]), [last.get("namespace", ""), last["name"]]]
            meta["continue"] = base64.b64encode(json.dumps(place).encode()).decode()
        items = [{k: v for k, v in o.items() if resource.group not in _BARE or k not in _TYPE} for o in chosen]
        return {"kind": f"{resource.kind}List", "apiVersion": resource.api_version, "metadata": meta, "items": items}

    async def _watch(self, request: web.Request, resource: Resource, namespace: str | None) -> web.StreamResponse:
        query = request.query
        initial = query.get("sendInitialEvents") == "true"
        if initial and not self.watch_lists:
            message = "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch"
            raise StatusError(422, "Invalid", message)
        position = int(query.get("resourceVersion") or 0)
        answer = web.StreamResponse(headers={"Content-Type": "application/json"})
        answer.enable_chunked_encoding()
        await answer.prepare(request)
        changed = asyncio.Event()
        self._changed.add(changed)
        try:
            async with asyncio.timeout(float(query.get("timeoutSeconds") or 600)):
                async for line in self._events(query, resource, namespace, position, initial, changed):
                    if not await self._sent(answer, request, resource, line):
                        return answer
        except (TimeoutError, ConnectionError):
            pass
        finally:
            self._changed.discard(changed)
        return answer

    async def _sent(self, answer: web.StreamResponse, request: web.Request, resource: Resource, line: bytes) -> bool:
        """Send one event, or what a fault makes of it. Whether to go on."""
        fault = self.faults.take("watch", resource.plural, "cut", "half-line", "garbage", "silent", "gone-event")
        if fault is None:
            await answer.write(line)
            return True
        if fault.action == "silent":
            await asyncio.sleep(fault.seconds)
        elif fault.action == "garbage":
            await answer.write(b"{this is no JSON}\n")
        elif fault.action == "gone-event":
            status = StatusError(410, "Expired", "too old resource version").body()
            await answer.write(json.dumps({"type": "ERROR", "object": status}).encode() + b"\n")
        else:
            await answer.write(line[: len(line) // 2])
            if fault.action == "cut" and request.transport is not None:
                await asyncio.sleep(0.02)
                request.transport.abort()
        return False

    async def _events(
        self,
        query: Any,
        resource: Resource,
        namespace: str | None,
        position: int,
        initial: bool,
        changed: asyncio.Event,
    ) -> AsyncIterator[bytes]:
        storage = self.storage
        if initial or not position:
            with storage.lock:
                position = storage.version
                first = [o for o in storage.all(resource, namespace) if _selected(query, o)]
            for one in first:
                yield _line("ADDED", one)
            if initial:
                yield _bookmark(resource, position, end=True)
        while True:
            changed.clear()
            with storage.lock:
                if position < storage.compacted and position < storage.version:
                    yield _line("ERROR", StatusError(410, "Expired", f"too old resource version: {position}").body())
                    return
                new = [c for c in reversed_until(storage.log, position) if c.store == resource.store]
                position = max(position, storage.version)
            for change in new:
                place = change.object["metadata"].get("namespace")
                if (namespace is None or place == namespace) and _selected(query, change.object):
                    yield _line(change.type, {**change.object, "apiVersion": resource.api_version})
            try:
                async with asyncio.timeout(self.bookmark_seconds):
                    await changed.wait()
            except TimeoutError:
                if query.get("allowWatchBookmarks") == "true" and position <= storage.version:
                    yield _bookmark(resource, position)


_BARE: Final = ("", "discovery.k8s.io", "coordination.k8s.io")
"""Groups whose lists leave apiVersion and kind out of their items."""
_TYPE: Final = ("apiVersion", "kind")


def reversed_until(log: list[Any], position: int) -> list[Any]:
    """Return the changes after a version, oldest first, without a walk through those before it."""
    found = []
    for change in reversed(log):
        if change.version <= position:
            break
        found.append(change)
    return found[::-1]


def _verb(request: web.Request, name: str) -> str:
    if request.method == "GET":
        return "watch" if request.query.get("watch") in ("true", "1") else "get" if name else "list"
    return {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}[request.method]


def _selected(query: Any, found: Object) -> bool:
    meta = found["metadata"]
    fields = {"metadata.name": meta["name"], "metadata.namespace": meta.get("namespace", "")}
    with contextlib.suppress(ValueError):
        for term in filter(None, query.get("fieldSelector", "").split(",")):
            key, value = term.split("=", 1)
            if fields.get(key) != value:
                return False
    labels = meta.get("labels") or {}
    for term in filter(None, query.get("labelSelector", "").split(",")):
        key, _, value = term.partition("=")
        if ("=" in term and labels.get(key) != value) or key not in labels:
            return False
    return True


def _line(kind: str, found: Object) -> bytes:
    return json.dumps({"type": kind, "object": found}, separators=(",", ":")).encode() + b"\n"


def _bookmark(resource: Resource, version: int, *, end: bool = False) -> bytes:
    meta: dict[str, Any] = {"resourceVersion": str(version), "creationTimestamp": None}
    if end:
        meta["annotations"] = {"k8s.io/initial-events-end": "true"}
    return _line("BOOKMARK", {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": meta})
