"""Mutating webhooks, called when a pod is created, over TLS that their caBundle trusts, as the API server does."""

from __future__ import annotations

import base64
import copy
import json
import ssl
import uuid
from typing import TYPE_CHECKING, Any

import aiohttp

from tests.apiserver.resources import BUILT_IN
from tests.apiserver.storage import Object, StatusError

if TYPE_CHECKING:
    from tests.apiserver.storage import Storage

_NAMESPACE = next(r for r in BUILT_IN if r.kind == "Namespace")
_CONFIGURATION = next(r for r in BUILT_IN if r.kind == "MutatingWebhookConfiguration")


Services = dict[str, int]
"""`name.namespace.svc` of a webhook's Service to the port on loopback where it is served."""


async def admit(storage: Storage, pod: Object, namespace: str, services: Services, *, dry_run: bool) -> Object:
    """Return a pod after all webhooks that select it. Raises StatusError where one refuses it, or fails."""
    with storage.lock:
        labels = storage.get(_NAMESPACE, "", namespace)["metadata"].get("labels") or {}
        found = [hook for one in storage.all(_CONFIGURATION) for hook in one.get("webhooks", ())]
    for hook in found:
        own = pod["metadata"].get("labels") or {}
        if selects(hook.get("namespaceSelector", {}), labels) and selects(hook.get("objectSelector", {}), own):
            pod = await _call(hook, pod, namespace, services, dry_run=dry_run)
    return pod


def selects(selector: Object, labels: dict[str, str]) -> bool:
    """Whether a label selector holds."""
    wanted: dict[str, str] = selector.get("matchLabels", {})
    return wanted.items() <= labels.items() and all(
        {
            "In": lambda e: labels.get(e["key"]) in e["values"],
            "NotIn": lambda e: labels.get(e["key"]) not in e["values"],
            "Exists": lambda e: e["key"] in labels,
            "DoesNotExist": lambda e: e["key"] not in labels,
        }[expression["operator"]](expression)
        for expression in selector.get("matchExpressions", ())
    )


async def _call(hook: Object, pod: Object, namespace: str, services: Services, *, dry_run: bool) -> Object:
    review = {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": str(uuid.uuid4()),
            "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "operation": "CREATE",
            "namespace": namespace,
            "object": pod,
            "dryRun": dry_run,
        },
    }
    config = hook["clientConfig"]
    service = config["service"]
    host = f"{service['name']}.{service['namespace']}.svc"
    url = f"https://127.0.0.1:{services.get(host, 1)}{service.get('path', '/')}"
    try:
        trust = ssl.create_default_context(cadata=base64.b64decode(config.get("caBundle", "")).decode())
        async with (
            aiohttp.ClientSession() as session,
            session.post(
                url, json=review, ssl=trust, server_hostname=host, timeout=aiohttp.ClientTimeout(10)
            ) as answer,
        ):
            answer.raise_for_status()
            response: Any = (await answer.json())["response"]
    except (OSError, ValueError, aiohttp.ClientError, TimeoutError) as error:
        if hook.get("failurePolicy", "Fail") == "Ignore":
            return pod
        raise StatusError(500, "InternalError", f'failed calling webhook "{hook["name"]}": {error}') from error
    if not response["allowed"]:
        status = response.get("status", {})
        message = f'admission webhook "{hook["name"]}" denied the request: {status.get("message", "")}'
        raise StatusError(status.get("code", 403), status.get("reason", "Forbidden"), message)
    patch = json.loads(base64.b64decode(response.get("patch", "W10=")))
    return patched(pod, patch)


def patched(found: Object, patch: list[Object]) -> Object:
    """Apply a JSON patch (RFC 6902: add, replace, remove). Raises KeyError, IndexError where it does not fit."""
    made: Any = copy.deepcopy(found)
    for step in patch:
        *path, last = [part.replace("~1", "/").replace("~0", "~") for part in step["path"].split("/")[1:]]
        place = made
        for part in path:
            place = place[int(part)] if isinstance(place, list) else place[part]
        if isinstance(place, list):
            index = len(place) if last == "-" else int(last)
            if step["op"] == "add":
                if index > len(place):
                    raise IndexError(step["path"])
                place.insert(index, step["value"])
            elif step["op"] == "remove":
                del place[index]
            else:
                place[index] = step["value"]
        elif step["op"] == "remove":
            del place[last]
        elif step["op"] == "replace" and last not in place:
            raise KeyError(step["path"])
        else:
            place[last] = step["value"]
    result: Object = made
    return result
