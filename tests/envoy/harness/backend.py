"""Echo backends on a thread of their own, so that tests may block."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, TypeVar

from tests.envoy.harness.pods import enter
from xds_server.demo.echo import Behaviour, Echo

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from ssl import SSLContext

    from xds_server.demo.echo import Seen

T = TypeVar("T")

OK = Behaviour()


class Loop:
    """An event loop on a thread."""

    def __init__(self, network: str = "") -> None:
        """`network` is the path of the network namespace that it lives in; empty: our own."""
        self._network = network
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="backends", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        if self._network:
            enter(self._network)
        self._loop.run_forever()

    def run(self, work: Coroutine[None, None, T]) -> T:
        """Run a coroutine to its end on the loop's thread."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def close(self) -> None:
        self.run(self._loop.shutdown_asyncgens())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


class Backend:
    """One echo backend. To make it fail, assign `behaviour`: Behaviour(status=503), (delay_seconds=1), (close=True)."""

    def __init__(
        self,
        loop: Loop,
        version: str,
        instance: str = "",
        port: int = 0,
        tls: SSLContext | None = None,
        address: str = "127.0.0.1",
    ) -> None:
        self._loop = loop
        self._echo = Echo(version=version, instance=instance)
        self.port = loop.run(self._echo.start(address, port, tls))

    @property
    def version(self) -> str:
        return self._echo.version

    @property
    def instance(self) -> str:
        return self._echo.instance or self._echo.version

    @property
    def count(self) -> int:
        """Requests seen so far."""
        return self._echo.count

    @property
    def recent(self) -> list[Seen]:
        """The last hundred requests, oldest first."""
        return list(self._echo.recent)

    @property
    def behaviour(self) -> Behaviour:
        return self._echo.behaviour

    @behaviour.setter
    def behaviour(self, behaviour: Behaviour) -> None:
        self._echo.behaviour = behaviour

    def reset(self) -> None:
        """Heal it, and forget what it saw."""
        self._echo.behaviour = OK
        self.forget()

    def forget(self) -> None:
        """Forget what it saw."""
        self._echo.count = 0
        self._echo.recent.clear()

    def stop(self) -> None:
        self._loop.run(self._echo.stop())
