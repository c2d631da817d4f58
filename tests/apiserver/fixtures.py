"""Fixtures for tests that need a cluster: import those that a test uses into its conftest.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.apiserver.cluster import Cluster
from tests.apiserver.emulation import TOKEN, Emulation
from tests.apiserver.real import RealApiServer
from tests.require import require

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def emulation() -> Iterator[Emulation]:
    """An API server that fails on request."""
    server = Emulation(bookmark_seconds=0.1)
    try:
        yield server
    finally:
        server.close()


@pytest.fixture(scope="session")
def real_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A real API server, for all tests of a run: each uses names of its own."""
    require("apiserver")
    server = RealApiServer(tmp_path_factory.mktemp("apiserver"))
    try:
        yield server.cluster
    finally:
        server.stop()


@pytest.fixture(params=["emulation", "apiserver"])
def cluster(request: pytest.FixtureRequest) -> Cluster:
    """A cluster with Istio's kinds: the emulation, and the real one where there is one."""
    if request.param == "emulation":
        server: Emulation = request.getfixturevalue("emulation")
        found = Cluster(server.url, TOKEN)
    else:
        found = request.getfixturevalue("real_cluster")
    found.install()
    return found
