"""Whose fault a rejection is: what proxies are kept from because they rejected it, and the objects that made it.

The objects are known at once. The fields are worked out when somebody asks, by translating once more with a recorder.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, TypeAlias

from translators.model.codes import diagnose
from translators.model.origin import Origin
from translators.resources import SHORT
from translators.translate import Translation, Translator
from xds_server.protocol.xlog_json import iso_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from translators.model.meta import ObjectKey
    from translators.model.origin import Diagnostic, Location
    from translators.resources import Resource, ResourceSet
    from xds_server.printing import JsonObject
    from xds_server.protocol import Case
    from xds_server.transport.stream import AdsStream

Fields: TypeAlias = "Mapping[tuple[str, str, ObjectKey], str]"
"""By type URL, name and version of a resource and the object: what the fields that made parts of it have in common."""


def rejections(streams: Iterable[AdsStream[Any]], fields: Fields) -> Iterator[Diagnostic]:
    """Say what each proxy rejects: one PF0801 for each object behind it."""
    for stream in streams:
        for case in stream.cases():
            resource = case.resource
            message = f"{stream.proxy.id} rejected {_short(resource.type_url)} {resource.name}: {case.error}"
            for key in resource.origins:
                origin = Origin(key, fields.get((resource.name, resource.version, key), ""))
                yield diagnose("PF0801", message, origin, hint=_hint(case))
            if not resource.origins:
                yield diagnose("PF0801", message, hint=_hint(case))
        # A status counts all that a proxy asked for: only where there is something to find.
        for type_url, status in stream.status().items() if stream.nacks else ():
            if status.status == "ERROR" and not status.rejected:
                yield diagnose("PF0801", f"{stream.proxy.id} rejected {_short(type_url)} resources: {status.error}")


def _hint(case: Case) -> str:
    meanwhile = "it goes on with the version before" if case.standby is not None else "it goes without"
    return (
        f"{meanwhile} until the object is changed, or it accepts it after all; `proxy-status --retry` asks it at once"
    )


async def fields_of(
    streams: Iterable[AdsStream[Any]], served: Callable[[AdsStream[Any]], ResourceSet | None]
) -> Fields:
    """Find the fields behind all that is rejected; a translation in a worker thread for each view that is concerned.

    `served` tells what a stream is meant to have.
    """
    wanted: dict[int, tuple[Translation, list[Resource]]] = {}
    for stream in streams:
        cases, translation = stream.cases(), served(stream)
        if cases and isinstance(translation, Translation):
            wanted.setdefault(id(translation), (translation, []))[1].extend(case.resource for case in cases)
    return await asyncio.to_thread(_fields, list(wanted.values())) if wanted else {}


def _fields(wanted: list[tuple[Translation, list[Resource]]]) -> Fields:
    found: dict[tuple[str, str, ObjectKey], str] = {}
    for translation, resources in wanted:
        noted = Translator().with_notes(translation.world, translation.view)
        for resource in resources:
            same = noted[resource.type_url].resources.get(resource.name)
            if same is None or same.version != resource.version:
                continue
            paths: dict[ObjectKey, set[str]] = {}
            for _, origin in same.notes:
                paths.setdefault(origin.key, set()).add(origin.path)
            found.update(((resource.name, resource.version, key), common(some)) for key, some in paths.items())
    return found


def common(paths: Iterable[str]) -> str:
    """Return the field that all of these fields are in: `spec.http[0]` for its `route` and its `match`."""
    ordered = sorted(paths)
    first, last = ordered[0], ordered[-1]
    length = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    whole = all(length == len(path) or path[length] in ".[" for path in (first, last))
    prefix = first[:length]
    return prefix if whole else prefix[: max(prefix.rfind("."), prefix.rfind("["), 0)]


def quarantine_json(stream: AdsStream[Any], locate: Callable[[Origin], Location | None]) -> list[JsonObject]:
    """List what is in quarantine for one proxy, with the objects behind it and where they stand."""
    # Cases have the clock of the streams.
    now = time.time() - time.monotonic()
    return [
        {
            "type": _short(case.resource.type_url),
            "name": case.resource.name,
            "version": case.resource.version,
            "error": case.error,
            "since": iso_time(now + case.since),
            "retry_at": None if case.lasting else iso_time(now + case.retry_at),
            "rejections": case.rejections,
            "served": case.standby.version if case.standby is not None else "",
            "objects": [
                {
                    "kind": key.kind,
                    "namespace": key.namespace,
                    "name": key.name,
                    "place": str(locate(Origin(key)) or ""),
                }
                for key in case.resource.origins
            ],
        }
        for case in stream.cases()
    ]


def _short(type_url: str) -> str:
    return SHORT.get(type_url, type_url)
