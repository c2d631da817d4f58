"""The source as a server runs it: batches while files change, and an event loop that never waits for it."""

from __future__ import annotations

import asyncio
import gc
import time
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Self

import pytest

from translators.model.service_entry import ServiceEntry
from xds_server.app import settle_collector
from xds_server.sources.events import Apply, Delete, Failed
from xds_server.sources.files import FileSource

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from translators.model.meta import ObjectKey

DEADLINE = 60.0
FREEZE = 0.2
"""Seconds: what a bad file may hold the event loop for (the issue's bound)."""


def entry(name: str, host: str) -> str:
    return (
        "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\n"
        f"metadata: {{name: {name}}}\nspec: {{hosts: [{host}]}}\n"
    )


class Follower:
    """Runs a source and keeps what it says."""

    def __init__(self, source: FileSource) -> None:
        self.source = source
        self.hosts: dict[str, str] = {}
        self.failed: dict[ObjectKey | str, list[str]] = {}
        self.deleted = 0
        self.batches = 0
        self._changed = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        task = asyncio.create_task(self._run())
        try:
            yield self
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _run(self) -> None:
        async for batch in self.source:
            self.batches += 1
            for event in batch:
                if isinstance(event, Apply) and isinstance(event.object, ServiceEntry):
                    self.hosts[event.key.name] = event.object.spec.hosts[0]
                elif isinstance(event, Delete):
                    self.deleted += 1
                    del self.hosts[event.key.name]
                elif isinstance(event, Failed):
                    self.failed[event.subject] = [d.code for d in event.diagnostics]
            self._changed.set()

    async def until(self, condition: Callable[[], bool]) -> float:
        """Wait for a condition on what was said; returns the seconds that it took."""
        began = time.monotonic()
        async with asyncio.timeout(DEADLINE):
            while not condition():
                self._changed.clear()
                await self._changed.wait()
        return time.monotonic() - began


async def test_an_edit_is_followed_within_a_second(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(entry("a", "one"))
    async with Follower(FileSource([tmp_path])).running() as follower:
        await follower.until(lambda: follower.hosts == {"a": "one"})
        (tmp_path / ".a.yaml.swp").write_text(entry("a", "two"))
        (tmp_path / ".a.yaml.swp").rename(file)
        assert await follower.until(lambda: follower.hosts == {"a": "two"}) < 1.0
        file.unlink()
        assert await follower.until(lambda: follower.hosts == {}) < 1.0


async def test_an_editor_that_moves_the_old_file_away_first_deletes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(entry("a", "h0"))
    async with Follower(FileSource([tmp_path], poll_interval=0.01)).running() as follower:
        await follower.until(lambda: "a" in follower.hosts)
        for turn in range(1, 6):
            file.rename(tmp_path / "a.yaml~")
            await asyncio.sleep(0.03)  # the editor is at work
            file.write_text("")
            await asyncio.sleep(0.03)
            file.write_text(entry("a", f"h{turn}"))
            await follower.until(lambda turn=turn: follower.hosts == {"a": f"h{turn}"})  # type: ignore[misc] # mypy: default of a lambda
    assert follower.deleted == 0
    assert follower.failed == {}


async def test_a_folder_that_returns_heals_by_itself(tmp_path: Path) -> None:
    root = tmp_path / "config"
    root.mkdir()
    (root / "a.yaml").write_text(entry("a", "one"))
    async with Follower(FileSource([root])).running() as follower:
        await follower.until(lambda: "a" in follower.hosts)
        root.rename(tmp_path / "away")
        await follower.until(lambda: follower.failed == {str(root): ["PF0108"]})
        assert follower.hosts == {"a": "one"}
        (tmp_path / "away").rename(root)
        await follower.until(lambda: follower.failed == {str(root): []})
        assert follower.hosts == {"a": "one"}


async def test_touching_a_file_says_nothing(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(entry("a", "one"))
    async with Follower(FileSource([tmp_path], poll_interval=0.01)).running() as follower:
        await follower.until(lambda: "a" in follower.hosts)
        file.touch()
        (tmp_path / "b.yaml").write_text(entry("b", "one"))
        await follower.until(lambda: "b" in follower.hosts)
    assert follower.batches == 2


class Lag:
    """The longest time that the event loop was held up, in seconds of this process's CPU and on the clock."""

    def __init__(self) -> None:
        self.worst = 0.0

    @asynccontextmanager
    async def measured(self) -> AsyncIterator[Self]:
        task = asyncio.create_task(self._run())
        await asyncio.sleep(0.02)
        self.worst = 0.0
        try:
            yield self
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _run(self) -> None:
        while True:
            # The lesser of the two: another process on this machine may take the core, and a pause of ours takes both.
            clock, cpu = time.perf_counter(), time.process_time()
            await asyncio.sleep(0.005)
            self.worst = max(self.worst, min(time.perf_counter() - clock - 0.005, time.process_time() - cpu))


def alias_bomb() -> bytes:
    lines = [b"a%d: &a%d [%s]" % (i, i, b"*a%d," % (i - 1) * 9) for i in range(1, 99)]
    return b"a0: &a0 [x]\n" + b"\n".join(lines)


def many_objects() -> bytes:
    return "---\n".join(entry(f"e{i}", "h") for i in range(72_000)).encode()


def one_list() -> bytes:
    item = (
        '{"apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry",\n'
        ' "metadata": {"name": "e%d"}, "spec": {"hosts": ["h"], "ports": [{"number": 80, "name": "http"}]}}'
    )
    items = ",\n".join(item % i for i in range(42_000))
    return f'{{"kind": "List", "apiVersion": "v1", "items": [{items}]}}'.encode()


@pytest.fixture
def settled_collector() -> Iterator[None]:
    """Collect garbage as `serve` does: what a whole test run left behind is not walked again and again."""
    thresholds = gc.get_threshold()
    settle_collector()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


@pytest.mark.usefixtures("settled_collector")
@pytest.mark.parametrize(
    ("name", "make", "codes"),
    [
        ("big.yaml", lambda: b"a: b\n" * 10_000_000, ["PF0102"]),
        ("brackets.yaml", lambda: b"[" * 400_000, ["PF0104"]),
        ("parts.yaml", lambda: b"[" + b"[]," * 2_700_000 + b"]", ["PF0104"]),
        ("scalar.yaml", lambda: b"a: '" + b"x y" * 2_700_000 + b"'", ["PF0201"]),
        ("aliases.yaml", alias_bomb, ["PF0105"]),
        ("nul.yaml", lambda: b"a" * 8_000_000 + b"\0", ["PF0107"]),
        ("objects.yaml", many_objects, []),
        ("list.json", one_list, []),
    ],
)  # fmt: skip
async def test_no_file_holds_up_the_event_loop(
    tmp_path: Path, name: str, make: Callable[[], bytes], codes: list[str]
) -> None:
    (tmp_path / "a.yaml").write_text(entry("a", "one"))
    (tmp_path / ".aside").write_bytes(make())
    assert codes == ["PF0102"] or (tmp_path / ".aside").stat().st_size <= 8 << 20
    async with Follower(FileSource([tmp_path])).running() as follower:
        await follower.until(lambda: "a" in follower.hosts)
        async with Lag().measured() as lag:
            (tmp_path / ".aside").rename(tmp_path / name)
            await follower.until(lambda: follower.batches == 2)
        assert follower.failed == ({str(tmp_path / name): codes} if codes else {})
        assert follower.hosts["a"] == "one"
        assert len(follower.hosts) == 1 or not codes
    assert lag.worst < FREEZE
