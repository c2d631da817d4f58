"""Lists and watch events in, source events out, without a server."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from translators.model.kubernetes import Service
from translators.model.meta import ObjectKey
from translators.model.virtual_service import VirtualService
from xds_server.kube_api import KubeApiError
from xds_server.sources.events import Apply, Delete, Event, Failed, Init, InitApply, InitDone
from xds_server.sources.kubernetes.reflector import (
    BrokenWatchError,
    ExpiredError,
    InterruptedWatchError,
    Reflector,
)


def encoded(name: str, version: int = 1, **more: Any) -> bytes:
    meta = {"name": name, "namespace": "default", "resourceVersion": str(version), **more.pop("metadata", {})}
    return msgspec.json.encode({"metadata": meta, **more})


def event(kind: str, name: str, version: int = 1, **more: Any) -> bytes:
    return msgspec.json.encode({"type": kind, "object": msgspec.Raw(encoded(name, version, **more))})


def bookmark(version: int, *, end: bool = False) -> bytes:
    notes = {"k8s.io/initial-events-end": "true"} if end else {}
    return event("BOOKMARK", "", version, metadata={"annotations": notes})


def error(code: int) -> bytes:
    status = {"kind": "Status", "code": code, "reason": "Because", "message": "said so"}
    return msgspec.json.encode({"type": "ERROR", "object": status})


def said(events: tuple[Event, ...]) -> list[str]:
    """Name the events: `+a` applied, `-a` deleted, `!a` failed, `?a` no failure any more."""
    found = []
    for one in events:
        match one:
            case Apply():
                found.append(f"{'i' if isinstance(one, InitApply) else ''}+{one.key.name}")
            case Delete():
                found.append(f"-{one.key.name}")
            case Failed(subject=ObjectKey() as key, diagnostics=diagnostics):
                found.append(f"{'!' if diagnostics else '?'}{key.name}")
            case Init() | InitDone():
                found.append(type(one).__name__)
    return found


@pytest.fixture
def services() -> Reflector:
    reflector = Reflector("k", Service)
    reflector.begin()
    reflector.add([encoded("a"), encoded("b")])
    assert said(reflector.complete("10")) == ["Init", "i+a", "i+b", "InitDone"]
    return reflector


def test_a_watch(services: Reflector) -> None:
    assert said(services.watched([event("ADDED", "c", 11), event("DELETED", "a", 12)])) == ["+c", "-a"]
    assert services.version == "12"
    assert services.watched([bookmark(20)]) == ()
    assert services.version == "20"
    assert len(services) == 2


def test_what_no_struct_holds_is_no_change(services: Reflector) -> None:
    more: dict[str, Any] = {"status": {"loadBalancer": {"ingress": []}}, "metadata": {"managedFields": [{"x": 1}]}}
    assert services.watched([event("MODIFIED", "a", 11, **more)]) == ()
    assert services.version == "11"
    assert said(services.watched([event("MODIFIED", "a", 12, spec={"type": "NodePort"})])) == ["+a"]


def test_a_second_list_says_what_differs(services: Reflector) -> None:
    services.begin()
    services.add([encoded("b", 30), encoded("c", 31)])
    assert said(services.complete("40")) == ["+c", "-a"]
    assert services.version == "40"


def test_what_stayed_is_held_once(services: Reflector) -> None:
    (first,) = services.watched([event("ADDED", "c", 11, spec={"type": "NodePort"})])
    services.begin()
    services.add([encoded("c", 11, spec={"type": "NodePort"})])
    services.complete("40")
    services.watched([event("DELETED", "c", 41)])
    (again,) = services.watched([event("ADDED", "c", 42, spec={"type": "NodePort"})])
    assert isinstance(first, Apply)
    assert isinstance(again, Apply)
    assert again.object == first.object
    assert again.object is not first.object


def test_until_a_list_is_complete_nothing_changes(services: Reflector) -> None:
    services.begin()
    services.add([encoded("z")])
    services.lost()
    assert len(services) == 2
    assert services.version is None


def test_a_watch_list() -> None:
    reflector = Reflector("k", Service)
    reflector.begin()
    lines = [event("ADDED", "a"), event("ADDED", "b"), event("DELETED", "b"), event("MODIFIED", "a", 3)]
    assert reflector.watched([*lines, bookmark(5)]) == ()
    assert said(reflector.watched([bookmark(9, end=True), event("ADDED", "c", 10)])) == [
        "Init",
        "i+a",
        "InitDone",
        "+c",
    ]
    assert reflector.version == "10"


def test_what_does_not_decode_is_said_and_heals() -> None:
    reflector = Reflector("k", VirtualService)
    reflector.begin()
    reflector.add([encoded("a", spec={"hosts": 1}), encoded("b", spec={"hosts": ["b"]})])
    assert said(reflector.complete("1")) == ["Init", "!a", "i+b", "InitDone"]
    assert said(reflector.watched([event("MODIFIED", "b", 2, spec={"http": "x"})])) == ["!b"]
    assert reflector.watched([event("MODIFIED", "b", 3, spec={"http": "x"})]) == ()
    assert said(reflector.watched([event("MODIFIED", "a", 4, spec={"hosts": ["a"]})])) == ["?a", "+a"]
    assert said(reflector.watched([event("DELETED", "b", 5)])) == ["?b", "-b"]


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        (error(410), ExpiredError),
        (error(500), KubeApiError),
        (b"{", BrokenWatchError),
        (b"[]", BrokenWatchError),
        (b'{"type": "NEW", "object": {}}', BrokenWatchError),
        (b'{"type": "ADDED", "object": {}}', BrokenWatchError),
        (b'{"type": "ADDED", "object": {"metadata": []}}', BrokenWatchError),
        (bookmark(3), ExpiredError),
    ],
)
def test_what_came_before_the_trouble_counts(services: Reflector, line: bytes, cause: type[Exception]) -> None:
    with pytest.raises(InterruptedWatchError) as caught:
        services.watched([event("ADDED", "c", 11), line, event("ADDED", "d", 12)])
    assert said(caught.value.batch) == ["+c"]
    assert type(caught.value.cause) is cause
    assert services.version == "11"


def test_a_kind_that_is_not_served_any_more(services: Reflector) -> None:
    assert said(services.forget()) == ["-a", "-b"]
    assert services.forget() == ()
    assert services.version is None
