"""HTTP clients: one request with all details, or thousands over a few connections."""

from __future__ import annotations

import asyncio
import http.client
import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    """Lower-case names; the values of a repeated header are joined with `, `."""
    body: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def version(self) -> str:
        """The version of the backend that answered; empty if Envoy answered itself."""
        return self.headers.get("x-version", "")


def request(
    port: int,
    path: str,
    *,
    method: str = "GET",
    host: str = "shop.example",
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    timeout: float = 10.0,
    address: str = "127.0.0.1",
) -> Reply:
    """Send one request over a connection of its own; redirects are not followed."""
    connection = http.client.HTTPConnection(address, port, timeout=timeout)
    try:
        connection.request(method, path, body, {"Host": host, **(headers or {})})
        response = connection.getresponse()
        text = response.read().decode()
        found: dict[str, str] = {}
        for name, value in response.getheaders():
            key = name.lower()
            found[key] = f"{found[key]}, {value}" if key in found else value
        return Reply(status=response.status, headers=found, body=text)
    except http.client.HTTPException as error:
        raise ConnectionError(repr(error)) from error
    finally:
        connection.close()


def many(
    port: int,
    path: str,
    count: int,
    *,
    concurrency: int = 16,
    host: str = "shop.example",
    headers: Mapping[str, str] | None = None,
    pause: float = 0.0,
) -> Counter[tuple[int, str]]:
    """Send `count` GETs over `concurrency` keep-alive connections, and count (status, version that answered).

    Status 0 is a connection that failed. `pause` is between the requests of one connection, in seconds.
    """
    return asyncio.run(_many(port, path, count, concurrency, {"Host": host, **(headers or {})}, pause))


async def _many(
    port: int, path: str, count: int, concurrency: int, headers: Mapping[str, str], pause: float
) -> Counter[tuple[int, str]]:
    counted: Counter[tuple[int, str]] = Counter()
    left = iter(range(count))
    url = f"http://127.0.0.1:{port}{path}"

    async def work(session: aiohttp.ClientSession) -> None:
        for _ in left:
            try:
                async with session.get(url, headers=headers, allow_redirects=False) as response:
                    await response.read()
                    counted[response.status, response.headers.get("x-version", "")] += 1
            except aiohttp.ClientError:
                counted[0, ""] += 1
            if pause:
                await asyncio.sleep(pause)

    connector = aiohttp.TCPConnector(limit=concurrency)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=30)) as session:
        await asyncio.gather(*(work(session) for _ in range(concurrency)))
    return counted
