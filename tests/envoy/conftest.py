"""Fixtures of the real-Envoy tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.envoy.harness import Mesh
from tests.envoy.harness.shop import Shop
from tests.require import require

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REPORTED = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[REPORTED] = []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Show what tests have measured, also of those that passed."""
    if config.stash[REPORTED]:
        terminalreporter.section("measured")
        for line in config.stash[REPORTED]:
            terminalreporter.write_line(line)


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Keep a line for the end of the run; also printed at once, for the report of a test that fails."""

    def keep(line: str) -> None:
        print(line)  # noqa: T201 - pytest shows it when the test fails
        request.config.stash[REPORTED].append(f"{request.node.name}: {line}")

    return keep


@pytest.fixture(scope="session", autouse=True)
def envoy_is_here() -> None:
    require("envoy")


@pytest.fixture(scope="session", params=["delta", "sotw"])
def shared_mesh(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    """One mesh for each ADS variant, for the whole session."""
    mesh = Mesh(tmp_path_factory.mktemp(f"mesh-{request.param}"), delta=request.param == "delta")
    yield mesh
    mesh.close()
    request.config.stash[REPORTED].append(f"the shared mesh, {request.param}: {mesh.assert_follows()}")


@pytest.fixture(scope="session", params=["delta", "sotw"])
def shared_shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """One Shop for each ADS variant, for the whole session."""
    shop = Shop(tmp_path_factory.mktemp(f"shop-{request.param}"), delta=request.param == "delta")
    yield shop
    shop.close()


@pytest.fixture
def shop(shared_shop: Shop) -> Shop:
    """The Shop with a first Scene."""
    shared_shop.reset()
    return shared_shop


@pytest.fixture
def mesh(shared_mesh: Mesh) -> Mesh:
    """The mesh in its first state."""
    shared_mesh.reset()
    return shared_mesh
