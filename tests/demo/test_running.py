from __future__ import annotations

import asyncio
import socket
import sys
from typing import TYPE_CHECKING

import aiohttp
import pytest

from xds_server.demo.children import Child, ChildDiedError
from xds_server.demo.echo import CONTROL_PATH, Echo
from xds_server.demo.envoy import EnvoyNotFoundError, find_envoy
from xds_server.demo.load import Load, Tally
from xds_server.demo.ports import PortTakenError, ReservedPort, is_free

if TYPE_CHECKING:
    from pathlib import Path


async def test_an_echo_says_what_it_saw_and_fails_on_request() -> None:
    echo = Echo(version="v1", instance="v1-a")
    port = await echo.start("127.0.0.1", 0)
    url = f"http://127.0.0.1:{port}"
    async with aiohttp.ClientSession() as client:
        async with client.put(f"{url}/a?b=1", headers={"Host": "shop.example", "X-A": "1"}, data=b"body") as response:
            answer = await response.json()
            assert (response.status, response.headers["x-version"], response.headers["x-instance"]) == (
                200,
                "v1",
                "v1-a",
            )
        assert (answer["method"], answer["path"], answer["host"]) == ("PUT", "/a?b=1", "shop.example")
        assert answer["headers"]["x-a"] == "1"
        async with client.post(f"{url}{CONTROL_PATH}?status=503&delay=0.01") as response:
            assert await response.json() == {"status": 503, "delay": 0.01, "close": False}
        async with client.get(url) as response:
            assert response.status == 503
        async with client.post(f"{url}{CONTROL_PATH}?close=true"):
            pass
        with pytest.raises(aiohttp.ClientError):
            await client.patch(url)  # aiohttp would send an idempotent request again
        async with client.post(f"{url}{CONTROL_PATH}"):
            pass
        async with client.get(url) as response:
            assert response.status == 200
        for wrong in ("status=99", "status=x", "delay=-1", "delay=999"):
            async with client.post(f"{url}{CONTROL_PATH}?{wrong}") as response:
                assert response.status == 400
    assert echo.count == 4
    await echo.stop()
    assert is_free(port)


async def test_two_echoes_cannot_share_a_port() -> None:
    first = Echo(version="v1")
    port = await first.start("127.0.0.1", 0)
    with pytest.raises(OSError, match="in use"):
        await Echo(version="v2").start("127.0.0.1", port)
    await first.stop()


async def test_the_load_keeps_its_rate_and_its_proportions() -> None:
    echo = Echo(version="v1", instance="v1-a")
    port = await echo.start("127.0.0.1", 0)
    counted = Tally()
    load = Load(url=f"http://127.0.0.1:{port}", paths={"/a": 3, "/b": 1}, rate=400)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await load.run(counted)
    await echo.stop()
    assert counted.errors == {}
    assert 250 <= counted.requests <= 410
    assert counted.versions["/a", "v1"] / counted.requests == pytest.approx(0.75, abs=0.03)


async def test_the_load_counts_failures_and_goes_on() -> None:
    with ReservedPort(host="127.0.0.1") as nobody:
        counted = Tally()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await Load(url=f"http://127.0.0.1:{nobody.port}", paths={"/": 1}, rate=100).run(counted)
    assert counted.errors["no answer"] == counted.requests > 10


def test_a_reserved_port_is_nobody_elses_until_it_is_given_back() -> None:
    with ReservedPort() as reserved:
        assert not is_free(reserved.port, "0.0.0.0")
        with pytest.raises(PortTakenError, match=f"port {reserved.port} is taken"):
            ReservedPort(reserved.port)
        with socket.socket() as envoy:  # Envoy binds like this
            envoy.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            envoy.bind(("0.0.0.0", reserved.port))
    assert is_free(reserved.port, "0.0.0.0")


async def test_a_child_that_dies_is_reported_with_its_last_words() -> None:
    child = await Child.start("the child", [sys.executable, "-c", "print('my last words'); raise SystemExit(3)"])
    with pytest.raises(ChildDiedError, match=r"the child ended with status 3\n  my last words"):
        await child.wait()
    await child.stop()


async def test_a_child_that_does_not_listen_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xds_server.demo.children._STOP_SECONDS", 0.1)
    program = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    )
    child = await Child.start("stubborn", [sys.executable, "-c", program])
    async with asyncio.timeout(10):
        while not child.tail:  # noqa: ASYNC110 - it is another process that we wait for
            await asyncio.sleep(0.01)
        await child.stop()
    assert child.process.returncode == -9


def test_an_envoy_is_found_by_its_path_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EnvoyNotFoundError, match="not an executable file"):
        find_envoy(tmp_path / "none")
    own = tmp_path / "envoy"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    assert find_envoy(own) == own
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_envoy() == own
    monkeypatch.setenv("PATH", "")
    with pytest.raises(EnvoyNotFoundError, match=r"pip install 'pilotfish\[demo\]'.*--envoy"):
        find_envoy()
