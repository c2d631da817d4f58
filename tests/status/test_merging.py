"""What a patch of a status says: ours, and of others what stood there."""

from __future__ import annotations

import json
from typing import Any

from xds_server.status.merging import Difference, difference, merge_patch
from xds_server.status.wanted import Message, Wanted

NOW = "2026-02-03T04:05:06Z"
WANTED = Wanted(True, "UpToDate", "2/2 proxies up to date", 7, (Message("PF0208", "WARNING"),))  # noqa: FBT003
OURS = {
    "type": "Reconciled",
    "status": "True",
    "reason": "UpToDate",
    "message": "2/2 proxies up to date",
    "lastTransitionTime": NOW,
    "observedGeneration": 7,
}
SAID = {
    "type": {"code": "PF0208", "name": "a field has no effect yet"},
    "level": "WARNING",
    "documentationUrl": "docs/diagnostics/README.md",
}
HEALTHY = {"type": "Healthy", "status": "True"}
THEIRS = {"type": {"code": "IST0101", "name": "ReferencedResourceNotFound"}, "level": "ERROR"}


def encoded(**status: Any) -> bytes:
    return json.dumps(status).encode()


def patched(status: bytes, wanted: Wanted = WANTED) -> dict[str, Any]:
    found = merge_patch(status, wanted, version="5", now=NOW)
    assert found["metadata"] == {"resourceVersion": "5"}
    part: dict[str, Any] = found["status"]
    return part


def test_where_there_is_nothing() -> None:
    assert difference(b"", WANTED) is Difference.STATE
    assert patched(b"") == {"conditions": [OURS], "validationMessages": [SAID]}


def test_nothing_to_write_once_it_is_there() -> None:
    assert difference(encoded(**patched(b"")), WANTED) is Difference.NONE


def test_what_others_wrote_goes_back_as_it_is() -> None:
    before = encoded(conditions=[HEALTHY, {**OURS, "status": "False"}, "?"], validationMessages=[THEIRS], addresses=[1])
    assert patched(before) == {"conditions": [HEALTHY, OURS, "?"], "validationMessages": [THEIRS, SAID]}


def test_messages_that_are_right_are_left_out() -> None:
    before = encoded(conditions=[HEALTHY], validationMessages=[SAID, THEIRS])
    assert patched(before) == {"conditions": [HEALTHY, OURS]}


def test_the_last_of_our_messages_goes() -> None:
    wanted = WANTED._replace(messages=())
    assert patched(encoded(validationMessages=[SAID, THEIRS]), wanted)["validationMessages"] == [THEIRS]
    assert patched(encoded(validationMessages=[SAID]), wanted)["validationMessages"] is None


def test_the_time_of_the_transition_stays_while_the_status_does() -> None:
    then = "2020-01-01T00:00:00Z"
    before = {**OURS, "lastTransitionTime": then, "observedGeneration": 6}
    assert patched(encoded(conditions=[before]))["conditions"][0]["lastTransitionTime"] == then
    before["status"] = "False"
    assert patched(encoded(conditions=[before]))["conditions"][0]["lastTransitionTime"] == NOW


def test_how_much_it_differs() -> None:
    def differs(messages: list[Any] | None = None, **changes: Any) -> Difference:
        status = encoded(conditions=[{**OURS, **changes}], validationMessages=[SAID] if messages is None else messages)
        return difference(status, WANTED)

    assert differs() is Difference.NONE
    assert differs(observedGeneration="7") is Difference.NONE, "as Istio writes numbers"
    assert differs(message="1/2") is Difference.TEXT
    assert differs(reason="NotUsed") is Difference.TEXT
    assert differs(messages=[THEIRS]) is Difference.MESSAGES
    assert differs(messages=[THEIRS, SAID]) is Difference.NONE
    assert differs(observedGeneration=6) is Difference.STATE
    assert differs(status="False") is Difference.STATE


def test_a_status_that_is_none() -> None:
    for status in (b"null", b"7", b'{"conditions": {"a": 1}, "validationMessages": "x"}', b'{"conditions": [7, null]}'):
        assert difference(status, WANTED) is Difference.STATE
        assert OURS in patched(status)["conditions"]
