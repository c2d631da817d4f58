"""Choosing TCP ports without losing them to somebody else before they are used."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType


class PortTakenError(Exception):
    """Somebody else listens on the port."""


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether nobody listens on the port at this moment."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections in TIME_WAIT are nobody
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


class ReservedPort:
    """A port that is ours while this object is open, and that an Envoy of the same user may listen on.

    Bound with SO_REUSEPORT and never listened on: the kernel gives the port to nobody else, and sends no connection
    here. Envoy binds its listeners with SO_REUSEPORT too (`enable_reuse_port`, its default on Linux).
    """

    def __init__(self, port: int = 0, host: str = "0.0.0.0") -> None:  # noqa: S104 - where Istio's gateways listen
        """Take `port`, or any free one for 0. Raises PortTakenError."""
        if port and not is_free(port, host):
            msg = f"port {port} is taken"
            raise PortTakenError(msg)
        self._socket = socket.socket()
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            self._socket.bind((host, port))
        except OSError as error:
            self._socket.close()
            msg = f"port {port} cannot be bound: {error.strerror}"
            raise PortTakenError(msg) from error
        self.port: int = self._socket.getsockname()[1]

    def close(self) -> None:
        """Give the port back."""
        self._socket.close()

    def __enter__(self) -> Self:
        """Hold the port for a `with` block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the port back."""
        self.close()
