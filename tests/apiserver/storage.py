"""What the emulated API server stores: objects by resource, one counter of versions, the events since compaction."""

from __future__ import annotations

import copy
import json
import threading
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Object = dict[str, Any]


class StatusError(Exception):
    """An answer of Kubernetes' kind Status."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code, self.reason, self.message = code, reason, message

    def body(self) -> Object:
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        }


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One kind as it is served."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    status: bool = False
    """Whether status is a subresource: then neither of the two writes touches the other's part."""

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def store(self) -> tuple[str, str]:
        """What all versions of a kind share."""
        return self.group, self.plural


@dataclass(frozen=True)
class Change:
    """One event, with the object as it was then."""

    version: int
    type: str
    store: tuple[str, str]
    object: Object


@dataclass
class Storage:
    """All objects. Hold `lock` while reading or writing; `changed` is notified of every write."""

    objects: dict[tuple[str, str], dict[tuple[str, str], Object]] = field(default_factory=dict)
    version: int = 100
    compacted: int = 100
    """Watches and pages from before this version get 410."""
    log: list[Change] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)
    listeners: list[Any] = field(default_factory=list)

    def all(self, resource: Resource, namespace: str | None = None) -> list[Object]:
        found = self.objects.get(resource.store, {})
        return [found[key] for key in sorted(found) if namespace is None or key[0] == namespace]

    def get(self, resource: Resource, namespace: str, name: str) -> Object:
        found = self.objects.get(resource.store, {}).get((namespace, name))
        if found is None:
            raise StatusError(404, "NotFound", f'{resource.plural} "{name}" not found')
        return found

    def create(self, resource: Resource, namespace: str, body: Object) -> Object:
        meta = dict(body.get("metadata") or {})
        if not meta.get("name"):
            if not meta.get("generateName"):
                raise StatusError(422, "Invalid", "metadata.name: Required value")
            meta["name"] = meta["generateName"] + uuid.uuid4().hex[:5]
        if (namespace, meta["name"]) in self.objects.get(resource.store, {}):
            raise StatusError(409, "AlreadyExists", f'{resource.plural} "{meta["name"]}" already exists')
        if meta.get("resourceVersion"):
            raise StatusError(400, "BadRequest", "resourceVersion should not be set on objects to be created")
        meta |= {
            "uid": str(uuid.uuid4()),
            "generation": 1,
            "creationTimestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        if resource.namespaced:
            meta["namespace"] = namespace
        made = {**body, "metadata": meta}
        if resource.status:
            made.pop("status", None)
        return self._write(resource, namespace, "ADDED", made)

    def replace(self, resource: Resource, namespace: str, name: str, body: Object, *, status: bool = False) -> Object:
        """Write an object, or only its status. A resourceVersion in it must be the current one."""
        before = self.get(resource, namespace, name)
        meta = body.get("metadata") or {}
        stated = meta.get("resourceVersion")
        if stated and stated != before["metadata"]["resourceVersion"]:
            raise StatusError(
                409,
                "Conflict",
                f'Operation cannot be fulfilled on {resource.plural} "{name}": the object has been modified; '
                "please apply your changes to the latest version and try again",
            )
        kept = {key: before["metadata"][key] for key in ("uid", "creationTimestamp", "generation", "resourceVersion")}
        if status:
            made = {**before, "metadata": {**before["metadata"], "managedFields": meta.get("managedFields", [])}}
            made["status"] = body.get("status", {})
        else:
            made = {**body, "metadata": {**meta, **kept, "name": name}}
            if resource.namespaced:
                made["metadata"]["namespace"] = namespace
            if resource.status:
                made.pop("status", None)
                if "status" in before:
                    made["status"] = before["status"]
        if not made["metadata"].get("managedFields"):
            made["metadata"].pop("managedFields", None)
        if made == before:
            return before
        old, new = ({k: v for k, v in one.items() if k not in ("metadata", "status")} for one in (before, made))
        if old != new:
            made["metadata"]["generation"] = before["metadata"]["generation"] + 1
        return self._write(resource, namespace, "MODIFIED", made)

    def delete(self, resource: Resource, namespace: str, name: str) -> Object:
        found = self.get(resource, namespace, name)
        if found["metadata"].get("finalizers"):
            meta = {**found["metadata"], "deletionTimestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
            return self._write(resource, namespace, "MODIFIED", {**found, "metadata": meta})
        del self.objects[resource.store][namespace, name]
        return self._note("DELETED", resource.store, copy.deepcopy(found))

    def compact(self) -> None:
        """Forget all events so far."""
        with self.lock:
            self.log.clear()
            self.compacted = self.version

    def restore(self, snapshot: str) -> None:
        """Go back to what `dump` returned, its version too, as when etcd is restored from a backup."""
        with self.lock:
            state = json.loads(snapshot)
            self.version = state["version"]
            self.objects = {
                (group, plural): {(o["metadata"].get("namespace", ""), o["metadata"]["name"]): o for o in objects}
                for group, plural, objects in state["objects"]
            }
            self.log.clear()
            self.compacted = self.version

    def dump(self) -> str:
        with self.lock:
            objects = [[*store, list(found.values())] for store, found in self.objects.items()]
            return json.dumps({"version": self.version, "objects": objects})

    def _write(self, resource: Resource, namespace: str, kind: str, made: Object) -> Object:
        made = {"apiVersion": resource.api_version, "kind": resource.kind, **made}
        name = made["metadata"]["name"]
        self._note(kind, resource.store, made)
        if made["metadata"].get("deletionTimestamp") and not made["metadata"].get("finalizers"):
            self.objects[resource.store].pop((namespace, name), None)
            return self._note("DELETED", resource.store, copy.deepcopy(made))
        self.objects.setdefault(resource.store, {})[namespace, name] = made
        return made

    def _note(self, kind: str, store: tuple[str, str], made: Object) -> Object:
        self.version += 1
        made["metadata"] = {**made["metadata"], "resourceVersion": str(self.version)}
        self.log.append(Change(self.version, kind, store, made))
        for listener in self.listeners:
            listener()
        return made
