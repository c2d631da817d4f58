"""Records of the xlog as JSON objects: for the API, for files and for `pilotfish xlog`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from translators.resources import SHORT
from xds_server.protocol.xlog_records import (
    Ack,
    Closed,
    Nack,
    Opened,
    Quarantined,
    Recovered,
    Request,
    Response,
    Unheeded,
)

if TYPE_CHECKING:
    from xds_server.protocol.xlog import Conversation
    from xds_server.protocol.xlog_records import Names, Record

JsonObject = dict[str, object]


def as_json(conversation: Conversation, record: Record, epoch: float) -> JsonObject:
    """Return one record, with the stream that it belongs to.

    Every record has `seq`, `time` (RFC 3339, UTC), `stream` (a number), `proxy` (node id) and `event`; the rest depends
    on the event: `opened`, `request`, `response`, `ack`, `nack`, `quarantined`,
    `healed`, `ignored`, `closed`. `epoch` is that of the Xlog.
    Lists hold the first names only, and stand beside a count of all.
    """
    return {
        "seq": record.seq,
        "time": iso_time(epoch + record.at),
        "stream": conversation.id,
        "proxy": conversation.proxy,
        **_said(conversation, record),
    }


def _said(conversation: Conversation, record: Record) -> JsonObject:
    match record:
        case Ack():
            return {
                "event": "ack",
                "type": _short(record.type_url),
                "nonce": record.nonce,
                "version": record.version,
                "seconds": round(record.seconds, 6),
            }
        case Response():
            sent = record.sent
            return {
                "event": "response",
                "type": _short(sent.type_url),
                "nonce": sent.nonce,
                "version": sent.version,
                **_names("resources", sent.names),
                **_names("removed", sent.removed),
                "bytes": sent.size,
                "why": record.why.kind,
                **_names("objects", record.why.objects),
                "parent": record.parent,
            }
        case Request():
            return {
                "event": "request",
                "type": _short(record.type_url),
                "nonce": record.nonce,
                "version": record.version,
                **_names("subscribed", record.subscribed),
                **_names("unsubscribed", record.unsubscribed),
                "wildcard": record.wildcard,
                "held": record.held,
            }
        case Nack():
            return {
                "event": "nack",
                "type": _short(record.type_url),
                "nonce": record.nonce,
                "version": record.version,
                "seconds": round(record.seconds, 6) if record.seconds >= 0 else None,
                "code": record.code,
                "message": record.message,
                **_names("in_doubt", record.names),
            }
        case Quarantined():
            return {
                "event": "quarantined",
                "type": _short(record.type_url),
                "resource": record.name,
                "rejections": record.rejections,
                "retry_seconds": round(record.seconds, 3),
                "message": record.error,
            }
        case Recovered():
            return {"event": "healed", "type": _short(record.type_url), "resource": record.name}
        case Unheeded():
            return {"event": "ignored", "type": _short(record.type_url), "reason": record.reason}
        case Opened():
            return {
                "event": "opened",
                "peer": conversation.peer,
                "variant": conversation.variant,
                "service": conversation.service,
                "envoy_version": conversation.envoy_version,
            }
        case Closed():
            return {"event": "closed", "reason": record.reason}
    msg = f"a record of a kind that nobody prints: {record!r}"
    raise TypeError(msg)


def overview(conversation: Conversation, epoch: float) -> JsonObject:
    """Return what one conversation came to: who, from when to when, and how many responses had which fate."""
    counts = dict.fromkeys(("acked", "nacked", "superseded", "ended", "waiting"), 0)
    for fate in conversation.fates().values():
        counts[fate] += 1
    first, last = conversation.records[0], conversation.records[-1]
    return {
        "stream": conversation.id,
        "proxy": conversation.proxy,
        "peer": conversation.peer,
        "variant": conversation.variant,
        "service": conversation.service,
        "envoy_version": conversation.envoy_version,
        "open": conversation.closed_at is None,
        "first": {"seq": first.seq, "time": iso_time(epoch + first.at)},
        "last": {"seq": last.seq, "time": iso_time(epoch + last.at)},
        "records": len(conversation.records),
        "responses": counts,
    }


def iso_time(seconds: float) -> str:
    """Return seconds since 1970 as RFC 3339 in UTC, to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _short(type_url: str) -> str:
    return SHORT.get(type_url, type_url)


def _names(label: str, names: Names) -> JsonObject:
    return {label: list(names.first), f"{label}_count": names.count}
