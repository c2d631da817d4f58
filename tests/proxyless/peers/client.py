"""A gRPC client in a process of its own, whose bootstrap is in the environment: commands in, answers out, a JSON line
each. `tests/proxyless/harness.py` starts it; nothing here is ours but the words.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import Counter, deque
from typing import Any

import grpc

from tests.proxyless.peers.held import held

_channels: dict[str, grpc.Channel] = {}


def _channel(target: str) -> grpc.Channel:
    known = _channels.get(target)
    if known is None:
        known = _channels[target] = grpc.insecure_channel(target if "://" in target else f"xds:///{target}")
    return known


class Calls:
    """The same call again and again, and what came of it."""

    def __init__(self, command: dict[str, Any]) -> None:
        channel = _channel(command["target"])
        self._rpc: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
            command.get("method", "/echo.Echo/Say")
        )
        self._metadata = tuple(command.get("metadata", {}).items())
        self._timeout = command.get("timeout", 10.0)
        self.answers: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self.latest: deque[str] = deque(maxlen=60)
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._until_over, daemon=True)

    def once(self) -> None:
        try:
            answer = self._rpc(b"", timeout=self._timeout, metadata=self._metadata).decode()
        except grpc.RpcError as error:
            self.failures[f"{error.code().name}: {error.details()}"] += 1
        else:
            self.answers[answer] += 1
            self.latest.append(answer)

    def _until_over(self) -> None:
        while not self.over.is_set():
            self.once()
            time.sleep(0.001)

    def seen(self) -> dict[str, Any]:
        return {"answers": self.answers, "failures": self.failures, "latest": Counter(self.latest)}


_load: list[Calls] = []


def call(**command: Any) -> dict[str, Any]:
    calls = Calls(command)
    for _ in range(command.get("count", 1)):
        calls.once()
    return calls.seen()


def load(**command: Any) -> dict[str, Any]:
    """Call without a pause until `stop`."""
    calls = Calls(command)
    _load.append(calls)
    calls.thread.start()
    return {}


def peek() -> dict[str, Any]:
    return _load[-1].seen()


def stop() -> dict[str, Any]:
    calls = _load.pop()
    calls.over.set()
    calls.thread.join()
    return calls.seen()


def connect(*, targets: list[str]) -> dict[str, Any]:
    """Ask for everything that these names lead to."""
    for target in targets:
        _channel(target).subscribe(lambda _state: None, try_to_connect=True)
    return {}


def main() -> None:
    verbs = {"call": call, "load": load, "peek": peek, "stop": stop, "connect": connect, "held": held}
    for line in sys.stdin:
        command = json.loads(line)
        answer = verbs[command.pop("do")](**command)  # type: ignore[operator] # each is a function
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
