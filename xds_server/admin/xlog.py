"""`/api/v1/xlog` and `/debug/xlog`: what was said on the streams, for people, the dashboard and `pilotfish xlog`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from aiohttp import web

from xds_server.admin.api import error
from xds_server.protocol.xlog_json import as_json, overview

if TYPE_CHECKING:
    from collections.abc import Callable

    from xds_server.admin.backend import Backend
    from xds_server.protocol import Conversation

LIMIT: Final = 1000
"""Records in an answer, unless `limit` says otherwise."""

MOST: Final = 10_000


def routes(backend: Backend) -> list[web.RouteDef]:
    """Return the routes.

    GET /api/v1/xlog?proxy=ID&since=SEQ&limit=N: `{"log": …, "seq": …, "records": […]}`. Without `since`, the newest
    records; with it, the oldest after it: ask again with `since` = the answer's `seq`. `log` is another when the server
    has started anew, and its numbers have begun again.

    GET /debug/xlog?proxyID=ID: the conversations, and what became of their responses.
    """

    async def records(request: web.Request) -> web.Response:
        query = request.query
        try:
            since = _number(query.get("since"), 0)
            limit = max(1, min(_number(query.get("limit"), LIMIT), MOST))
        except ValueError as wrong:
            return error(400, str(wrong))
        log = backend.ads.xlog
        found = log.since(since, time.monotonic(), wanted=_wanted(query.get("proxy", "")))
        seq = log.seq
        if len(found) > limit:
            found = found[:limit] if "since" in query else found[-limit:]
            seq = found[-1][1].seq
        answer = {
            "log": f"{log.epoch:.3f}",
            "seq": seq,
            "records": [as_json(conversation, record, log.epoch) for conversation, record in found],
        }
        return web.json_response(answer)

    async def conversations(request: web.Request) -> web.Response:
        log, wanted = backend.ads.xlog, _wanted(request.query.get("proxyID", ""))
        return web.json_response([overview(c, log.epoch) for c in log.conversations(time.monotonic()) if wanted(c)])

    return [web.get("/api/v1/xlog", records), web.get("/debug/xlog", conversations)]


def _number(text: str | None, default: int) -> int:
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        msg = f"{text!r} is not a number"
        raise ValueError(msg)
    return int(text)


def _wanted(proxy: str) -> Callable[[Conversation], bool]:
    """Choose conversations by node id or `name.namespace`, or by how either begins; all if `proxy` is empty."""

    def wanted(conversation: Conversation) -> bool:
        parts = conversation.proxy.split("~")
        name = parts[2] if len(parts) == 4 else conversation.proxy
        return conversation.proxy.startswith(proxy) or name.startswith(proxy)

    return wanted
