"""The Kubernetes API, as everything here that needs it sees it: bytes out, one kind of error, a stream of lines.

Configuration, TLS, authentication and the renewal of tokens are those of the official `kubernetes` package
(`kubernetes.aio`). Its typed models are not used: they cost three times the CPU of the JSON and drop what they do not
know; and its `Watch` ends with each dropped connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from functools import partial
from typing import TYPE_CHECKING, Final, Self

import aiohttp
import msgspec
import yaml

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
    from pathlib import Path
    from types import TracebackType

    from kubernetes.aio.client import Configuration

    Load = Callable[[], Awaitable[Configuration]]

log = logging.getLogger(__name__)

REQUEST_SECONDS: Final = 30.0
CONNECT_SECONDS: Final = 10.0
LONGEST_LINE: Final = 64 << 20
"""Bytes. etcd takes objects of 1.5 MiB, so a longer line is none of the API server's."""

MERGE_PATCH: Final = "application/merge-patch+json"

_CARELESS: Final = (AttributeError, KeyError, TypeError, ValueError)
"""What `load_kube_config` raises besides its own error for a file with something else in it."""

_RELOAD_SECONDS: Final = 1.0
"""So often at most is the configuration loaded anew because of a refused token."""
_LONGEST_WATCH: Final = 900.0
"""Seconds after which nothing uses a connection of an earlier configuration any more."""
_UNAUTHORIZED: Final = 401


class KubeConfigError(Exception):
    """Nothing says how to reach an API server; the text tells what is missing."""


class KubeApiError(Exception):
    """The API server refused, failed, or could not be reached."""

    def __init__(self, status: int, reason: str, message: str, retry_after: float | None = None) -> None:
        """`status` is the HTTP status, 0 if there was no answer; `reason` a word of Kubernetes' such as `Expired`."""
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message
        self.retry_after = retry_after
        """Seconds that the server asks to be left alone for."""

    def __str__(self) -> str:
        """`403 Forbidden: services is forbidden: …`."""
        return f"{self.status or ''} {self.reason}: {self.message}".strip()


class Status(msgspec.Struct, frozen=True):
    """Kubernetes' Status, as it answers what it refuses, and as a watch says that it has failed."""

    code: int = 0
    reason: str = ""
    message: str = ""

    def error(self, retry_after: float | None = None) -> KubeApiError:
        """Return the error that it tells of."""
        return KubeApiError(self.code, self.reason or "Unknown", self.message or "no reason is given", retry_after)


decode_status: Final = msgspec.json.Decoder(Status).decode


class KubeApi:
    """One API server. Use it as a context manager, from one event loop; requests may run side by side."""

    def __init__(self, load: Load) -> None:
        """`load` returns the configuration. It is called again when a token is refused: files, and what an exec plugin
        says, may have changed.
        """
        self._load = load
        self._config: Configuration | None = None
        self._session: aiohttp.ClientSession | None = None
        self._retired: list[tuple[float, aiohttp.ClientSession]] = []
        self._loaded_at = 0.0
        self._loading = asyncio.Lock()

    @classmethod
    def connect(cls, *, kubeconfig: Path | None = None, context: str | None = None, in_cluster: bool = False) -> Self:
        """Return the API server of a kubeconfig (its current context, unless one is named), or of the pod this runs in.

        Nothing is read before the context manager is entered, which raises KubeConfigError. Without the `kubernetes`
        package this raises KubeConfigError, too.
        """
        try:
            import kubernetes.aio.config  # noqa: F401, PLC0415 - an extra: without a cluster nobody needs it
        except ImportError as error:
            msg = "the package `kubernetes` is missing: pip install 'pilotfish[kubernetes]'"
            raise KubeConfigError(msg) from error
        return cls(_in_cluster if in_cluster else lambda: _from_file(kubeconfig, context))

    async def __aenter__(self) -> Self:
        """Load the configuration. Raises KubeConfigError."""
        await self._open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections."""
        for _, session in self._retired:
            await session.close()
        if self._session is not None:
            await self._session.close()
        self._session = None

    @property
    def server(self) -> str:
        """The server's URL."""
        return self._config.host if self._config is not None else ""

    async def _open(self) -> None:
        from kubernetes.aio.client.rest import RESTClientObject  # noqa: PLC0415 - as above

        config = await self._load()
        now = time.monotonic()
        if self._session is not None:
            self._retired.append((now, self._session))  # watches go on over it
        for retired_at, session in self._retired:
            if now - retired_at > _LONGEST_WATCH:
                await session.close()
        self._retired = [(at, session) for at, session in self._retired if not session.closed]
        self._session = RESTClientObject(config)._create_pool_manager()  # noqa: SLF001 - it would make one at its first request
        self._config, self._loaded_at = config, time.monotonic()

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        body: object | None = None,
        content_type: str = "application/json",
        timeout: float = REQUEST_SECONDS,  # noqa: ASYNC109 - of the HTTP client
    ) -> bytes:
        """Send a request and return the body of its answer. `body` is sent as JSON, unless it is bytes already.

        Raises KubeApiError for any answer but 2xx, and (status 0) for none within `timeout` seconds.
        """
        limit = aiohttp.ClientTimeout(total=timeout, sock_connect=CONNECT_SECONDS)
        data = body if body is None or isinstance(body, bytes) else msgspec.json.encode(body)
        async with self._answer(partial(self._send, method, path, query, limit, data, content_type)) as answer:
            with _unreachable(self.server):
                return await answer.read()

    @contextlib.asynccontextmanager
    async def lines(
        self, path: str, *, query: Sequence[tuple[str, str]] = (), silence: float
    ) -> AsyncIterator[AsyncIterator[list[bytes]]]:
        """Open a stream of lines, such as a watch, and yield them as they come, as many at once as are there.

        A last line without an end is left out: the connection broke in the middle of it. Raises KubeApiError as
        `request` does, also while the stream is read: when nothing comes for `silence` seconds, or it breaks. Where the
        server ends it the iterator ends.
        """
        limit = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=silence)
        async with self._answer(partial(self._send, "GET", path, query, limit)) as answer:
            yield _lines(answer, self.server)

    @contextlib.asynccontextmanager
    async def _answer(
        self, send: Callable[[], Awaitable[aiohttp.ClientResponse]]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        answer = await send()
        try:
            if answer.status == _UNAUTHORIZED and await self._reload():
                answer.release()
                answer = await send()
            if not answer.ok:
                with _unreachable(self.server):
                    raise await _refusal(answer)
            yield answer
        finally:
            answer.close()

    async def _send(
        self,
        method: str,
        path: str,
        query: Sequence[tuple[str, str]],
        limit: aiohttp.ClientTimeout,
        data: bytes | None = None,
        content_type: str = "",
    ) -> aiohttp.ClientResponse:
        config, session = self._config, self._session
        if config is None or session is None:
            msg = "the context manager was not entered"
            raise RuntimeError(msg)
        headers = {"Accept": "application/json", "User-Agent": "pilotfish"}
        if data is not None:
            headers["Content-Type"] = content_type
        token = (await config.auth_settings()).get("BearerToken")
        if token is not None and token["value"]:
            headers["Authorization"] = token["value"]
        with _unreachable(self.server):
            return await session.request(
                method,
                f"{config.host.rstrip('/')}{path}",
                params=list(query),
                data=data,
                headers=headers,
                timeout=limit,
                proxy=config.proxy,
                server_hostname=config.tls_server_name or None,
            )

    async def _reload(self) -> bool:
        """Load the configuration anew, since the token was refused. Whether it is worth another try."""
        refused_at = time.monotonic()
        async with self._loading:
            if self._loaded_at > refused_at:
                return True
            if refused_at - self._loaded_at < _RELOAD_SECONDS:
                return False
            log.info("the API server refuses the token: the configuration is read again")
            try:
                await self._open()
            except KubeConfigError as error:
                log.warning("the configuration cannot be read again: %s", error)
                return False
        return True


@contextlib.contextmanager
def _unreachable(server: str) -> Iterator[None]:
    """Turn whatever keeps an answer from coming into a KubeApiError."""
    try:
        yield
    except TimeoutError as error:
        raise KubeApiError(0, "Timeout", f"{server} does not answer in time") from error
    except (aiohttp.ClientError, OSError) as error:
        raise KubeApiError(0, "Unreachable", f"{server}: {str(error) or type(error).__name__}") from error


async def _refusal(answer: aiohttp.ClientResponse) -> KubeApiError:
    text = await answer.read()
    try:
        status = decode_status(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        status = Status()
    shown = status.message or text[:200].decode("utf-8", "replace")
    wait = answer.headers.get("Retry-After", "")
    return KubeApiError(
        answer.status, status.reason or answer.reason or "Unknown", shown, float(wait) if wait.isdecimal() else None
    )


async def _lines(answer: aiohttp.ClientResponse, server: str) -> AsyncIterator[list[bytes]]:
    rest = b""
    chunks = answer.content.iter_any()
    while True:
        with _unreachable(server):
            chunk = await anext(chunks, None)
        if chunk is None:
            return
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > LONGEST_LINE:
            raise KubeApiError(0, "TooLong", f"{server} sends a line of more than {LONGEST_LINE >> 20} MiB")
        if lines:
            yield lines


async def _from_file(kubeconfig: Path | None, context: str | None) -> Configuration:
    from kubernetes.aio.client import Configuration  # noqa: PLC0415 - see `connect`
    from kubernetes.aio.config import ConfigException, load_kube_config  # noqa: PLC0415

    config = Configuration()
    try:
        await load_kube_config(  # type: ignore[no-untyped-call] # has no types
            config_file=str(kubeconfig) if kubeconfig is not None else None,
            context=context,
            client_configuration=config,
            persist_config=False,
        )
    except (ConfigException, OSError, yaml.YAMLError, *_CARELESS) as error:
        msg = f"kubeconfig{f' {kubeconfig}' if kubeconfig is not None else ''}: {error}"
        raise KubeConfigError(msg) from error
    return config


async def _in_cluster() -> Configuration:
    from kubernetes.aio.client import Configuration  # noqa: PLC0415 - see `connect`
    from kubernetes.aio.config import ConfigException, load_incluster_config  # noqa: PLC0415

    config = Configuration()
    try:
        load_incluster_config(  # type: ignore[no-untyped-call] # has no types
            client_configuration=config
        )
    except (ConfigException, OSError) as error:
        msg = f"this does not look like a pod: {error}"
        raise KubeConfigError(msg) from error
    return config
